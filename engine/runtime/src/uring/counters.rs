//! What a driver counts.

use roundhouse_base::metrics::Cell;

/// Totals since the driver was made, written by its thread and readable from any.
#[derive(Debug, Default)]
pub struct DriverCounters {
    /// Entries the kernel took from the submission queue, cancellations included.
    pub submissions: Cell,
    /// Entries taken from the completion queue, the driver's own included.
    pub completions: Cell,
    /// Calls of `io_uring_enter`.
    pub enters: Cell,
    /// How often completions were found waiting in the kernel because the queue was full. Each
    /// costs one more enter; if it keeps rising, the completion queue is too small.
    pub overflows: Cell,
    /// How often a receive met no buffer and was started again. Nothing is lost, but a datagram
    /// socket may have overflown meanwhile.
    pub buffers_missed: Cell,
    /// Receives that were copied out of their buffer because most others were still in use.
    pub buffers_copied: Cell,
    /// Bytes of the buffers made for receiving, the pools of datagrams and streams together.
    pub buffer_bytes: Cell,
    /// Operations begun and not ended, of the store's files and of sockets, at the last turn.
    pub operations: Cell,
    /// How often a multishot operation ended because the completion queue was full.
    pub receives_restarted: Cell,
    /// Arrivals dropped because they were longer than a buffer.
    pub datagrams_cut: Cell,
}
