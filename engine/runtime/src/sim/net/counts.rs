//! What a network did, and what it holds.

use std::fmt;

/// What became of packets so far. A datagram is a packet; so is a segment of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounts {
    /// Packets sent.
    pub sent: u64,
    /// Lost: [`LinkOptions::loss`](super::LinkOptions::loss), or a corrupted segment of a stream.
    pub lost: u64,
    /// Lost since the link was cut.
    pub cut: u64,
    /// Lost since they were longer than the path allows.
    pub too_long: u64,
    /// Lost since the queue before a narrow link was full.
    pub overflowed: u64,
    /// Came twice.
    pub duplicated: u64,
    /// Took longer than those before and after them.
    pub reordered: u64,
    /// Had a bit changed.
    pub corrupted: u64,
    /// Were marked by a congested link instead of waiting unnoticed.
    pub marked: u64,
    /// Arrivals, which may be several datagrams together, for which there was no node or socket.
    pub unreachable: u64,
    /// Arrivals dropped since the socket's memory was full.
    pub socket_full: u64,
}

impl fmt::Display for NetworkCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packets", self.sent)?;
        let counts = [
            (self.lost, "lost"),
            (self.cut, "cut off"),
            (self.too_long, "too long"),
            (self.overflowed, "beyond a queue"),
            (self.duplicated, "doubled"),
            (self.reordered, "overtaken"),
            (self.corrupted, "corrupted"),
            (self.marked, "marked"),
            (self.unreachable, "for nobody"),
            (self.socket_full, "for full sockets"),
        ];
        let happened = counts.into_iter().filter(|(count, _)| *count > 0);
        happened.into_iter().try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

/// What is there at the moment, on all nodes together. A program that ended cleanly leaves nothing
/// but, for a minute of virtual time, closed connections that answer late packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkLoad {
    /// Sockets that processes have open, connected or not.
    pub sockets: usize,
    /// Ends of connections, also those still being made or already closed.
    pub connections: usize,
    /// Bytes in the memory of sockets, to be sent or to be received.
    pub buffered_bytes: usize,
    /// Packets on their way.
    pub packets: usize,
}
