//! Changing the catalogue: each change is a record in the write-ahead log, in force at once and
//! acknowledged when durable.

use bytes::BytesMut;
use roundhouse_base::limits::TRUNCATIONS_MAX;
use roundhouse_base::{LogId, Monotonic, Offset, WallTime};

use crate::error::{AppendError, LogError};
use crate::format::{CATALOGUE_LOG, ControlRecord, LogConfig, RecordHeader, record_bytes};
use crate::state::State;
use crate::state::append::{RecordClass, Refusal};
use crate::wal::{Ticket, Touch};

/// A change to the catalogue as a caller asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Create { name: String, config: LogConfig },
    Configure { log: LogId, config: LogConfig },
    Delete { log: LogId },
    Trim { log: LogId, start: Offset },
    Truncate { log: LogId, end: Offset },
}

/// Why a change was not made.
#[derive(Debug)]
pub(crate) enum ChangeRefusal {
    /// Wait for room and try again.
    Wait,
    /// It can't be.
    Error(LogError),
}

impl<E: Into<LogError>> From<E> for ChangeRefusal {
    fn from(error: E) -> ChangeRefusal {
        ChangeRefusal::Error(error.into())
    }
}

/// A change that was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    /// The log it was about.
    pub(crate) log: LogId,
    /// What to wait for on the catalogue log; `None` if there was nothing to change.
    pub(crate) ticket: Option<Ticket>,
}

impl State {
    /// Makes a change, if it is possible.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        wall: WallTime,
        now: Monotonic,
    ) -> Result<Changed, ChangeRefusal> {
        self.check_writable().map_err(LogError::from)?;
        let Some(record) = self.plan(change)? else {
            let log = self.log_of(change);
            return Ok(Changed { log, ticket: None });
        };
        let mut body = BytesMut::new();
        record.encode(&mut body);
        match self.admit(record_bytes(body.len()), 1, class_of(&record), now) {
            Ok(()) => {}
            Err(Refusal::Wait) => return Err(ChangeRefusal::Wait),
            Err(Refusal::Error(error)) => return Err(error.into()),
        }
        let ticket = self.push_control(&record, &body, wall, now);
        self.kick_commit();
        Ok(Changed { log: record.log(), ticket: Some(ticket) })
    }

    /// The record that makes the change, or `None` if everything is as asked already.
    fn plan(&self, change: &Change) -> Result<Option<ControlRecord>, LogError> {
        if let Change::Create { name, config } = change {
            self.catalogue.check_new(name, self.head_bytes_max())?;
            let (log, name, config) = (self.catalogue.next_log(), name.clone(), *config);
            return Ok(Some(ControlRecord::Create { log, name, config }));
        }
        let id = self.log_of(change);
        let log = self.catalogue.log(id).ok_or(AppendError::Deleted)?;
        let outside = |offset| LogError::OutOfRange { offset, start: log.start, end: log.end };
        Ok(match *change {
            Change::Create { .. } => unreachable!("returned above"),
            Change::Configure { config, .. } => {
                (config != log.config).then_some(ControlRecord::Configure { log: id, config })
            }
            Change::Delete { .. } => Some(ControlRecord::Delete { log: id }),
            Change::Trim { start, .. } if start > log.end => return Err(outside(start)),
            Change::Trim { start, .. } => {
                (start > log.start).then_some(ControlRecord::Trim { log: id, start })
            }
            Change::Truncate { end, .. } if end < log.start || end > log.end => {
                return Err(outside(end));
            }
            Change::Truncate { end, .. } if end == log.end => None,
            Change::Truncate { end, .. } => {
                let is_full = log.truncations.len() >= TRUNCATIONS_MAX
                    || self.catalogue.head_bytes() >= self.head_bytes_max();
                if is_full {
                    return Err(LogError::TooManyTruncations);
                }
                Some(ControlRecord::Truncate { log: id, end })
            }
        })
    }

    fn log_of(&self, change: &Change) -> LogId {
        match *change {
            Change::Create { .. } => self.catalogue.next_log(),
            Change::Configure { log, .. }
            | Change::Delete { log }
            | Change::Trim { log, .. }
            | Change::Truncate { log, .. } => log,
        }
    }

    fn push_control(
        &mut self,
        record: &ControlRecord,
        body: &[u8],
        wall: WallTime,
        now: Monotonic,
    ) -> Ticket {
        self.make_room(body.len(), now);
        let first_offset = self.catalogue.end();
        let header = RecordHeader {
            log: CATALOGUE_LOG,
            kind: record.kind(),
            first_offset,
            count: 1,
            time: wall,
        };
        let place = self.writer.append(&header, body, true, now);
        let deleted = self.catalogue.apply(record, place.record);
        let deleted = deleted.expect("the change was planned against this very catalogue");
        if let Some(mut log) = deleted {
            log.progress.fail(&AppendError::Deleted);
            log.wake_followers();
        }
        let ticket = self.control_progress.issue(true);
        let touch = Touch { log: CATALOGUE_LOG, ticket, end: self.catalogue.end() };
        // Control records are rare: a note each is fine, so no place is remembered.
        let mut no_hint = usize::MAX;
        self.writer.touch(touch, &mut no_hint);
        self.note_change(record, now);
        ticket
    }

    /// Lets go of what the change killed.
    fn note_change(&mut self, record: &ControlRecord, now: Monotonic) {
        let id = record.log();
        let range = self.catalogue.log(id).map(|log| (log.start, log.end));
        match record {
            ControlRecord::Create { .. } => {}
            ControlRecord::Configure { .. } => self.look_at_retention(now),
            ControlRecord::Delete { .. }
            | ControlRecord::Trim { .. }
            | ControlRecord::Truncate { .. } => {
                self.segments.update_log(id, range);
                self.bury_dead_segments();
            }
        }
    }
}

/// Whether a change may make room.
fn class_of(record: &ControlRecord) -> RecordClass {
    match record {
        ControlRecord::Create { .. } | ControlRecord::Configure { .. } => RecordClass::User,
        ControlRecord::Delete { .. }
        | ControlRecord::Trim { .. }
        | ControlRecord::Truncate { .. } => RecordClass::Control,
    }
}
