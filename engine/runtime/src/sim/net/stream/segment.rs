//! What travels between the ends of a stream.

use bytes::Bytes;

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim::net) struct Segment {
    pub(in crate::sim::net) kind: Kind,
    /// The position of its first byte in the stream.
    pub(in crate::sim::net) position: u64,
    pub(in crate::sim::net) data: Bytes,
    /// Nothing comes after `data`. The end takes one position, so that it is acknowledged, too.
    pub(in crate::sim::net) is_end: bool,
    /// Everything before this position has arrived.
    pub(in crate::sim::net) acknowledged: u64,
    /// Bytes after it that there is room for.
    pub(in crate::sim::net) window: u64,
}

/// What a segment says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim::net) enum Kind {
    /// SYN: begins one.
    Begin,
    /// SYN and ACK: agrees.
    Agree,
    /// ACK, with or without data.
    Go,
    /// Asks for an acknowledgement, to hear whether the other end is still there.
    Ask,
    /// RST: there is none, or no longer.
    Reset,
}

impl Segment {
    /// One without data.
    pub(in crate::sim::net) fn bare(kind: Kind) -> Segment {
        Segment { kind, position: 0, data: Bytes::new(), is_end: false, acknowledged: 0, window: 0 }
    }
}
