//! The pieces that cases are made of: an engine to measure, a file for the ceiling, a stopwatch.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use roundhouse::{Durability, Engine, Log, block_on};
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::uring::ceiling::{self, Load, LoadKind, Outcome};

use crate::bench::{Bench, BenchError, LatencyUs, Sample, machine};

/// Measures wall-clock and CPU time.
pub(crate) struct Stopwatch {
    started: Instant,
    cpu: Duration,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a measurement has no shard to ask for the time")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch { started: Instant::now(), cpu: machine::cpu_time() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// CPU seconds of the whole process since the start.
    pub(crate) fn cpu_s(&self) -> f64 {
        machine::cpu_time().saturating_sub(self.cpu).as_secs_f64()
    }
}

/// An engine with one shard and one log in a fresh directory.
pub(crate) struct Subject {
    pub(crate) engine: Engine,
    pub(crate) log: Log,
}

impl Subject {
    /// Opens or creates it with slots that were written before, so that growth is not what is
    /// measured.
    pub(crate) fn open(
        bench: &Bench,
        name: &str,
        durability: Durability,
    ) -> Result<Subject, BenchError> {
        Subject::open_at(&bench.path(name), durability, &[])
    }

    /// The same anywhere and with other options.
    pub(crate) fn open_at(
        path: &Path,
        durability: Durability,
        options: &[(&str, &str)],
    ) -> Result<Subject, BenchError> {
        let mut builder = Engine::builder(path).option("shards", "1")?;
        for (key, value) in options {
            builder = builder.option(key, value)?;
        }
        let engine = block_on(builder.open())?;
        let log = block_on(engine.log("bench").durability(durability).open_or_create())?;
        Ok(Subject { engine, log })
    }

    pub(crate) fn close(self) -> Result<(), BenchError> {
        drop(self.log);
        Ok(block_on(self.engine.close())?)
    }
}

/// Runs a load of the ceiling on a file that is written once before.
pub(crate) fn run_ceiling(
    bench: &Bench,
    kind: LoadKind,
    bytes: usize,
    depth: usize,
) -> Result<Outcome, BenchError> {
    let file = ceiling_file(bench)?;
    let load =
        Load { kind, bytes, depth, duration: bench.duration(), file_bytes: CEILING_FILE_BYTES };
    Ok(ceiling::run(&file, load)?)
}

/// The file of the ceiling, opened for direct I/O; every block of it was written before.
pub(crate) fn ceiling_file(bench: &Bench) -> Result<File, BenchError> {
    let path = bench.path("ceiling");
    let is_new = !path.exists();
    let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(flags)
        .open(&path)?;
    if is_new {
        fill(&file)?;
    }
    Ok(file)
}

fn fill(file: &File) -> Result<(), BenchError> {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, CEILING_FILE_BYTES)?;
    let mut buffer = roundhouse_base::aligned_buffer(1 << 20);
    buffer.resize(1 << 20, 0xA5);
    let mut written = 0;
    while written < CEILING_FILE_BYTES {
        written += rustix::io::pwrite(file, &buffer, written)? as u64;
    }
    Ok(file.sync_all()?)
}

/// A sample of operations per second.
pub(crate) fn rate(
    subject: &'static str,
    unit: &'static str,
    count: u64,
    watch: &Stopwatch,
    latency: Option<&LatencyHistogram>,
) -> Sample {
    Sample {
        subject,
        unit,
        value: count as f64 / watch.elapsed().as_secs_f64(),
        latency_us: latency.map(percentiles),
        cpu_s: watch.cpu_s(),
        note: String::new(),
    }
}

pub(crate) fn percentiles(latency: &LatencyHistogram) -> LatencyUs {
    let us = |quantile| latency.quantile(quantile).as_secs_f64() * 1e6;
    LatencyUs { p50: us(0.5), p99: us(0.99), p999: us(0.999) }
}

/// Bytes of the ceiling's file: larger than any cache of a device that matters here.
pub(crate) const CEILING_FILE_BYTES: u64 = 1 << 30;
