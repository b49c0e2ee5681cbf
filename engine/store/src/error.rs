//! What can go wrong, per operation: who caused it, what state is left, what to do.

use std::path::PathBuf;
use std::sync::Arc;

use roundhouse_base::{ByteSize, Offset, Pos, SegmentNo, ShardId};
use roundhouse_runtime::Errno;

/// Opening a shard's store failed. Nothing in the directory was changed unless the variant says so.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory holds files, but no store.
    #[error("{} is not a Roundhouse store: {found}; give an empty or a new directory", directory.display())]
    NotAStore {
        /// The directory that was to be opened.
        directory: PathBuf,
        /// What is in it instead.
        found: String,
    },
    /// A check found no store to look at.
    #[error("there is no store in {}", directory.display())]
    Missing {
        /// The directory that was to be opened.
        directory: PathBuf,
    },
    /// The store is complete but for this shard: its directory was removed or moved.
    #[error("shard {shard} of the store is missing: there is nothing in {}; put it back", directory.display())]
    MissingShard {
        /// The shard.
        shard: ShardId,
        /// Where it should be.
        directory: PathBuf,
    },
    /// The store was made by a newer version.
    #[error("{} has format version {found}, this program knows versions up to {supported}: open it with a newer one", file.display())]
    NewerFormat {
        /// The file that says so.
        file: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version this program can read.
        supported: u16,
    },
    /// Too few copies of the superblock are intact and equal.
    #[error("{}: {reason}; restore the file from a backup of the same store", file.display())]
    Superblock {
        /// The superblock's file.
        file: PathBuf,
        /// What was found in each copy.
        reason: String,
    },
    /// The store has another number of shards.
    #[error("{} was created with {found} shards and cannot be opened with {asked}: open it with {found}", directory.display())]
    ShardCount {
        /// The shard's directory.
        directory: PathBuf,
        /// Shards it was created with.
        found: u16,
        /// Shards asked for.
        asked: u16,
    },
    /// The directory belongs to another shard of the store: files were moved.
    #[error("{} belongs to shard {found}, not {asked}: put the shards' directories back where they were", directory.display())]
    WrongShard {
        /// The shard's directory.
        directory: PathBuf,
        /// The shard its superblock names.
        found: ShardId,
        /// The shard it was opened as.
        asked: ShardId,
    },
    /// A slot file that holds live data is not there.
    #[error(
        "segment {segment} is missing: {expected}; put the file back, or use `repair` to give up everything from it on"
    )]
    MissingSegment {
        /// The segment nobody holds.
        segment: SegmentNo,
        /// Where it should be.
        expected: String,
    },
    /// Data that was proven durable is damaged.
    #[error("{0}")]
    Corruption(Corruption),
    /// The kernel refused something.
    #[error("cannot {action} {}: {errno}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// An option has no usable value.
    #[error("{0}")]
    Options(String),
    /// Writing to the store failed while it was being opened.
    #[error("{0}")]
    Failed(StoreFailure),
}

/// Damage below what was proven durable: acknowledged data was changed or lost by something else
/// than a crash. Never repaired silently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is damaged at byte {file_offset} (position {pos}): {reason}; everything below position {proven} was \
     acknowledged as durable. Nothing was changed. `verify` lists all damage, `salvage` reads what is intact, \
     `repair` keeps what is before it and moves the rest to quarantine",
    file.display()
)]
pub struct Corruption {
    /// The slot file. If the damage is that no file holds a segment: the one that should, or the
    /// shard's directory where that is unknown.
    pub file: PathBuf,
    /// The first damaged byte's block in that file.
    pub file_offset: u64,
    /// The same place in the write-ahead log.
    pub pos: Pos,
    /// The highest position that is proven to have been durable.
    pub proven: Pos,
    /// What was expected and what was found.
    pub reason: String,
}

/// The store of a shard stopped: a durable write or a sync failed, and what reached the disk is
/// unknown. The same for every waiter and every later call; reading what was acknowledged goes on.
/// Opening the store again finds out what is true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the store of shard {shard} stopped because it could not {action}: {reason}; close the engine and open it again"
)]
pub struct StoreFailure {
    /// The shard whose store stopped.
    pub shard: ShardId,
    /// What failed.
    pub action: Arc<str>,
    /// How.
    pub reason: Arc<str>,
}

/// Appending failed. Unless the variant is [`AppendError::Failed`], nothing of it is or will be in
/// the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// No slot is left: the pool is at its capacity, or the file system is full. Trim logs, raise
    /// the capacity or free space, then append again; reopening is not needed.
    #[error("no space: {reason}; trim logs or give the store more room, then append again")]
    NoSpace {
        /// Which limit was hit.
        reason: Arc<str>,
    },
    /// The record or batch is larger than this store takes.
    #[error("a record or batch of {} is larger than the {} this store takes", ByteSize(*bytes), ByteSize(*bytes_max))]
    TooLarge {
        /// Size of the record or batch.
        bytes: u64,
        /// The most that is taken.
        bytes_max: u64,
    },
    /// A record that spans no offsets or too many.
    #[error(
        "a record spans {count} offsets; 1 to {} are possible",
        roundhouse_base::limits::RECORD_COUNT_MAX
    )]
    Count {
        /// The offsets it was to span.
        count: u32,
    },
    /// Appends are made faster than they are written, and as much of them waits as may. This one was
    /// not put in line; await some of the earlier ones, then append again. Never from a store that
    /// is used directly: it has the caller wait.
    #[error("appends of {} wait already, which is the limit; await some of them, then append again", ByteSize(*bytes_max))]
    Overloaded {
        /// The most that may wait.
        bytes_max: u64,
    },
    /// The log was deleted.
    #[error("the log was deleted")]
    Deleted,
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
    /// The store stopped before the record was acknowledged; whether it is in the log is decided
    /// when the store is opened again.
    #[error("{0}")]
    Failed(StoreFailure),
}

/// Reading failed. The log is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The offset lies before the log's start: it was trimmed. Go on from `start`.
    #[error("offset {from} was trimmed; the log starts at {start}")]
    Trimmed {
        /// The offset asked for.
        from: Offset,
        /// The first offset there is.
        start: Offset,
    },
    /// The offset lies beyond the log's end.
    #[error("offset {from} does not exist yet; the log ends at {end}")]
    BeyondEnd {
        /// The offset asked for.
        from: Offset,
        /// The offset the next record will get.
        end: Offset,
    },
    /// The log was deleted.
    #[error("the log was deleted")]
    Deleted,
    /// The blocks that hold the records are damaged.
    #[error("{0}")]
    Corruption(Corruption),
    /// The kernel could not read the blocks that hold the records.
    #[error("cannot read {} at byte {file_offset}: {errno}", file.display())]
    Io {
        /// The slot file.
        file: PathBuf,
        /// Where in it.
        file_offset: u64,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// Creating, configuring, trimming, truncating or deleting a log failed. Unless the variant is
/// [`LogError::Append`] with a stopped store, nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// There is no log of that name.
    #[error("there is no log named {name:?}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// A log of that name exists.
    #[error("a log named {name:?} exists already")]
    Exists {
        /// The name.
        name: String,
    },
    /// The name is empty, too long, or has control characters.
    #[error(
        "{name:?} is no name for a log: it must have 1 to {} bytes and no control characters",
        roundhouse_base::limits::LOG_NAME_BYTES_MAX
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The shard's catalogue is full.
    #[error(
        "the shard has {logs} logs and its catalogue takes no more; delete logs or use larger slots"
    )]
    TooManyLogs {
        /// Logs there are.
        logs: usize,
    },
    /// The offset lies outside the log.
    #[error("offset {offset} lies outside the log, which has {start} to {end}")]
    OutOfRange {
        /// The offset given.
        offset: Offset,
        /// The log's first offset.
        start: Offset,
        /// The offset the next record will get.
        end: Offset,
    },
    /// The log was truncated so often that the list of cuts is full.
    #[error("the log's list of suffix truncations is full; trim its prefix first")]
    TooManyTruncations,
    /// The change could not be written.
    #[error("{0}")]
    Append(#[from] AppendError),
}
