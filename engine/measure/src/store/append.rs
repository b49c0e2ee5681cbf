//! The cases in which writers wait for their own records.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use roundhouse::{Durability, LocalLog, Log, NewRecord, ShardHandle, block_on};
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::uring::ceiling::LoadKind;

use crate::ROUNDHOUSE;
use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::store::ceiling::{Way, WriteCeiling};
use crate::store::open_log::OpenLog;
use crate::store::threads::drive;
use crate::subject::{Case, MeasureError, Subject};

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
};

/// The cases with the ceiling and the engine in them.
pub(super) fn cases() -> Vec<Case> {
    APPENDS.iter().map(case).collect()
}

fn case(load: &AppendLoad) -> Case {
    let load = *load;
    let subjects: Vec<Box<dyn Subject>> = vec![
        Box::new(load.ceiling()),
        Box::new(Threads(load)),
        Box::new(HostTasks(load)),
        Box::new(Tasks(load)),
    ];
    Case { name: load.name, about: load.about, subjects }
}

impl AppendLoad {
    /// The records of one append.
    pub fn batch(&self) -> Vec<Bytes> {
        let body = Bytes::from(vec![0xA5; self.body_bytes]);
        vec![body; self.batch_records]
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
        let measured = drive(&Blocking(open.log.clone()), &self.0, stage)?;
        open.close()?;
        Ok(vec![measured])
    }
}

struct Blocking(Log);

impl AppendTarget for Blocking {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        match bodies {
            [body] => block_on(self.0.append(body))?,
            _ => block_on(self.0.append_batch(bodies))?,
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
    let writers = (0..load.writers).map(|_| async {
        let mut latency = LatencyHistogram::new();
        let mut now = begin.elapsed();
        while now < duration {
            match &batch[..] {
                [body] => log.append(body).await?,
                _ => log.append_batch(&batch).await?,
            };
            let after = begin.elapsed();
            latency.record(after.saturating_sub(now));
            now = after;
        }
        Ok::<_, MeasureError>(latency)
    });
    let mut all = LatencyHistogram::new();
    for latency in block_on(join_all(writers)) {
        all.merge(&latency?);
    }
    Ok(all)
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
        let run = |duration| {
            let run = async move |shard: &ShardHandle, log: &LocalLog| {
                append_in_tasks(shard, log, load, duration).await
            };
            open.on_shard(run)
        };
        run(stage.warm_up())?;
        let watch = stage.watch();
        let latency = run(stage.duration)?;
        let records = latency.count() * load.batch_records as u64;
        let measured = Measurement::rate("records/s", records, &watch.spent()).latency(&latency);
        open.close()?;
        Ok(vec![measured])
    }
}

async fn append_in_tasks(
    shard: &ShardHandle,
    log: &LocalLog,
    load: AppendLoad,
    duration: Duration,
) -> Result<LatencyHistogram, MeasureError> {
    let body = vec![0xA5; load.body_bytes];
    let batch = vec![NewRecord::from(&body[..]); load.batch_records];
    let clock = shard.runtime();
    let end = clock.now() + duration;
    let writers = (0..load.writers).map(|_| async {
        let mut latency = LatencyHistogram::new();
        let mut now = clock.now();
        while now < end {
            log.append_batch(&batch).await?;
            let after = clock.now();
            latency.record(after.since(now));
            now = after;
        }
        Ok::<_, MeasureError>(latency)
    });
    let mut all = LatencyHistogram::new();
    for latency in join_all(writers).await {
        all.merge(&latency?);
    }
    Ok(all)
}
