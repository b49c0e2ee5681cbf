//! Inner pieces for micro-benchmarks to measure alone. Behind the feature `pieces`; not for programs.

use roundhouse_base::{Offset, Pos, WallTime};

use crate::format::IndexEntry;
use crate::logs::LogIndex;

/// The index of a log.
#[derive(Debug)]
pub struct Index(LogIndex);

impl Index {
    /// An index of such entries.
    ///
    /// # Panics
    /// Unless they ascend.
    pub fn new(entries: impl IntoIterator<Item = (Offset, Pos)>) -> Index {
        let mut index = LogIndex::default();
        for (offset, pos) in entries {
            index.push(IndexEntry { offset, pos, time: WallTime(0) });
        }
        Index(index)
    }

    /// Where reading for an offset starts.
    pub fn find(&self, offset: Offset) -> Option<Pos> {
        self.0.find(offset).map(|entry| entry.pos)
    }
}
