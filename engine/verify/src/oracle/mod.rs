//! Remembers what was asked of a store and what it acknowledged, and judges what it holds later.
//!
//! All changes of a shard lie in one write-ahead log in the order in which they were put in line,
//! so there is one rule: whatever happens, what is left is the effect of the first k of them, with
//! every acknowledged one among those k.

mod content;
mod model;

use std::collections::BTreeMap;

use roundhouse_base::{Monotonic, Offset, Pos, WallTime};
use roundhouse_store::{LogConfig, ReadError, Record, Records, Retention, StoreFailure};

pub(crate) use self::content::Content;
pub(crate) use self::model::{Entry, Op};
use self::model::{Model, Origin};
use crate::checks::{Check, check, fail};

/// The judge of one simulated store.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// What the store held when it was last opened and looked at.
    settled: Model,
    /// What was put in line since.
    ops: Vec<Submitted>,
    /// The effect of all of it.
    pub(crate) live: Model,
    /// So many operations are durable,
    durable: usize,
    /// and so many were written to the file: they survive the death of the process.
    written: usize,
    /// Whether the power failed since.
    power_failed: bool,
    /// What the store said when it stopped.
    failure: Option<StoreFailure>,
    /// Whether stopping is no surprise.
    pub(crate) may_stop: bool,
    was_settled: bool,
    contents: u64,
    names: u64,
}

#[derive(Debug)]
struct Submitted {
    op: Op,
    /// When it must be durable even if nobody waits for that.
    durable_by: Option<Monotonic>,
}

/// What a store held.
pub(crate) type Found = BTreeMap<String, FoundLog>;

/// One log of it.
#[derive(Debug)]
pub(crate) struct FoundLog {
    pub(crate) config: LogConfig,
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    pub(crate) records: Vec<Record>,
}

/// Under which circumstances something was read.
#[derive(Debug)]
pub(crate) struct ReadView {
    pub(crate) name: String,
    pub(crate) from: Offset,
    /// What could be seen when reading began, if it did not wait for more.
    pub(crate) visible: Option<Offset>,
    cuts: u32,
}

impl Oracle {
    /// A name that no log ever had.
    pub(crate) fn new_name(&mut self) -> String {
        self.names += 1;
        format!("log-{}", self.names)
    }

    /// A body that no record ever had. With the `end` of the log it tries to pass for frames behind
    /// that.
    pub(crate) fn new_content(&mut self, bytes: usize, end: Option<Pos>) -> Content {
        self.contents += 1;
        match end {
            Some(end) => Content::forged(self.contents, bytes, end),
            None => Content::plain(self.contents, bytes),
        }
    }

    /// Whether the store was ever opened with success.
    pub(crate) fn was_settled(&self) -> bool {
        self.was_settled
    }

    /// How many operations were put in line since the store was opened.
    pub(crate) fn submitted(&self) -> usize {
        self.ops.len()
    }

    /// Notes that an operation was put in line, and returns how many there are now.
    pub(crate) fn submit(&mut self, mut op: Op, durable_by: Option<Monotonic>) -> usize {
        if let Op::Append { name, entry } = &mut op {
            let durability = self.live.logs[name.as_str()].config.durability;
            let is_strict = durability == roundhouse_store::Durability::Always;
            entry.origin = Some(Origin { op: self.ops.len(), is_strict });
        }
        self.live.apply(&op);
        self.ops.push(Submitted { op, durable_by });
        self.ops.len()
    }

    /// Notes that the first `count` operations are durable.
    pub(crate) fn made_durable(&mut self, count: usize) {
        self.durable = self.durable.max(count);
        self.made_written(count);
    }

    /// Notes that the first `count` operations were written.
    pub(crate) fn made_written(&mut self, count: usize) {
        self.written = self.written.max(count);
    }

    /// Notes that the store stopped, which it says in the same words to everyone.
    pub(crate) fn stopped(&mut self, failure: &StoreFailure) {
        check(Check::NoFalseRefusal, self.may_stop, || {
            format!("the store stopped without a fault: {failure}")
        });
        let first = self.failure.get_or_insert_with(|| failure.clone());
        check(Check::SameFailure, first == failure, || format!("first {first}, then {failure}"));
    }

    /// Notes that the process ends at `now`. `was_working` tells that it had opened the store.
    pub(crate) fn process_ended(&mut self, now: Monotonic, power_failed: bool, was_working: bool) {
        self.power_failed |= power_failed;
        if was_working && !self.may_stop {
            let is_due = |op: &Submitted| op.durable_by.is_some_and(|by| by < now);
            let due = self.ops.iter().rposition(is_due).map_or(0, |last| last + 1);
            self.made_durable(due);
        }
        // A sync that fails, even while the process is being killed, drops what it covered from the
        // cache as well.
        self.power_failed |= self.may_stop;
    }

    /// Notes that an attempt to open the store failed.
    pub(crate) fn opening_failed(&mut self) {
        // A sync that failed then may have dropped what was only written.
        self.power_failed |= self.may_stop;
    }

    /// Judges what the store holds after it was opened again.
    pub(crate) fn settle(&mut self, found: &Found, wall: WallTime) {
        let floor = self.floor();
        let (_, model) = self.judge(floor, found, wall);
        self.go_on(model, found);
        self.settled.clone_from(&self.live);
        self.ops.clear();
        (self.durable, self.written) = (0, 0);
    }

    /// The same when the disk may have lied: what is missing must be what nothing tells of. `end` is
    /// where recovery ended the log, `proven` what the disk proves to have been durable. Whatever
    /// was found now may be gone the next time, so all operations are kept.
    pub(crate) fn settle_lies(&mut self, found: &Found, wall: WallTime, end: Pos, proven: Pos) {
        let floor = self.floor();
        let is_complete = self.matching_prefix(floor, found, wall).is_ok();
        check(Check::LieNoticed, is_complete || proven <= end, || {
            format!("the log ends at {end}, although the disk proves {proven}")
        });
        let (count, model) = self.judge(if is_complete { floor } else { 0 }, found, wall);
        self.go_on(model, found);
        self.ops.truncate(count);
        (self.durable, self.written) = (count, count);
    }

    /// How many operations must have survived.
    fn floor(&self) -> usize {
        if self.power_failed { self.durable } else { self.written }
    }

    fn judge(&self, floor: usize, found: &Found, wall: WallTime) -> (usize, Model) {
        let matching = match self.matching_prefix(floor, found, wall) {
            Ok(matching) => matching,
            Err(difference) => self.condemn(floor, found, wall, &difference),
        };
        for proven in [Check::Acknowledged, Check::Prefix, Check::Contract] {
            check(proven, true, String::new);
        }
        matching
    }

    /// Takes what was found for what the store holds.
    fn go_on(&mut self, mut model: Model, found: &Found) {
        for (name, log) in &mut model.logs {
            log.trim(found[name].start);
            log.entries.iter_mut().for_each(|entry| entry.origin = None);
        }
        self.was_settled = true;
        self.live = model;
        (self.power_failed, self.failure) = (false, None);
    }

    /// The effect of the fewest operations, but at least `floor`, that is what was found, and how
    /// many they are.
    fn matching_prefix(
        &self,
        floor: usize,
        found: &Found,
        wall: WallTime,
    ) -> Result<(usize, Model), Difference> {
        let mut model = self.settled.clone();
        self.ops[..floor].iter().for_each(|submitted| model.apply(&submitted.op));
        let mut differs = difference(&model, found, wall);
        let mut count = floor;
        while differs.is_some() && count < self.ops.len() {
            model.apply(&self.ops[count].op);
            count += 1;
            differs = difference(&model, found, wall);
        }
        differs.map_or(Ok((count, model)), Err)
    }

    /// Names the promise that was broken.
    fn condemn(&self, floor: usize, found: &Found, wall: WallTime, after_all: &Difference) -> ! {
        let submitted = self.ops.len();
        if self.matching_prefix(0, found, wall).is_ok() {
            fail(Check::Acknowledged, || {
                format!("less is left than the {floor} acknowledged of {submitted} operations")
            });
        }
        let Difference { check, what } = after_all;
        fail(*check, || {
            format!("it is not the effect of the first {floor} to {submitted} operations: {what}")
        });
    }

    /// How many operations there were when the last record of a log was put in line.
    pub(crate) fn last_append(&self, name: &str) -> usize {
        let is_append = |submitted: &Submitted| match &submitted.op {
            Op::Append { name: other, .. } => other == name,
            _ => false,
        };
        self.ops.iter().rposition(is_append).map_or(0, |last| last + 1)
    }

    /// What may be read of a log from an offset on, if reading begins now.
    pub(crate) fn view(&self, name: &str, from: Offset, visible: Option<Offset>) -> ReadView {
        let cuts = self.live.logs.get(name).map_or(0, |log| log.cuts);
        ReadView { name: name.to_owned(), from, visible, cuts }
    }

    /// Judges what was read. What readers saw of a strict log must stay.
    pub(crate) fn check_records(&mut self, view: &ReadView, records: &Records) {
        let log = self.live.logs.get(&view.name).filter(|log| log.cuts == view.cuts);
        let Some(log) = log else {
            let is_possible = records.iter().all(|record| Content::is_possible(&record.body));
            let explain = || format!("{view:?} gave a body that was never written");
            check(Check::Read, is_possible, explain);
            return;
        };
        let mut expected = log.entries_from(view.from).iter();
        let mut last = None;
        for record in records {
            let entry = expected.next().copied();
            let is_right = entry.is_some_and(|entry| entry.is(&record))
                && view.visible.is_none_or(|end| record.offset < end);
            check(Check::Read, is_right, || format!("{view:?}: {entry:?} {record:?}"));
            last = entry.and_then(|entry| entry.origin).or(last);
        }
        let is_at_end = view.visible.is_some_and(|end| view.from >= end);
        check(Check::Read, is_at_end == records.is_empty(), || {
            format!("{view:?} gave {} bytes", records.bytes())
        });
        match last {
            Some(Origin { op, is_strict: true }) => self.made_durable(op + 1),
            Some(Origin { op, is_strict: false }) => self.made_written(op + 1),
            None => {}
        }
    }

    /// Judges the answer to the question where a time begins.
    pub(crate) fn check_offset_at(&self, view: &ReadView, time: WallTime, found: Option<Offset>) {
        let log = self.live.logs.get(&view.name).filter(|log| log.cuts == view.cuts);
        let (Some(log), Some(end)) = (log, view.visible) else { return };
        // If it had to start anew meanwhile, it saw a later end.
        let expected = [end, log.end].map(|end| log.offset_at(time, view.from, end));
        check(Check::Time, expected.contains(&found), || {
            format!("{view:?} at {time}: {found:?} instead of {expected:?}")
        });
    }

    /// Judges why nothing could be read.
    pub(crate) fn check_read_error(&self, view: &ReadView, error: &ReadError, may_fail: bool) {
        let is_legitimate = match error {
            ReadError::Trimmed { from, start } => *from == view.from && start > from,
            ReadError::BeyondEnd { from, end } => *from == view.from && end < from,
            ReadError::Deleted => !self.live.logs.contains_key(&view.name),
            ReadError::Corruption(_) | ReadError::Io { .. } => may_fail,
            _ => false,
        };
        check(Check::Read, is_legitimate, || format!("{view:?}: {error}"));
    }
}

/// How what was found at last differs from what was found first. Retention may have gone on.
pub(crate) fn difference_of(first: &Found, last: &Found) -> Option<String> {
    if !first.keys().eq(last.keys()) {
        return Some(format!("logs {:?}, then {:?}", first.keys(), last.keys()));
    }
    first.iter().zip(last.values()).find_map(|((name, first), last)| {
        let may_expire = first.config.retention != Retention::default();
        let is_same = (first.config, first.end) == (last.config, last.end)
            && (first.start == last.start || (may_expire && first.start < last.start))
            && first.records.ends_with(&last.records)
            && (may_expire || first.records.len() == last.records.len());
        let describe = |log: &FoundLog| {
            format!("{} to {} with {} records", log.start, log.end, log.records.len())
        };
        (!is_same).then(|| format!("{name} has {}, then {}", describe(first), describe(last)))
    })
}

/// What is impossible about what is left of a damaged store: a gap, a body that was never written,
/// or more than there was. A log that was cut later than the damage may be back, so no more can be
/// said of single records.
pub(crate) fn impossible(left: &Found) -> Option<String> {
    left.iter().find_map(|(name, left)| {
        let mut next = left.records.first().map_or(left.end, |record| record.offset);
        for record in &left.records {
            if record.offset != next {
                return Some(format!("{name} goes on at {} instead of {next}", record.offset));
            }
            next = record.offset.advance(u64::from(record.count));
            if !Content::is_possible(&record.body) {
                return Some(format!("{name} has a record at {} that never was", record.offset));
            }
        }
        None
    })
}

/// How what was found differs from a model.
#[derive(Debug)]
struct Difference {
    check: Check,
    what: String,
}

fn difference(model: &Model, found: &Found, wall: WallTime) -> Option<Difference> {
    let differs = |check, what| Some(Difference { check, what });
    if !model.logs.keys().eq(found.keys()) {
        let what = format!("logs {:?} where {:?} should be", found.keys(), model.logs.keys());
        return differs(Check::Contract, what);
    }
    for ((name, log), found) in model.logs.iter().zip(found.values()) {
        if log.config != found.config {
            return differs(Check::Contract, format!("{name} is configured otherwise"));
        }
        if log.end != found.end {
            let (end, found) = (log.end, found.end);
            return differs(Check::Prefix, format!("{name} ends at {found} instead of {end}"));
        }
        if !log.may_expire_to(found.start, wall) {
            let what = format!("{name} starts at {} instead of {}", found.start, log.start);
            return differs(Check::Contract, what);
        }
        let entries = log.entries_from(found.start);
        if let Some(what) = difference_of_records(entries, &found.records) {
            return differs(Check::Prefix, format!("{name}: {what}"));
        }
    }
    None
}

fn difference_of_records(entries: &[Entry], records: &[Record]) -> Option<String> {
    if let Some((entry, record)) =
        entries.iter().zip(records).find(|(entry, record)| !entry.is(record))
    {
        let (offset, count, bytes) = (record.offset, record.count, record.body.len());
        return Some(format!("{offset}+{count} of {bytes} bytes where {entry:?} should be"));
    }
    let (expected, found) = (entries.len(), records.len());
    (expected != found).then(|| format!("{found} records instead of {expected}"))
}
