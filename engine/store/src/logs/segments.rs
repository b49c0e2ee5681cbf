//! The live segments of a shard and which logs have records in them: what must be kept, and what
//! may be used again.

use std::collections::{BTreeMap, VecDeque};

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{LogId, Offset, Pos, SegmentNo, SlotNo, WallTime};

/// One log's share of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) first: Offset,
    /// The offset after the last.
    pub(crate) end: Offset,
    /// Bytes of the records, with headers and padding.
    pub(crate) bytes: u64,
    pub(crate) time_max: WallTime,
}

impl Share {
    /// Bytes that a log adds to a seal frame.
    pub(crate) const SEAL_LOG_BYTES: usize = 40;
    /// Bytes that an index entry adds to a seal frame.
    pub(crate) const SEAL_ENTRY_BYTES: usize = 24;

    pub(crate) fn extend(&mut self, end: Offset, bytes: u64, time: WallTime) {
        // After a truncation the log may go on at an offset before the share's first.
        self.first = self.first.min(end);
        self.end = end;
        self.bytes += bytes;
        self.time_max = self.time_max.max(time);
    }

    /// Cuts off what lies at or behind `end`.
    pub(crate) fn cut(&mut self, end: Offset) {
        self.end = self.end.min(end);
        self.first = self.first.min(end);
    }

    /// Whether anything in it is left of a log that starts at `start`.
    pub(crate) fn is_alive(&self, start: Offset) -> bool {
        self.first < self.end && start < self.end
    }
}

/// A sealed segment, or the active one, whose shares are with the logs until it is sealed.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) no: SegmentNo,
    pub(crate) slot: SlotNo,
    pub(crate) shares: BTreeMap<LogId, Share>,
}

/// All segments from the low-water mark to the active one, oldest first.
#[derive(Debug)]
pub(crate) struct Segments {
    slot_bytes: u64,
    live: VecDeque<Segment>,
}

impl Segments {
    /// `live` must have the active segment at its end.
    pub(crate) fn new(slot_bytes: u64, live: VecDeque<Segment>) -> Segments {
        assert!(!live.is_empty(), "there is always an active segment");
        Segments { slot_bytes, live }
    }

    /// The first position that is kept.
    pub(crate) fn low_water(&self) -> Pos {
        self.live[0].no.base(self.slot_bytes)
    }

    /// Where the oldest segment ends.
    pub(crate) fn oldest_end(&self) -> Pos {
        self.live[0].no.next().base(self.slot_bytes)
    }

    /// The slot that holds a position, if it is kept.
    pub(crate) fn slot_of(&self, pos: Pos) -> Option<SlotNo> {
        let first = self.live[0].no;
        let index = pos.segment(self.slot_bytes).0.checked_sub(first.0)?;
        self.live.get(index as usize).map(|segment| segment.slot)
    }

    /// The active segment.
    pub(crate) fn active(&self) -> &Segment {
        &self.live[self.live.len() - 1]
    }

    /// The active segment, for sealing it.
    pub(crate) fn active_mut(&mut self) -> &mut Segment {
        let last = self.live.len() - 1;
        &mut self.live[last]
    }

    /// Makes a new segment the active one.
    pub(crate) fn activate(&mut self, slot: SlotNo) {
        let no = self.active().no.next();
        self.live.push_back(Segment { no, slot, shares: BTreeMap::new() });
    }

    /// The sealed segments, oldest first.
    pub(crate) fn sealed(&self) -> impl Iterator<Item = &Segment> {
        self.live.range(..self.live.len() - 1)
    }

    /// How many segments are kept.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// Takes in that a log now starts at `start`, ends at `end` at the latest as far as sealed
    /// segments go, or (`None`) is no more.
    pub(crate) fn update_log(&mut self, log: LogId, range: Option<(Offset, Offset)>) {
        let sealed = self.live.len() - 1;
        for segment in self.live.range_mut(..sealed) {
            let Some(share) = segment.shares.get_mut(&log) else { continue };
            let alive = range.is_some_and(|(start, end)| {
                share.cut(end);
                share.is_alive(start)
            });
            if !alive {
                segment.shares.remove(&log);
                if planted(Bug::NeighboursForgotten) {
                    segment.shares.clear();
                }
            }
        }
    }

    /// Takes the oldest segment out if nothing in it is alive. Its slot may be used again when the
    /// low-water mark that this moved is durable.
    pub(crate) fn pop_dead(&mut self) -> Option<Segment> {
        if self.live.len() > 1 && self.live[0].shares.is_empty() {
            self.live.pop_front()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(first: u64, end: u64) -> Share {
        Share { first: Offset(first), end: Offset(end), bytes: 100, time_max: WallTime(0) }
    }

    fn segments() -> Segments {
        let segment = |no, shares: &[(u32, Share)]| Segment {
            no: SegmentNo(no),
            slot: SlotNo(no as u32),
            shares: shares.iter().map(|&(log, share)| (LogId(log), share)).collect(),
        };
        let live = [
            segment(5, &[(1, share(0, 10)), (2, share(0, 3))]),
            segment(6, &[(1, share(10, 20))]),
            segment(7, &[]),
        ];
        Segments::new(1 << 20, live.into())
    }

    #[test]
    fn a_segment_is_dead_when_every_log_has_trimmed_it() {
        let mut segments = segments();
        segments.update_log(LogId(1), Some((Offset(15), Offset(20))));
        assert!(segments.pop_dead().is_none(), "log 2 still needs it");
        segments.update_log(LogId(2), None);
        assert_eq!(segments.pop_dead().map(|segment| segment.no), Some(SegmentNo(5)));
        assert!(segments.pop_dead().is_none(), "log 1 still needs the second");
        assert_eq!(segments.low_water(), SegmentNo(6).base(1 << 20));
    }

    #[test]
    fn the_active_segment_never_dies() {
        let mut segments = segments();
        segments.update_log(LogId(1), None);
        segments.update_log(LogId(2), None);
        assert!(segments.pop_dead().is_some() && segments.pop_dead().is_some());
        assert!(segments.pop_dead().is_none());
        assert_eq!(segments.slot_of(segments.low_water()), Some(SlotNo(7)));
    }

    #[test]
    fn a_truncation_kills_the_shares_it_cuts_off() {
        let mut segments = segments();
        segments.update_log(LogId(2), None);
        segments.update_log(LogId(1), Some((Offset(0), Offset(0))));
        assert!(segments.pop_dead().is_some() && segments.pop_dead().is_some());
    }
}
