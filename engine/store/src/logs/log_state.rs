//! What a shard knows of one log.

use std::rc::Rc;
use std::task::Waker;

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{LogId, Offset, Pos, WallTime};

use crate::format::{Durability, HeadLog, LogConfig, Truncation};
use crate::logs::{Answers, LogIndex, Progress, Share};
use crate::wal::Ticket;

/// One log of a shard.
#[derive(Debug)]
pub(crate) struct LogState {
    pub(crate) id: LogId,
    pub(crate) name: Rc<str>,
    pub(crate) config: LogConfig,
    /// The first offset that was not trimmed.
    pub(crate) start: Offset,
    /// The offset the next record gets.
    pub(crate) end: Offset,
    /// What readers may see: everything acknowledged.
    pub(crate) visible: Offset,
    /// Suffix truncations that still matter, ascending by position and by offset: one that cuts
    /// deeper makes those before it superfluous.
    pub(crate) truncations: Vec<Truncation>,
    pub(crate) index: LogIndex,
    pub(crate) progress: Progress,
    /// The log's share of the active segment.
    pub(crate) share: Option<Share>,
    /// Where the writer noted this log in the open frame.
    pub(crate) touch_hint: usize,
    /// Truncations that appends before them, still on their way to disk, know nothing of.
    cuts: Vec<Cut>,
    /// Readers at the end of the log.
    followers: Vec<Waker>,
}

impl LogState {
    /// A log as a head frame or a create record describes it.
    pub(crate) fn new(log: HeadLog) -> LogState {
        LogState {
            id: log.id,
            name: log.name.into(),
            config: log.config,
            start: log.start,
            end: log.end,
            visible: log.end,
            truncations: log.truncations,
            index: LogIndex::default(),
            progress: Progress::default(),
            share: None,
            touch_hint: 0,
            cuts: Vec::new(),
            followers: Vec::new(),
        }
    }

    /// The log as a head frame describes it.
    pub(crate) fn to_head(&self) -> HeadLog {
        HeadLog {
            id: self.id,
            name: self.name.to_string(),
            start: self.start,
            end: self.end,
            config: self.config,
            truncations: self.truncations.clone(),
        }
    }

    /// Whether an append is acknowledged only when durable.
    pub(crate) fn is_strict(&self) -> bool {
        self.config.durability == Durability::Always
    }

    /// Takes in a record that was put into a frame. Returns by how many bytes the segment's seal
    /// frame grew at most.
    pub(crate) fn note_record(&mut self, record: &NotedRecord) -> usize {
        self.end = record.first.advance(u64::from(record.count));
        let NotedRecord { first, frame, time, bytes, .. } = *record;
        if let Some(share) = &mut self.share {
            share.extend(self.end, bytes, time);
            let indexed = self.index.note(first, frame, time, bytes);
            return if indexed { Share::SEAL_ENTRY_BYTES } else { 0 };
        }
        self.share = Some(Share { first, end: self.end, bytes, time_max: time });
        self.index.note_first(first, frame, time, bytes);
        Share::SEAL_LOG_BYTES + Share::SEAL_ENTRY_BYTES
    }

    /// Takes the log's share of a segment that is being sealed, if anything in it is alive.
    pub(crate) fn take_share(&mut self) -> Option<Share> {
        self.share.take().filter(|share| share.is_alive(self.start))
    }

    /// Forgets everything before `start`, which lies within the log.
    pub(crate) fn trim(&mut self, start: Offset) {
        assert!(self.start <= start && start <= self.end, "the caller checks the range");
        self.start = start;
        self.index.trim(start);
        // Records may be trimmed before they are acknowledged; the log then ends where it starts.
        if self.visible < start {
            self.visible = start;
            self.wake_followers();
        }
    }

    /// Cuts off everything from `truncation.offset` on, which lies within the log.
    pub(crate) fn truncate(&mut self, truncation: Truncation) {
        assert!(self.start <= truncation.offset && truncation.offset <= self.end);
        while self.truncations.last().is_some_and(|last| last.offset >= truncation.offset) {
            self.truncations.pop();
        }
        self.truncations.push(truncation);
        self.cuts.push(Cut { ticket: self.progress.issued(), offset: truncation.offset });
        self.end = truncation.offset;
        self.visible = self.visible.min(self.end);
        self.index.truncate(truncation);
        if let Some(share) = &mut self.share {
            share.cut(self.end);
        }
    }

    /// Forgets truncations of data that lies in no live segment any more.
    pub(crate) fn forget_truncations(&mut self, low_water: Pos) {
        self.truncations.retain(|truncation| truncation.pos > low_water);
    }

    /// Takes in that the append `ticket`, after which the log ended at `end`, was written.
    pub(crate) fn written(&mut self, ticket: Ticket, end: Offset, answers: &mut Answers) {
        if self.progress.written(ticket, answers) || planted(Bug::VisibleBeforeAcknowledged) {
            self.show(ticket, end);
        }
    }

    /// Takes in that the append `ticket`, after which the log ended at `end`, is durable.
    pub(crate) fn made_durable(&mut self, ticket: Ticket, end: Offset, answers: &mut Answers) {
        self.progress.made_durable(ticket, answers);
        self.show(ticket, end);
        self.cuts.retain(|cut| cut.ticket > ticket);
    }

    /// Shows readers everything before `end`, as far as it was not cut off after `ticket`.
    fn show(&mut self, ticket: Ticket, end: Offset) {
        let later = self.cuts.iter().filter(|cut| ticket <= cut.ticket);
        let end = later.map(|cut| cut.offset).fold(end, Offset::min);
        if end > self.visible {
            self.visible = end;
            self.wake_followers();
        }
    }

    /// Wakes `waker` when there is more to read, or when the log ends.
    pub(crate) fn follow(&mut self, waker: &Waker) {
        if !self.followers.iter().any(|other| other.will_wake(waker)) {
            self.followers.push(waker.clone());
        }
    }

    /// Wakes all readers at the end of the log.
    pub(crate) fn wake_followers(&mut self) {
        self.followers.drain(..).for_each(Waker::wake);
    }
}

/// A truncation: appends up to `ticket` show nothing from `offset` on.
#[derive(Debug, Clone, Copy)]
struct Cut {
    ticket: Ticket,
    offset: Offset,
}

/// A record as the state of its log takes it in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotedRecord {
    pub(crate) first: Offset,
    pub(crate) count: u32,
    pub(crate) frame: Pos,
    pub(crate) time: WallTime,
    /// Bytes it takes up with header and padding.
    pub(crate) bytes: u64,
}

/// How many offsets are left of the record at `pos` that spanned `count` from `first` on: a
/// truncation behind `pos` may have cut all of them off, or the last ones.
///
/// The list ascends by position and offset, so the first truncation behind `pos` cuts deepest.
pub(crate) fn live_count(truncations: &[Truncation], pos: Pos, first: Offset, count: u32) -> u32 {
    if planted(Bug::TruncationForgotten) {
        return count;
    }
    let later = truncations.partition_point(|truncation| truncation.pos <= pos);
    truncations.get(later).map_or(count, |truncation| {
        let left = truncation.offset.0.saturating_sub(first.0);
        left.min(u64::from(count)) as u32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> LogState {
        LogState::new(HeadLog {
            id: LogId(1),
            name: "raft".into(),
            start: Offset(0),
            end: Offset(100),
            config: LogConfig::default(),
            truncations: Vec::new(),
        })
    }

    #[test]
    fn a_deeper_cut_makes_shallower_ones_before_it_superfluous() {
        let mut log = log();
        log.truncate(Truncation { pos: Pos(1000), offset: Offset(80) });
        log.end = Offset(90);
        log.truncate(Truncation { pos: Pos(2000), offset: Offset(50) });
        assert_eq!(log.truncations, [Truncation { pos: Pos(2000), offset: Offset(50) }]);
        assert_eq!(live_count(&log.truncations, Pos(10), Offset(49), 1), 1);
        assert_eq!(live_count(&log.truncations, Pos(10), Offset(50), 1), 0);
        assert_eq!(live_count(&log.truncations, Pos(2001), Offset(50), 1), 1, "after the cut");
    }

    #[test]
    fn a_shallower_cut_later_is_remembered_beside_the_deep_one() {
        let mut log = log();
        log.truncate(Truncation { pos: Pos(1000), offset: Offset(50) });
        log.end = Offset(90);
        log.truncate(Truncation { pos: Pos(2000), offset: Offset(80) });
        assert_eq!(log.truncations.len(), 2);
        assert_eq!(live_count(&log.truncations, Pos(10), Offset(60), 1), 0, "cut by the first");
        let between = live_count(&log.truncations, Pos(1500), Offset(60), 1);
        assert_eq!(between, 1, "written between the cuts, kept by the second");
        assert_eq!(live_count(&log.truncations, Pos(1500), Offset(85), 1), 0);
    }

    /// A record that spanned 10 to 20 went on doing so after a truncation to 15: a reader was sent
    /// to 20, beyond the end, and reading from 15 gave it instead of what was appended there.
    #[test]
    fn a_cut_within_a_record_leaves_it_the_offsets_before() {
        let cuts = [Truncation { pos: Pos(1000), offset: Offset(15) }];
        assert_eq!(live_count(&cuts, Pos(500), Offset(10), 10), 5);
        assert_eq!(live_count(&cuts, Pos(500), Offset(3), 10), 10);
        assert_eq!(live_count(&cuts, Pos(1500), Offset(15), 10), 10);
    }

    /// Retention may trim a segment that was sealed, but not yet written: the log then started
    /// behind its visible end, and readers at the start were told that it was beyond the end.
    #[test]
    fn a_log_never_starts_behind_its_end() {
        let mut log = log();
        log.visible = Offset(90);
        log.trim(Offset(95));
        assert_eq!((log.start, log.visible), (Offset(95), Offset(95)));
    }

    #[test]
    fn what_was_cut_off_is_not_shown_when_its_frame_lands_late() {
        let mut log = log();
        log.visible = Offset(90);
        let before = log.progress.issue(true);
        log.truncate(Truncation { pos: Pos(1000), offset: Offset(95) });
        let after = log.progress.issue(true);
        log.end = Offset(120);

        log.made_durable(before, Offset(100), &mut Answers::default());
        assert_eq!(log.visible, Offset(95), "95 and up are other records now, not yet durable");
        log.made_durable(after, Offset(120), &mut Answers::default());
        assert_eq!(log.visible, Offset(120));
    }
}
