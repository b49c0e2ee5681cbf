//! The engine's directory: one lock for all of it, one folder per shard. Runs on shard 0, before
//! any store is opened.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use roundhouse_runtime::{Errno, FileId, Shard};
use roundhouse_store::{OpenError, Store, shard_directory};

use crate::error::Error;
use crate::server::ShardServer;

/// Creates the directory if it is missing and may be created, takes its lock and says how many
/// shards the store in it has: `None` if there is no store yet.
pub(crate) async fn claim(
    server: &Rc<ShardServer>,
    directory: &Path,
    may_create: bool,
) -> Result<Option<u16>, Error> {
    let shard = &server.shard;
    if may_create {
        check_contents(shard, directory)?;
        let created = shard.create_directory(directory).await;
        created.map_err(|errno| io("create", directory, errno))?;
    } else {
        check_exists(shard, directory)?;
    }
    server.lock.set(Some(lock(shard, directory)?));
    let shards = count_shards(shard, directory).await?;
    if shards.is_none() && !may_create {
        return Err(OpenError::Missing { directory: directory.to_owned() }.into());
    }
    Ok(shards)
}

/// Takes the lock of a directory.
pub(crate) fn lock(shard: &Shard, directory: &Path) -> Result<FileId, Error> {
    shard.lock(&lock_path(directory)).map_err(|errno| match errno {
        Errno::AGAIN => Error::InUse { directory: directory.to_owned() },
        errno => io("lock", directory, errno).into(),
    })
}

/// How many shards the store in a directory has; `None` if there is no store yet.
pub(crate) async fn count_shards(
    shard: &Shard,
    directory: &Path,
) -> Result<Option<u16>, OpenError> {
    let first = shard_directory(directory, roundhouse_base::ShardId(0));
    let superblock = Store::peek(shard, &first).await?;
    Ok(superblock.map(|superblock| superblock.shards))
}

/// Refuses a directory that is missing, empty or of something else, without touching it.
pub(crate) fn check_exists(shard: &Shard, directory: &Path) -> Result<(), OpenError> {
    check_contents(shard, directory)?;
    let entries = match shard.list(directory) {
        Ok(entries) => entries,
        Err(Errno::NOENT) => Vec::new(),
        Err(errno) => return Err(io("list", directory, errno)),
    };
    if entries.iter().any(|entry| entry.name.starts_with(SHARD_PREFIX)) {
        return Ok(());
    }
    Err(OpenError::Missing { directory: directory.to_owned() })
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
        Err(errno) => return Err(io("list", directory, errno)),
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

fn io(action: &'static str, path: &Path, errno: Errno) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), errno }
}

/// The file whose lock keeps other processes out.
fn lock_path(directory: &Path) -> PathBuf {
    directory.join(LOCK_FILE)
}

const LOCK_FILE: &str = "LOCK";

const SHARD_PREFIX: &str = "shard-";
