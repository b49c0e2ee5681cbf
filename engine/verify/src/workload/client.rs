//! One of several tasks that use a store at the same time, each operation checked by the oracle.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use roundhouse_base::{LogId, Random};
use roundhouse_runtime::Shard;
use roundhouse_store::{AppendError, Store};

use super::plan::Plan;
use crate::checks::{Check, check, fail};
use crate::oracle::Oracle;

/// What a client works with.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) shard: Shard,
    pub(crate) store: Store,
    pub(crate) plan: Rc<Plan>,
    pub(crate) oracle: Rc<RefCell<Oracle>>,
    pub(crate) random: Random,
}

impl Client {
    /// Does some random work.
    pub(crate) async fn work(mut self) {
        for _ in 0..self.random.below(self.plan.steps_max + 1) {
            self.step().await;
            let info = self.store.info();
            let is_bounded = info.cache_bytes as u64 <= self.plan.options.memory_bytes;
            check(Check::Memory, is_bounded, || format!("{info:?}"));
        }
    }

    async fn step(&mut self) {
        let logs = self.oracle.borrow().live.logs.len();
        if logs == 0 || (logs < self.plan.logs_max && self.random.chance(0.1)) {
            return self.create().await;
        }
        let Some((name, log)) = self.some_log() else { return };
        match self.random.below(100) {
            0..45 => self.append(&name, log, 1).await,
            45..60 => {
                let count = 1 + self.random.below(20);
                self.append(&name, log, count).await;
            }
            60..70 => self.read(&name, log).await,
            70..75 => self.look_up_time(&name, log).await,
            75..80 => self.sync(&name, log).await,
            80..84 => self.trim(&name, log).await,
            84..88 => self.truncate(&name, log).await,
            88..90 => self.configure(&name, log).await,
            90 => self.delete(&name, log).await,
            _ => {
                let pause = Duration::from_micros(1 << self.random.below(19));
                self.shard.sleep(pause).await;
            }
        }
    }

    /// A log that exists.
    pub(crate) fn some_log(&mut self) -> Option<(String, LogId)> {
        let name = {
            let oracle = self.oracle.borrow();
            let logs = &oracle.live.logs;
            let place = self.random.below(logs.len().max(1) as u64);
            logs.keys().nth(place as usize)?.clone()
        };
        let log = self.store.find(&name).expect("a log that was created is there at once");
        Some((name, log))
    }

    /// Judges why something was not done.
    pub(crate) fn refused(&self, name: &str, error: &AppendError) {
        let mut oracle = self.oracle.borrow_mut();
        match error {
            AppendError::Failed(failure) => oracle.stopped(failure),
            AppendError::Deleted => {
                let is_gone = !oracle.live.logs.contains_key(name);
                check(Check::Contract, is_gone, || format!("{name} is there"));
            }
            other => fail(Check::NoFalseRefusal, || format!("{name}: {other}")),
        }
    }
}
