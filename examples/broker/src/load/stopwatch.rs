//! Time as a generator reads it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Time since a beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "a load generator is on no shard")]
    pub(super) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since then.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The same in ns.
    pub(super) fn nanos(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// A histogram of latencies in ns up to a minute, exact to three digits.
pub(super) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("the bounds are in order")
}

/// Notes a latency.
pub(super) fn note(latencies: &mut Histogram<u64>, nanos: u64) {
    latencies.saturating_record(nanos.clamp(1, LATENCY_NS_MAX));
}

/// A minute.
const LATENCY_NS_MAX: u64 = 60_000_000_000;
