//! The files a driver has open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::op::{Errno, FileId};

/// Gives open files small numbers, which are used again after a close.
#[derive(Debug, Default)]
pub(super) struct FileTable {
    entries: Vec<Option<OwnedFd>>,
    free: Vec<u32>,
}

impl FileTable {
    /// Takes a file into the table, which closes it in the end.
    pub(super) fn insert(&mut self, fd: OwnedFd) -> FileId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        self.entries[index as usize] = Some(fd);
        FileId(index)
    }

    /// The descriptor of `file`; `EBADF` if that is not open.
    pub(super) fn get(&self, file: FileId) -> Result<BorrowedFd<'_>, Errno> {
        let entry = self.entries.get(file.0 as usize).and_then(Option::as_ref);
        entry.map(AsFd::as_fd).ok_or(Errno::BADF)
    }

    /// Waits until what was written to `file` is durable.
    pub(super) fn sync_data(&self, file: FileId) -> Result<u32, Errno> {
        rustix::fs::fdatasync(self.get(file)?).map(|()| 0)
    }

    /// Closes `file`. What close(2) itself could report is not asked for: durability was settled
    /// by a sync before, and the descriptor is gone in any case.
    pub(super) fn close(&mut self, file: FileId) -> Result<u32, Errno> {
        let entry = self.entries.get_mut(file.0 as usize).and_then(Option::take);
        drop(entry.ok_or(Errno::BADF)?);
        self.free.push(file.0);
        Ok(0)
    }
}
