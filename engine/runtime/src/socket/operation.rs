//! Operations on sockets.

use std::net::SocketAddr;

use bytes::BytesMut;

use super::{Arrival, Pieces, SocketId, Transmit};

/// One operation on a socket.
///
/// Two of them, marked *multishot*, complete any number of times: each completion but the last
/// carries one [`Received`] and no [`Op`](crate::Op); the last says why it ended. They end by an
/// error, by a cancellation or when the socket is closed, and whoever wants more submits them
/// again: until then the data, or the connections, stay in the kernel.
#[derive(Debug)]
pub enum SocketOp {
    /// Takes connections from a listener; multishot. Each comes as [`Received::Connection`] with
    /// the listener's options ([`SocketOption`](super::SocketOption)) in force.
    Accept {
        /// A socket of [`SocketKind::Listener`](super::SocketKind::Listener).
        listener: SocketId,
    },
    /// Connects a stream socket. Result: 0. There is no time limit but the system's own, minutes
    /// long; cancel it when it took too long, and close the socket.
    Connect {
        /// A stream socket that was never connected.
        socket: SocketId,
        /// Where to.
        to: SocketAddr,
    },
    /// Receives from a stream what has arrived, waiting if nothing has. Result: how many bytes,
    /// which come as [`Received::Bytes`]; 0 at the end of the stream.
    Receive {
        /// A connected stream socket with no other receive in flight.
        socket: SocketId,
    },
    /// Sends all of `data` on a stream, waiting while the peer does not take it. Result: bytes
    /// sent; fewer than given only if the connection broke, or if it was cancelled, meanwhile.
    Send {
        /// A connected stream socket with no other send in flight: two at once have no order.
        socket: SocketId,
        /// What to send.
        data: Pieces,
    },
    /// Receives datagrams; multishot. They come as [`Received::Datagrams`].
    ReceiveDatagrams {
        /// A datagram socket with no other receive in flight.
        socket: SocketId,
    },
    /// Sends one datagram or a train of them. Result: bytes handed to the network, all or none.
    ///
    /// Errors are those of this transmission alone: `EMSGSIZE` longer than the path allows,
    /// `ENOBUFS` dropped for want of memory (a loss like any other), `EIO` and `EINVAL` for a
    /// train that the device can't cut, `ENETUNREACH`, `EHOSTUNREACH`, `EPERM` (a firewall).
    SendDatagrams {
        /// A datagram socket.
        socket: SocketId,
        /// What to send where.
        transmit: Transmit,
    },
    /// Ends one direction of a connected stream, or both. Takes effect at once: nothing that is
    /// still in flight may be needed. Result: 0.
    Shutdown {
        /// A connected stream socket.
        socket: SocketId,
        /// Which direction.
        side: Side,
    },
    /// Closes a socket. Operations on it that are still in flight end with `ECANCELED`, or with
    /// their result if they were faster. Can't be cancelled. Result: 0.
    Close {
        /// Any socket.
        socket: SocketId,
    },
}

impl SocketOp {
    /// Whether it completes any number of times.
    pub fn is_multishot(&self) -> bool {
        matches!(self, SocketOp::Accept { .. } | SocketOp::ReceiveDatagrams { .. })
    }

    /// The socket it works on.
    pub fn socket(&self) -> SocketId {
        match self {
            SocketOp::Accept { listener } => *listener,
            SocketOp::Connect { socket, .. }
            | SocketOp::Receive { socket }
            | SocketOp::Send { socket, .. }
            | SocketOp::ReceiveDatagrams { socket }
            | SocketOp::SendDatagrams { socket, .. }
            | SocketOp::Shutdown { socket, .. }
            | SocketOp::Close { socket } => *socket,
        }
    }
}

/// A direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What comes from the peer.
    Receiving,
    /// What goes to the peer, who sees the end of the stream.
    Sending,
    /// Both.
    Both,
}

/// What an operation received besides its result.
///
/// The memory is the driver's. It is used again once everything split off it was dropped, on any
/// thread; however long it is kept, receiving goes on, if need be in other memory.
#[derive(Debug)]
pub enum Received {
    /// A connected stream socket. Whoever takes it must close it.
    Connection(SocketId),
    /// The next bytes of a stream.
    Bytes(BytesMut),
    /// Datagrams that arrived together.
    Datagrams(Arrival),
}
