//! How long requests take, as counts below bounds, which Prometheus can add up over time and brokers.

use std::fmt::Write;
use std::time::Duration;

use crate::metrics::Count;

/// Counts of durations by how long they were.
#[derive(Debug, Default)]
pub struct Latency {
    /// Those up to each bound and above the one before; the last is without bound.
    counts: [Count; BOUNDS.len() + 1],
    nanos: Count,
}

impl Latency {
    /// Counts one.
    pub fn record(&self, time: Duration) {
        let at = BOUNDS.iter().position(|(bound, _)| time <= *bound).unwrap_or(BOUNDS.len());
        self.counts[at].add(1);
        self.nanos.add(time.as_nanos() as u64);
    }

    /// Writes it as a histogram of OpenMetrics, whose type was declared; `labels` without braces.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, text: &mut impl Write, name: &str, labels: &str) -> std::fmt::Result {
        let mut upto = 0;
        let labelled = BOUNDS.iter().map(|(_, label)| *label).chain(["+Inf"]);
        for (count, bound) in self.counts.iter().zip(labelled) {
            upto += count.load();
            writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {upto}")?;
        }
        writeln!(text, "{name}_count{{{labels}}} {upto}")?;
        let seconds = Duration::from_nanos(self.nanos.load()).as_secs_f64();
        writeln!(text, "{name}_sum{{{labels}}} {seconds:.9}")
    }
}

/// Bounds with their labels, in seconds.
const BOUNDS: [(Duration, &str); 12] = [
    (Duration::from_micros(100), "0.0001"),
    (Duration::from_micros(250), "0.00025"),
    (Duration::from_micros(500), "0.0005"),
    (Duration::from_millis(1), "0.001"),
    (Duration::from_micros(2500), "0.0025"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(2), "2.0"),
    (Duration::from_secs(10), "10.0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_counts_all_that_were_shorter() {
        let latency = Latency::default();
        for time in [Duration::from_micros(90), Duration::from_millis(1), Duration::from_mins(1)] {
            latency.record(time);
        }
        let mut text = String::new();
        latency.write(&mut text, "a_seconds", "shard=\"0\"").unwrap();
        let count = |bound: &str| {
            let line = format!("a_seconds_bucket{{shard=\"0\",le=\"{bound}\"}} ");
            text.lines().find_map(|found| found.strip_prefix(&line)).unwrap().to_owned()
        };
        assert_eq!([count("0.0001"), count("0.0005"), count("0.001")], ["1", "1", "2"]);
        assert_eq!([count("10.0"), count("+Inf")], ["2", "3"]);
        assert!(text.ends_with("a_seconds_sum{shard=\"0\"} 60.001090000\n"), "{text}");
    }
}
