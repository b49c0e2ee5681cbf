//! Every error of the engine in one, for programs that do not tell them apart.

use std::path::PathBuf;

use roundhouse_runtime::Errno;
use roundhouse_runtime::uring::SetupError;
use roundhouse_store::{AppendError, LogError, OpenError, ReadError};

use crate::options::OptionsError;

/// What can go wrong with an engine. Each operation has its own, smaller error; all convert into
/// this one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option is unknown or has an impossible value. Nothing was opened.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// This process can't have a ring. Nothing was opened.
    #[error("shard {shard} cannot set up its ring: {error}")]
    Setup {
        /// The shard that was to have it.
        shard: u16,
        /// Which limit or setting is in the way, and the remedy.
        error: SetupError,
    },
    /// Another process, or another engine of this one, has the directory open. Close it there.
    #[error("{} is in use by another process; close it there, or give another directory", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A shard's store could not be opened, or not be closed in order.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A thread for a shard could not be started.
    #[error("cannot start a thread for shard {shard}: {error}")]
    Thread {
        /// The shard that was to have it.
        shard: u16,
        /// What the system said.
        error: std::io::Error,
    },
    /// A shard's ring broke; the shard stopped. Open the engine again.
    #[error("the ring of shard {shard} broke: {errno}; open the engine again")]
    Ring {
        /// The shard.
        shard: u16,
        /// What the kernel said.
        errno: Errno,
    },
    /// An append failed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A read failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A log could not be created, changed or deleted.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The engine, or the shard that was asked, is closed.
    #[error("the engine is closed")]
    Closed,
    /// What was asked for panicked on its shard: a defect, of the program that ran there or of the engine.
    #[error("what was asked for panicked on its shard")]
    Panicked,
    /// A scratch directory or the like could not be had; never from the engine itself.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
