//! What a machine counts.

use roundhouse_base::metrics::Cell;

/// Counters of one machine, written on its shard, readable from any thread.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections open now, closing ones included.
    pub connections: Cell,
    /// Handshakes of clients in progress now.
    pub handshakes: Cell,
    /// Bytes of buffers promised to connections now.
    pub promised_bytes: Cell,
    /// Handshakes that were completed, as client or server.
    pub connected: Cell,
    /// Connections that ended by an error; a close by either application is none.
    pub lost: Cell,
    /// Connections whose handshake was not done in time.
    pub handshakes_timed_out: Cell,
    /// Streams given up because a read or write of theirs waited too long.
    pub streams_timed_out: Cell,
    /// Clients refused because a limit was reached.
    pub refused: Cell,
    /// Clients asked to prove their address.
    pub retries: Cell,
    /// First packets of clients that were not looked at, since there were too many in one pass.
    pub initials_dropped: Cell,
    /// Datagrams received.
    pub datagrams_received: Cell,
    /// Datagrams received that no connection was there for.
    pub datagrams_ignored: Cell,
    /// Datagrams received that belong to another shard.
    pub misfits: Cell,
    /// The same, dropped since too many of them waited, or nobody was there to take them.
    pub misfits_dropped: Cell,
    /// Datagrams that another shard received and handed on to this one.
    pub forwarded: Cell,
    /// 1 if the kernel chooses the shard by connection ID.
    pub steered: Cell,
    /// Datagrams sent.
    pub datagrams_sent: Cell,
    /// Trains they were sent in.
    pub trains_sent: Cell,
    /// Answers that belong to no connection, dropped since too many of them waited to be sent.
    pub answers_dropped: Cell,
}
