//! Operations as submission entries.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{CancelBuilder, Fd};
use rustix::event::PollFlags;
use rustix::fs::{CWD, OFlags};
use rustix::io::ReadWriteFlags;

use super::files::FileTable;
use super::side_memory::SideMemory;
use crate::op::{Errno, FileId, Op, OpId, OpenMode};

/// Permissions of a new file, before the umask.
pub(super) const FILE_MODE: u32 = 0o644;

/// Whose completion an entry of the completion queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// An operation's.
    Op(OpId),
    /// That of a request to cancel; says nothing that the cancelled operation does not say itself.
    Cancel,
    /// The watch on the unparker's eventfd.
    Watch,
}

impl Tag {
    /// The tag as `user_data`. No operation's index reaches `u32::MAX`, so that marks the driver's
    /// own entries.
    pub(super) fn to_user_data(self) -> u64 {
        match self {
            Tag::Op(id) => id.to_user_data(),
            Tag::Cancel => CANCEL,
            Tag::Watch => WATCH,
        }
    }

    /// The tag that [`Tag::to_user_data`] made.
    pub(super) fn from_user_data(user_data: u64) -> Tag {
        match user_data {
            CANCEL => Tag::Cancel,
            WATCH => Tag::Watch,
            _ => Tag::Op(OpId::from_user_data(user_data)),
        }
    }
}

/// The entry that starts `op`, without a tag. Its path, if it has one, is put into `memory`.
///
/// The entry points into the operation's buffer or into `memory`: both must stay where they are,
/// and alive, until the operation's last completion.
///
/// Fails where the kernel would not even be asked: `EBADF` for a file that is not open, `EINVAL`
/// for a path with a zero byte and for operations that never go through the ring, or are not on files.
pub(super) fn start(
    op: &mut Op,
    memory: &mut SideMemory,
    files: &FileTable,
) -> Result<Entry, Errno> {
    let fd = |file: FileId| files.get(file).map(|fd| Fd(fd.as_raw_fd()));
    let entry = match op {
        Op::Read { file, buf, at } => {
            opcode::Read::new(fd(*file)?, buf.as_mut_ptr(), transfer_bytes(buf)).offset(*at).build()
        }
        Op::Write { file, buf, at, durable } => {
            let flags = if *durable { ReadWriteFlags::DSYNC } else { ReadWriteFlags::empty() };
            opcode::Write::new(fd(*file)?, buf.as_ptr(), transfer_bytes(buf))
                .offset(*at)
                .rw_flags(flags.bits() as i32)
                .build()
        }
        Op::Sync { file } => opcode::Fsync::new(fd(*file)?).build(),
        Op::Allocate { file, bytes } => opcode::Fallocate::new(fd(*file)?, *bytes).build(),
        Op::Open { path: name, mode } => {
            let path = memory.put_path(c_string(name)?);
            opcode::OpenAt::new(Fd(CWD.as_raw_fd()), path.as_ptr())
                .flags(open_flags(*mode).bits() as i32)
                .mode(FILE_MODE)
                .build()
        }
        Op::Remove { path: name } => {
            let path = memory.put_path(c_string(name)?);
            opcode::UnlinkAt::new(Fd(CWD.as_raw_fd()), path.as_ptr()).build()
        }
        Op::SyncData { .. } | Op::Close { .. } | Op::Socket(_) => return Err(Errno::INVAL),
    };
    Ok(entry)
}

/// The entry that asks for the end of operation `id`.
pub(super) fn cancel(id: OpId) -> Entry {
    opcode::AsyncCancel::new(id.to_user_data()).build().user_data(Tag::Cancel.to_user_data())
}

/// The entry that asks for the end of everything the ring has started.
pub(super) fn cancel_all() -> Entry {
    opcode::AsyncCancel2::new(CancelBuilder::any()).build().user_data(Tag::Cancel.to_user_data())
}

/// The entry that completes, again and again, whenever `event` is written to. The eventfd never
/// needs to be read: each write wakes the watch, whatever the counter says.
pub(super) fn watch(event: BorrowedFd<'_>) -> Entry {
    opcode::PollAdd::new(Fd(event.as_raw_fd()), PollFlags::IN.bits().into())
        .multi(true)
        .build()
        .user_data(Tag::Watch.to_user_data())
}

/// The result behind a completion entry's number.
pub(super) fn result(number: i32) -> Result<u32, Errno> {
    match number {
        0.. => Ok(number as u32),
        // Cancelling interrupts the worker an operation runs in, and the call it is in answers with
        // that: EINTR, or the kernel's own word for it, which otherwise never gets out.
        NEGATIVE_EINTR | NEGATIVE_ERESTARTSYS => Err(Errno::CANCELED),
        _ => Err(Errno::from_raw_os_error(-number)),
    }
}

/// Flags of openat(2) for `mode`.
fn open_flags(mode: OpenMode) -> OFlags {
    let flags = match mode {
        OpenMode::Read => OFlags::RDONLY | OFlags::DIRECT,
        OpenMode::Write => OFlags::RDWR | OFlags::DIRECT,
        OpenMode::Create => OFlags::RDWR | OFlags::DIRECT | OFlags::CREATE | OFlags::EXCL,
        OpenMode::Directory => OFlags::RDONLY | OFlags::DIRECTORY,
    };
    flags | OFlags::CLOEXEC
}

/// Length of a transfer; what does not fit makes it a short one, as the kernel would.
fn transfer_bytes(buf: &[u8]) -> u32 {
    u32::try_from(buf.len()).unwrap_or(u32::MAX)
}

fn c_string(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)
}

const CANCEL: u64 = u32::MAX as u64;
const WATCH: u64 = 1 << 32 | u32::MAX as u64;
const NEGATIVE_EINTR: i32 = -Errno::INTR.raw_os_error();
const NEGATIVE_ERESTARTSYS: i32 = -512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_the_kernel() {
        let id = OpId { index: u32::MAX - 1, generation: u32::MAX };
        for tag in [Tag::Op(id), Tag::Cancel, Tag::Watch] {
            assert_eq!(Tag::from_user_data(tag.to_user_data()), tag);
        }
    }

    #[test]
    fn an_interrupted_worker_counts_as_cancelled() {
        assert_eq!(result(4096), Ok(4096));
        assert_eq!(result(-28), Err(Errno::NOSPC));
        for number in [-125, -4, -512] {
            assert_eq!(result(number), Err(Errno::CANCELED), "{number}");
        }
    }

    #[test]
    fn what_the_kernel_cannot_be_asked_fails_at_once() {
        let files = FileTable::default();
        let mut missing = Op::Sync { file: FileId(3) };
        assert_eq!(start(&mut missing, &mut SideMemory::None, &files).unwrap_err(), Errno::BADF);
        let mut unnameable = Op::Remove { path: "a\0b".into() };
        assert_eq!(
            start(&mut unnameable, &mut SideMemory::None, &files).unwrap_err(),
            Errno::INVAL
        );
    }
}
