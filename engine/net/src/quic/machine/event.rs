//! What happened, for whoever owns the connections.

use crate::quic::error::ConnectionError;
use crate::quic::values::{Direction, StreamId};

/// Names a connection of one machine. Never names another one, also after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey {
    /// Smaller than the number of connections ever open at once.
    pub index: u32,
    /// How many connections had this index before, wrapping round.
    pub generation: u32,
}

/// Something that happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client began a connection; its handshake goes on by itself.
    Incoming,
    /// The handshake is done.
    Connected,
    /// The connection ended. Comes at most once, and not if this side closed it.
    Lost(ConnectionError),
    /// The peer opened streams; see [`Machine::accept_stream`](super::Machine::accept_stream).
    Opened(Direction),
    /// The peer allows more streams; see [`Machine::open_stream`](super::Machine::open_stream).
    Available(Direction),
    /// There is something new to read: data, the end, or a reset.
    Readable(StreamId),
    /// A write that would have waited may now go on, or fail.
    Writable(StreamId),
    /// Everything sent on the stream was acknowledged, its end included, or the peer stopped it.
    Finished(StreamId),
    /// The peer stopped reading; see [`Machine::write`](super::Machine::write) for the code.
    Stopped(StreamId),
    /// A datagram arrived where there was none.
    DatagramReceived,
    /// There is room for datagrams to send again.
    DatagramsUnblocked,
    /// Nothing is left of the connection; its key is no longer known.
    Gone,
}
