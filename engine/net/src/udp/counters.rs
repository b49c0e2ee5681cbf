//! What a datagram socket counts.

use roundhouse_base::metrics::Cell;

/// Totals since the socket was opened, written by its shard and readable from any thread.
#[derive(Debug, Default)]
pub struct UdpCounters {
    /// Arrivals, each a datagram or a train.
    pub arrivals: Cell,
    /// Bytes that arrived.
    pub bytes_received: Cell,
    /// Times the reader was so slow that receiving paused, and the kernel may have dropped some.
    pub receive_pauses: Cell,
    /// Transmissions handed to the network, each a datagram or a train.
    pub transmits: Cell,
    /// Bytes of those.
    pub bytes_sent: Cell,
    /// Transmissions refused because the send queue was full.
    pub refused: Cell,
    /// Transmissions lost because the system had no memory for them (`ENOBUFS`).
    pub lost_no_buffers: Cell,
    /// Datagrams lost because they were longer than the path allows (`EMSGSIZE`): what a probe for
    /// the path's MTU is there to find out.
    pub lost_too_long: Cell,
    /// Transmissions lost to any other error: no route, a firewall, a source that is not ours.
    pub lost_other: Cell,
    /// 1 once trains turned out not to work here and are sent datagram by datagram.
    pub trains_off: Cell,
}
