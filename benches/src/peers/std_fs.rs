//! What one writes with the standard library: a buffer behind a lock; whoever finds nobody writing
//! writes and syncs for all who wait.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use roundhouse::Durability;
use roundhouse_measure::store::{AppendLoad, AppendTarget};
use roundhouse_measure::{MeasureError, Stage};

use super::PeerLog;

pub(super) struct StdFs {
    file: File,
    file_bytes: u64,
    is_durable: bool,
    gathering: Mutex<Gathering>,
    landed: Condvar,
}

/// What waits for the next write. Generations count writes; a record is of the one it will go out with.
#[derive(Default)]
struct Gathering {
    buffer: Vec<u8>,
    spare: Vec<u8>,
    generation: u64,
    landed: u64,
    is_writing: bool,
    has_failed: bool,
    at: u64,
}

impl PeerLog for StdFs {
    const NAME: &'static str = "std-fs";
    const ABOUT: &'static str =
        "a leader writes for all: pwrite and fdatasync into a file that was written before";

    fn carries(_: Durability) -> bool {
        true
    }

    fn create(path: &Path, load: &AppendLoad, stage: &Stage) -> Result<StdFs, MeasureError> {
        let (file, file_bytes) = written_before(&path.join("log"), stage)?;
        Ok(StdFs {
            file,
            file_bytes,
            is_durable: load.durability == Durability::Always,
            gathering: Mutex::default(),
            landed: Condvar::new(),
        })
    }

    fn sync(&self) -> Result<(), MeasureError> {
        Ok(self.file.sync_data()?)
    }
}

impl AppendTarget for StdFs {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        let mut gathering = self.lock();
        for body in bodies {
            gathering.buffer.extend_from_slice(&(body.len() as u32).to_le_bytes());
            gathering.buffer.extend_from_slice(body);
        }
        let own = gathering.generation;
        while gathering.landed <= own && !gathering.has_failed {
            gathering = if gathering.is_writing {
                self.landed.wait(gathering).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.write_gathered(gathering)
            };
        }
        if gathering.has_failed { Err("a write or a sync failed".into()) } else { Ok(()) }
    }
}

impl StdFs {
    fn lock(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was gathered, without the lock meanwhile.
    fn write_gathered<'a>(
        &'a self,
        mut gathering: MutexGuard<'a, Gathering>,
    ) -> MutexGuard<'a, Gathering> {
        let spare = std::mem::take(&mut gathering.spare);
        let mut buffer = std::mem::replace(&mut gathering.buffer, spare);
        if gathering.at + buffer.len() as u64 > self.file_bytes {
            gathering.at = 0;
        }
        let at = gathering.at;
        gathering.at += buffer.len() as u64;
        gathering.generation += 1;
        gathering.is_writing = true;
        drop(gathering);
        let written = self.file.write_all_at(&buffer, at);
        let synced = if self.is_durable { self.file.sync_data() } else { Ok(()) };
        let mut gathering = self.lock();
        buffer.clear();
        gathering.spare = buffer;
        gathering.is_writing = false;
        gathering.has_failed |= written.and(synced).is_err();
        gathering.landed = gathering.generation;
        self.landed.notify_all();
        gathering
    }
}

/// A file whose every block was written and synced, as the engine's slots are; with its length.
pub(super) fn written_before(path: &Path, stage: &Stage) -> Result<(File, u64), MeasureError> {
    let bytes = stage.sizes.file.min(FILE_BYTES_MAX);
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    for at in (0..bytes).step_by(zeros.len()) {
        file.write_all_at(&zeros, at)?;
    }
    file.sync_all()?;
    Ok((file, bytes))
}

/// Enough for the file's blocks not to be written over while they are still on their way.
const FILE_BYTES_MAX: u64 = 256 << 20;
