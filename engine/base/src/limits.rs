//! Every bound in one place: what it limits, and what happens at it.
//!
//! Sizes are bytes. Bounds that a user may want to move are options with these as defaults or
//! limits; the others are part of the design.

/// Unit of every write and of every frame: frames start and end on this boundary, so that a block
/// holding acknowledged data is never written again. 4 KiB is the block of ext4, XFS and NVMe.
pub const BLOCK_BYTES: usize = 4096;

/// Smallest slot file. Below this a segment could not hold a head frame, a seal and data.
pub const SLOT_BYTES_MIN: u64 = 256 * 1024;
/// Default slot file: pre-zeroing it takes about 30 ms, scanning it at open about 70 ms.
pub const SLOT_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;
/// Largest slot file; more makes opening slow for no gain.
pub const SLOT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Gathering stops here and a new frame begins: beyond that only latency grows. A little less than
/// 1 MiB, because that is 256 pages, while many block devices take 254 pieces of memory in a request:
/// the kernel would cut each frame in two (ADR 6).
pub const FRAME_BYTES_SOFT_MAX: usize = 1000 * 1024;
/// No frame is longer; a longer length in a header is damage.
pub const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A second data frame may be in flight only when it has this much: smaller ones gain more by
/// waiting for company.
pub const FRAME_SECOND_IN_FLIGHT_BYTES: usize = 16 * 1024;
/// A third and a fourth only when they have this much: then the device, not the round trip, is what
/// is waited for (ADR 2).
pub const FRAME_MORE_IN_FLIGHT_BYTES: usize = 512 * 1024;
/// Data frames in flight at once.
pub const FRAMES_IN_FLIGHT_MAX: usize = 4;
/// Finished frames waiting to be submitted; at this bound an append waits for room.
pub const FRAMES_PENDING_MAX: usize = 4;

/// Largest body of one record, further limited to an eighth of a slot; a larger one is refused.
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Offsets one record may span.
pub const RECORD_COUNT_MAX: u32 = 1 << 24;

/// Logs of one shard; creating another is refused. Their catalogue must also fit an eighth of a
/// slot.
pub const LOGS_MAX: usize = 16_384;
/// Longest name of a log, in bytes of UTF-8.
pub const LOG_NAME_BYTES_MAX: usize = 255;
/// Suffix truncations remembered per log while the segments they cut are alive; another is refused
/// until a prefix was trimmed.
pub const TRUNCATIONS_MAX: usize = 1024;

/// Shards of one engine.
pub const SHARDS_MAX: usize = 256;
/// Slot files of one shard.
pub const SLOTS_MAX: usize = 1 << 20;

/// Messages waiting at one shard's host mailbox; at this bound senders wait.
pub const MAILBOX_MESSAGES_MAX: usize = 4096;
/// Messages waiting in the ring from one shard to another; at this bound the sender waits.
pub const PEER_MESSAGES_MAX: usize = 1024;
/// Operations a shard may have in the driver at once; at this bound further ones queue in order
/// in the shard's memory until one completes.
pub const OPERATIONS_IN_FLIGHT_MAX: usize = 1024;

/// Bytes of one direct read of a scan.
pub const SCAN_READ_BYTES: usize = 512 * 1024;
/// Direct reads a scan or a cold reader keeps in flight.
pub const SCAN_READS_IN_FLIGHT: usize = 3;
/// Most bytes one `read` returns whatever was asked for; at least one record is always returned.
pub const READ_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sparse index: a log gets a new entry when at least this much of the write-ahead log passed ...
pub const INDEX_DISTANCE_BYTES: u64 = 128 * 1024;
/// ... and at least this much of it was the log's own.
pub const INDEX_OWN_BYTES: u64 = 16 * 1024;

/// Smallest memory budget of one shard.
pub const MEMORY_BYTES_MIN: u64 = 8 * 1024 * 1024;
