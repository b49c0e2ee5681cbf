//! The cases of `bench read`.

use std::path::Path;
use std::time::Duration;

use roundhouse::{Durability, LocalLog, NewRecord, Offset, ShardHandle, ShardId, block_on};
use roundhouse_runtime::uring::ceiling::{self, Load, LoadKind};
use roundhouse_store::Refusal;

use crate::bench::workload::{
    CEILING_FILE_BYTES, Stopwatch, Subject, ceiling_file, percentiles, rate,
};
use crate::bench::{Bench, BenchError, Case, Sample, machine};

/// All of them, in the order they run in each round.
pub(crate) const CASES: &[Case] = &[
    Case { name: "cold-sequential", run: cold },
    Case { name: "tail-100", run: tail },
    Case { name: "open", run: open },
    Case { name: "idle", run: idle },
];

/// Reads a log of 1 KiB records back from disk, beside direct reads of a file on a bare ring.
fn cold(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let file = ceiling_file(bench)?;
    let load = Load {
        kind: LoadKind::Read,
        bytes: 512 << 10,
        depth: 4,
        duration: Duration::from_hours(1),
        file_bytes: CEILING_FILE_BYTES,
    };
    let watch = Stopwatch::start();
    let outcome = ceiling::run(&file, load)?;
    let bytes = outcome.operations * load.bytes as u64;
    let ceiling = Sample {
        latency_us: Some(percentiles(&outcome.latency)),
        ..megabytes("ceiling", bytes, &watch)
    };

    let path = bench.path("cold");
    let is_new = !path.exists();
    let subject = Subject::open_at(&path, Durability::Never, &[])?;
    if is_new {
        fill(&subject, 1024, CEILING_FILE_BYTES)?;
    }
    subject.close()?;
    // Opened again, nothing of it is in memory.
    let subject = Subject::open_at(&path, Durability::Never, &[])?;
    let watch = Stopwatch::start();
    let records = read_all(&subject)?;
    let sample = megabytes("roundhouse", records * 1024, &watch);
    subject.close()?;
    Ok(vec![ceiling, sample])
}

/// Reads records of 100 bytes that are still in memory.
fn tail(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let path = bench.path("tail");
    let subject = Subject::open_at(&path, Durability::Never, &[("memory", "256MiB")])?;
    fill(&subject, 100, 100 * TAIL_RECORDS)?;
    let watch = Stopwatch::start();
    let mut records = 0;
    while watch.elapsed() < bench.duration() {
        records += read_all(&subject)?;
    }
    let sample = rate("roundhouse", "records/s", records, &watch, None);
    subject.close()?;
    std::fs::remove_dir_all(path)?;
    Ok(vec![sample])
}

/// Opens a large store that was closed in order, and the same after a process was killed: then the
/// superblock says nothing about where the log ends.
fn open(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let path = bench.path("open");
    if !path.exists() {
        let subject = Subject::open_at(&path, Durability::Never, &[])?;
        fill(&subject, 16 << 10, bench.args.store.0)?;
        subject.close()?;
    }
    let clean = time_open(&path, "open, clean")?;
    kill_while_open(&path)?;
    let killed = time_open(&path, "open, killed")?;
    Ok(vec![clean, killed])
}

fn time_open(path: &Path, unit: &'static str) -> Result<Sample, BenchError> {
    let watch = Stopwatch::start();
    let subject = Subject::open_at(path, Durability::Always, &[])?;
    let sample = Sample {
        subject: "roundhouse",
        unit,
        value: watch.elapsed().as_secs_f64(),
        latency_us: None,
        cpu_s: watch.cpu_s(),
        note: "seconds".to_owned(),
    };
    subject.close()?;
    Ok(sample)
}

/// Has another process of this program append to the store, and kills it.
fn kill_while_open(path: &Path) -> Result<(), BenchError> {
    use std::io::{BufRead, BufReader, Write};
    let mut child = std::process::Command::new(std::env::current_exe()?)
        .args(["append", "--log", "bench", "--dir"])
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    if let Some(stdin) = &mut child.stdin {
        for _ in 0..1000 {
            writeln!(stdin, "a line that will be durable before the kill")?;
        }
        stdin.flush()?;
    }
    let mut line = String::new();
    if let Some(stdout) = &mut child.stdout {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    child.kill()?;
    child.wait()?;
    if line.starts_with("durable") {
        Ok(())
    } else {
        Err(format!("the writer said {line:?}").into())
    }
}

/// An open engine that nobody uses: CPU time and memory.
fn idle(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let before = machine::resident_bytes();
    let subject = Subject::open(bench, "idle", Durability::Always)?;
    // The anchor of the opening is written first.
    pause(Duration::from_millis(400));
    let watch = Stopwatch::start();
    pause(bench.duration());
    let value = watch.cpu_s() / watch.elapsed().as_secs_f64() * 100.0;
    let resident = machine::resident_bytes();
    let sample = |unit, value| Sample {
        subject: "roundhouse",
        unit,
        value,
        latency_us: None,
        cpu_s: watch.cpu_s(),
        note: String::new(),
    };
    let grown = resident.saturating_sub(before) as f64 / f64::from(1 << 20);
    let samples = vec![
        sample("% CPU", value),
        sample("MiB grown", grown),
        sample("MiB in all", resident as f64 / f64::from(1 << 20)),
    ];
    subject.close()?;
    Ok(samples)
}

#[expect(clippy::disallowed_methods, reason = "the measured thing is doing nothing for a while")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

fn megabytes(subject: &'static str, bytes: u64, watch: &Stopwatch) -> Sample {
    Sample {
        subject,
        unit: "MB/s",
        value: bytes as f64 / 1e6 / watch.elapsed().as_secs_f64(),
        latency_us: None,
        cpu_s: watch.cpu_s(),
        note: String::new(),
    }
}

/// Appends records of `body_bytes` until there are `bytes`.
fn fill(subject: &Subject, body_bytes: usize, bytes: u64) -> Result<(), BenchError> {
    let log = subject.log.clone();
    let program = move |shard: ShardHandle| async move {
        let local = shard.local(&log)?;
        let body = vec![0xA5; body_bytes];
        let batch = vec![NewRecord::from(&body[..]); (64 << 10) / body_bytes.min(64 << 10)];
        let mut filled = 0;
        while filled < bytes {
            match local.try_append(&batch) {
                Ok(_) => filled += (batch.len() * body_bytes) as u64,
                Err(Refusal::Wait) => local.wait_for_room().await,
                Err(Refusal::Error(_)) => return None,
            }
        }
        local.sync().await.ok()
    };
    let filled = block_on(subject.engine.spawn_on(ShardId(0), program))?;
    filled.map(drop).ok_or_else(|| "the store could not be filled".into())
}

/// Reads a whole log on its shard, looking at every record, and counts.
fn read_all(subject: &Subject) -> Result<u64, BenchError> {
    let log = subject.log.clone();
    let program = move |shard: ShardHandle| async move {
        let local = shard.local(&log)?;
        count_all(&local).await
    };
    let counted = block_on(subject.engine.spawn_on(ShardId(0), program))?;
    counted.ok_or_else(|| "the log could not be read".into())
}

async fn count_all(log: &LocalLog) -> Option<u64> {
    let info = log.info()?;
    let mut reader = log.reader(info.start);
    let mut expected = info.start;
    while reader.next_offset() < info.end {
        let records = reader.read(1 << 20).await.ok()?;
        for record in &records {
            if record.offset != expected || record.body.is_empty() {
                return None;
            }
            expected = Offset(expected.0 + 1);
        }
    }
    Some(expected.0 - info.start.0)
}

/// Records in memory for the tail: with their headers less than the cache of 256 MiB.
const TAIL_RECORDS: u64 = 1_000_000;
