//! Walks the frames of the write-ahead log, from memory where they are still there.

use std::rc::Rc;

use bytes::Bytes;
use roundhouse_base::{Offset, Pos};
use roundhouse_runtime::FileId;

use crate::error::{Corruption, ReadError};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use crate::pool::slot_path;
use crate::scan::{Found, FrameScan, Rejection};
use crate::store::Inner;

/// A place in the write-ahead log and the way on from there.
#[derive(Debug)]
pub(crate) struct FrameCursor {
    inner: Rc<Inner>,
    at: Pos,
    scan: Option<FrameScan>,
    /// A frame that was taken and given back, and where the cursor goes on after it.
    returned: Option<(DataFrame, Pos)>,
}

/// A frame with records.
#[derive(Debug)]
pub(crate) struct DataFrame {
    pub(crate) pos: Pos,
    pub(crate) payload: Bytes,
}

/// Where the next frame is.
enum Source {
    Memory(Bytes),
    Disk { file: FileId, limit: Pos },
    Gone,
    End,
}

impl FrameCursor {
    /// A cursor before the frame at `at`.
    pub(crate) fn new(inner: Rc<Inner>, at: Pos) -> FrameCursor {
        FrameCursor { inner, at, scan: None, returned: None }
    }

    /// Whether the last frame came from disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.scan.is_some()
    }

    /// Whether the cursor is in a segment that is still kept. Of one that is not, it may hold frames
    /// with records that were truncated, while the truncations are forgotten with the segment.
    pub(crate) fn is_in_live_segment(&self) -> bool {
        self.at >= self.inner.state.borrow().segments.low_water()
    }

    /// Gives the last frame back, so that it comes again next.
    pub(crate) fn give_back(&mut self, frame: DataFrame) {
        let after = std::mem::replace(&mut self.at, frame.pos);
        self.returned = Some((frame, after));
    }

    /// The next frame with records, or `None` at the end of what was written.
    ///
    /// # Errors
    /// [`ReadError::Corruption`], or [`GONE`] if the segment was given up meanwhile: the caller
    /// knows the log and says it better.
    pub(crate) async fn next(&mut self) -> Result<Option<DataFrame>, ReadError> {
        if let Some((frame, after)) = self.returned.take() {
            self.at = after;
            return Ok(Some(frame));
        }
        loop {
            let (header, bytes) = match self.source() {
                Source::End => return Ok(None),
                Source::Gone => return Err(GONE),
                Source::Memory(bytes) => {
                    self.scan = None;
                    let header = FrameHeader::decode(&bytes, &self.inner.salts);
                    (header.expect("a frame in memory is as it was made"), bytes)
                }
                Source::Disk { file, limit } => match self.next_from_disk(file, limit).await? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let pos = self.at;
            let slot_bytes = self.inner.slot_bytes;
            self.at = match header.kind {
                FrameKind::Seal => pos.segment(slot_bytes).next().base(slot_bytes),
                _ => header.end(),
            };
            if header.kind == FrameKind::Data {
                let end = FRAME_HEADER_BYTES + header.payload_bytes as usize;
                let payload = bytes.slice(FRAME_HEADER_BYTES..end);
                return Ok(Some(DataFrame { pos, payload }));
            }
        }
    }

    fn source(&self) -> Source {
        let state = self.inner.state.borrow();
        let written = state.writer.written_upto();
        if self.at >= written {
            return Source::End;
        }
        if let Some(frame) = state.cache.frame_at(self.at) {
            return Source::Memory(frame.clone());
        }
        match state.segments.slot_of(self.at) {
            Some(slot) => Source::Disk { file: state.pool.file(slot), limit: written },
            None => Source::Gone,
        }
    }

    async fn next_from_disk(
        &mut self,
        file: FileId,
        limit: Pos,
    ) -> Result<Option<(FrameHeader, Bytes)>, ReadError> {
        let is_at_place = self.scan.as_ref().is_some_and(|scan| scan.next_pos() == self.at);
        if !is_at_place {
            self.scan = Some(self.inner.scan(file, self.at, limit));
        }
        let scan = self.scan.as_mut().expect("made above if it was not there");
        scan.raise_limit(limit);
        match scan.next().await {
            Found::Frame(frame) => Ok(Some((frame.header, frame.bytes))),
            Found::End => Ok(None),
            Found::Rejected(rejection) => {
                self.scan = None;
                Err(self.damage(&rejection))
            }
        }
    }

    /// Says what a rejected frame means: damage, unless the slot is used for another segment now.
    fn damage(&self, rejection: &Rejection) -> ReadError {
        let state = self.inner.state.borrow();
        let Some(slot) = state.segments.slot_of(rejection.pos) else { return GONE };
        if let Some((pos, errno)) = rejection.unreadable {
            let file_offset = pos.in_slot(self.inner.slot_bytes);
            let file = slot_path(&state.directory, slot);
            return ReadError::Io { file, file_offset, errno };
        }
        ReadError::Corruption(Corruption {
            file: slot_path(&state.directory, slot),
            file_offset: rejection.pos.in_slot(self.inner.slot_bytes),
            pos: rejection.pos,
            proven: state.writer.durable_upto(),
            reason: rejection.to_string(),
        })
    }
}

/// The segment was given up while it was being read.
const GONE: ReadError = ReadError::Trimmed { from: Offset(0), start: Offset(0) };
