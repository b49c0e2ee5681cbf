//! What a client does to whole logs: creating, cutting, configuring and deleting them, and syncing.

use std::future::Future;
use std::pin::pin;

use roundhouse_base::{LogId, Offset};
use roundhouse_store::{AppendError, LogError};

use super::client::Client;
use super::plan::Plan;
use crate::checks::{Check, check, fail};
use crate::oracle::Op;
use crate::scenario::Scenario;

impl Client {
    pub(crate) async fn create(&mut self) {
        let name = self.oracle.borrow_mut().new_name();
        let config = Plan::config(&mut self.random);
        let op = Op::Create { name: name.clone(), config };
        let created = self.change(&name, op, self.store.create_log(&name, config)).await;
        if let Some(log) = created {
            let is_found = self.store.find(&name) == Some(log);
            let is_gone = || !self.oracle.borrow().live.logs.contains_key(&name);
            check(Check::Contract, is_found || is_gone(), || format!("{name} is not {log}"));
        }
    }

    pub(crate) async fn configure(&mut self, name: &str, log: LogId) {
        let config = Plan::config(&mut self.random);
        let op = Op::Configure { name: name.to_owned(), config };
        self.change(name, op, self.store.configure(log, config)).await;
    }

    pub(crate) async fn delete(&mut self, name: &str, log: LogId) {
        let op = Op::Delete { name: name.to_owned() };
        self.change(name, op, self.store.delete_log(log)).await;
    }

    /// Trims a log to some offset that readers can see.
    pub(crate) async fn trim(&mut self, name: &str, log: LogId) {
        let Some(info) = self.store.log_info(log) else { return };
        let start = Offset(info.start.0 + self.random.below(info.end.0 - info.start.0 + 1));
        self.trim_to(name, log, start).await;
    }

    pub(crate) async fn trim_to(&self, name: &str, log: LogId, start: Offset) {
        let op = Op::Trim { name: name.to_owned(), start };
        self.change(name, op, self.store.trim(log, start)).await;
    }

    /// Truncates a log, mostly near its end.
    pub(crate) async fn truncate(&mut self, name: &str, log: LogId) {
        let Some(info) = self.store.log_info(log) else { return };
        let end = self.oracle.borrow().live.logs[name].end;
        let range = (end.0 - info.start.0).min(1 << self.random.below(12));
        let end = Offset(end.0 - self.random.below(range + 1));
        let op = Op::Truncate { name: name.to_owned(), end };
        self.change(name, op, self.store.truncate(log, end)).await;
    }

    pub(crate) async fn sync(&mut self, name: &str, log: LogId) {
        let upto = self.oracle.borrow().last_append(name);
        match self.store.sync(log).await {
            Ok(_) => self.oracle.borrow_mut().made_durable(upto),
            Err(error) => self.refused(name, &error),
        }
    }

    /// Carries a change out. The oracle is told at the very moment it is put in line, which shows
    /// in that the store did not ask the caller to wait for room.
    async fn change<T>(
        &self,
        name: &str,
        op: Op,
        change: impl Future<Output = Result<T, LogError>>,
    ) -> Option<T> {
        let counters = self.store.counters();
        let mut change = pin!(change);
        let mut upto = None;
        let result = std::future::poll_fn(|context| {
            let refusals = counters.backpressure.load();
            let poll = change.as_mut().poll(context);
            let is_accepted = poll.is_pending() && counters.backpressure.load() == refusals;
            if is_accepted && upto.is_none() {
                upto = Some(self.oracle.borrow_mut().submit(op.clone(), None));
            }
            poll
        })
        .await;
        match result {
            Ok(value) => {
                self.oracle.borrow_mut().made_durable(upto.unwrap_or(0));
                return Some(value);
            }
            Err(LogError::Append(AppendError::NoSpace { reason })) => {
                let is_expected = matches!(self.plan.scenario, Scenario::Full | Scenario::Writing);
                let explain = || format!("{op:?}: no space: {reason}");
                check(Check::NoFalseRefusal, is_expected, explain);
            }
            Err(LogError::Append(error)) => self.refused(name, &error),
            // Retention or another client was faster.
            Err(LogError::OutOfRange { offset, start, end }) => {
                let is_outside = offset < start || offset > end;
                let explain = || format!("{op:?} within {start} to {end}");
                check(Check::NoFalseRefusal, is_outside, explain);
            }
            Err(error) => fail(Check::NoFalseRefusal, || format!("{op:?}: {error}")),
        }
        None
    }
}
