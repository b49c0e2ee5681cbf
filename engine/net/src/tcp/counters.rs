//! What streams count.

use roundhouse_base::metrics::Cell;

/// Totals over the streams of one listener or connector, written by its shard and readable from
/// any thread.
#[derive(Debug, Default)]
pub struct TcpCounters {
    /// Streams that are open now.
    pub open: Cell,
    /// Streams that were opened.
    pub opened: Cell,
    /// Bytes that streams hold now: received and not read, written and not taken by the kernel. A
    /// short write counts until the stream is written to again. What TLS keeps of a record or two
    /// is not in it.
    pub held_bytes: Cell,
    /// Connections reset because there were too many, or the others held too much.
    pub refused: Cell,
    /// Connections that could not be accepted or established.
    pub failed: Cell,
    /// Bytes read.
    pub bytes_received: Cell,
    /// Bytes handed to the kernel.
    pub bytes_sent: Cell,
    /// Streams that failed, the peer's resets included.
    pub broken: Cell,
    /// Streams that failed because a time limit passed: for reading, writing or idling.
    pub timed_out: Cell,
    /// Streams reset after their drop because the peer did not take what was left.
    pub linger_expired: Cell,
    /// TLS handshakes in progress now.
    pub tls_handshakes: Cell,
    /// TLS handshakes that were completed.
    pub tls_established: Cell,
    /// TLS handshakes that this side refused: certificates, protocols, garbage.
    pub tls_refused: Cell,
    /// TLS handshakes that the peer refused.
    pub tls_refused_by_peer: Cell,
    /// TLS handshakes that took too long.
    pub tls_timed_out: Cell,
    /// TLS handshakes during which the connection broke or ended.
    pub tls_broken: Cell,
    /// Connections reset because too many TLS handshakes were in progress.
    pub tls_busy: Cell,
}

impl TcpCounters {
    /// Lowers the number of open streams.
    pub(super) fn closed(&self) {
        self.open.set(self.open.load().saturating_sub(1));
    }
}
