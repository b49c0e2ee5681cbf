//! The one table of options.

use std::ops::RangeInclusive;
use std::time::Duration;

use roundhouse_base::{ByteSize, limits};

use super::info::{OptionInfo, Rank, option_table};
use super::value::{OptionValue, SizeBounds, read_within};
use super::{Durability, Preset, Spin, SyncChoice};

option_table! {
    /// How an engine is configured; see the [module](super) for the ways to fill it in.
    ///
    /// Fields can be assigned freely; [`Options::check`] says whether the result is allowed, and
    /// opening an engine begins with it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Options {
        /// Starting point for the options that presets decide.
        ///
        /// Within one source (a TOML document, the environment) it is applied before all other
        /// options, wherever it stands. Set on its own, it overwrites what it decides.
        pub(super) preset: Preset {
            default: Preset::Balanced, within: (), rank: Primary
        }
        /// Shards: threads that each own a ring, a write-ahead log and a share of the data.
        ///
        /// 0 means one per CPU this process may use, but no more than memory and capacity give
        /// their minimum to. A store keeps the number it was created with.
        pub shards: u16 {
            default: 0, within: 0..=limits::SHARDS_MAX as u16, rank: Primary
        }
        /// Memory the whole engine may use for data: caches, frames being gathered, buffers.
        ///
        /// Split evenly over the shards, each of which needs at least 8MiB. The engine reports
        /// what it makes of it when it opens.
        pub memory: ByteSize {
            default: ByteSize(256 << 20), within: MEMORY_BOUNDS, rank: Primary
        }
        /// Space of all data on disk together; `none` means until the file system is full.
        ///
        /// Split evenly over the shards and used in whole slots; each shard needs at least three.
        /// An append that would exceed it is refused before it is accepted, and appending goes on
        /// when trimming has made room.
        pub capacity: Option<ByteSize> {
            default: None, within: CAPACITY_BOUNDS, rank: Primary
        }
        /// Bytes of a slot file, the unit in which disk space is reserved, trimmed and reused.
        ///
        /// Fixed when the store is created. The largest record is an eighth of it or 16MiB,
        /// whichever is less. Smaller slots give space back sooner; larger ones mean fewer files.
        pub slot_size: ByteSize {
            default: ByteSize(limits::SLOT_BYTES_DEFAULT), within: SLOT_SIZE_BOUNDS, rank: Primary
        }
        /// When an append to a log that does not say otherwise counts as done.
        ///
        /// `always` waits until it would survive a power failure. `interval:10ms` does not wait,
        /// and a power failure loses at most the last 10ms. `never` does not wait, and leaves
        /// durability to when it is convenient. Applies to logs created from now on.
        pub durability: Durability {
            default: Durability::Always, within: INTERVAL_BOUNDS, rank: Primary
        }
        /// How writes are made durable.
        ///
        /// `dsync` makes each write durable by itself; `fdatasync` makes several plain writes
        /// durable together. `probe` times both on the device when the store is created, which
        /// takes about 100ms, and keeps the faster one.
        pub sync_method: SyncChoice {
            default: SyncChoice::Probe, within: (), rank: Primary
        }
        /// Quiet time after which a shard proves its last append on disk; `none` never does.
        ///
        /// Damage to the very last frame looks like an unfinished write until something after it
        /// says otherwise. When no append follows by itself, an anchor frame of one block does,
        /// this much later.
        pub anchor_delay: Option<Duration> {
            default: Some(Duration::from_millis(250)), within: ANCHOR_DELAY_BOUNDS, rank: Primary
        }
        /// Whether new slot files are filled with zeros ahead of use.
        ///
        /// A durable write into a file that was written before takes about half as long as one
        /// into space that is merely allocated. Zeroing costs each slot one extra write before
        /// its first use; slots that are reused need none.
        pub zero_slots: bool {
            default: true, within: (), rank: Primary
        }
        /// Whether a shard without work polls a little before it sleeps.
        ///
        /// Waking a sleeping thread takes longer than most operations do. `always:50us` polls for
        /// up to 50us each time, `adaptive:50us` only while recent traffic says that it pays,
        /// `never` sleeps at once. Decided by the preset.
        pub spin: Spin {
            default: Preset::Balanced.spin(), within: SPIN_BOUNDS, rank: Primary
        }
        /// Whether each shard's thread is bound to a CPU of its own.
        ///
        /// For CPUs that are left to the shards. Where they share them with other threads, or where
        /// a device interrupts one CPU only, the scheduler places them better. Has no effect when
        /// the program drives the shards on its own threads.
        pub pin: bool {
            default: false, within: (), rank: Primary
        }
        /// Requests from other threads that one shard's queue takes without a lock.
        ///
        /// More get in line behind it, one at a time: none is dropped or overtaken. How much they
        /// may hold is `append_memory`.
        pub mailbox: u16 {
            default: limits::MAILBOX_MESSAGES_MAX as u16, within: 16..=32_768, rank: Primary
        }
        /// Memory that appends may hold which wait behind the mailbox of one shard.
        ///
        /// A program that awaits its appends never comes near it. One that makes them faster than
        /// they are written is told: the append that would go beyond is refused, before it is in
        /// line, and later ones are taken again when earlier ones were. Not part of `memory`, since
        /// what waits is still the program's.
        pub append_memory: ByteSize {
            default: ByteSize(256 << 20), within: LINE_MEMORY_BOUNDS, rank: Secondary
        }
        /// Entries of a shard's submission queue; the kernel rounds up to a power of two.
        ///
        /// It bounds what one loop turn hands to the kernel in one call, not what is in flight.
        /// The memory of the rings counts towards `RLIMIT_MEMLOCK` for ordinary users.
        pub ring_entries: u16 {
            default: 256, within: 32..=4096, rank: Secondary
        }
        /// Memory each shard may have for datagrams on their way from the kernel to the program.
        ///
        /// Made when the shard opens its first datagram socket, grown up to this while the program
        /// keeps what it received; then what arrives is copied to memory of its own length. Not
        /// part of `memory`, since an engine without sockets needs none.
        pub datagram_memory: ByteSize {
            default: ByteSize(32 << 20), within: SOCKET_MEMORY_BOUNDS, rank: Secondary
        }
        /// The same for streams.
        ///
        /// Idle connections need none of it: memory is chosen when something arrives.
        pub stream_memory: ByteSize {
            default: ByteSize(16 << 20), within: SOCKET_MEMORY_BOUNDS, rank: Secondary
        }
    }
}

const MEMORY_BOUNDS: SizeBounds = SizeBounds {
    min: ByteSize(limits::MEMORY_BYTES_MIN),
    max: ByteSize(16 << 40),
    step: ByteSize(1),
};

/// From what the smallest slots allow; what the chosen ones allow is checked against all options.
const CAPACITY_BOUNDS: SizeBounds = SizeBounds {
    min: ByteSize(super::check::SLOTS_PER_SHARD_MIN * limits::SLOT_BYTES_MIN),
    max: ByteSize(limits::SHARDS_MAX as u64 * limits::SLOTS_MAX as u64 * limits::SLOT_BYTES_MAX),
    step: ByteSize(1),
};

const SLOT_SIZE_BOUNDS: SizeBounds = SizeBounds {
    min: ByteSize(limits::SLOT_BYTES_MIN),
    max: ByteSize(limits::SLOT_BYTES_MAX),
    step: ByteSize(limits::BLOCK_BYTES as u64),
};

/// From a handful of the largest trains of datagrams to more than any kernel buffers.
const SOCKET_MEMORY_BOUNDS: SizeBounds =
    SizeBounds { min: ByteSize(1 << 20), max: ByteSize(1 << 30), step: ByteSize(1) };

/// From a batch of the largest records to more than any program should have waiting.
const LINE_MEMORY_BOUNDS: SizeBounds =
    SizeBounds { min: ByteSize(1 << 20), max: ByteSize(1 << 40), step: ByteSize(1) };

/// Below a millisecond `interval` would sync as often as `always`.
const INTERVAL_BOUNDS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_hours(1);

/// Below 10 ms anchors would compete with the appends they are meant to follow.
const ANCHOR_DELAY_BOUNDS: RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_hours(1);

/// Polling for longer than a wake-up takes (some 20 us) gains little; a millisecond is generous.
const SPIN_BOUNDS: RangeInclusive<Duration> = Duration::from_micros(1)..=Duration::from_millis(1);
