//! The seam between a shard and the world: everything a shard does outside its own memory goes
//! through a [`Driver`], and so does every reading of a clock or a random number.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use roundhouse_base::{Monotonic, WallTime};

use crate::op::{Completion, Errno, FileId, Op, OpId};
use crate::socket::{SocketId, SocketOption, SocketOptions};

/// The world as one shard sees it.
///
/// A driver belongs to one thread. It owns every submitted operation, with its buffers, until it
/// yields the operation's last completion; dropping a driver waits until the kernel let go of them.
pub trait Driver {
    /// Queues an operation; it starts at the latest with the next [`Driver::reap`].
    ///
    /// Any number may be in flight; those beyond the kernel's queue wait their turn inside the
    /// driver, in order. The index of an id belongs to its operation until [`Driver::reap`] has
    /// handed out the last completion.
    fn submit(&mut self, op: Op) -> OpId;

    /// Starts what was queued without waiting for the next [`Driver::reap`], as far as the kernel takes
    /// it; the rest starts there. For work that a device can begin while this shard is still busy.
    fn start(&mut self);

    /// Asks for an operation to end early. Its last completion comes in any case: with `ECANCELED`,
    /// or with its normal result if it was faster. An id that is no longer in flight is ignored.
    fn cancel(&mut self, id: OpId);

    /// Starts what was queued and appends the completions that have arrived to `completions`.
    ///
    /// With [`Wait::Until`] it sleeps until there is at least one completion, the time has come,
    /// or [`Unpark::unpark`] was called (also before the sleep began); it may wake for no reason.
    ///
    /// # Errors
    /// Only when the driver itself is broken; the shard cannot go on.
    fn reap(&mut self, completions: &mut Vec<Completion>, wait: Wait) -> Result<(), Errno>;

    /// Whether [`Driver::reap`] would find a completion or an unpark without sleeping: a look at
    /// shared memory, no system call, cheap enough to spin on.
    fn is_ready(&self) -> bool;

    /// The way for other threads to end this shard's sleep.
    fn unparker(&self) -> Arc<dyn Unpark>;

    /// In host-driven mode, the descriptor that becomes readable when the shard should be turned.
    fn event_fd(&self) -> Option<BorrowedFd<'_>>;

    /// The monotonic clock.
    fn now(&self) -> Monotonic;

    /// The wall clock.
    fn wall(&self) -> WallTime;

    /// 64 random bits, good enough for identities.
    fn random(&mut self) -> u64;

    /// Lists a directory. Blocks; for opening a store only.
    ///
    /// # Errors
    /// The kernel's, such as `ENOENT`, `ENOTDIR`, `EACCES`.
    fn list(&mut self, directory: &Path) -> Result<Vec<DirectoryEntry>, Errno>;

    /// Creates a directory and missing parents; one that is there already is fine. Blocks; for opening a store only.
    /// The entry is durable after [`Op::Sync`] of the parent.
    ///
    /// # Errors
    /// The kernel's, such as `ENOTDIR`, `EACCES`, `ENOSPC`.
    fn create_directory(&mut self, directory: &Path) -> Result<(), Errno>;

    /// Opens a file, creating it empty if need be, and takes the exclusive lock on it that ends
    /// with [`Op::Close`] or with the process. Blocks; for opening a store only.
    ///
    /// # Errors
    /// `EWOULDBLOCK` if another open file holds the lock; otherwise the kernel's.
    fn lock(&mut self, path: &Path) -> Result<FileId, Errno>;

    /// Opens a socket, binds it, and lets a listener listen. Takes some microseconds of the shard's
    /// time, as do the other calls on sockets below, but never waits.
    ///
    /// # Errors
    /// The kernel's: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` for a port below 1024, `EMFILE`,
    /// `EAFNOSUPPORT` where there is no IPv6, and the like.
    fn open_socket(&mut self, options: &SocketOptions) -> Result<SocketId, Errno>;

    /// Changes an option of a socket.
    ///
    /// # Errors
    /// `EBADF` for a socket that is not open, `EINVAL` for a value out of range.
    fn set_socket_option(&mut self, socket: SocketId, option: SocketOption) -> Result<(), Errno>;

    /// Has the kernel choose, of the datagram sockets that share this one's address, the one whose
    /// shard is named by the connection ID of an arriving QUIC datagram: the ID's first byte modulo
    /// the number of shards. `places` has, for each shard, the place of its socket in the order in
    /// which they were bound; `None` leaves the choice to the kernel. Holds for all of them until it
    /// is called again; when one of them is closed, the last one takes its place.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where there is no such thing, and otherwise the kernel's: `EPERM` or `ENOPROTOOPT`
    /// in a sandbox. Datagrams then arrive anywhere.
    fn steer_datagrams(&mut self, _socket: SocketId, _places: &[Option<u16>]) -> Result<(), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    /// The address of a socket's own end.
    ///
    /// # Errors
    /// `EBADF` for a socket that is not open.
    fn local_address(&self, socket: SocketId) -> Result<SocketAddr, Errno>;

    /// The address of the other end of a connected stream.
    ///
    /// # Errors
    /// `ENOTCONN` if it is not connected, or no longer; `EBADF` for a socket that is not open.
    fn peer_address(&self, socket: SocketId) -> Result<SocketAddr, Errno>;
}

/// How long [`Driver::reap`] may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// Until something happens, but no longer than this time if one is given.
    Until(Option<Monotonic>),
}

/// Ends a shard's sleep from any thread.
pub trait Unpark: Send + Sync {
    /// Makes the current or the next sleep of the shard end at once. Safe to call at any time,
    /// also after the shard is gone.
    fn unpark(&self);
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    /// The name without the directory. Names that are not UTF-8 are given with replacement
    /// characters: the engine never makes one.
    pub name: String,
    /// Whether it is a directory itself.
    pub is_directory: bool,
    /// Length in bytes, for a file.
    pub bytes: u64,
}
