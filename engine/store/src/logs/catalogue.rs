//! The logs of a shard by number and by name, and the records that change them.

use std::collections::HashMap;
use std::rc::Rc;

use roundhouse_base::limits::{LOG_NAME_BYTES_MAX, LOGS_MAX};
use roundhouse_base::{LogId, Offset, Pos};

use crate::error::LogError;
use crate::format::{ControlRecord, HeadLog, HeadPayload, Truncation};
use crate::logs::LogState;

/// All logs of a shard.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// By number: an append finds its log with one look. Numbers are not used again, so entries of
    /// deleted logs stay empty: eight bytes each.
    by_id: Vec<Option<Box<LogState>>>,
    by_name: HashMap<Rc<str>, LogId>,
    /// The next offset of the catalogue log.
    end: Offset,
    /// Bytes of the head frame's payload that describes all this.
    head_bytes: usize,
}

impl Catalogue {
    /// The catalogue that a head frame describes, or the empty one of a new store.
    pub(crate) fn new(head: Option<HeadPayload>) -> Catalogue {
        let (next_log, end) =
            head.as_ref().map_or((LogId(1), Offset(0)), |head| (head.next_log, head.catalogue_end));
        let mut catalogue = Catalogue {
            by_id: std::iter::repeat_with(|| None).take(next_log.0 as usize).collect(),
            by_name: HashMap::new(),
            end,
            head_bytes: HEAD_FIXED_BYTES,
        };
        for log in head.into_iter().flat_map(|head| head.logs) {
            catalogue.insert(log);
        }
        catalogue
    }

    pub(crate) fn log(&self, id: LogId) -> Option<&LogState> {
        self.by_id.get(id.0 as usize)?.as_deref()
    }

    pub(crate) fn log_mut(&mut self, id: LogId) -> Option<&mut LogState> {
        self.by_id.get_mut(id.0 as usize)?.as_deref_mut()
    }

    pub(crate) fn find(&self, name: &str) -> Option<LogId> {
        self.by_name.get(name).copied()
    }

    /// All logs by ascending number.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &LogState> {
        self.by_id.iter().filter_map(Option::as_deref)
    }

    /// All logs by ascending number, for changing them.
    pub(crate) fn logs_mut(&mut self) -> impl Iterator<Item = &mut LogState> {
        self.by_id.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// The number the next log gets.
    pub(crate) fn next_log(&self) -> LogId {
        LogId(self.by_id.len() as u32)
    }

    /// The next offset of the catalogue log.
    pub(crate) fn end(&self) -> Offset {
        self.end
    }

    /// An upper bound of the bytes that describing this in a head frame takes.
    pub(crate) fn head_bytes(&self) -> usize {
        self.head_bytes
            + self.logs().map(|log| log.truncations.len() * TRUNCATION_BYTES).sum::<usize>()
    }

    /// Checks whether a log may be created.
    pub(crate) fn check_new(&self, name: &str, head_bytes_max: usize) -> Result<(), LogError> {
        let is_named =
            (1..=LOG_NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        if !is_named {
            return Err(LogError::Name { name: name.to_owned() });
        }
        if self.by_name.contains_key(name) {
            return Err(LogError::Exists { name: name.to_owned() });
        }
        let logs = self.by_name.len();
        if logs >= LOGS_MAX || self.head_bytes() + head_log_bytes(name) > head_bytes_max {
            return Err(LogError::TooManyLogs { logs });
        }
        Ok(())
    }

    /// Takes in a control record that was put at `pos`. Returns the log if it was deleted.
    ///
    /// # Errors
    /// What is impossible about the record, as a sentence for the error that names its position: it
    /// can only come from damage or from a faulty writer.
    pub(crate) fn apply(
        &mut self,
        record: &ControlRecord,
        pos: Pos,
    ) -> Result<Option<Box<LogState>>, String> {
        self.end = self.end.advance(1);
        let id = record.log();
        if let ControlRecord::Create { name, config, .. } = record {
            if id != self.next_log() || self.by_name.contains_key(name.as_str()) {
                return Err(format!(
                    "log {id} named {name:?} is created, but exists or comes out of turn"
                ));
            }
            let (start, end) = (Offset(0), Offset(0));
            let log = HeadLog {
                id,
                name: name.clone(),
                start,
                end,
                config: *config,
                truncations: Vec::new(),
            };
            self.by_id.push(None);
            self.insert(log);
            return Ok(None);
        }
        let log =
            self.log_mut(id).ok_or_else(|| format!("log {id} is changed, but does not exist"))?;
        let in_range = |offset: Offset| {
            let range = log.start..=log.end;
            range.contains(&offset).then_some(offset).ok_or_else(|| {
                format!("log {id}, which has {} to {}, is cut at {offset}", log.start, log.end)
            })
        };
        match record {
            ControlRecord::Create { .. } => unreachable!("returned above"),
            ControlRecord::Configure { config, .. } => log.config = *config,
            ControlRecord::Trim { start, .. } => {
                let start = in_range(*start)?;
                log.trim(start);
            }
            ControlRecord::Truncate { end, .. } => {
                let offset = in_range(*end)?;
                log.truncate(Truncation { pos, offset });
            }
            ControlRecord::Delete { .. } => return Ok(self.remove(id)),
        }
        Ok(None)
    }

    /// All of this as a head frame's payload says it, apart from the segment.
    pub(crate) fn to_head_logs(&self) -> Vec<HeadLog> {
        self.logs().map(LogState::to_head).collect()
    }

    fn insert(&mut self, log: HeadLog) {
        self.head_bytes += head_log_bytes(&log.name);
        let log = LogState::new(log);
        self.by_name.insert(log.name.clone(), log.id);
        let place = log.id.0 as usize;
        self.by_id[place] = Some(Box::new(log));
    }

    fn remove(&mut self, id: LogId) -> Option<Box<LogState>> {
        let log = self.by_id.get_mut(id.0 as usize)?.take()?;
        self.by_name.remove(&log.name);
        self.head_bytes -= head_log_bytes(&log.name);
        Some(log)
    }
}

/// Bytes of a head frame's payload before its logs.
const HEAD_FIXED_BYTES: usize = 48;

/// Bytes of a truncation in a head frame's payload.
const TRUNCATION_BYTES: usize = 16;

/// Bytes of a log in a head frame's payload, without its truncations: 64 and the padded name.
fn head_log_bytes(name: &str) -> usize {
    72 + name.len().next_multiple_of(8)
}
