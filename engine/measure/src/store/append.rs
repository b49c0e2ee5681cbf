//! The cases in which writers wait for their own records.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use roundhouse::{Durability, LocalLog, Log, NewRecord, ShardHandle, block_on};
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::uring::ceiling::LoadKind;

use crate::measurement::Measurement;
use crate::number::number;
use crate::stage::Stage;
use crate::store::ceiling::{Way, WriteCeiling};
use crate::store::open_log::OpenLog;
use crate::store::threads::drive;
use crate::subject::{Case, MeasureError, Subject};
use crate::{CEILING, ROUNDHOUSE};

/// Writers that each append, wait until that counts, and append again.
#[derive(Debug, Clone, Copy)]
pub struct AppendLoad {
    /// The case's name.
    pub name: &'static str,
    /// What is done, in a sentence.
    pub about: &'static str,
    /// Threads, or tasks.
    pub writers: usize,
    /// Bytes of a record's body.
    pub body_bytes: usize,
    /// Records of one append.
    pub batch_records: usize,
    /// When an append counts.
    pub durability: Durability,
    /// When a writer appends again.
    pub pace: Pace,
}

/// When a writer appends again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As soon as its last append counts: the loop is closed, and what is found is the peak.
    Closed,
    /// By a timetable that all writers together keep half of their peak with, however long an append
    /// takes: the loop is open. A latency is counted from the time in the timetable, so that a writer
    /// that comes late makes its delay visible instead of leaving it out.
    HalfOfPeak,
}

/// A log that threads append to, each waiting for its own records.
pub trait AppendTarget: Sync {
    /// Appends records and returns when they are as durable as the load asks.
    ///
    /// # Errors
    /// The log's.
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError>;
}

/// All such loads, in the order they run in each round.
pub const APPENDS: &[AppendLoad] = &[
    AppendLoad {
        name: "durable-1k-one-writer",
        about: "One writer of 1 KiB records that waits for each to be durable.",
        writers: 1,
        ..DURABLE
    },
    AppendLoad {
        name: "durable-100-64-writers",
        about: "64 writers of 100 byte records that each wait for theirs to be durable.",
        body_bytes: 100,
        ..DURABLE
    },
    DURABLE,
    AppendLoad {
        name: "durable-16k-64-writers",
        about: "64 writers of 16 KiB records that each wait for theirs to be durable.",
        body_bytes: 16 << 10,
        ..DURABLE
    },
    AppendLoad {
        name: "durable-1k-batches",
        about: "One writer of batches of 64 records of 1 KiB that waits for each to be durable.",
        writers: 1,
        batch_records: 64,
        ..DURABLE
    },
    AppendLoad {
        name: "interval-1k-64-writers",
        about: "64 writers of 1 KiB records that wait until they are accepted; durable every 10 ms.",
        durability: Durability::Interval(Duration::from_millis(10)),
        ..DURABLE
    },
    AppendLoad {
        name: "never-1k-64-writers",
        about: "64 writers of 1 KiB records that wait until they are accepted; never synced.",
        durability: Durability::Never,
        ..DURABLE
    },
];

const DURABLE: AppendLoad = AppendLoad {
    name: "durable-1k-64-writers",
    about: "64 writers of 1 KiB records that each wait for theirs to be durable.",
    writers: 64,
    body_bytes: 1024,
    batch_records: 1,
    durability: Durability::Always,
    pace: Pace::Closed,
};

/// The loads of the suite `latency`.
pub const PACED: &[AppendLoad] = &[
    AppendLoad {
        name: "half-peak-1k-one-writer",
        about: "One writer of durable 1 KiB records at half of its own peak; from the time each was due.",
        writers: 1,
        pace: Pace::HalfOfPeak,
        ..DURABLE
    },
    AppendLoad {
        name: "half-peak-1k-64-writers",
        about: "64 writers of durable 1 KiB records at half of their own peak; from the time each was due.",
        pace: Pace::HalfOfPeak,
        ..DURABLE
    },
];

/// The cases with the ceiling and the engine in them.
pub(super) fn cases(loads: &[AppendLoad]) -> Vec<Case> {
    loads.iter().map(case).collect()
}

fn case(load: &AppendLoad) -> Case {
    let load = *load;
    let mut subjects: Vec<Box<dyn Subject>> = match load.pace {
        Pace::Closed => vec![Box::new(load.ceiling())],
        Pace::HalfOfPeak => vec![Box::new(LatencyCeiling)],
    };
    subjects.push(Box::new(Threads(load)));
    // Tasks of the program have no timers of ours to keep a timetable with.
    if load.pace == Pace::Closed {
        subjects.push(Box::new(HostTasks(load)));
    }
    subjects.push(Box::new(Tasks(load)));
    Case { name: load.name, about: load.about, subjects }
}

impl AppendLoad {
    /// The records of one append.
    pub fn batch(&self) -> Vec<Bytes> {
        let body = Bytes::from(vec![0xA5; self.body_bytes]);
        vec![body; self.batch_records]
    }

    /// Measures with `append`, which has the writers append for a while, each with a period if one is
    /// given, and says how long the appends took: first to warm up, then at the load's pace.
    pub(super) fn measure(
        &self,
        stage: &Stage,
        mut append: impl FnMut(Duration, Option<Duration>) -> Result<LatencyHistogram, MeasureError>,
    ) -> Result<Measurement, MeasureError> {
        append(stage.warm_up(), None)?;
        let period = match self.pace {
            Pace::Closed => None,
            Pace::HalfOfPeak => {
                let duration = stage.duration / 2;
                let appends = append(duration, None)?.count();
                let peak = duration / u32::try_from(appends)?.max(1);
                Some(peak * 2 * self.writers as u32)
            }
        };
        let watch = stage.watch();
        let latency = append(stage.duration, period)?;
        let (spent, records) = (watch.spent(), latency.count() * self.batch_records as u64);
        let measured = if period.is_none() {
            Measurement::rate("records/s", records, &spent)
        } else {
            let p99 = latency.quantile(0.99).as_secs_f64() * 1e6;
            let rate = records as f64 / spent.wall.as_secs_f64();
            let note = format!("at {} records/s", number(rate));
            Measurement::new("p99 us", p99).cost(records, &spent).note(note)
        };
        Ok(measured.latency(&latency))
    }

    /// When a writer begins: they spread over the period.
    pub(super) fn phase(&self, writer: usize, period: Option<Duration>) -> Duration {
        period.unwrap_or_default() * writer as u32 / self.writers as u32
    }

    /// What such writers could have at best: everything that can be outstanding goes out in one
    /// frame, or in two that take turns, with nothing around the bytes of the bodies.
    fn ceiling(&self) -> WriteCeiling {
        let outstanding = self.writers * self.batch_records;
        let depths = if outstanding > 1 { 1..=2 } else { 1..=1 };
        let way = |depth: usize| {
            let records = outstanding / depth;
            let bytes = (records * self.body_bytes).next_multiple_of(BLOCK_BYTES);
            Way { bytes, depth, records: records as u64 }
        };
        let kind = match self.durability {
            Durability::Always => LoadKind::DurableWrite,
            Durability::Interval(_) | Durability::Never => LoadKind::Write,
        };
        WriteCeiling { kind, ways: depths.map(way).collect(), counts_records: true }
    }

    fn open(&self, stage: &Stage, name: &str) -> Result<OpenLog, MeasureError> {
        let open = OpenLog::open(&stage.path(name), self.durability, &[])?;
        open.recycle()?;
        Ok(open)
    }
}

/// The latency that nobody gets below: of one durable block at a time on a bare ring.
struct LatencyCeiling;

impl Subject for LatencyCeiling {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "io_uring alone, O_DIRECT, one durable block of 4 KiB at a time".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let way = Way { bytes: BLOCK_BYTES, depth: 1, records: 1 };
        let kind = LoadKind::DurableWrite;
        let ceiling = WriteCeiling { kind, ways: vec![way], counts_records: true };
        let to_latency = |measured: Measurement| Measurement {
            unit: "p99 us".to_owned(),
            value: measured.p99_us.unwrap_or_default(),
            ..measured
        };
        Ok(ceiling.measure(stage)?.into_iter().map(to_latency).collect())
    }
}

/// Threads on the blocking interface, as the peers have it.
struct Threads(AppendLoad);

impl Subject for Threads {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults; threads on the blocking interface".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let open = self.0.open(stage, "threads")?;
        let measured =
            drive(&Blocking(roundhouse::blocking::Log::new(open.log.clone())), &self.0, stage)?;
        open.close()?;
        Ok(vec![measured])
    }
}

struct Blocking(roundhouse::blocking::Log);

impl AppendTarget for Blocking {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        match bodies {
            [body] => self.0.append(body)?,
            _ => self.0.append_batch(bodies)?,
        };
        Ok(())
    }
}

/// Tasks of one thread of the program, through handles.
struct HostTasks(AppendLoad);

impl Subject for HostTasks {
    fn name(&self) -> &'static str {
        "roundhouse-host-tasks"
    }

    fn about(&self) -> String {
        "one shard, defaults; tasks of one thread of the program, through handles".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let open = self.0.open(stage, "host-tasks")?;
        append_in_host_tasks(&open.log, &self.0, stage.warm_up())?;
        let watch = stage.watch();
        let latency = append_in_host_tasks(&open.log, &self.0, stage.duration)?;
        let records = latency.count() * self.0.batch_records as u64;
        let measured = Measurement::rate("records/s", records, &watch.spent()).latency(&latency);
        open.close()?;
        Ok(vec![measured])
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement has no shard to ask for the time")]
fn append_in_host_tasks(
    log: &Log,
    load: &AppendLoad,
    duration: Duration,
) -> Result<LatencyHistogram, MeasureError> {
    let batch = load.batch();
    let begin = Instant::now();
    // One for all: each is so large that those of many writers would take the processor's cache.
    let latency = RefCell::new(LatencyHistogram::new());
    let writers = (0..load.writers).map(|_| async {
        let mut now = begin.elapsed();
        while now < duration {
            match &batch[..] {
                [body] => log.append(body).await?,
                _ => log.append_batch(&batch).await?,
            };
            let after = begin.elapsed();
            latency.borrow_mut().record(after.saturating_sub(now));
            now = after;
        }
        Ok::<_, MeasureError>(())
    });
    block_on(try_join_all(writers))?;
    Ok(latency.into_inner())
}

/// Tasks on the shard itself.
struct Tasks(AppendLoad);

impl Subject for Tasks {
    fn name(&self) -> &'static str {
        "roundhouse-tasks"
    }

    fn about(&self) -> String {
        "one shard, defaults; tasks on the shard".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let open = self.0.open(stage, "tasks")?;
        let load = self.0;
        let append = |duration, period| {
            open.on_shard(async move |shard: &ShardHandle, log: &LocalLog| {
                append_in_tasks(shard, log, load, duration, period).await
            })
        };
        let measured = load.measure(stage, append)?;
        open.close()?;
        Ok(vec![measured])
    }
}

async fn append_in_tasks(
    shard: &ShardHandle,
    log: &LocalLog,
    load: AppendLoad,
    duration: Duration,
    period: Option<Duration>,
) -> Result<LatencyHistogram, MeasureError> {
    let body = vec![0xA5; load.body_bytes];
    let batch = &vec![NewRecord::from(&body[..]); load.batch_records][..];
    let clock = shard.runtime();
    let start = clock.now();
    // One for all: each is so large that those of many writers would take the processor's cache.
    let all = RefCell::new(LatencyHistogram::new());
    let latency = &all;
    let writers = (0..load.writers).map(|writer| async move {
        let mut due = start + load.phase(writer, period);
        while due < start + duration {
            if period.is_some() {
                clock.sleep_until(due).await;
            }
            log.append_batch(batch).await?;
            let now = clock.now();
            latency.borrow_mut().record(now.since(due));
            due = period.map_or(now, |period| due + period);
        }
        Ok::<_, MeasureError>(())
    });
    try_join_all(writers).await?;
    Ok(all.into_inner())
}
