//! Sockets, seen from code that runs on a shard.

use std::net::SocketAddr;

use crate::completion_queue::CompletionQueue;
use crate::op::{Errno, Op};
use crate::operation::SocketOperation;
use crate::shard::{Shard, ShardInner};
use crate::socket::{Received, SocketId, SocketOp, SocketOption, SocketOptions};

impl Shard {
    /// Opens a socket; see [`Driver::open_socket`](crate::Driver::open_socket).
    ///
    /// # Errors
    /// The kernel's.
    pub fn open_socket(&self, options: &SocketOptions) -> Result<SocketId, Errno> {
        self.inner.driver.borrow_mut().open_socket(options)
    }

    /// Changes an option of a socket.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_socket_option(&self, socket: SocketId, option: SocketOption) -> Result<(), Errno> {
        self.inner.driver.borrow_mut().set_socket_option(socket, option)
    }

    /// Has the kernel choose among sockets that share an address; see
    /// [`Driver::steer_datagrams`](crate::Driver::steer_datagrams).
    ///
    /// # Errors
    /// The kernel's.
    pub fn steer_datagrams(&self, socket: SocketId, places: &[Option<u16>]) -> Result<(), Errno> {
        self.inner.driver.borrow_mut().steer_datagrams(socket, places)
    }

    /// The address of a socket's own end.
    ///
    /// # Errors
    /// `EBADF` for a socket that is not open.
    pub fn local_address(&self, socket: SocketId) -> Result<SocketAddr, Errno> {
        self.inner.driver.borrow().local_address(socket)
    }

    /// The address of the other end of a connected stream.
    ///
    /// # Errors
    /// `ENOTCONN` if it is not connected, or no longer.
    pub fn peer_address(&self, socket: SocketId) -> Result<SocketAddr, Errno> {
        self.inner.driver.borrow().peer_address(socket)
    }

    /// Starts an operation on a socket that completes once. Dropping it cancels it.
    ///
    /// # Panics
    /// In debug builds, if the operation is a multishot one.
    pub fn socket_operation(&self, op: SocketOp) -> SocketOperation {
        SocketOperation::new(self, op)
    }

    /// A queue for operations that belong together, which holds back multishot ones at
    /// `completions_max`.
    pub fn completion_queue(&self, completions_max: usize) -> CompletionQueue {
        CompletionQueue::new(self, completions_max)
    }

    /// Closes a socket, and ends what is in flight on it, without waiting for that.
    pub fn close_socket(&self, socket: SocketId) {
        self.inner.close_socket(socket);
    }
}

impl ShardInner {
    /// Lets go of what came for nobody: a connection that nobody takes must be closed.
    pub(crate) fn discard(&self, received: Option<&Received>) {
        if let Some(Received::Connection(socket)) = received {
            self.close_socket(*socket);
        }
    }

    fn close_socket(&self, socket: SocketId) {
        self.driver.borrow_mut().submit(Op::Socket(SocketOp::Close { socket }));
    }
}
