//! What a shard's loop counts about itself.

use roundhouse_base::metrics::Cell;

/// Counters of one loop, written by its thread, readable by any.
#[derive(Debug, Default)]
pub struct TurnCounters {
    /// Turns taken.
    pub turns: Cell,
    /// Completions taken in.
    pub completions: Cell,
    /// Times the shard went to sleep.
    pub sleeps: Cell,
    /// Spins that ended because there was something to do.
    pub spins_paid: Cell,
    /// Spins that ended because their budget was spent.
    pub spins_wasted: Cell,
}
