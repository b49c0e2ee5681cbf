//! One figure with what it cost.

use roundhouse_base::metrics::LatencyHistogram;
use serde::{Deserialize, Serialize};

use crate::stage::Spent;

/// One figure of one subject in one case. What was not measured is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What the value counts; a unit that ends in `/s` is better when higher, any other when lower.
    pub unit: String,
    /// How much of it.
    pub value: f64,
    /// The latency half of the operations did not exceed, in microseconds.
    pub p50_us: Option<f64>,
    /// The same for 99 of 100.
    pub p99_us: Option<f64>,
    /// The same for 999 of 1000.
    pub p999_us: Option<f64>,
    /// Seconds of CPU that the process used meanwhile, user and system, all threads.
    pub cpu_s: Option<f64>,
    /// The largest resident memory of the process up to the end, in MiB.
    pub rss_mib: Option<f64>,
    /// Whatever else a reader should know.
    pub note: String,
    /// The latency 9 of 10 operations did not exceed, in microseconds.
    pub p90_us: Option<f64>,
    /// The longest latency, in microseconds.
    pub max_us: Option<f64>,
    /// Operations done: what CPU time and system calls are divided by.
    pub operations: Option<u64>,
    /// System calls of the process per operation.
    pub syscalls_per_op: Option<f64>,
    /// Operations that the kernel handed to a worker thread of the ring.
    pub punts: Option<u64>,
}

impl Measurement {
    /// A bare figure.
    pub fn new(unit: &str, value: f64) -> Measurement {
        Measurement {
            unit: unit.to_owned(),
            value,
            p50_us: None,
            p99_us: None,
            p999_us: None,
            cpu_s: None,
            rss_mib: None,
            note: String::new(),
            p90_us: None,
            max_us: None,
            operations: None,
            syscalls_per_op: None,
            punts: None,
        }
    }

    /// That there is no figure, and why.
    pub fn failure(why: impl Into<String>) -> Measurement {
        Measurement::new(FAILURE, 0.0).note(why)
    }

    /// Whether there is no figure, since the subject failed.
    pub fn is_failure(&self) -> bool {
        self.unit == FAILURE
    }

    /// Operations per second, and what they cost.
    pub fn rate(unit: &str, operations: u64, spent: &Spent) -> Measurement {
        let value = operations as f64 / spent.wall.as_secs_f64();
        Measurement::new(unit, value).cost(operations, spent)
    }

    /// Millions of bytes per second, moved by so many operations.
    pub fn bandwidth(bytes: u64, operations: u64, spent: &Spent) -> Measurement {
        let value = bytes as f64 / 1e6 / spent.wall.as_secs_f64();
        Measurement::new("MB/s", value).cost(operations, spent)
    }

    /// Adds what so many operations cost.
    pub fn cost(mut self, operations: u64, spent: &Spent) -> Measurement {
        self.operations = Some(operations);
        self.cpu_s = Some(spent.cpu.as_secs_f64());
        let per_operation = |count: u64| count as f64 / operations.max(1) as f64;
        self.syscalls_per_op = spent.syscalls.map(per_operation);
        self.punts = spent.punts;
        self
    }

    /// Adds the distribution of the latencies.
    pub fn latency(mut self, latency: &LatencyHistogram) -> Measurement {
        let us = |quantile| Some(latency.quantile(quantile).as_secs_f64() * 1e6);
        self.p50_us = us(0.5);
        self.p90_us = us(0.9);
        self.p99_us = us(0.99);
        self.p999_us = us(0.999);
        self.max_us = Some(latency.max().as_secs_f64() * 1e6);
        self
    }

    /// Adds a note.
    pub fn note(mut self, note: impl Into<String>) -> Measurement {
        self.note = note.into();
        self
    }

    /// Whether more of the unit is better.
    pub fn is_better_higher(unit: &str) -> bool {
        unit.ends_with("/s")
    }
}

/// The unit of what could not be measured.
const FAILURE: &str = "failed";
