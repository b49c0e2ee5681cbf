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
    /// Connections reset because there were too many.
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
}

impl TcpCounters {
    /// Lowers the number of open streams.
    pub(super) fn closed(&self) {
        self.open.set(self.open.load().saturating_sub(1));
    }
}
