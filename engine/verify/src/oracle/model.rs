//! What the logs of a store should hold: the simplest program that keeps their promises.

use std::collections::BTreeMap;

use roundhouse_base::{Offset, WallTime};
use roundhouse_store::{LogConfig, Record, Retention};

use super::content::Content;

/// All logs by name. Names are used once only, unlike the numbers of logs whose creation was lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) logs: BTreeMap<String, LogModel>,
}

/// One log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogModel {
    pub(crate) config: LogConfig,
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    pub(crate) entries: Vec<Entry>,
    /// Trims and truncations so far: what was read across one may be of either side.
    pub(crate) cuts: u32,
    /// Whether what retention did can be judged: the settings never changed and nothing was cut.
    is_retention_exact: bool,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) first: Offset,
    /// Offsets it spans; a truncation within them leaves fewer.
    pub(crate) count: u32,
    pub(crate) time: WallTime,
    pub(crate) content: Content,
    /// The operation that appended it, while that is still on its way to being settled.
    pub(crate) origin: Option<Origin>,
}

/// Where a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The number of the operation.
    pub(crate) op: usize,
    /// Whether it is acknowledged only when durable.
    pub(crate) is_strict: bool,
}

/// One change, as it lies in the write-ahead log.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Create { name: String, config: LogConfig },
    Configure { name: String, config: LogConfig },
    Delete { name: String },
    Trim { name: String, start: Offset },
    Truncate { name: String, end: Offset },
    Append { name: String, entry: Entry },
}

impl Model {
    /// Makes a change; one to a log that is no more is none.
    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { name, config } => {
                let log =
                    LogModel { config: *config, is_retention_exact: true, ..LogModel::default() };
                self.logs.insert(name.clone(), log);
            }
            Op::Configure { name, config } => self.change(name, |log| log.configure(*config)),
            Op::Delete { name } => drop(self.logs.remove(name)),
            Op::Trim { name, start } => self.change(name, |log| log.trim(*start)),
            Op::Truncate { name, end } => self.change(name, |log| log.truncate(*end)),
            Op::Append { name, entry } => self.change(name, |log| log.append(*entry)),
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut LogModel)) {
        if let Some(log) = self.logs.get_mut(name) {
            change(log);
        }
    }
}

impl LogModel {
    fn configure(&mut self, config: LogConfig) {
        self.config = config;
        self.is_retention_exact = false;
    }

    /// Forgets what lies before `start`.
    pub(crate) fn trim(&mut self, start: Offset) {
        if start > self.start {
            self.start = start;
            self.entries.retain(|entry| entry.end() > start);
            self.cuts += 1;
        }
    }

    fn truncate(&mut self, end: Offset) {
        if end >= self.end {
            return;
        }
        self.end = end;
        self.entries.retain(|entry| entry.first < end);
        if let Some(last) = self.entries.last_mut() {
            last.count = last.count.min((end.0 - last.first.0) as u32);
        }
        self.cuts += 1;
        self.is_retention_exact = false;
    }

    fn append(&mut self, entry: Entry) {
        assert_eq!(entry.first, self.end, "records are appended at the end");
        self.end = entry.end();
        self.entries.push(entry);
    }

    /// The records that have offset `from` or a later one.
    pub(crate) fn entries_from(&self, from: Offset) -> &[Entry] {
        &self.entries[self.entries.partition_point(|entry| entry.end() <= from)..]
    }

    /// The first offset, from `start` on, of the first record before `end` with `time` or a later
    /// one.
    pub(crate) fn offset_at(&self, time: WallTime, start: Offset, end: Offset) -> Option<Offset> {
        let mut visible = self.entries_from(start).iter().take_while(|entry| entry.first < end);
        visible.find(|entry| entry.time >= time).map(|found| found.first.max(start))
    }

    /// Whether retention may have moved the start to `start` by `wall`.
    pub(crate) fn may_expire_to(&self, start: Offset, wall: WallTime) -> bool {
        if start <= self.start {
            return start == self.start;
        }
        let kept = self.entries_from(start);
        let gone = &self.entries[..self.entries.len() - kept.len()];
        let kept_bytes: u64 = kept.iter().map(|entry| entry.content.bytes as u64 + 48).sum();
        match self.config.retention {
            Retention { age: None, bytes: None } => !self.is_retention_exact,
            _ if !self.is_retention_exact => true,
            Retention { age, bytes } => gone.iter().all(|entry| {
                age.is_some_and(|age| entry.time + age <= wall)
                    || bytes.is_some_and(|bytes| kept_bytes >= bytes)
            }),
        }
    }
}

impl Entry {
    /// The offset after its last.
    pub(crate) fn end(&self) -> Offset {
        self.first.advance(u64::from(self.count))
    }

    /// Whether this is what `record` is.
    pub(crate) fn is(&self, record: &Record) -> bool {
        (self.first, self.count, self.time) == (record.offset, record.count, record.time)
            && self.content.is(&record.body)
    }
}
