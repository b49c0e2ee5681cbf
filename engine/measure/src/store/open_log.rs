//! An engine to measure.

use std::path::Path;

use roundhouse::{Durability, Engine, LocalLog, Log, NewRecord, ShardHandle, ShardId, block_on};
use roundhouse_store::Refusal;

use crate::subject::MeasureError;

/// An engine with one shard and one log.
pub(super) struct OpenLog {
    pub(super) engine: Engine,
    pub(super) log: Log,
}

impl OpenLog {
    /// Opens or creates it, with options beside the defaults.
    pub(super) fn open(
        path: &Path,
        durability: Durability,
        options: &[(&str, &str)],
    ) -> Result<OpenLog, MeasureError> {
        let mut builder = Engine::builder(path).option("shards", "1")?;
        for (key, value) in options {
            builder = builder.option(key, value)?;
        }
        let engine = block_on(builder.open())?;
        let log = block_on(engine.log("bench").durability(durability).open_or_create())?;
        Ok(OpenLog { engine, log })
    }

    /// Gives up all records, so that the slots that were written before are used again and growth is
    /// not what is measured.
    pub(super) fn recycle(&self) -> Result<(), MeasureError> {
        let end = block_on(self.log.info())?.end;
        Ok(block_on(self.log.trim_to(end))?)
    }

    /// Appends records of `body_bytes` until there are `bytes`, and makes them durable.
    pub(super) fn fill(&self, body_bytes: usize, bytes: u64) -> Result<(), MeasureError> {
        let batch_records = (FILL_BATCH_BYTES / body_bytes).max(1);
        let fill = async move |_: &ShardHandle, local: &LocalLog| {
            let body = vec![0xA5; body_bytes];
            let batch = vec![NewRecord::from(&body[..]); batch_records];
            let mut filled = 0;
            while filled < bytes {
                match local.try_append(&batch) {
                    Ok(_) => filled += (batch.len() * body_bytes) as u64,
                    Err(Refusal::Wait) => local.wait_for_room().await,
                    Err(Refusal::Error(error)) => return Err(error.into()),
                }
            }
            local.sync().await?;
            Ok(())
        };
        self.on_shard(fill)
    }

    /// Runs a program on the shard of the log and waits for what it comes to.
    pub(super) fn on_shard<T, F>(&self, program: F) -> Result<T, MeasureError>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&ShardHandle, &LocalLog) -> Result<T, MeasureError> + Send + 'static,
    {
        let log = self.log.clone();
        let program = move |shard: ShardHandle| async move {
            let local = shard.local(&log).ok_or("the log is not on the only shard there is")?;
            program(&shard, &local).await
        };
        block_on(self.engine.spawn_on(ShardId(0), program))?
    }

    pub(super) fn close(self) -> Result<(), MeasureError> {
        drop(self.log);
        Ok(block_on(self.engine.close())?)
    }
}

/// Bytes of a batch that fills a log.
const FILL_BATCH_BYTES: usize = 64 << 10;
