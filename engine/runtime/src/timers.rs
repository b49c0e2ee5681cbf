//! Timers of one shard, kept in user space: the driver sleeps until the earliest and nothing ticks.

use std::collections::BTreeMap;
use std::task::Waker;

use roundhouse_base::Monotonic;

/// A set of deadlines with the tasks to wake at them.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// The second part of the key keeps equal deadlines apart, in the order they were set.
    wakers: BTreeMap<TimerKey, Waker>,
    next_id: u64,
}

/// Names one timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    deadline: Monotonic,
    id: u64,
}

impl Timers {
    /// Wakes `waker` at `deadline`.
    pub(crate) fn set(&mut self, deadline: Monotonic, waker: Waker) -> TimerKey {
        let key = TimerKey { deadline, id: self.next_id };
        self.next_id += 1;
        self.wakers.insert(key, waker);
        key
    }

    /// Changes whom a timer wakes; no effect on one that fired.
    pub(crate) fn update(&mut self, key: TimerKey, waker: &Waker) {
        if let Some(old) = self.wakers.get_mut(&key) {
            old.clone_from(waker);
        }
    }

    /// Forgets a timer; no effect on one that fired.
    pub(crate) fn cancel(&mut self, key: TimerKey) {
        self.wakers.remove(&key);
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.wakers.first_key_value().map(|(key, _)| key.deadline)
    }

    /// Takes out one timer that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Monotonic) -> Option<Waker> {
        let first = self.wakers.first_entry()?;
        if first.key().deadline <= now { Some(first.remove()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_a_cancelled_one_never_does() {
        let mut timers = Timers::default();
        let late = timers.set(Monotonic(20), Waker::noop().clone());
        timers.set(Monotonic(10), Waker::noop().clone());
        assert_eq!(timers.next_deadline(), Some(Monotonic(10)));

        assert!(timers.pop_due(Monotonic(9)).is_none());
        assert!(timers.pop_due(Monotonic(15)).is_some());
        timers.cancel(late);
        assert!(timers.pop_due(Monotonic(100)).is_none());
        assert_eq!(timers.next_deadline(), None);
    }
}
