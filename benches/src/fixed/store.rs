//! Work on a simulated disk.

use std::cell::Cell;

use futures_util::future::try_join_all;
use roundhouse::sim::{Cluster, World, WorldOptions};
use roundhouse::{Engine, LocalLog, NewRecord, Offset, ShardHandle, ShardId};
use roundhouse_measure::MeasureError;

use super::{SEED, drive};

/// Tasks that each wait for their own record.
pub(super) fn append(operations: u64) -> Result<(), MeasureError> {
    on_log("256MiB", async move |log: LocalLog| {
        let left = &Cell::new(operations);
        let writers = (0..WRITERS).map(|_| async {
            while left.get() > 0 {
                left.update(|left| left - 1);
                log.append(&[0xA5; BODY_BYTES]).await?;
            }
            Ok::<_, MeasureError>(())
        });
        try_join_all(writers).await?;
        Ok(())
    })
}

/// A reader of so many records of a log, which is larger than `memory` or is not.
pub(super) fn read(memory: &str, operations: u64) -> Result<(), MeasureError> {
    on_log(memory, async move |log: LocalLog| {
        let body = [0xA5; BODY_BYTES];
        let batch = [NewRecord::from(&body[..]); WRITERS];
        for _ in 0..FILLED_BATCHES {
            log.append_batch(&batch).await?;
        }
        let mut reader = log.reader(Offset(0));
        while reader.next_offset() < Offset(operations) {
            let records = reader.read(READ_BYTES_MAX).await?;
            if records.iter().any(|record| record.body.len() != BODY_BYTES) {
                return Err("a record of another length was read".into());
            }
        }
        Ok(())
    })
}

/// Runs a program beside a log in an engine of one shard.
fn on_log<F>(memory: &str, program: F) -> Result<(), MeasureError>
where
    F: AsyncFnOnce(LocalLog) -> Result<(), MeasureError> + Send + 'static,
{
    let world = World::new(SEED, WorldOptions::default());
    let node = world.node("node");
    let mut cluster = Cluster::new(world);
    let builder = Engine::builder("/data").option("shards", "1")?.option("memory", memory)?;
    // Probing a device and zeroing ahead are no part of the work.
    let builder = builder.option("sync_method", "dsync")?.option("zero_slots", "false")?;
    let (opening, seeds) = builder.seeds()?;
    for seed in seeds {
        let shard = seed.id();
        let shard_loop = seed.start_on(Box::new(node.driver(shard)));
        cluster.start(&node, shard, Box::new(shard_loop));
    }
    let engine = drive(&mut cluster, opening)??;
    let log = drive(&mut cluster, engine.log("log").open_or_create())??;
    let program = move |shard: ShardHandle| async move {
        program(shard.local(&log).ok_or("the log is not on the only shard there is")?).await
    };
    drive(&mut cluster, engine.spawn_on(ShardId(0), program))??
}

/// Tasks, and records of a batch that fills a log.
const WRITERS: usize = 64;
const BODY_BYTES: usize = 1024;
/// 16 MiB: more than the smaller memory has room for.
const FILLED_BATCHES: usize = 256;
const READ_BYTES_MAX: usize = 64 << 10;
