//! The on-disk format, version 1, as pure code: bytes in, values out, and back. No I/O.
//!
//! `docs/format.md` describes every byte. Here each file holds one structure of it:
//!
//! * [`superblock`] and [`quorum`]: what a shard knows about itself, in four copies.
//! * [`frame`]: the header of a frame, the unit of commit, chained to its predecessor.
//! * [`salt`]: why bytes of another store or epoch are not mistaken for a frame.
//! * [`record`]: what a data frame carries, each record with its own checksum.
//! * [`control`], [`config`]: the records of the catalogue log.
//! * [`head`], [`seal`]: the payloads of the first and the last frame of a segment.
//!
//! Encoding asserts what decoding checks, by the same function wherever that is possible, so a
//! writer can't produce what a reader refuses. Decoding takes any bytes: it never panics, and its
//! work and memory are proportional to the input, whatever the counts and lengths in it claim.

pub mod config;
pub mod control;
pub mod frame;
pub mod head;
pub mod quorum;
pub mod record;
pub mod reject;
pub mod salt;
pub mod seal;
pub mod superblock;

mod payload;

pub use config::{Durability, LogConfig, Retention};
pub use control::ControlRecord;
pub use frame::{
    FRAME_HEADER_BYTES, FrameHeader, FrameKind, PayloadSum, complete_frame, complete_header,
    complete_payload, header_hash,
};
pub use head::{HeadLog, HeadPayload, SealLink, Truncation};
pub use quorum::{Quorum, SuperblockError};
pub use record::{
    CATALOGUE_LOG, RecordHeader, RecordKind, RecordRef, Records, record_bytes, write_record,
};
pub use reject::{FieldReject, FrameReject, PayloadReject, RecordReject};
pub use salt::{EpochSalt, Salts};
pub use seal::{IndexEntry, SealLog, SealPayload};
pub use superblock::{CleanEnd, Superblock, SyncMethod};

use roundhouse_base::limits::BLOCK_BYTES;

/// The format version this code writes, and the newest it reads.
pub const FORMAT_VERSION: u16 = 1;

/// Records and everything in a payload start on multiples of this many bytes.
pub const PAYLOAD_ALIGN_BYTES: usize = 8;

/// Whether a position or a length is a whole number of blocks, as those of frames are.
fn is_block(bytes: u64) -> bool {
    bytes.is_multiple_of(BLOCK_BYTES as u64)
}

#[cfg(test)]
mod tests;
