//! What a client reads: from any offset, by time, following the end, and all of it after opening.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use roundhouse_base::{LogId, Offset};
use roundhouse_store::{LogInfo, ReadError, Reader, Record, Retention, Store};

use super::client::Client;
use super::plan::Plan;
use crate::checks::{Check, check};
use crate::oracle::{Found, FoundLog};

impl Client {
    /// Reads some records from an offset in or near the log.
    pub(crate) async fn read(&mut self, name: &str, log: LogId) {
        let Some(info) = self.store.log_info(log) else { return };
        let lowest = info.start.0.saturating_sub(2);
        let from = Offset(lowest + self.random.below(info.end.0 + 3 - lowest));
        let mut reader = self.store.reader(log, from);
        for _ in 0..=self.random.below(3) {
            let from = reader.next_offset();
            let Some(info) = self.store.log_info(log) else { return };
            let view = self.oracle.borrow().view(name, from, Some(info.end));
            if self.random.chance(0.5) {
                let was_given_up = self.read_for_a_moment(&mut reader).await;
                let is_there = !was_given_up || reader.next_offset() == from;
                check(Check::Read, is_there, || format!("{view:?} moved on"));
                continue;
            }
            match reader.read(1 << self.random.below(18)).await {
                Ok(records) => self.oracle.borrow_mut().check_records(&view, &records),
                Err(error) => {
                    let may_fail = self.plan.may_misread();
                    return self.oracle.borrow().check_read_error(&view, &error, may_fail);
                }
            }
        }
    }

    /// Begins to read and may lose interest before that ends, with operations in flight. What was
    /// read is not looked at.
    async fn read_for_a_moment(&mut self, reader: &mut Reader) -> bool {
        let patience = Duration::from_micros(self.random.below(200));
        let mut reading = pin!(reader.read(1 << 20));
        let mut sleep = pin!(self.shard.sleep(patience));
        std::future::poll_fn(|context| match reading.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| true),
        })
        .await
    }

    /// Follows a log until that ends.
    pub(crate) async fn follow(mut self) {
        let Some((name, log)) = self.some_log() else { return };
        let Some(info) = self.store.log_info(log) else { return };
        let from = Offset(info.start.0 + self.random.below(info.end.0 - info.start.0 + 1));
        let mut reader = self.store.reader(log, from);
        loop {
            let view = self.oracle.borrow().view(&name, reader.next_offset(), None);
            match reader.follow(1 << self.random.below(18)).await {
                Ok(records) => self.oracle.borrow_mut().check_records(&view, &records),
                Err(ReadError::Closed) => return,
                Err(error) => {
                    let may_fail = self.plan.may_misread();
                    return self.oracle.borrow().check_read_error(&view, &error, may_fail);
                }
            }
        }
    }

    /// Looks for the first record of a time or later.
    pub(crate) async fn look_up_time(&mut self, name: &str, log: LogId) {
        let Some(info) = self.store.log_info(log) else { return };
        let wall = self.shard.wall();
        let time = Plan::time(&mut self.random, wall).unwrap_or(wall);
        let view = self.oracle.borrow().view(name, info.start, Some(info.end));
        let found = self.store.offset_at(log, time).await;
        match found {
            Ok(found) => {
                let is_same_start =
                    self.store.log_info(log).is_some_and(|now| now.start == info.start);
                if is_same_start {
                    self.oracle.borrow().check_offset_at(&view, time, found);
                }
            }
            Err(error) => {
                let may_fail = self.plan.may_misread();
                self.oracle.borrow().check_read_error(&view, &error, may_fail);
            }
        }
    }
}

/// Everything that a store holds.
///
/// # Errors
/// The first that reading gives.
pub(crate) async fn read_back(store: &Store) -> Result<Found, ReadError> {
    let mut found = Found::new();
    for mut info in store.logs() {
        let records = loop {
            match read_log(store, &info).await {
                // Retention goes on while the log is read. It only ever moves the start up.
                Err(ReadError::Trimmed { start, .. }) if info.config.retention != NO_RETENTION => {
                    check(Check::Read, start > info.start, || format!("{info:?} from {start}"));
                    info.start = start;
                }
                read => break read?,
            }
        };
        let log = FoundLog { config: info.config, start: info.start, end: info.end, records };
        found.insert(info.name, log);
    }
    Ok(found)
}

async fn read_log(store: &Store, info: &LogInfo) -> Result<Vec<Record>, ReadError> {
    let mut reader = store.reader(info.id, info.start);
    let mut records = Vec::new();
    while reader.next_offset() < info.end {
        let read = reader.read(READ_BYTES).await?;
        let explain = || format!("{} ends before {}", info.name, info.end);
        check(Check::Acknowledged, !read.is_empty(), explain);
        records.extend(&read);
    }
    Ok(records)
}

const NO_RETENTION: Retention = Retention { age: None, bytes: None };
const READ_BYTES: usize = 256 << 10;
