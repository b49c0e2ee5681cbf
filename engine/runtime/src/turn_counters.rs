//! What a shard's loop counts about itself.

use std::time::Duration;

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
    /// How long turns took, without spinning and sleeping.
    pub times: TurnTimes,
}

/// Turns by how long they took. A long one is one that everything else on the shard waited for.
#[derive(Debug, Default)]
pub struct TurnTimes {
    /// Turns up to each of [`TurnTimes::BOUNDS_US`] and above the one before; the last is without bound.
    counts: [Cell; TurnTimes::BOUNDS_US.len() + 1],
    nanos: Cell,
}

impl TurnTimes {
    /// Bounds of the classes, in us.
    pub const BOUNDS_US: [u64; 9] = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];

    /// Counts one turn. Only the owning thread may call this.
    pub(crate) fn record(&self, time: Duration) {
        let micros = time.as_micros();
        let is_within = |bound: &u64| micros <= u128::from(*bound);
        let class = TurnTimes::BOUNDS_US.iter().position(is_within);
        self.counts[class.unwrap_or(TurnTimes::BOUNDS_US.len())].add(1);
        self.nanos.add(time.as_nanos() as u64);
    }

    /// Turns of each class.
    pub fn counts(&self) -> [u64; TurnTimes::BOUNDS_US.len() + 1] {
        std::array::from_fn(|class| self.counts[class].load())
    }

    /// The time of all turns together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos.load())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_by_the_first_bound_they_do_not_exceed() {
        let times = TurnTimes::default();
        for micros in [0, 10, 11, 100_000, 100_001] {
            times.record(Duration::from_micros(micros));
        }
        assert_eq!(times.counts(), [2, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(times.sum(), Duration::from_micros(200_022));
    }
}
