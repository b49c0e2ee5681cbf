//! The cases of `bench append`.

use std::time::Duration;

use futures_util::future::join_all;
use roundhouse::{Durability, LocalLog, NewRecord, Offset, ShardHandle, ShardId, block_on};
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::uring::ceiling::LoadKind;
use roundhouse_store::Refusal;

use crate::bench::workload::{Stopwatch, Subject, percentiles, rate, run_ceiling};
use crate::bench::{Bench, BenchError, Case, Sample};

/// All of them, in the order they run in each round.
pub(crate) const CASES: &[Case] = &[
    Case { name: "durable-1k-one-writer", run: one_writer },
    Case { name: "durable-1k-64-tasks", run: tasks },
    Case { name: "durable-1k-64-threads", run: threads },
    Case { name: "durable-1k-bandwidth", run: durable_bandwidth },
    Case { name: "durable-1k-growth", run: growth },
    Case { name: "never-1k-bandwidth", run: never_bandwidth },
    Case { name: "never-100-records", run: never_small },
];

/// One task on the shard, which waits for each append, beside one durable block at a time.
fn one_writer(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let watch = Stopwatch::start();
    let bare = run_ceiling(bench, LoadKind::DurableWrite, 4096, 1)?;
    let ceiling = rate("ceiling", "ops/s", bare.operations, &watch, Some(&bare.latency));

    let subject = Subject::open(bench, "one-writer", Durability::Always)?;
    recycle(&subject)?;
    let (log, duration) = (subject.log.clone(), bench.duration());
    let watch = Stopwatch::start();
    let program = move |shard: ShardHandle| async move {
        let local = shard.local(&log)?;
        append_one_by_one(&shard, &local, duration).await
    };
    let latency = block_on(subject.engine.spawn_on(ShardId(0), program))?;
    let latency = latency.ok_or("the shard is not the log's, or an append failed")?;
    let sample = rate("roundhouse", "ops/s", latency.count(), &watch, Some(&latency));
    subject.close()?;
    Ok(vec![ceiling, sample])
}

async fn append_one_by_one(
    shard: &ShardHandle,
    log: &LocalLog,
    duration: Duration,
) -> Option<LatencyHistogram> {
    let body = vec![0xA5; 1024];
    let mut latency = LatencyHistogram::new();
    let clock = shard.runtime();
    let end = clock.now() + duration;
    let mut now = clock.now();
    while now < end {
        log.append(&body).await.ok()?;
        let after = clock.now();
        latency.record(after.since(now));
        now = after;
    }
    Some(latency)
}

/// 64 tasks of one host thread, each waiting for its own append.
fn tasks(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let subject = Subject::open(bench, "tasks", Durability::Always)?;
    recycle(&subject)?;
    let body = bytes::Bytes::from(vec![0xA5; 1024]);
    let watch = Stopwatch::start();
    let duration = bench.duration();
    let writers = (0..WRITERS).map(|_| async {
        let mut latency = LatencyHistogram::new();
        while watch.elapsed() < duration {
            let started = watch.elapsed();
            subject.log.append(&body).await?;
            latency.record(watch.elapsed().checked_sub(started).unwrap_or_default());
        }
        Ok::<_, roundhouse::AppendError>(latency)
    });
    let latencies = block_on(join_all(writers));
    let latencies = latencies.into_iter().collect::<Result<Vec<_>, _>>()?;
    let sample = merged("roundhouse", &latencies, &watch);
    subject.close()?;
    Ok(vec![sample])
}

/// 64 threads on the blocking interface.
fn threads(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let subject = Subject::open(bench, "threads", Durability::Always)?;
    recycle(&subject)?;
    let body = bytes::Bytes::from(vec![0xA5; 1024]);
    let (watch, duration) = (Stopwatch::start(), bench.duration());
    let latencies = std::thread::scope(|scope| {
        let writer = || {
            let mut latency = LatencyHistogram::new();
            while watch.elapsed() < duration {
                let started = watch.elapsed();
                block_on(subject.log.append(&body))?;
                latency.record(watch.elapsed().checked_sub(started).unwrap_or_default());
            }
            Ok::<_, roundhouse::AppendError>(latency)
        };
        let running: Vec<_> = (0..WRITERS).map(|_| scope.spawn(writer)).collect();
        let finished =
            running.into_iter().map(|thread| thread.join().map_err(|_| "a writer panicked"));
        finished.collect::<Result<Vec<_>, _>>()
    })?;
    let latencies = latencies.into_iter().collect::<Result<Vec<_>, _>>()?;
    let sample = merged("roundhouse", &latencies, &watch);
    subject.close()?;
    Ok(vec![sample])
}

/// Records of 1 KiB in batches from the shard, as fast as they become durable, into slots that were
/// used before; beside the best of several frame sizes and depths on the bare ring.
fn durable_bandwidth(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let ceiling = best_ceiling(bench, LoadKind::DurableWrite, DURABLE_SWEEP)?;
    let subject = Subject::open(bench, "bandwidth", Durability::Always)?;
    recycle(&subject)?;
    let sample = flood(
        &subject,
        bench.duration(),
        Flood { body_bytes: 1024, trims: true, bytes_max: u64::MAX },
    )?;
    subject.close()?;
    Ok(vec![ceiling, sample])
}

/// The same into slots that are made meanwhile, until the log has grown by the given bytes.
fn growth(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let ceiling = best_ceiling(bench, LoadKind::DurableWrite, DURABLE_SWEEP)?;
    let path = bench.path("growth");
    let subject = Subject::open_at(&path, Durability::Always, &[])?;
    let flood_options = Flood { body_bytes: 1024, trims: false, bytes_max: bench.args.growth.0 };
    let sample = flood(&subject, Duration::from_hours(1), flood_options)?;
    subject.close()?;
    std::fs::remove_dir_all(path)?;
    Ok(vec![ceiling, sample])
}

/// Durability `never`, 1 KiB, beside the bare ring without syncs.
fn never_bandwidth(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let ceiling = best_ceiling(bench, LoadKind::Write, NEVER_SWEEP)?;
    let subject = Subject::open(bench, "never", Durability::Never)?;
    recycle(&subject)?;
    let sample = flood(
        &subject,
        bench.duration(),
        Flood { body_bytes: 1024, trims: true, bytes_max: u64::MAX },
    )?;
    subject.close()?;
    Ok(vec![ceiling, sample])
}

/// Durability `never`, 100 bytes: records per second.
fn never_small(bench: &Bench) -> Result<Vec<Sample>, BenchError> {
    let subject = Subject::open(bench, "never-small", Durability::Never)?;
    recycle(&subject)?;
    let options = Flood { body_bytes: 100, trims: true, bytes_max: u64::MAX };
    let mut sample = flood(&subject, bench.duration(), options)?;
    sample.unit = "records/s";
    sample.value *= 1e6 / 100.0;
    subject.close()?;
    Ok(vec![sample])
}

/// The best bandwidth of the bare ring over some frame sizes and depths, a share of the time each.
fn best_ceiling(
    bench: &Bench,
    kind: LoadKind,
    sweep: &[(usize, usize)],
) -> Result<Sample, BenchError> {
    let mut best: Option<Sample> = None;
    for &(bytes, depth) in sweep {
        let watch = Stopwatch::start();
        let outcome = run_ceiling(bench, kind, bytes, depth)?;
        let megabytes = (outcome.operations * bytes as u64) as f64 / 1e6;
        let sample = Sample {
            subject: "ceiling",
            unit: "MB/s",
            value: megabytes / outcome.elapsed.as_secs_f64(),
            latency_us: Some(percentiles(&outcome.latency)),
            cpu_s: watch.cpu_s(),
            note: format!("{} KiB x {depth}", bytes / 1024),
        };
        if best.as_ref().is_none_or(|best| sample.value > best.value) {
            best = Some(sample);
        }
    }
    best.ok_or_else(|| "an empty sweep".into())
}

/// What to flood a log with.
#[derive(Clone, Copy)]
struct Flood {
    body_bytes: usize,
    /// Whether to trim what was written, so that slots are used again.
    trims: bool,
    bytes_max: u64,
}

/// Appends batches from a task on the shard without waiting for each, then waits until all of it
/// counts: durable with `always`, written otherwise.
fn flood(subject: &Subject, duration: Duration, flood: Flood) -> Result<Sample, BenchError> {
    let log = subject.log.clone();
    let watch = Stopwatch::start();
    let program = move |shard: ShardHandle| async move {
        let local = shard.local(&log)?;
        flood_on_shard(shard, local, log, duration, flood).await
    };
    let records = block_on(subject.engine.spawn_on(ShardId(0), program))?;
    let records = records.ok_or("the shard is not the log's, or an append failed")?;
    let megabytes = (records * flood.body_bytes as u64) as f64 / 1e6;
    let cpu_us = watch.cpu_s() * 1e6 / records as f64;
    Ok(Sample {
        subject: "roundhouse",
        unit: "MB/s",
        value: megabytes / watch.elapsed().as_secs_f64(),
        latency_us: None,
        cpu_s: watch.cpu_s(),
        note: format!("{cpu_us:.2} us of CPU a record, {records} records"),
    })
}

async fn flood_on_shard(
    shard: ShardHandle,
    local: LocalLog,
    log: roundhouse::Log,
    duration: Duration,
    flood: Flood,
) -> Option<u64> {
    let body = vec![0xA5; flood.body_bytes];
    let batch = vec![NewRecord::from(&body[..]); BATCH_RECORDS];
    let clock = shard.runtime();
    let end = clock.now() + duration;
    let (mut records, mut last) = (0u64, None);
    let mut trimmed = local.info()?.end;
    while clock.now() < end && records * (flood.body_bytes as u64) < flood.bytes_max {
        match local.try_append(&batch) {
            Ok(appended) => {
                records += BATCH_RECORDS as u64;
                last = Some(appended);
                let behind = appended.first.0 - trimmed.0;
                if flood.trims && behind * flood.body_bytes as u64 > TRIM_BYTES {
                    trimmed = appended.first;
                    let (log, start) = (log.clone(), Offset(appended.first.0 - behind / 2));
                    // A trim that fails shows as a refused append soon after.
                    shard.spawn(async move { drop(log.trim_to(start).await) }).detach();
                }
            }
            Err(Refusal::Wait) => local.wait_for_room().await,
            Err(Refusal::Error(_)) => return None,
        }
    }
    let last = last?;
    local.wait_acknowledged(last.ticket).await.ok()?;
    Some(records)
}

/// Frees all slots of a store for another use, so that a round begins with written ones.
fn recycle(subject: &Subject) -> Result<(), BenchError> {
    let end = block_on(subject.log.info())?.end;
    Ok(block_on(subject.log.trim_to(end))?)
}

fn merged(subject: &'static str, latencies: &[LatencyHistogram], watch: &Stopwatch) -> Sample {
    let mut all = LatencyHistogram::new();
    for latency in latencies {
        all.merge(latency);
    }
    rate(subject, "records/s", all.count(), watch, Some(&all))
}

/// Tasks or threads that append at once.
const WRITERS: usize = 64;

/// Records of a batch: about 64 KiB at 1 KiB each.
const BATCH_RECORDS: usize = 64;

/// A flood trims when this much lies behind it.
const TRIM_BYTES: u64 = 256 << 20;

/// Frame bytes and depth on the bare ring, durable.
const DURABLE_SWEEP: &[(usize, usize)] =
    &[(256 << 10, 1), (256 << 10, 2), (1 << 20, 1), (1 << 20, 2), (1 << 20, 4)];

/// The same without syncs.
const NEVER_SWEEP: &[(usize, usize)] =
    &[(256 << 10, 2), (256 << 10, 4), (1 << 20, 2), (1 << 20, 4)];
