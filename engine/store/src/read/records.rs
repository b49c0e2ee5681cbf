//! Records as they are handed to readers: shared bytes, cut out of the frames they lie in.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{LogId, Offset, Pos, WallTime};

use crate::format::{FRAME_HEADER_BYTES, RecordRef, Truncation};
use crate::logs::live_count;

/// Consecutive records of one log. Holding it keeps the memory of whole frames alive; copy what
/// you want to keep.
#[derive(Debug, Clone)]
pub struct Records {
    log: LogId,
    from: Offset,
    next: Offset,
    pieces: Vec<Piece>,
    truncations: Arc<[Truncation]>,
    bytes: usize,
}

/// Part of a frame's payload that holds records of the log, and maybe others'.
#[derive(Debug, Clone)]
struct Piece {
    frame: Pos,
    payload: Bytes,
    /// From the first record of the log in the payload to the end of the last.
    range: Range<usize>,
}

/// A record of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its first offset.
    pub offset: Offset,
    /// Offsets it spans; fewer than were appended if the log was truncated within them.
    pub count: u32,
    /// The time its writer gave it, or that of its arrival.
    pub time: WallTime,
    /// What was appended, shared with the frame it lies in.
    pub body: Bytes,
}

impl Records {
    pub(crate) fn new(log: LogId, from: Offset, truncations: Arc<[Truncation]>) -> Records {
        Records { log, from, next: from, pieces: Vec::new(), truncations, bytes: 0 }
    }

    /// The offset to read from next.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes of the records with their headers.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The records in order.
    pub fn iter(&self) -> RecordIter<'_> {
        let at = self.pieces.first().map_or(0, |piece| piece.range.start);
        RecordIter { records: self, piece: 0, at }
    }

    /// Takes the records of one frame before offset `end`, up to `bytes_max` bytes in all; the
    /// first record is taken whatever its size. Returns whether all of the frame's were taken and
    /// later frames may hold more.
    pub(crate) fn take_frame(
        &mut self,
        frame: Pos,
        payload: &Bytes,
        end: Offset,
        bytes_max: usize,
    ) -> bool {
        let mut taken: Option<Range<usize>> = None;
        let mut wants_more = true;
        let mut at = 0;
        while let Ok(record) = RecordRef::decode_verified(payload, at) {
            let (start, stop) = (at, record.end());
            at = stop;
            let count = self.wanted_count(&record, frame);
            if count == 0 {
                continue;
            }
            let is_full = self.bytes > 0 && self.bytes + (stop - start) > bytes_max;
            if record.header.first_offset >= end || is_full {
                wants_more = false;
                break;
            }
            self.bytes += stop - start;
            self.next = record.header.first_offset.advance(u64::from(count));
            taken = Some(taken.map_or(start, |range| range.start)..stop);
        }
        if let Some(range) = taken {
            self.pieces.push(Piece { frame, payload: payload.clone(), range });
        }
        wants_more && self.next < end
    }

    /// How many offsets of a record are alive, or 0 if it is of another log or wholly before the
    /// first offset asked for.
    pub(crate) fn wanted_count(&self, record: &RecordRef<'_>, frame: Pos) -> u32 {
        let header = &record.header;
        if header.log != self.log {
            return 0;
        }
        let pos = frame.advance((FRAME_HEADER_BYTES + record.at) as u64);
        let count = live_count(&self.truncations, pos, header.first_offset, header.count);
        let is_wanted = header.first_offset.advance(u64::from(count)) > self.from;
        if is_wanted || planted(Bug::IndexTrusted) { count } else { 0 }
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = Record;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Records`].
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    records: &'a Records,
    piece: usize,
    at: usize,
}

impl Iterator for RecordIter<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            let piece = self.records.pieces.get(self.piece)?;
            if self.at >= piece.range.end {
                self.piece += 1;
                self.at = self.records.pieces.get(self.piece)?.range.start;
                continue;
            }
            // Selected when the records were taken, from bytes that cannot have changed.
            let record = RecordRef::decode_verified(&piece.payload, self.at).ok()?;
            self.at = record.end();
            let count = self.records.wanted_count(&record, piece.frame);
            if count > 0 {
                let header = record.header;
                return Some(Record {
                    offset: header.first_offset,
                    count,
                    time: header.time,
                    body: piece.payload.slice(record.body_range()),
                });
            }
        }
    }
}
