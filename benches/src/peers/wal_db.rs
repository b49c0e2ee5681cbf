//! wal-db: appends without a lock into a file that grows, syncs that are shared.

use std::path::Path;

use bytes::Bytes;
use roundhouse::Durability;
use roundhouse_measure::store::{AppendLoad, AppendTarget};
use roundhouse_measure::{MeasureError, Stage};
use wal_db::{FileStore, Wal};

use super::PeerLog;

pub(super) struct WalDb {
    wal: Wal<FileStore>,
    is_durable: bool,
}

impl PeerLog for WalDb {
    const NAME: &'static str = "wal-db";
    const ABOUT: &'static str =
        "1.1; one growing file, as it has no other; append_and_sync, or append alone";

    fn carries(_: Durability) -> bool {
        true
    }

    fn create(path: &Path, load: &AppendLoad, _: &Stage) -> Result<WalDb, MeasureError> {
        let is_durable = load.durability == Durability::Always;
        Ok(WalDb { wal: Wal::open(path.join("wal"))?, is_durable })
    }

    fn sync(&self) -> Result<(), MeasureError> {
        Ok(self.wal.sync()?)
    }
}

impl AppendTarget for WalDb {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        let Some((last, before)) = bodies.split_last() else { return Ok(()) };
        for body in before {
            let _lsn = self.wal.append(body)?;
        }
        let append = if self.is_durable { Wal::append_and_sync } else { Wal::append };
        let _lsn = append(&self.wal, last)?;
        Ok(())
    }
}
