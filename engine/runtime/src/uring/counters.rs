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
}
