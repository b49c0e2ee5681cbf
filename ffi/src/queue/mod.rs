//! Completion queues: where operations are submitted to and their completions taken from.

mod alarm;
mod completion;
mod functions;
mod inner;
mod source;

use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use roundhouse::{Append, Errno};

use crate::failure::Failure;
use crate::handle::{Handle, Kind};
use alarm::Alarm;
use inner::Inner;
use source::Source;

pub(crate) use completion::Success;
pub use completion::*;
pub use functions::*;
pub(crate) use source::{Many, Once, Outcome};

/// A completion queue, served by whichever thread takes from it.
pub struct rh_queue;

impl Handle for rh_queue {
    type Object = Queue;
    const KIND: Kind = Kind::Queue;
}

/// A queue behind its handle.
pub(crate) struct Queue {
    alarm: Arc<Alarm>,
    inner: Mutex<Inner>,
}

impl Queue {
    fn new(depth: usize) -> Result<Queue, Errno> {
        let alarm = Arc::new(Alarm::new()?);
        Ok(Queue { inner: Mutex::new(Inner::new(alarm.clone(), depth)), alarm })
    }

    /// Submits an operation that completes once, if there is room. `make` makes it; what it says is begun
    /// when this returns.
    pub(crate) fn submit(
        &self,
        op: u32,
        user_data: u64,
        make: impl FnOnce() -> Result<Once, Failure>,
    ) -> Result<(), Failure> {
        self.submit_once(op, user_data, false, make)
    }

    /// The same for one that is not given up by `rh_queue_cancel`, because it has memory of the program's.
    pub(crate) fn submit_held(
        &self,
        op: u32,
        user_data: u64,
        make: impl FnOnce() -> Result<Once, Failure>,
    ) -> Result<(), Failure> {
        self.submit_once(op, user_data, true, make)
    }

    fn submit_once(
        &self,
        op: u32,
        user_data: u64,
        is_held: bool,
        make: impl FnOnce() -> Result<Once, Failure>,
    ) -> Result<(), Failure> {
        let mut inner = self.lock();
        inner.check_room()?;
        inner.add(Source::Once { user_data, op, future: make()?, is_held });
        Ok(())
    }

    /// Submits an operation that completes as often as it has credits, if there is room.
    pub(crate) fn submit_many(
        &self,
        op: u32,
        user_data: u64,
        credits: u32,
        make: impl FnOnce() -> Many,
    ) -> Result<(), Failure> {
        let mut inner = self.lock();
        inner.check_room()?;
        inner.add(Source::Many { user_data, op, stream: make(), credits });
        Ok(())
    }

    /// Submits appends to one log as far as there is room and returns how many that were. `make` makes the
    /// next, with its `user_data`.
    ///
    /// # Errors
    /// There is no room for any, or `make` fails; those before it are under way then.
    pub(crate) fn submit_appends(
        &self,
        log: usize,
        count: usize,
        mut make: impl FnMut(usize) -> (u64, Append),
    ) -> Result<usize, Failure> {
        let mut inner = self.lock();
        inner.check_room()?;
        let taken = count.min(inner.room());
        inner.add_appends(log, (0..taken).map(&mut make));
        Ok(taken)
    }

    /// Takes completions that are there, and returns how many. Arms the descriptor if it took all.
    fn poll(&self, out: &mut [MaybeUninit<rh_completion>]) -> usize {
        let mut inner = self.lock();
        let taken = inner.take(out);
        if taken == out.len() && inner.may_have_more() {
            self.alarm.keep_signalled();
        }
        taken
    }

    /// Takes completions, waiting for the first at most as long as `timeout` says; `None` is for ever.
    fn wait(&self, out: &mut [MaybeUninit<rh_completion>], timeout: Option<Duration>) -> usize {
        let taken = self.poll(out);
        if taken > 0 || out.is_empty() || timeout == Some(Duration::ZERO) {
            return taken;
        }
        // Who waits for ever needs no clock.
        let deadline = timeout.map(|timeout| (now(), timeout));
        loop {
            let left = deadline
                .map(|(start, timeout)| timeout.saturating_sub(now().duration_since(start)));
            self.alarm.sleep(left);
            let taken = self.poll(out);
            if taken > 0 || left == Some(Duration::ZERO) {
                return taken;
            }
        }
    }

    /// Also after a panic under the lock: the handle is latched then, and nobody comes here again.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "the host waits by its own clock; no shard sees it")]
fn now() -> Instant {
    Instant::now()
}
