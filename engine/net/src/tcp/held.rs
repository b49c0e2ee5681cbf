//! Accounting for memory.

use std::sync::Arc;

use super::TcpCounters;

/// One direction's share of [`TcpCounters::held_bytes`], given back with it.
#[derive(Debug)]
pub(super) struct Held {
    counters: Arc<TcpCounters>,
    bytes: u64,
}

impl Held {
    pub(super) fn new(counters: &Arc<TcpCounters>) -> Held {
        Held { counters: counters.clone(), bytes: 0 }
    }

    /// Says how much it is now.
    pub(super) fn set(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes as u64);
        let sum = &self.counters.held_bytes;
        sum.set(sum.load() - before + self.bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}
