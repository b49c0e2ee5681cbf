//! Why bytes were rejected: what was expected and what was found, never just "corrupt".

use roundhouse_base::{Epoch, Pos};
use thiserror::Error;

use super::FORMAT_VERSION;
use super::frame::MAGIC;

/// A field whose checksum holds but whose value no writer of this version produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{name} is {found}, expected {expected}")]
pub struct FieldReject {
    /// The field, as `docs/format.md` calls it.
    pub name: &'static str,
    /// Its value.
    pub found: u64,
    /// What it should have been, in words.
    pub expected: &'static str,
}

/// Why bytes are not the frame that was looked for.
///
/// In every variant `expected` is what the trusted side says (the place that was read, the frame
/// before, the recorded checksum) and `found` is what the bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameReject {
    /// Fewer bytes than the structure has.
    #[error("cut short: {expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes that were needed.
        expected: u64,
        /// Bytes that were there.
        found: u64,
    },
    /// The header is all zeros: nothing was ever written here, or a write was lost.
    #[error("blank: the header is all zeros")]
    Blank,
    /// The bytes don't start like a frame.
    #[error("not a frame: magic is {found:#010x}, expected {MAGIC:#010x}")]
    Magic {
        /// The first four bytes.
        found: u32,
    },
    /// The header doesn't match its own checksum: damage, or a frame of another store or shard.
    #[error("header checksum: the header records {expected:#010x}, its bytes give {found:#010x}")]
    HeaderChecksum {
        /// The recorded sum.
        expected: u32,
        /// The sum of the bytes.
        found: u32,
    },
    /// An intact frame of a newer format: upgrade to read it.
    #[error("made by a newer version: format {found}, this program reads up to {FORMAT_VERSION}")]
    NewerVersion {
        /// The format version of the frame.
        found: u16,
    },
    /// An intact frame that uses a feature of a newer program: upgrade to read it.
    #[error("made by a newer version: frame flags are {found:#x}, expected 0")]
    NewerFlags {
        /// All flags of the frame.
        found: u32,
    },
    /// An intact header, or the padding it vouches for, says something impossible.
    #[error("impossible frame: {0}")]
    Field(#[from] FieldReject),
    /// Payload and padding don't match the header: torn, damaged, or left over from another epoch.
    #[error(
        "payload checksum: the header records {expected:#018x}, the payload gives {found:#018x}"
    )]
    PayloadHash {
        /// The sum recorded in the header.
        expected: u64,
        /// The sum of the bytes.
        found: u64,
    },
    /// A frame that belongs elsewhere: a misdirected write, or a stale one in a recycled slot.
    #[error("misplaced: the frame names position {found}, it was read at {expected}")]
    Position {
        /// The position that was read.
        expected: Pos,
        /// The position the frame names.
        found: Pos,
    },
    /// A frame whose epoch can't occur at its position.
    #[error("epoch is {found}, expected {lowest}..={highest}")]
    Epoch {
        /// Lowest epoch that can occur there.
        lowest: Epoch,
        /// Highest epoch that can occur there.
        highest: Epoch,
        /// The epoch the frame names.
        found: Epoch,
    },
    /// A frame that doesn't continue the one before it.
    #[error(
        "chain broken: the frame before hashes to {expected:#018x}, this one names {found:#018x}"
    )]
    Chain {
        /// Hash of the header of the frame before.
        expected: u64,
        /// The hash this frame names.
        found: u64,
    },
}

/// Why a record of a data frame was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("record at byte {at} of the payload: {why}")]
pub struct RecordReject {
    /// First byte of the record within its payload.
    pub at: usize,
    /// What is wrong with it.
    pub why: RecordFault,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordFault {
    /// The payload ends within the record.
    #[error("cut short: {expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes that were needed.
        expected: u64,
        /// Bytes left in the payload.
        found: u64,
    },
    /// Header and body don't match the record's checksum.
    #[error("checksum: the record names {expected:#010x}, its bytes give {found:#010x}")]
    Checksum {
        /// The recorded sum.
        expected: u32,
        /// The sum of the bytes.
        found: u32,
    },
    /// A field that no writer of this version produces.
    #[error(transparent)]
    Field(#[from] FieldReject),
}

/// Why the payload of a head frame, a seal frame or a catalogue record was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("after {at} bytes of the payload: {why}")]
pub struct PayloadReject {
    /// Bytes that were read before the fault showed.
    pub at: usize,
    /// What is wrong with it.
    pub why: PayloadFault,
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayloadFault {
    /// The payload ends too early for what it claims to hold.
    #[error("cut short: {expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes that were needed.
        expected: u64,
        /// Bytes left.
        found: u64,
    },
    /// Bytes after the last part.
    #[error("{found} bytes too many")]
    Trailing {
        /// How many bytes were left over.
        found: u64,
    },
    /// The name of a log is not UTF-8.
    #[error("the name of a log is not UTF-8")]
    Name,
    /// A field that no writer of this version produces.
    #[error(transparent)]
    Field(#[from] FieldReject),
}

/// Why one copy of a superblock was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CopyReject {
    /// The file ends within this copy.
    #[error("cut short: {expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes of a copy.
        expected: u64,
        /// Bytes that were there.
        found: u64,
    },
    /// The copy doesn't start like a superblock.
    #[error("no superblock: magic is {found:#018x}")]
    Magic {
        /// The first eight bytes as a little-endian number.
        found: u64,
    },
    /// The copy doesn't match its own checksum.
    #[error("checksum: the copy records {expected:#018x}, its bytes give {found:#018x}")]
    Checksum {
        /// The recorded sum.
        expected: u64,
        /// The sum of the bytes.
        found: u64,
    },
    /// A misdirected write: the copy that belongs elsewhere in the file.
    #[error("misplaced: this is copy {found}, expected copy {expected}")]
    Misplaced {
        /// The place that was read.
        expected: u32,
        /// The place the copy names.
        found: u32,
    },
    /// An intact copy in a newer format.
    #[error("made by a newer version: format {found}")]
    NewerVersion {
        /// The format version of the copy.
        found: u16,
    },
    /// A field that no writer of this version produces.
    #[error("impossible superblock: {0}")]
    Field(#[from] FieldReject),
}

/// Rejects the field `name` with the value `found` unless `holds`.
pub(crate) fn check_field(
    holds: bool,
    name: &'static str,
    found: impl Into<u64>,
    expected: &'static str,
) -> Result<(), FieldReject> {
    if holds { Ok(()) } else { Err(FieldReject { name, found: found.into(), expected }) }
}

/// Rejects the field `name` with its first byte that is not zero.
pub(super) fn check_zeros(name: &'static str, bytes: &[u8]) -> Result<(), FieldReject> {
    let stray = bytes.iter().find(|&&byte| byte != 0).copied().unwrap_or(0);
    check_field(stray == 0, name, stray, "0")
}
