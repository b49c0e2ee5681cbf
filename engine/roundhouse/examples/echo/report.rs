//! What came of the calls.

use std::fmt;
use std::time::Duration;

use roundhouse::metrics::LatencyHistogram;

/// What one connection, or all together, measured.
#[derive(Clone)]
pub(super) struct Report {
    pub(super) latencies: LatencyHistogram,
    /// Messages that never came back.
    pub(super) lost: u64,
    /// Bytes of answers.
    pub(super) bytes: u64,
    /// The longest that one of the connections was at it.
    pub(super) time: Duration,
}

impl Report {
    pub(super) fn new() -> Report {
        let latencies = LatencyHistogram::new();
        Report { latencies, lost: 0, bytes: 0, time: Duration::ZERO }
    }

    pub(super) fn answered(&mut self, latency: Duration, bytes: usize) {
        self.latencies.record(latency);
        self.bytes += bytes as u64;
    }

    pub(super) fn merge(&mut self, other: &Report) {
        self.latencies.merge(&other.latencies);
        self.lost += other.lost;
        self.bytes += other.bytes;
        self.time = self.time.max(other.time);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        let answers = self.latencies.count();
        let rate = answers as f64 / seconds;
        let megabytes = self.bytes as f64 / seconds / 1e6;
        writeln!(f, "{answers} answers in {seconds:.2} s, all of them right; {} lost", self.lost)?;
        writeln!(f, "rate    {rate:.0}/s, {megabytes:.1} MB/s each way")?;
        for (name, quantile) in [("p50 ", 0.5), ("p99 ", 0.99), ("p999", 0.999)] {
            writeln!(f, "{name}    {:.1?}", self.latencies.quantile(quantile))?;
        }
        writeln!(f, "max     {:.1?}", self.latencies.max())
    }
}
