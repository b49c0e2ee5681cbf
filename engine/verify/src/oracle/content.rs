//! The bodies of records, each of which follows from a number, so that a body alone tells whether
//! it was ever written.

use bytes::BytesMut;
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{Epoch, Pos, Random, ShardId, StoreId, WallTime};
use roundhouse_store::format::record::RECORD_HEADER_BYTES;
use roundhouse_store::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, Salts, complete_frame};

/// A record's body, which follows from its number and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) id: u64,
    pub(crate) bytes: usize,
}

impl Content {
    /// A body that nobody means harm with.
    pub(crate) fn plain(count: u64, bytes: usize) -> Content {
        Content { id: count % COUNTS, bytes }
    }

    /// A body full of frames of another store, each where it would count if it were this store's and
    /// the record's own frame began at `frame`.
    pub(crate) fn forged(count: u64, bytes: usize, frame: Pos) -> Content {
        let block = frame.0 / BLOCK_BYTES as u64;
        Content { id: FORGED | ((block % BLOCKS) * COUNTS) | (count % COUNTS), bytes }
    }

    /// The body.
    pub(crate) fn make(self) -> Vec<u8> {
        let mut body = vec![0; self.bytes];
        Random::new(self.id).fill(&mut body);
        if let Some(head) = body.first_chunk_mut::<8>() {
            *head = self.id.to_le_bytes();
        }
        if self.id & FORGED != 0 {
            forge(&mut body, Pos(self.id / COUNTS % BLOCKS * BLOCK_BYTES as u64));
        }
        body
    }

    /// Whether `body` is it.
    pub(crate) fn is(self, body: &[u8]) -> bool {
        body.len() == self.bytes && self.make() == body
    }

    /// Whether `body` is some record's, whole and unmixed. Too short ones cannot be told.
    pub(crate) fn is_possible(body: &[u8]) -> bool {
        body.first_chunk()
            .is_none_or(|id| Content { id: u64::from_le_bytes(*id), bytes: body.len() }.is(body))
    }
}

/// Puts a frame into every whole block of a body whose record is the first in the frame at `frame`.
fn forge(body: &mut [u8], frame: Pos) {
    let before = FRAME_HEADER_BYTES + RECORD_HEADER_BYTES;
    let first = BLOCK_BYTES - before;
    let blocks = body.get_mut(first..).unwrap_or_default().chunks_exact_mut(BLOCK_BYTES);
    for (block, no) in blocks.zip(1..) {
        block.copy_from_slice(&forged_frame(frame.advance(no * BLOCK_BYTES as u64)));
    }
}

/// An anchor of a later epoch than any that proves everything before it: believed, it would make
/// damage of a torn tail.
fn forged_frame(pos: Pos) -> BytesMut {
    let salts = Salts::new(StoreId::default(), ShardId(0), 0);
    let mut header = FrameHeader {
        kind: FrameKind::Anchor,
        pos,
        frame_bytes: 0,
        payload_bytes: 0,
        epoch: Epoch(u32::MAX),
        next_slot: None,
        durable_upto: pos,
        low_water: Pos(0),
        prev_hash: 0,
        payload_hash: 0,
        wall: WallTime(0),
        record_count: 0,
    };
    let mut frame = BytesMut::zeroed(FRAME_HEADER_BYTES);
    let salt = salts.epoch(header.epoch);
    complete_frame(&mut frame, &mut header, salt);
    frame
}

/// Numbers of bodies in one simulation; a forged one has its block above and a mark above that.
const COUNTS: u64 = 1 << 31;
const BLOCKS: u64 = 1 << 32;
const FORGED: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_body_is_told_from_others_and_holds_frames_in_their_places() {
        let content = Content::forged(7, 3 * BLOCK_BYTES, Pos(5 * 4096));
        let body = content.make();
        assert!(Content::is_possible(&body) && !Content::is_possible(&body[1..]));
        let salts = Salts::new(StoreId::default(), ShardId(0), 0);
        let at = BLOCK_BYTES - FRAME_HEADER_BYTES - RECORD_HEADER_BYTES;
        let header = FrameHeader::decode(&body[at..], &salts).unwrap();
        assert_eq!(header.pos, Pos(6 * 4096));
        header.check_payload(&body[at..], &salts).unwrap();
    }
}
