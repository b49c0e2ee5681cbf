//! A small durable map: an engine's log of changes, and what they come to in memory.
//!
//! A record is a change: the length of the key (u32, little-endian), the key, and the value, which is
//! JSON and so never empty; without one the key is removed. When the log holds many more changes than
//! there are keys, what there is is written again and everything before is trimmed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;
use roundhouse::{AppendError, Durability, Engine, Error, Log, Offset, ShardId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A map of strings to values that survives a restart. Lives on one shard.
#[derive(Debug)]
pub struct Table {
    log: Log,
    entries: RefCell<BTreeMap<String, Bytes>>,
    /// Changes in the log.
    changes: Cell<usize>,
    is_compacting: Cell<bool>,
}

impl Table {
    /// Opens the table that a log on `shard` holds, or begins it.
    ///
    /// # Errors
    /// The engine's.
    pub async fn open(engine: &Engine, name: &str, shard: ShardId) -> Result<Table, Error> {
        let log = engine.log(name).durability(Durability::Always).on_shard(shard);
        let log = log.open_or_create().await?;
        let info = log.info().await?;
        let (mut entries, mut changes) = (BTreeMap::new(), 0);
        let mut at = info.start;
        while at < info.end {
            let records = log.read(at, READ_BYTES).await?;
            for record in &records {
                apply(&mut entries, &record.body);
                changes += 1;
            }
            at = records.next_offset();
        }
        let (entries, changes) = (RefCell::new(entries), Cell::new(changes));
        Ok(Table { log, entries, changes, is_compacting: Cell::default() })
    }

    /// The value of a key; `None` if there is none, or it can't be read as a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(self.entries.borrow().get(key)?).ok()
    }

    /// Whether there is a key.
    pub fn contains(&self, key: &str) -> bool {
        self.entries.borrow().contains_key(key)
    }

    /// All keys that begin with `prefix`, without it, with their values, by key.
    pub fn with_prefix<T: DeserializeOwned>(&self, prefix: &str) -> Vec<(String, T)> {
        let entries = self.entries.borrow();
        let range = entries.range(prefix.to_owned()..);
        let found = range.map_while(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
        let read = found
            .filter_map(|(key, value)| Some((key.to_owned(), serde_json::from_slice(value).ok()?)));
        read.collect()
    }

    /// Sets and removes keys. They count at once, so that later changes find them, and are durable
    /// when this returns; on an error they have their values of before again. Cancelling takes
    /// nothing back.
    ///
    /// # Errors
    /// See [`AppendError`].
    ///
    /// # Panics
    /// If a value can't be JSON, such as a map whose keys are not strings.
    pub async fn change<T: Serialize>(
        &self,
        changes: impl IntoIterator<Item = (String, Option<T>)>,
    ) -> Result<(), AppendError> {
        let mut records = Vec::new();
        let mut before = Vec::new();
        for (key, value) in changes {
            let value = value.map(|value| {
                serde_json::to_vec(&value).expect("values are plain data with string keys")
            });
            let record = encode(&key, value.as_deref().unwrap_or(&[]));
            let mut entries = self.entries.borrow_mut();
            let replaced = entries.get(&key).cloned();
            apply(&mut entries, &record);
            before.push((replaced, entries.get(&key).cloned(), key));
            records.push(record);
        }
        self.changes.update(|count| count + records.len());
        if !records.is_empty()
            && let Err(error) = self.log.append_batch(records).await
        {
            self.restore(before);
            return Err(error);
        }
        self.compact_if_due().await
    }

    /// Gives keys that still have their new values the ones of before.
    fn restore(&self, before: Vec<(Option<Bytes>, Option<Bytes>, String)>) {
        let mut entries = self.entries.borrow_mut();
        for (replaced, new, key) in before.into_iter().rev() {
            if entries.get(&key) == new.as_ref() {
                match replaced {
                    Some(value) => entries.insert(key, value),
                    None => entries.remove(&key),
                };
            }
        }
    }

    /// Writes everything again and trims what was before, if that shortens the log a good deal.
    async fn compact_if_due(&self) -> Result<(), AppendError> {
        let live = self.entries.borrow().len();
        let is_due = self.changes.get() > COMPACT_CHANGES_MIN.max(COMPACT_RATIO * live);
        if !is_due || self.is_compacting.replace(true) {
            return Ok(());
        }
        let written = self.rewrite().await;
        self.is_compacting.set(false);
        let Some(start) = written? else { return Ok(()) };
        if let Err(error) = self.log.trim_to(start).await {
            tracing::warn!(table = self.log.name(), %error, "a table's log could not be trimmed");
        }
        Ok(())
    }

    /// Appends all entries, before any later change, and returns where they begin.
    async fn rewrite(&self) -> Result<Option<Offset>, AppendError> {
        let mut appends = Vec::new();
        {
            let entries = self.entries.borrow();
            let records: Vec<Bytes> =
                entries.iter().map(|(key, value)| encode(key, value)).collect();
            self.changes.set(records.len());
            for chunk in records.chunks(REWRITE_RECORDS) {
                appends.push(self.log.append_batch(chunk));
            }
        }
        let mut start = None;
        for append in appends {
            let first = append.await?;
            start.get_or_insert(first);
        }
        Ok(start)
    }
}

fn encode(key: &str, value: &[u8]) -> Bytes {
    let mut record = Vec::with_capacity(4 + key.len() + value.len());
    record.extend_from_slice(&(key.len() as u32).to_le_bytes());
    record.extend_from_slice(key.as_bytes());
    record.extend_from_slice(value);
    record.into()
}

/// Applies a change. What was not written here is left out; the engine has checked the bytes.
fn apply(entries: &mut BTreeMap<String, Bytes>, record: &Bytes) {
    let Some(length) = record.first_chunk::<4>() else { return };
    let end = 4 + u32::from_le_bytes(*length) as usize;
    let Some(Ok(key)) = record.get(4..end).map(std::str::from_utf8) else { return };
    let value = Bytes::copy_from_slice(&record[end..]);
    if value.is_empty() {
        entries.remove(key);
    } else {
        entries.insert(key.to_owned(), value);
    }
}

/// Bytes read at once when a table is opened.
const READ_BYTES: usize = 1 << 20;
/// Records of one append when a table is written again.
const REWRITE_RECORDS: usize = 256;
/// A log with fewer changes is left alone ...
const COMPACT_CHANGES_MIN: usize = 10_000;
/// ... and so is one with fewer than this times the keys there are.
const COMPACT_RATIO: usize = 4;
