//! Metric cells: written by one shard without locks, read by anyone at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

/// A number that only one thread writes and any thread may read.
///
/// Writing is a plain load and store, no locked instruction.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Adds `amount`. Only the owning thread may call this.
    pub fn add(&self, amount: u64) {
        self.set(self.load().wrapping_add(amount));
    }

    /// Replaces the value. Only the owning thread may call this.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value as last written.
    pub fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Latencies from 100 ns to 60 s with three significant digits, in a fixed 200 KiB or so.
#[derive(Clone, Debug)]
pub struct LatencyHistogram(Histogram<u64>);

const LATENCY_NS_MIN: u64 = 100;
const LATENCY_NS_MAX: u64 = 60_000_000_000;

impl LatencyHistogram {
    /// An empty histogram; recording into it never allocates.
    ///
    /// # Panics
    /// Never: the bounds are constants that the histogram accepts.
    pub fn new() -> LatencyHistogram {
        let histogram = Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, 3);
        LatencyHistogram(histogram.expect("constant bounds are valid"))
    }

    /// Counts one latency; what lies outside the range counts as its nearest end.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds another shard's counts.
    ///
    /// # Panics
    /// Never: all histograms have the same bounds.
    pub fn merge(&mut self, other: &LatencyHistogram) {
        self.0.add(&other.0).expect("histograms have equal bounds");
    }

    /// The latency that the fraction `quantile` (0..=1) of all counted ones did not exceed.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }

    /// The largest counted latency.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The sum of all counted latencies, to the histogram's precision.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos((self.0.mean() * self.0.len() as f64) as u64)
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        LatencyHistogram::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_keep_three_digits_and_outliers_count_at_the_ends() {
        let mut histogram = LatencyHistogram::new();
        for us in 1..=1000 {
            histogram.record(Duration::from_micros(us));
        }
        let p99 = histogram.quantile(0.99).as_nanos();
        assert!((990_000..=991_000).contains(&p99), "{p99}");
        histogram.record(Duration::from_hours(1));
        assert_eq!(histogram.count(), 1001);
        assert!(histogram.max() >= Duration::from_mins(1));
    }
}
