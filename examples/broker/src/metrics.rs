//! What the broker counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that other threads may read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// What it came to.
    pub fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard's part of the broker counts.
#[derive(Debug, Default)]
pub struct NodeMetrics {
    /// Requests answered, or taken where no answer is wanted.
    pub requests: Count,
    /// Connections ended because of what came over them.
    pub malformed: Count,
    /// Batches appended.
    pub batches_produced: Count,
    /// Records in them.
    pub records_produced: Count,
    /// Bytes of them.
    pub bytes_produced: Count,
    /// Bytes of batches sent to consumers.
    pub bytes_fetched: Count,
}
