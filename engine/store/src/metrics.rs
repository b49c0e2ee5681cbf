//! What a shard's store counts about itself.

use roundhouse_base::metrics::{Cell, LatencyHistogram};

/// Counters of one store, written by its shard, readable from any thread.
#[derive(Debug, Default)]
pub struct StoreCounters {
    /// Records appended.
    pub records_appended: Cell,
    /// Bytes of their bodies.
    pub record_bytes_appended: Cell,
    /// Frames written.
    pub frames_written: Cell,
    /// Bytes of those frames, with headers and padding.
    pub frame_bytes_written: Cell,
    /// Syncs by `fdatasync(2)`; durable writes are not counted here.
    pub syncs: Cell,
    /// Appends refused because there was no space.
    pub no_space: Cell,
    /// Times an append had to wait for room.
    pub backpressure: Cell,
    /// Bytes read from slot files.
    pub bytes_read: Cell,
    /// Batches of records served from memory.
    pub reads_from_memory: Cell,
    /// Batches of records served from disk.
    pub reads_from_disk: Cell,
    /// Slot files created.
    pub slots_created: Cell,
    /// Bytes zeroed in new slot files before use.
    pub bytes_zeroed: Cell,
}

/// Latencies of one store.
#[derive(Debug, Clone, Default)]
pub struct StoreHistograms {
    /// From the first record put into a frame until that frame is acknowledged.
    pub append: LatencyHistogram,
    /// From submitting a frame until it is written, and durable if it was to be.
    pub write: LatencyHistogram,
    /// One `fdatasync(2)`.
    pub sync: LatencyHistogram,
    /// One read of a slot file.
    pub read: LatencyHistogram,
}
