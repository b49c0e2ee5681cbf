//! The sockets a driver has open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::op::Errno;
use crate::socket::SocketId;

/// Gives open sockets small numbers, which are used again once a socket is closed.
#[derive(Debug, Default)]
pub(super) struct SocketTable {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    fd: OwnedFd,
    /// No operation may start any more; those in flight are being cancelled.
    is_closing: bool,
    /// Whether the last receive left something behind.
    has_more: bool,
}

impl SocketTable {
    /// Takes a socket into the table, which closes it in the end.
    pub(super) fn insert(&mut self, fd: OwnedFd) -> SocketId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        self.entries[index as usize] = Some(Entry { fd, is_closing: false, has_more: false });
        SocketId(index)
    }

    /// The descriptor of `socket`; `EBADF` if that is not open.
    pub(super) fn get(&self, socket: SocketId) -> Result<BorrowedFd<'_>, Errno> {
        match self.entries.get(socket.0 as usize) {
            Some(Some(entry)) if !entry.is_closing => Ok(entry.fd.as_fd()),
            _ => Err(Errno::BADF),
        }
    }

    /// Notes whether a receive left something behind in the kernel.
    pub(super) fn set_more(&mut self, socket: SocketId, has_more: bool) {
        if let Some(Some(entry)) = self.entries.get_mut(socket.0 as usize) {
            entry.has_more = has_more;
        }
    }

    /// Whether the last receive left something behind, as far as is known.
    pub(super) fn has_more(&self, socket: SocketId) -> bool {
        matches!(self.entries.get(socket.0 as usize), Some(Some(entry)) if entry.has_more)
    }

    /// From now on [`SocketTable::get`] does not find `socket`. Gives its descriptor a last time.
    pub(super) fn begin_close(&mut self, socket: SocketId) -> Result<BorrowedFd<'_>, Errno> {
        match self.entries.get_mut(socket.0 as usize) {
            Some(Some(entry)) if !entry.is_closing => {
                entry.is_closing = true;
                Ok(entry.fd.as_fd())
            }
            _ => Err(Errno::BADF),
        }
    }

    /// Closes `socket`, whose close was begun.
    pub(super) fn finish_close(&mut self, socket: SocketId) {
        let entry = self.entries.get_mut(socket.0 as usize).and_then(Option::take);
        debug_assert!(entry.is_some_and(|entry| entry.is_closing), "a close is begun first");
        self.free.push(socket.0);
    }

    /// How many sockets are open.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}
