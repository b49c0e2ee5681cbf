//! Layer 0 of Roundhouse: the vocabulary every other layer shares.
//!
//! Nothing here performs I/O, starts a thread or reads a clock. Time and randomness are values and
//! small generators ([`time`], [`random`]); the runtime's driver is where they come from.

#![forbid(unsafe_code)]

pub mod buffer;
pub mod checksum;
pub mod ids;
pub mod limits;
pub mod metrics;
pub mod planted;
pub mod random;
pub mod time;
pub mod units;

pub use buffer::{AlignedPool, aligned_buffer};
pub use ids::{Epoch, LogId, Offset, Pos, SegmentNo, ShardId, SlotNo, StoreId};
pub use random::Random;
pub use time::{Monotonic, WallTime};
pub use units::{ByteSize, HumanDuration};
