//! The engine's directory: one lock for all of it, one folder per shard. Runs on shard 0, before
//! any store is opened.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use roundhouse_runtime::{Errno, Shard};
use roundhouse_store::{OpenError, Store, shard_directory};

use crate::error::Error;
use crate::server::ShardServer;

/// Creates the directory if it is missing, takes its lock and says how many shards the store in it
/// has: `None` if there is no store yet.
pub(crate) async fn claim(
    server: &Rc<ShardServer>,
    directory: &Path,
) -> Result<Option<u16>, Error> {
    let shard = &server.shard;
    check_contents(shard, directory)?;
    let io = |action, errno| OpenError::Io { action, path: directory.to_owned(), errno };
    shard.create_directory(directory).await.map_err(|errno| io("create", errno))?;
    match shard.lock(&lock_path(directory)) {
        Ok(lock) => server.lock.set(Some(lock)),
        Err(Errno::AGAIN) => return Err(Error::InUse { directory: directory.to_owned() }),
        Err(errno) => return Err(io("lock", errno).into()),
    }
    let superblock =
        Store::peek(shard, &shard_directory(directory, roundhouse_base::ShardId(0))).await?;
    Ok(superblock.map(|superblock| superblock.shards))
}

/// Gives the lock back.
pub(crate) async fn release(server: &Rc<ShardServer>) -> Result<(), Error> {
    let Some(lock) = server.lock.take() else { return Ok(()) };
    let closed = server.shard.close(lock).await;
    closed.map(drop).map_err(|errno| {
        OpenError::Io { action: "release the lock of", path: PathBuf::from(LOCK_FILE), errno }
            .into()
    })
}

/// Refuses a directory that holds files of something else.
fn check_contents(shard: &Shard, directory: &Path) -> Result<(), OpenError> {
    let entries = match shard.list(directory) {
        Ok(entries) => entries,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => {
            return Err(OpenError::Io { action: "list", path: directory.to_owned(), errno });
        }
    };
    let is_ours = |name: &str| name == LOCK_FILE || name.starts_with(SHARD_PREFIX);
    let is_engine = entries.iter().any(|entry| is_ours(&entry.name));
    match entries.iter().find(|entry| !is_ours(&entry.name)) {
        Some(other) if !is_engine => Err(OpenError::NotAStore {
            directory: directory.to_owned(),
            found: format!("it has {:?}", other.name),
        }),
        _ => Ok(()),
    }
}

/// The file whose lock keeps other processes out.
pub(crate) fn lock_path(directory: &Path) -> PathBuf {
    directory.join(LOCK_FILE)
}

const LOCK_FILE: &str = "LOCK";

const SHARD_PREFIX: &str = "shard-";
