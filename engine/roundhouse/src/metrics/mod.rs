//! What an engine counts and measures, as a snapshot, and as OpenMetrics text.

mod openmetrics;
mod sockets;

use std::time::Duration;

use roundhouse_base::ShardId;
pub use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::uring::DriverCounters;
use roundhouse_runtime::{TurnCounters, TurnTimes as LoopTimes};
use roundhouse_store::{StoreHistograms, StoreInfo};

use crate::server::ShardServer;

pub use sockets::SocketInfo;
pub(crate) use sockets::SocketRegistry;

/// A snapshot of all shards.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// One entry per shard.
    pub shards: Vec<ShardMetrics>,
}

/// A snapshot of one shard.
#[derive(Debug, Clone)]
pub struct ShardMetrics {
    /// Which one.
    pub shard: ShardId,
    /// What its store was at that moment.
    pub info: StoreInfo,
    /// What the sockets it opened hold at that moment.
    pub sockets: SocketInfo,
    /// Operations of files and sockets that it has begun and that have not ended; 0 in the simulator.
    pub operations: u64,
    /// What grew since the engine was opened, by name.
    pub counters: Vec<Counter>,
    /// Latencies of its store.
    pub histograms: StoreHistograms,
    /// How long the turns of its loop took.
    pub turn_times: TurnTimes,
}

/// Turns of a shard's loop by how long they took, without sleeping and spinning. A long one is one that
/// everything else on the shard waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnTimes {
    /// Bounds of the classes in us, ascending.
    pub bounds_us: Vec<u64>,
    /// Turns of each class: up to its bound and above the one before; the last class has no bound.
    pub counts: Vec<u64>,
    /// The time of all together.
    pub sum: Duration,
}

impl TurnTimes {
    fn take(turns: &TurnCounters) -> TurnTimes {
        let (bounds_us, counts) = (LoopTimes::BOUNDS_US.to_vec(), turns.times.counts().to_vec());
        TurnTimes { bounds_us, counts, sum: turns.times.sum() }
    }
}

/// Something that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Its name, without prefix or suffix.
    pub name: &'static str,
    /// What it counts, as a sentence.
    pub help: &'static str,
    /// How much it came to.
    pub value: u64,
}

impl Metrics {
    /// A counter summed over all shards; `None` if there is none of that name.
    pub fn counter(&self, name: &str) -> Option<u64> {
        let values = self.shards.iter().map(|shard| shard.counter(name));
        values.sum()
    }

    /// The append latencies of all shards together: from the first record put into a frame until
    /// that frame is written, and durable if it was to be.
    pub fn append_latency(&self) -> LatencyHistogram {
        let mut merged = LatencyHistogram::new();
        for shard in &self.shards {
            merged.merge(&shard.histograms.append);
        }
        merged
    }

    /// All of this as OpenMetrics text (OpenMetrics 1.0, the text format), to be served or written
    /// by the program.
    pub fn to_openmetrics(&self) -> String {
        openmetrics::render(self)
    }
}

impl ShardMetrics {
    /// A counter; `None` if there is none of that name.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.counters.iter().find(|counter| counter.name == name).map(|counter| counter.value)
    }

    pub(crate) fn take(server: &ShardServer) -> Option<ShardMetrics> {
        let store = server.store()?;
        let counters = store.counters();
        let count = |name, help, value| Counter { name, help, value };
        let mut all = vec![
            count("records_appended", "Records appended.", counters.records_appended.load()),
            count(
                "record_bytes_appended",
                "Bytes of their bodies.",
                counters.record_bytes_appended.load(),
            ),
            count("frames_written", "Frames written.", counters.frames_written.load()),
            count(
                "frame_bytes_written",
                "Bytes of those frames.",
                counters.frame_bytes_written.load(),
            ),
            count("syncs", "Syncs by fdatasync.", counters.syncs.load()),
            count(
                "appends_no_space",
                "Appends refused for want of space.",
                counters.no_space.load(),
            ),
            count(
                "appends_waited",
                "Times an append waited for room.",
                counters.backpressure.load(),
            ),
            count("bytes_read", "Bytes read from slot files.", counters.bytes_read.load()),
            count(
                "reads_from_memory",
                "Batches read from memory.",
                counters.reads_from_memory.load(),
            ),
            count("reads_from_disk", "Batches read from disk.", counters.reads_from_disk.load()),
            count("slots_created", "Slot files created.", counters.slots_created.load()),
            count("bytes_zeroed", "Bytes zeroed in new slot files.", counters.bytes_zeroed.load()),
            count("turns", "Turns of the shard's loop.", server.turns.turns.load()),
            count("completions", "Operations completed.", server.turns.completions.load()),
            count("sleeps", "Times the shard slept.", server.turns.sleeps.load()),
            count("spins_paid", "Spins that ended with work.", server.turns.spins_paid.load()),
            count("spins_wasted", "Spins that ended in sleep.", server.turns.spins_wasted.load()),
        ];
        if let Some(driver) = &server.driver {
            all.extend(driver_counters(driver));
        }
        let registry = server.sockets.borrow();
        all.extend(registry.counters());
        Some(ShardMetrics {
            shard: server.shard.id(),
            info: store.info(),
            sockets: registry.info(server.driver.as_deref()),
            operations: server.driver.as_ref().map_or(0, |driver| driver.operations.load()),
            counters: all,
            histograms: store.histograms(),
            turn_times: TurnTimes::take(&server.turns),
        })
    }
}

/// What the driver of a real ring counts.
fn driver_counters(driver: &DriverCounters) -> [Counter; 7] {
    let count = |name, help, value| Counter { name, help, value };
    [
        count("ring_enters", "System calls into the ring.", driver.enters.load()),
        count("ring_submissions", "Operations given to the ring.", driver.submissions.load()),
        count("ring_overflows", "Times the completion queue overflowed.", driver.overflows.load()),
        count(
            "receives_restarted",
            "Multishot operations ended by a full completion queue.",
            driver.receives_restarted.load(),
        ),
        count(
            "receive_buffers_missed",
            "Receives that met no buffer and were started again.",
            driver.buffers_missed.load(),
        ),
        count(
            "receive_buffers_copied",
            "Receives copied because most buffers were in use.",
            driver.buffers_copied.load(),
        ),
        count(
            "datagrams_cut",
            "Datagrams dropped because they were longer than a buffer.",
            driver.datagrams_cut.load(),
        ),
    ]
}
