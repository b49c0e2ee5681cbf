//! How long operations take in virtual time.

use roundhouse_base::Random;

use crate::op::Op;

/// How long one class of operations takes: a time drawn evenly from a range, and a time that grows
/// with the bytes moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Shortest time for no bytes, in nanoseconds.
    pub min_ns: u64,
    /// Longest time for no bytes, in nanoseconds; at least `min_ns`.
    pub max_ns: u64,
    /// What each KiB adds, in nanoseconds.
    pub ns_per_kib: u64,
}

impl Latency {
    fn draw(self, bytes: usize, random: &mut Random) -> u64 {
        let spread = self.max_ns.saturating_sub(self.min_ns);
        self.min_ns + random.below(spread + 1) + self.ns_per_kib * (bytes as u64 / 1024)
    }
}

/// The latency of each class of operations. The wide ranges make completions overtake each other.
#[derive(Clone, Debug)]
pub struct LatencyOptions {
    /// [`Op::Read`].
    pub read: Latency,
    /// [`Op::Write`], durable or not.
    pub write: Latency,
    /// [`Op::SyncData`] and [`Op::Sync`].
    pub sync: Latency,
    /// Everything that changes names, handles or lengths only.
    pub metadata: Latency,
    /// Added to an operation that [`Fault::Stall`](super::Fault::Stall) strikes.
    pub stall: Latency,
}

impl Default for LatencyOptions {
    /// About what an NVMe drive in a virtual machine takes; stalls last up to two seconds.
    fn default() -> LatencyOptions {
        let latency = |min_us: u64, max_us: u64, ns_per_kib: u64| Latency {
            min_ns: min_us * 1000,
            max_ns: max_us * 1000,
            ns_per_kib,
        };
        LatencyOptions {
            read: latency(40, 120, 400),
            write: latency(20, 80, 600),
            sync: latency(20, 200, 0),
            metadata: latency(5, 40, 0),
            stall: latency(10_000, 2_000_000, 0),
        }
    }
}

impl LatencyOptions {
    /// How long `op` takes, in nanoseconds; never zero.
    pub(super) fn draw(&self, op: &Op, random: &mut Random) -> u64 {
        let time = match op {
            Op::Read { buf, .. } => self.read.draw(buf.len(), random),
            Op::Write { buf, .. } => self.write.draw(buf.len(), random),
            Op::SyncData { .. } | Op::Sync { .. } => self.sync.draw(0, random),
            Op::Open { .. }
            | Op::Allocate { .. }
            | Op::Remove { .. }
            | Op::Close { .. }
            | Op::Socket(_) => self.metadata.draw(0, random),
        };
        time.max(1)
    }

    /// How much longer a stalled operation takes, in nanoseconds.
    pub(super) fn draw_stall(&self, random: &mut Random) -> u64 {
        self.stall.draw(0, random)
    }
}
