//! The sparse index of one log: where in the write-ahead log to start looking for an offset or a
//! time. Derived from the data, rebuilt from seal frames at open, never trusted over the data.

use std::collections::VecDeque;

use roundhouse_base::limits::{INDEX_DISTANCE_BYTES, INDEX_OWN_BYTES};
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Offset, Pos, WallTime};

use crate::format::{IndexEntry, Truncation};

/// Entries ascending by offset, position and time at once; `time` is the latest time of all the
/// log's records up to and including the entry's, so that it ascends even if record times do not.
#[derive(Debug, Default)]
pub(crate) struct LogIndex {
    entries: VecDeque<IndexEntry>,
    /// Bytes of the log's own records since the last entry.
    own_bytes: u64,
    /// Whether the next record gets an entry whatever the distance.
    wants_entry: bool,
    time_max: WallTime,
}

/// One log's part of a sealed segment, as far as the index needs it.
#[derive(Debug)]
pub(crate) struct SealedIndex {
    /// Where the segment ends.
    pub(crate) end: Pos,
    pub(crate) entries: Vec<IndexEntry>,
    /// The latest time of its records.
    pub(crate) time_max: WallTime,
}

impl LogIndex {
    /// Takes note of a record in the frame at `frame` and says whether it got an entry.
    pub(crate) fn note(&mut self, offset: Offset, frame: Pos, time: WallTime, bytes: u64) -> bool {
        self.time_max = self.time_max.max(time);
        let is_due = self.entries.back().is_none_or(|last| {
            self.wants_entry
                || (frame.0 - last.pos.0 >= INDEX_DISTANCE_BYTES
                    && self.own_bytes >= INDEX_OWN_BYTES)
        });
        if is_due {
            self.push(IndexEntry { offset, pos: frame, time: self.time_max });
        }
        self.own_bytes += bytes;
        is_due
    }

    /// Takes note of the log's first record in a new segment, which always gets an entry.
    pub(crate) fn note_first(&mut self, offset: Offset, frame: Pos, time: WallTime, bytes: u64) {
        self.time_max = self.time_max.max(time);
        self.push(IndexEntry { offset, pos: frame, time: self.time_max });
        self.own_bytes += bytes;
    }

    /// Adds the entry of a seal frame. Entries come in their order.
    pub(crate) fn push(&mut self, entry: IndexEntry) {
        if let Some(last) = self.entries.back() {
            assert!(last.offset < entry.offset && last.pos <= entry.pos, "index entries ascend");
        }
        self.time_max = self.time_max.max(entry.time);
        self.own_bytes = 0;
        self.wants_entry = false;
        self.entries.push_back(entry);
    }

    /// Adds the log's parts of older segments, in their order, before what is there. Entries of
    /// records that were cut off later are left out.
    pub(crate) fn prepend(&mut self, older: Vec<SealedIndex>, truncations: &[Truncation]) {
        let newer = SealedIndex {
            end: Pos(u64::MAX),
            entries: self.entries.drain(..).collect(),
            time_max: self.time_max,
        };
        let mut time_max = WallTime(0);
        for part in older.into_iter().chain([newer]) {
            // Its seal knew of the truncations up to there.
            let later = truncations.iter().filter(|truncation| truncation.pos >= part.end);
            let cut = later.map(|truncation| truncation.offset).min();
            let is_alive = |entry: &IndexEntry| cut.is_none_or(|cut| entry.offset < cut);
            for mut entry in part.entries.into_iter().filter(is_alive) {
                // What was written later under a lower offset replaced what was there.
                while self.entries.back().is_some_and(|last| last.offset >= entry.offset) {
                    self.entries.pop_back();
                }
                time_max = time_max.max(entry.time);
                entry.time = time_max;
                self.entries.push_back(entry);
            }
            // The records behind the last entry of a segment may be later than it.
            time_max = time_max.max(part.time_max);
        }
        self.time_max = time_max;
    }

    /// The entries at or behind a position.
    pub(crate) fn entries_from(&self, pos: Pos) -> impl Iterator<Item = &IndexEntry> {
        self.entries.range(self.entries.partition_point(|entry| entry.pos < pos)..)
    }

    /// The last entry whose record starts at `offset` or before: reading for `offset` starts there.
    pub(crate) fn find(&self, offset: Offset) -> Option<IndexEntry> {
        let after = self.entries.partition_point(|entry| entry.offset <= offset);
        self.entries.get(after.checked_sub(1)?).copied()
    }

    /// The entry to start at when looking for the first record of `time` or later; `None` if there
    /// is none as late as that.
    pub(crate) fn find_time(&self, time: WallTime) -> Option<IndexEntry> {
        if self.time_max < time {
            return None;
        }
        let first_late = self.entries.partition_point(|entry| entry.time < time);
        if planted(Bug::TimeIndexTrusted) {
            return self.entries.get(first_late).copied();
        }
        self.entries.get(first_late.saturating_sub(1)).copied()
    }

    /// Forgets what lies wholly before `start`, but never the entry that leads to it.
    pub(crate) fn trim(&mut self, start: Offset) {
        while self.entries.get(1).is_some_and(|second| second.offset <= start) {
            self.entries.pop_front();
        }
    }

    /// Forgets the entries of records that a truncation cut off.
    pub(crate) fn truncate(&mut self, truncation: Truncation) {
        self.entries.retain(|entry| entry.offset < truncation.offset);
        // The frames between hold dead records. And the entry before may be of another segment: were
        // that one given up, nothing would lead to the records up to the next entry.
        self.wants_entry = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(entries: &[(u64, u64, u64)]) -> LogIndex {
        let mut index = LogIndex::default();
        for &(offset, pos, time) in entries {
            let (offset, pos) = (Offset(offset), Pos(pos));
            index.push(IndexEntry { offset, pos, time: WallTime(time) });
        }
        index
    }

    #[test]
    fn an_offset_is_looked_for_from_the_entry_at_or_before_it() {
        let index = index(&[(0, 4096, 1), (10, 8192, 5), (20, 12288, 9)]);
        let found = |offset| index.find(Offset(offset)).map(|entry| entry.pos.0);
        assert_eq!(found(0), Some(4096));
        assert_eq!(found(9), Some(4096));
        assert_eq!(found(10), Some(8192));
        assert_eq!(found(1000), Some(12288));
    }

    #[test]
    fn a_time_is_looked_for_from_the_entry_before_the_first_as_late() {
        let index = index(&[(0, 4096, 1), (10, 8192, 5), (20, 12288, 9)]);
        let found = |time| index.find_time(WallTime(time)).map(|entry| entry.pos.0);
        assert_eq!(found(0), Some(4096));
        assert_eq!(found(5), Some(4096), "a record before offset 10 may be as late");
        assert_eq!(found(9), Some(8192));
        assert_eq!(found(10), None);
    }

    /// After opening, a record later than the last entry of its segment was not found by its time:
    /// the index knew of no record as late as that, or only of later offsets.
    #[test]
    fn records_behind_the_last_entry_of_a_sealed_segment_are_found_by_time() {
        let entry = |offset, pos, time| IndexEntry {
            offset: Offset(offset),
            pos: Pos(pos),
            time: WallTime(time),
        };
        let mut index = index(&[(20, 12288, 6)]);
        let sealed = SealedIndex {
            end: Pos(8192),
            entries: vec![entry(0, 4096, 1)],
            time_max: WallTime(100),
        };
        index.prepend(vec![sealed], &[]);
        let found = |time| index.find_time(WallTime(time)).map(|entry| entry.pos.0);
        assert_eq!(found(50), Some(4096));
        assert_eq!(found(101), None);
    }

    /// A record appended right after a truncation may lie in one frame with it. Its entry, which
    /// names the frame, was taken for one from before the truncation and dropped.
    #[test]
    fn an_entry_behind_a_truncation_in_its_own_frame_is_kept() {
        let entry = IndexEntry { offset: Offset(0), pos: Pos(4096), time: WallTime(1) };
        let sealed = SealedIndex { end: Pos(8192), entries: vec![entry], time_max: WallTime(1) };
        let mut index = LogIndex::default();
        index.prepend(vec![sealed], &[Truncation { pos: Pos(4300), offset: Offset(0) }]);
        assert_eq!(index.find(Offset(0)), Some(entry));
    }

    #[test]
    fn trimming_keeps_the_entry_that_leads_to_the_start() {
        let mut index = index(&[(0, 4096, 1), (10, 8192, 5), (20, 12288, 9)]);
        index.trim(Offset(15));
        assert_eq!(index.entries.len(), 2);
        assert_eq!(index.find(Offset(15)).map(|entry| entry.offset), Some(Offset(10)));
    }

    #[test]
    fn truncating_forgets_the_dead_and_the_next_record_is_indexed() {
        let mut index = index(&[(0, 4096, 1), (10, 8192, 5), (20, 12288, 9)]);
        index.truncate(Truncation { pos: Pos(16_384), offset: Offset(10) });
        assert_eq!(index.entries.len(), 1);
        assert!(index.note(Offset(10), Pos(16_384), WallTime(12), 100), "however near");
        assert!(!index.note(Offset(11), Pos(16_384), WallTime(12), 100));
    }
}
