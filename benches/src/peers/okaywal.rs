//! okaywal: files written before, commits grouped by a condition variable.

use std::path::Path;

use bytes::Bytes;
use okaywal::{Configuration, LogVoid, WriteAheadLog};
use roundhouse::Durability;
use roundhouse_measure::store::{AppendLoad, AppendTarget};
use roundhouse_measure::{MeasureError, Stage};

use super::PeerLog;

/// Every commit is durable; there is no other kind.
pub(super) struct OkayWal(WriteAheadLog);

impl PeerLog for OkayWal {
    const NAME: &'static str = "okaywal";
    const ABOUT: &'static str =
        "0.3.1; segments of 64 MiB written before; an entry of one chunk a record";

    fn carries(durability: Durability) -> bool {
        durability == Durability::Always
    }

    fn create(path: &Path, _: &AppendLoad, _: &Stage) -> Result<OkayWal, MeasureError> {
        let configuration = Configuration::default_for(path)
            .preallocate_bytes(64 << 20)
            .checkpoint_after_bytes(48 << 20);
        Ok(OkayWal(configuration.open(LogVoid)?))
    }

    fn sync(&self) -> Result<(), MeasureError> {
        // Everything is durable already.
        Ok(())
    }
}

impl AppendTarget for OkayWal {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        let mut entry = self.0.begin_entry()?;
        for body in bodies {
            entry.write_chunk(body)?;
        }
        entry.commit()?;
        Ok(())
    }
}
