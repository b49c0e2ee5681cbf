//! Layer 2 of Roundhouse: the write-ahead log of a shard and the logs stored in it.
//!
//! Records of all logs of a shard gather in frames; a frame is written and made durable at once
//! (group commit). Frames fill segments, segments live in slot files that are used again when
//! everything in them was trimmed. `docs/format.md` has every byte.

#![forbid(unsafe_code)]

mod cache;
mod check;
mod commit;
mod deadlines;
mod error;
pub mod format;
mod logs;
mod losses;
mod metrics;
mod open;
mod options;
#[cfg(feature = "pieces")]
pub mod pieces;
mod pool;
mod probe;
mod quarantine;
mod read;
mod recovery;
mod scan;
mod state;
mod store;
mod superblock_file;
mod vital;
mod wal;

pub use check::{
    CopyState, DAMAGE_LISTED_MAX, Inspection, LogCount, LogShare, Progress, Repair, RepairOptions,
    RepairReport, Salvage, SalvageOptions, SalvagedRecord, SegmentInspection, SlotHolds,
    SlotInspection, SlotPart, Verdict, Verification, inspect, list_frames, repair, salvage, verify,
};
pub use error::{AppendError, Corruption, LogError, OpenError, ReadError, StoreFailure};
pub use format::{Durability, LogConfig, Retention, SyncMethod};
pub use metrics::{StoreCounters, StoreHistograms};
pub use open::{Identity, shard_directory};
pub use options::{StoreOptions, SyncChoice};
pub use read::{Reader, Record, RecordIter, Records};
pub use recovery::TornTail;
pub use state::{Appended, NewRecord, Refusal};
pub use store::{LogInfo, Store, StoreInfo};
pub use wal::Ticket;
