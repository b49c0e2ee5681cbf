//! The cases in which nobody waits for single records: as many as the disk takes.

use std::time::Duration;

use roundhouse::{Durability, LocalLog, NewRecord, Offset, ShardHandle};
use roundhouse_runtime::uring::ceiling::LoadKind;
use roundhouse_store::Refusal;

use crate::ROUNDHOUSE;
use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::store::ceiling::{FreshCeiling, Way, WriteCeiling};
use crate::store::open_log::OpenLog;
use crate::subject::{Case, MeasureError, Subject};

/// The cases with the ceiling and the engine in them.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "durable-1k-bandwidth",
            about: "Batches of 1 KiB records, as fast as they become durable, into slots that were used before.",
            subjects: vec![
                Box::new(ceiling(LoadKind::DurableWrite, DURABLE_SWEEP, 1024, false)),
                Box::new(Flood { name: "bandwidth", ..DURABLE }),
            ],
        },
        Case {
            name: "durable-1k-growth",
            about: "The same into slots that are made meanwhile, until the log has grown by a given size.",
            subjects: vec![
                Box::new(ceiling(LoadKind::DurableWrite, DURABLE_SWEEP, 1024, false)),
                Box::new(FreshCeiling { way: way(FRESH_WAY, 1024) }),
                Box::new(Flood { name: "growth", grows: true, ..DURABLE }),
            ],
        },
        Case {
            name: "never-1k-bandwidth",
            about: "Batches of 1 KiB records, as fast as they are written; never synced.",
            subjects: vec![
                Box::new(ceiling(LoadKind::Write, NEVER_SWEEP, 1024, false)),
                Box::new(Flood { name: "never", durability: Durability::Never, ..DURABLE }),
            ],
        },
        Case {
            name: "never-100-records",
            about: "Batches of 100 byte records, as fast as they are written; never synced.",
            subjects: vec![
                Box::new(ceiling(LoadKind::Write, NEVER_SWEEP, 100, true)),
                Box::new(Flood {
                    name: "never-small",
                    durability: Durability::Never,
                    body_bytes: 100,
                    counts_records: true,
                    ..DURABLE
                }),
            ],
        },
    ]
}

fn ceiling(
    kind: LoadKind,
    sweep: &[(usize, usize)],
    body_bytes: usize,
    counts_records: bool,
) -> WriteCeiling {
    let ways = sweep.iter().map(|&shape| way(shape, body_bytes)).collect();
    WriteCeiling { kind, ways, counts_records }
}

fn way((bytes, depth): (usize, usize), body_bytes: usize) -> Way {
    Way { bytes, depth, records: (bytes / body_bytes) as u64 }
}

/// Batches from a task on the shard, which does not wait for each.
#[derive(Clone, Copy)]
struct Flood {
    name: &'static str,
    body_bytes: usize,
    durability: Durability,
    /// Whether it keeps everything until it has a given size, instead of trimming.
    grows: bool,
    counts_records: bool,
}

const DURABLE: Flood = Flood {
    name: "",
    body_bytes: 1024,
    durability: Durability::Always,
    grows: false,
    counts_records: false,
};

impl Subject for Flood {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults; a task on the shard".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let path = stage.path(self.name);
        let open = OpenLog::open(&path, self.durability, &[])?;
        let measured = if self.grows {
            self.flood(stage, &open, Duration::from_hours(1), stage.sizes.growth)?
        } else {
            open.recycle()?;
            self.flood(stage, &open, stage.warm_up(), u64::MAX)?;
            self.flood(stage, &open, stage.duration, u64::MAX)?
        };
        open.close()?;
        if self.grows {
            std::fs::remove_dir_all(path)?;
        }
        Ok(vec![measured])
    }
}

impl Flood {
    fn flood(
        &self,
        stage: &Stage,
        open: &OpenLog,
        duration: Duration,
        bytes_max: u64,
    ) -> Result<Measurement, MeasureError> {
        let (flood, log) = (*self, open.log.clone());
        let watch = stage.watch();
        let records = open.on_shard(async move |shard: &ShardHandle, local: &LocalLog| {
            flood.on_shard(shard, local, log, duration, bytes_max).await
        })?;
        let spent = watch.spent();
        Ok(if self.counts_records {
            Measurement::rate("records/s", records, &spent)
        } else {
            Measurement::bandwidth(records * self.body_bytes as u64, records, &spent)
        })
    }

    /// Appends, then waits until all of it counts: durable with `always`, written otherwise.
    async fn on_shard(
        &self,
        shard: &ShardHandle,
        local: &LocalLog,
        log: roundhouse::Log,
        duration: Duration,
        bytes_max: u64,
    ) -> Result<u64, MeasureError> {
        let body = vec![0xA5; self.body_bytes];
        let batch = vec![NewRecord::from(&body[..]); BATCH_BYTES / self.body_bytes];
        let clock = shard.runtime();
        let end = clock.now() + duration;
        let (mut records, mut last) = (0u64, None);
        let mut trimmed = local.info().ok_or("the log is gone")?.end;
        while clock.now() < end && records * (self.body_bytes as u64) < bytes_max {
            match local.try_append(&batch) {
                Ok(appended) => {
                    records += batch.len() as u64;
                    last = Some(appended.ticket);
                    let behind = appended.first.0 - trimmed.0;
                    if !self.grows && behind * self.body_bytes as u64 > TRIM_BYTES {
                        trimmed = appended.first;
                        let (log, start) = (log.clone(), Offset(appended.first.0 - behind / 2));
                        // A trim that fails shows as a refused append soon after.
                        shard.spawn(async move { drop(log.trim_to(start).await) }).detach();
                    }
                }
                Err(Refusal::Wait) => local.wait_for_room().await,
                Err(Refusal::Error(error)) => return Err(error.into()),
            }
        }
        local.wait_acknowledged(last.ok_or("no time to append anything")?).await?;
        Ok(records)
    }
}

/// Bytes of a batch.
const BATCH_BYTES: usize = 64 << 10;

/// A flood trims when this much lies behind it.
const TRIM_BYTES: u64 = 256 << 20;

/// Frame bytes and depth on the bare ring, durable.
const DURABLE_SWEEP: &[(usize, usize)] =
    &[(256 << 10, 2), (1000 << 10, 1), (1000 << 10, 2), (1000 << 10, 4), (1 << 20, 4)];

/// The same into fresh space.
const FRESH_WAY: (usize, usize) = (1000 << 10, 4);

/// The same without syncs.
const NEVER_SWEEP: &[(usize, usize)] =
    &[(256 << 10, 4), (1000 << 10, 2), (1000 << 10, 4), (1 << 20, 4)];
