//! The cases in which a log is read.

use std::path::Path;
use std::time::Duration;

use roundhouse::{Durability, LocalLog, Offset, ShardHandle};
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::uring::ceiling::{self, Load, LoadKind};

use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::store::ceiling::file;
use crate::store::open_log::OpenLog;
use crate::subject::{Case, MeasureError, Subject};
use crate::{CEILING, ROUNDHOUSE};

/// The cases with the ceiling and the engine in them.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "cold-sequential",
            about: "A log of 1 KiB records from its start to its end, none of it in memory.",
            subjects: vec![Box::new(SequentialCeiling), Box::new(Cold)],
        },
        Case {
            name: "cold-random",
            about: "One record of 1 KiB at a time, anywhere in a log that is not in memory.",
            subjects: vec![Box::new(RandomCeiling), Box::new(Random)],
        },
        Case {
            name: "tail-100",
            about: "Records of 100 bytes that are still in memory.",
            subjects: vec![Box::new(Tail)],
        },
    ]
}

/// Large direct reads of a file on a bare ring.
struct SequentialCeiling;

impl Subject for SequentialCeiling {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "io_uring alone, O_DIRECT, 512 KiB x 4".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let file = file(stage)?;
        let load = Load {
            kind: LoadKind::Read,
            bytes: 512 << 10,
            depth: 4,
            // Until the end of the file.
            duration: Duration::from_hours(1),
            file_bytes: stage.sizes.file,
        };
        let mut buffers = ceiling::buffers(load.bytes, load.depth);
        let watch = stage.watch();
        let outcome = ceiling::run(&file, load, &mut buffers)?;
        let spent = watch.spent();
        let bytes = outcome.operations * load.bytes as u64;
        let measured = Measurement::bandwidth(bytes, outcome.operations, &spent);
        Ok(vec![measured.latency(&outcome.latency)])
    }
}

/// A whole log.
struct Cold;

impl Subject for Cold {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults; a reader on the shard".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let open = open_cold(stage)?;
        let watch = stage.watch();
        let records = open.on_shard(read_all)?;
        let measured = Measurement::bandwidth(records * COLD_BODY_BYTES, records, &watch.spent());
        open.close()?;
        Ok(vec![measured])
    }
}

/// One block at a time, anywhere.
struct RandomCeiling;

impl Subject for RandomCeiling {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "io_uring alone, O_DIRECT, 4 KiB x 1".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let file = file(stage)?;
        let load = Load {
            kind: LoadKind::RandomRead,
            bytes: 4096,
            depth: 1,
            duration: stage.duration,
            file_bytes: stage.sizes.file,
        };
        let mut buffers = ceiling::buffers(load.bytes, load.depth);
        let watch = stage.watch();
        let outcome = ceiling::run(&file, load, &mut buffers)?;
        let measured = Measurement::rate("records/s", outcome.operations, &watch.spent());
        Ok(vec![measured.latency(&outcome.latency)])
    }
}

/// One record at a time, anywhere.
struct Random;

impl Subject for Random {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults; a reader on the shard for each record".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let open = open_cold(stage)?;
        let duration = stage.duration;
        let watch = stage.watch();
        let latency = open.on_shard(async move |shard: &ShardHandle, log: &LocalLog| {
            read_anywhere(shard, log, duration).await
        })?;
        let measured = Measurement::rate("records/s", latency.count(), &watch.spent());
        open.close()?;
        Ok(vec![measured.latency(&latency)])
    }
}

/// What was appended last.
struct Tail;

impl Subject for Tail {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, memory 256MiB; a reader on the shard".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let path = stage.path("tail");
        let open = OpenLog::open(&path, Durability::Never, &[("memory", "256MiB")])?;
        open.fill(100, (100 * TAIL_RECORDS).min(stage.sizes.file / 4))?;
        let watch = stage.watch();
        let mut records = 0;
        while watch.elapsed() < stage.duration {
            records += open.on_shard(read_all)?;
        }
        let measured = Measurement::rate("records/s", records, &watch.spent());
        open.close()?;
        std::fs::remove_dir_all(path)?;
        Ok(vec![measured])
    }
}

/// A log of records of 1 KiB, opened anew so that nothing of it is in memory.
fn open_cold(stage: &Stage) -> Result<OpenLog, MeasureError> {
    let path = stage.path("cold");
    if !path.exists() {
        fill(&path, COLD_BODY_BYTES as usize, stage.sizes.file)?;
    }
    OpenLog::open(&path, Durability::Never, &[])
}

/// Makes a store with one log of so many bytes, and closes it.
pub(super) fn fill(path: &Path, body_bytes: usize, bytes: u64) -> Result<(), MeasureError> {
    let open = OpenLog::open(path, Durability::Never, &[])?;
    open.fill(body_bytes, bytes)?;
    open.close()
}

/// Reads a whole log, looking at every record, and counts.
async fn read_all(_: &ShardHandle, log: &LocalLog) -> Result<u64, MeasureError> {
    let info = log.info().ok_or("the log is gone")?;
    let mut reader = log.reader(info.start);
    let mut expected = info.start;
    while reader.next_offset() < info.end {
        let records = reader.read(1 << 20).await?;
        for record in &records {
            if record.offset != expected || record.body.is_empty() {
                return Err(format!("{expected} was expected, {} read", record.offset).into());
            }
            expected = Offset(expected.0 + 1);
        }
    }
    Ok(expected.0 - info.start.0)
}

async fn read_anywhere(
    shard: &ShardHandle,
    log: &LocalLog,
    duration: Duration,
) -> Result<LatencyHistogram, MeasureError> {
    let info = log.info().ok_or("the log is gone")?;
    let mut random = roundhouse_base::Random::new(1);
    let mut latency = LatencyHistogram::new();
    let clock = shard.runtime();
    let mut now = clock.now();
    let end = now + duration;
    while now < end {
        let offset = Offset(info.start.0 + random.below(info.end.0 - info.start.0));
        let records = log.reader(offset).read(1).await?;
        if records.iter().next().map(|record| record.offset) != Some(offset) {
            return Err(format!("the record at {offset} was not read").into());
        }
        let after = clock.now();
        latency.record(after.since(now));
        now = after;
    }
    Ok(latency)
}

/// Bytes of a record of the log that is read from disk.
const COLD_BODY_BYTES: u64 = 1024;

/// Records in memory for the tail: with their headers less than the cache of 256 MiB.
const TAIL_RECORDS: u64 = 1_000_000;
