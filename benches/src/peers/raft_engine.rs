//! raft-engine, the log of TiKV: many writers are grouped behind a leader that writes and syncs.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use raft_engine::{Config, Engine, LogBatch, ReadableSize};
use roundhouse::Durability;
use roundhouse_measure::store::{AppendLoad, AppendTarget};
use roundhouse_measure::{MeasureError, Stage};

use super::PeerLog;

/// Each thread writes under a region of its own; a key is replaced by the next record of the thread,
/// so that the table in memory stays small.
pub(super) struct RaftEngine {
    engine: Engine,
    is_durable: bool,
    regions: AtomicU64,
}

thread_local! {
    /// The region of this thread, and its batch, whose memory is used again.
    static WRITER: RefCell<Option<(u64, LogBatch)>> = const { RefCell::new(None) };
}

impl PeerLog for RaftEngine {
    const NAME: &'static str = "raft-engine";
    const ABOUT: &'static str =
        "0.4.2; no compression, recycled files written before; LogBatch::put, write(batch, sync)";

    fn carries(_: Durability) -> bool {
        true
    }

    fn create(path: &Path, load: &AppendLoad, stage: &Stage) -> Result<RaftEngine, MeasureError> {
        let engine = Engine::open(Config {
            dir: path.to_str().ok_or("the path is not UTF-8")?.to_owned(),
            batch_compression_threshold: ReadableSize(0),
            purge_threshold: ReadableSize(stage.sizes.file.max(128 << 20)),
            prefill_for_recycle: true,
            ..Config::default()
        })?;
        let is_durable = load.durability == Durability::Always;
        Ok(RaftEngine { engine, is_durable, regions: AtomicU64::new(1) })
    }

    /// By a small write: `Engine::sync` of this version returns before it syncs, since its own batch
    /// is empty.
    fn sync(&self) -> Result<(), MeasureError> {
        let mut batch = LogBatch::default();
        batch.put(SYNC_REGION, b"sync".to_vec(), Vec::new())?;
        self.engine.write(&mut batch, true)?;
        Ok(())
    }
}

impl AppendTarget for RaftEngine {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        WRITER.with_borrow_mut(|writer| {
            let (region, batch) = writer.get_or_insert_with(|| {
                (self.regions.fetch_add(1, Ordering::Relaxed), LogBatch::default())
            });
            for (number, body) in bodies.iter().enumerate() {
                batch.put(*region, number.to_le_bytes().to_vec(), body.to_vec())?;
            }
            self.engine.write(batch, self.is_durable)?;
            Ok(())
        })
    }
}

/// A region of no writer.
const SYNC_REGION: u64 = u64::MAX - 1;
