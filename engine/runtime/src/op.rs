//! Operations as data: what a shard asks of its driver, and what comes back.

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
pub use rustix::io::Errno;

use crate::socket::{Received, SocketOp};

/// A file the driver has open. Numbers are the driver's own and may be used again after
/// [`Op::Close`] completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// An operation in flight. The generation makes a completion that comes late for an earlier user of
/// the same table entry recognisable: it can never be taken for this one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// Entry in the driver's table; smaller than the number of operations ever in flight at once.
    pub index: u32,
    /// How often that entry was used before.
    pub generation: u32,
}

impl OpId {
    /// The id as the kernel's 64-bit `user_data`.
    pub fn to_user_data(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The id that [`OpId::to_user_data`] made.
    pub fn from_user_data(user_data: u64) -> OpId {
        OpId { index: user_data as u32, generation: (user_data >> 32) as u32 }
    }
}

/// How a file is opened. Regular files are always opened for direct I/O: buffer addresses, lengths
/// and file positions must be multiples of [`roundhouse_base::limits::BLOCK_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing; `EEXIST` if there is one of that name.
    Create,
    /// A directory, so that [`Op::Sync`] can make its entries durable.
    Directory,
}

/// One operation. Buffers belong to the operation until its last completion hands them back.
#[derive(Debug)]
pub enum Op {
    /// Reads into all of `buf` (its length, not its capacity). Result: bytes read, which are fewer
    /// than asked for at the end of the file only.
    Read {
        /// What to read from.
        file: FileId,
        /// Block-aligned memory.
        buf: BytesMut,
        /// Byte in the file where to start.
        at: u64,
    },
    /// Writes all of `buf`. Result: bytes written; fewer than given is possible and is up to the
    /// caller to treat as the failure it is for a log.
    Write {
        /// What to write to.
        file: FileId,
        /// Block-aligned memory.
        buf: Bytes,
        /// Byte in the file where to start.
        at: u64,
        /// Complete only when these bytes, and what is needed to find them, are on stable storage
        /// (`RWF_DSYNC`). Says nothing about earlier writes.
        durable: bool,
    },
    /// Makes every write to `file` that completed before this was submitted durable, on this
    /// thread: the shard stands still meanwhile (20-50 us), which beats the hop to a kernel worker.
    SyncData {
        /// What to make durable.
        file: FileId,
    },
    /// The same with all metadata, by a kernel worker: slower, but the shard goes on. For files
    /// being prepared and for directories.
    Sync {
        /// What to make durable.
        file: FileId,
    },
    /// Opens a file. Result: the number in its [`FileId`].
    Open {
        /// Where it is.
        path: PathBuf,
        /// What for.
        mode: OpenMode,
    },
    /// Reserves space for the first `bytes` of a file and makes it that long; what was not written
    /// reads as zeros.
    Allocate {
        /// The file to grow.
        file: FileId,
        /// Its length afterwards.
        bytes: u64,
    },
    /// Removes a file's name.
    Remove {
        /// The name to remove.
        path: PathBuf,
    },
    /// Closes a file. There must be no other operation on it in flight.
    Close {
        /// The file to close.
        file: FileId,
    },
    /// Does something with a socket.
    Socket(SocketOp),
}

/// What became of an operation.
#[derive(Debug)]
pub struct Completion {
    /// Which one.
    pub id: OpId,
    /// The count or number that the operation's documentation names, or why it failed
    /// (`ECANCELED` if it was cancelled in time).
    pub result: Result<u32, Errno>,
    /// What came in, if the operation receives something and did.
    pub received: Option<Received>,
    /// The operation with its buffers. `None` while more completions of it will follow
    /// (multishot); `Some` exactly once, with the last.
    pub op: Option<Op>,
}
