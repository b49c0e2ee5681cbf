//! Reads the frames of one segment one after the other, ahead of whoever takes them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use roundhouse_base::limits::{BLOCK_BYTES, SCAN_READ_BYTES, SCAN_READS_IN_FLIGHT};
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{AlignedPool, Pos};
use roundhouse_runtime::{Errno, FileId, ReadOperation, Shard};

use crate::format::reject::check_field;
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameReject, Salts, header_hash};
use crate::metrics::StoreCounters;

/// A scan of one slot file from some frame on.
///
/// It begins with one small read and fetches the rest of the first frame by itself, so that looking up
/// a single record costs little more than its frame. When more frames are asked for, reads get larger
/// and ahead of them.
#[derive(Debug)]
pub(crate) struct FrameScan {
    shard: Shard,
    file: FileId,
    salts: Salts,
    slot_bytes: u64,
    /// Where the next frame starts.
    next: Pos,
    /// Nothing at or behind this is read.
    limit: Pos,
    /// Bytes read but not yet taken, from `next` on.
    window: Bytes,
    reads: VecDeque<ScanRead>,
    /// Where the next read starts.
    read_at: Pos,
    read_bytes: usize,
    /// Whether a frame was taken, so that the next ones are likely to be wanted, too.
    is_under_way: bool,
    pool: AlignedPool,
    /// Blocks that could not be read; zeros stand in for them.
    unreadable: Vec<(Pos, Errno)>,
    counters: Option<Arc<StoreCounters>>,
}

#[derive(Debug)]
struct ScanRead {
    at: Pos,
    bytes: usize,
    operation: ReadOperation,
}

/// What is at a place where a frame should be.
#[derive(Debug)]
pub(crate) enum Found {
    /// A frame with intact header and payload, at its right position. Epoch and chain are the
    /// caller's to check.
    Frame(ScannedFrame),
    /// No frame, and why.
    Rejected(Rejection),
    /// The limit.
    End,
}

/// A frame as it was read.
#[derive(Debug, Clone)]
pub(crate) struct ScannedFrame {
    pub(crate) header: FrameHeader,
    /// The whole frame.
    pub(crate) bytes: Bytes,
}

impl ScannedFrame {
    /// What the next frame names as its predecessor.
    pub(crate) fn hash(&self) -> u64 {
        let header = self.bytes.first_chunk::<FRAME_HEADER_BYTES>();
        header_hash(header.expect("a frame is at least a block long"))
    }

    /// The payload without padding.
    pub(crate) fn payload(&self) -> Bytes {
        let end = FRAME_HEADER_BYTES + self.header.payload_bytes as usize;
        self.bytes.slice(FRAME_HEADER_BYTES..end)
    }
}

/// Why there is no frame at a position.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    pub(crate) pos: Pos,
    pub(crate) reject: FrameReject,
    /// The first block of the place that the kernel could not read.
    pub(crate) unreadable: Option<(Pos, Errno)>,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unreadable {
            Some((pos, errno)) => write!(f, "the block at position {pos} cannot be read: {errno}"),
            None => self.reject.fmt(f),
        }
    }
}

impl FrameScan {
    /// A scan of `file`, which holds the segment of `from`, that stops at `limit` or at the end of
    /// the slot.
    pub(crate) fn new(
        shard: Shard,
        file: FileId,
        salts: Salts,
        slot_bytes: u64,
        from: Pos,
        limit: Pos,
        counters: Option<Arc<StoreCounters>>,
    ) -> FrameScan {
        let slot_end = from.segment(slot_bytes).next().base(slot_bytes);
        FrameScan {
            shard,
            file,
            salts,
            slot_bytes,
            next: from,
            limit: limit.min(slot_end),
            window: Bytes::new(),
            reads: VecDeque::new(),
            read_at: from,
            read_bytes: FIRST_READ_BYTES,
            is_under_way: false,
            pool: AlignedPool::new(SCAN_READ_BYTES, SCAN_READS_IN_FLIGHT + 2),
            unreadable: Vec::new(),
            counters,
        }
    }

    /// Where the next frame starts.
    pub(crate) fn next_pos(&self) -> Pos {
        self.next
    }

    /// Moves the limit up, since more was written.
    pub(crate) fn raise_limit(&mut self, limit: Pos) {
        let slot_end = self.next.segment(self.slot_bytes).next().base(self.slot_bytes);
        self.limit = self.limit.max(limit.min(slot_end));
    }

    /// The frame at the current place, which the scan then moves behind. After a rejection the
    /// place stays; [`FrameScan::skip_block`] moves on.
    pub(crate) async fn next(&mut self) -> Found {
        if self.next >= self.limit {
            return Found::End;
        }
        match self.take_frame().await {
            Ok(frame) => Found::Frame(frame),
            Err(reject) => {
                let bad = self.unreadable.iter().find(|(pos, _)| *pos >= self.next).copied();
                Found::Rejected(Rejection { pos: self.next, reject, unreadable: bad })
            }
        }
    }

    /// Moves one block on, to look for frames behind damage.
    pub(crate) async fn skip_block(&mut self) {
        self.is_under_way = true;
        self.fill(BLOCK_BYTES).await;
        let skipped = self.window.split_to(BLOCK_BYTES.min(self.window.len()));
        self.next = self.next.advance(BLOCK_BYTES as u64);
        drop(skipped);
    }

    /// Ends the scan and waits for its reads, so that the file may be closed.
    pub(crate) async fn settle(self) {
        for read in self.reads {
            drop(read.operation.await);
        }
    }

    async fn take_frame(&mut self) -> Result<ScannedFrame, FrameReject> {
        self.fill(BLOCK_BYTES).await;
        let header = FrameHeader::decode(&self.window, &self.salts)?;
        if !planted(Bug::PositionUnchecked) {
            header.check_position(self.next)?;
        }
        let is_inside = header.end() <= self.limit;
        let must_be = "a length that ends within the slot and what was written";
        check_field(is_inside, "frame_bytes", header.frame_bytes, must_be)?;
        self.fill(header.frame_bytes as usize).await;
        if !planted(Bug::PayloadUnchecked) {
            header.check_payload(&self.window, &self.salts)?;
        }
        let bytes = self.window.split_to(header.frame_bytes as usize);
        self.next = header.end();
        self.is_under_way = true;
        self.read_bytes = self.read_bytes.max(bytes.len().min(SCAN_READ_BYTES));
        Ok(ScannedFrame { header, bytes })
    }

    /// Makes sure that the window has `bytes`, or all up to the limit.
    async fn fill(&mut self, bytes: usize) {
        // What is longer than one piece is joined once, when all of it is there.
        let mut joined = BytesMut::new();
        while self.window.len().max(joined.len()) < bytes {
            let missing = bytes - self.window.len().max(joined.len());
            self.read_ahead(missing);
            let Some(read) = self.reads.pop_front() else { break };
            let piece = self.finish_read(read).await;
            // Keep the device busy while the new piece is looked at.
            self.read_ahead(missing.saturating_sub(piece.len()));
            if self.window.is_empty() && joined.is_empty() {
                self.window = piece;
                continue;
            }
            if joined.is_empty() {
                joined.reserve(bytes.max(self.window.len() + piece.len()));
                joined.extend_from_slice(&self.window);
            }
            joined.extend_from_slice(&piece);
        }
        if !joined.is_empty() {
            self.window = joined.freeze();
        }
    }

    /// Starts reads: of what is `missing` in any case, and of more once the scan is under way.
    fn read_ahead(&mut self, missing: usize) {
        let in_flight: usize = self.reads.iter().map(|read| read.bytes).sum();
        let mut missing = missing.saturating_sub(in_flight);
        while !self.is_under_way
            && missing > 0
            && self.read_at < self.limit
            && self.reads.len() < SCAN_READS_IN_FLIGHT
        {
            let bytes = if self.read_at == self.next { FIRST_READ_BYTES } else { missing };
            let bytes = bytes.next_multiple_of(BLOCK_BYTES).min(SCAN_READ_BYTES);
            self.start_read(bytes);
            missing = missing.saturating_sub(bytes);
        }
        if !self.is_under_way {
            return;
        }
        let depth = if self.read_bytes < SCAN_READ_BYTES { 1 } else { SCAN_READS_IN_FLIGHT };
        while self.reads.len() < depth && self.read_at < self.limit {
            self.start_read(self.read_bytes);
        }
        self.read_bytes = (self.read_bytes * 2).min(SCAN_READ_BYTES);
    }

    /// Starts a read of so many bytes, or of what is left up to the limit.
    fn start_read(&mut self, bytes: usize) {
        let bytes = bytes.min((self.limit.0 - self.read_at.0) as usize);
        let mut buffer = self.pool.take();
        buffer.resize(bytes, 0);
        let at = self.read_at.in_slot(self.slot_bytes);
        let operation = self.shard.read(self.file, buffer, at);
        self.reads.push_back(ScanRead { at: self.read_at, bytes, operation });
        self.read_at = self.read_at.advance(bytes as u64);
    }

    async fn finish_read(&mut self, read: ScanRead) -> Bytes {
        let (result, buffer) = read.operation.await;
        if let Some(counters) = &self.counters {
            counters.bytes_read.add(read.bytes as u64);
        }
        match result {
            Ok(found) if found as usize == read.bytes => self.share(buffer),
            // A file shorter than its slot reads as if it ended in zeros, which are no frames.
            Ok(_) => self.share(buffer),
            Err(_) => self.read_blocks(read.at, read.bytes, buffer).await,
        }
    }

    /// Shares a buffer with whoever takes frames from it; the pool gets it back after the last.
    fn share(&mut self, mut buffer: BytesMut) -> Bytes {
        let piece = buffer.split().freeze();
        self.pool.retire(buffer);
        piece
    }

    /// Reads a piece that could not be read at once block by block, so that one bad block does not
    /// hide its neighbours.
    async fn read_blocks(&mut self, at: Pos, bytes: usize, piece: BytesMut) -> Bytes {
        let mut joined = BytesMut::with_capacity(bytes);
        let mut block = piece;
        for offset in (0..bytes).step_by(BLOCK_BYTES) {
            let pos = at.advance(offset as u64);
            block.truncate(0);
            block.resize(BLOCK_BYTES, 0);
            let (result, read) =
                self.shard.read(self.file, block, pos.in_slot(self.slot_bytes)).await;
            block = read;
            if let Err(errno) = result {
                self.unreadable.push((pos, errno));
                block.fill(0);
            }
            joined.extend_from_slice(&block);
        }
        joined.freeze()
    }
}

/// The first read of a scan.
const FIRST_READ_BYTES: usize = 64 * 1024;
