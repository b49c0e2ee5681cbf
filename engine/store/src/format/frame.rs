//! The header of a frame. One group commit is one frame: header, payload, zeros up to a block.
//!
//! ```text
//!      0        2        4        6        8                                 16
//!   0 | magic "RHFR"    | version| kind   | pos                               |
//!  16 | frame_bytes     | payload_bytes   | epoch           | next_slot       |
//!  32 | durable_upto                      | low_water                         |
//!  48 | prev_hash                         | payload_hash                      |
//!  64 | wall_ns                           | record_count    | flags           |
//!  80 | zeros                                                                 |
//! 112 | zeros                                               | header_crc32c   |
//! ```
//!
//! `magic`, `version`, `epoch` and `header_crc32c` stay where they are in every version, so that an
//! intact frame of a newer version can be told from a damaged one.

use bytes::BytesMut;
use roundhouse_base::checksum::{crc32c, crc64};
use roundhouse_base::limits::{BLOCK_BYTES, FRAME_BYTES_MAX};
use roundhouse_base::{Epoch, Pos, SlotNo, WallTime};
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::record::RECORD_HEADER_BYTES;
use super::reject::{FieldReject, FrameReject, check_field, check_zeros};
use super::salt::{EpochSalt, Salts};
use super::{FORMAT_VERSION, PAYLOAD_ALIGN_BYTES, is_block};

/// Bytes of a frame's header; the payload follows at once.
pub const FRAME_HEADER_BYTES: usize = size_of::<RawHeader>();

/// The first four bytes of every frame, "RHFR".
pub const MAGIC: u32 = u32::from_le_bytes(*b"RHFR");

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Records: one group commit.
    Data,
    /// No payload: written when the shard falls idle, to carry `durable_upto` past the last commit.
    Anchor,
    /// Last frame of a segment; the payload indexes it ([`super::SealPayload`]).
    Seal,
    /// No payload: first frame of an epoch that did not begin a segment.
    Epoch,
    /// First frame of a segment; the payload is the catalogue ([`super::HeadPayload`]).
    Head,
}

/// The header of a frame, as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the frame is for.
    pub kind: FrameKind,
    /// Position of the header's first byte, a multiple of the block.
    pub pos: Pos,
    /// Length of the whole frame with header and padding, a multiple of the block.
    pub frame_bytes: u32,
    /// Length of the payload, a multiple of [`PAYLOAD_ALIGN_BYTES`].
    pub payload_bytes: u32,
    /// The epoch that wrote the frame.
    pub epoch: Epoch,
    /// The slot file that is armed for the next segment, if one is.
    pub next_slot: Option<SlotNo>,
    /// Every byte below was durable before this frame was submitted. At most `pos`.
    pub durable_upto: Pos,
    /// First live position; everything below was trimmed. At most `pos`.
    pub low_water: Pos,
    /// [`header_hash`] of the frame before; 0 in the first frame of a store.
    pub prev_hash: u64,
    /// [`payload_hash`] of everything after the header.
    pub payload_hash: u64,
    /// Wall-clock time at which the frame was made.
    pub wall: WallTime,
    /// Records in the payload of a data frame; 0 in every other.
    pub record_count: u32,
}

impl FrameHeader {
    /// The header as it is on disk.
    ///
    /// # Panics
    /// If `salt` is another epoch's, or a field has a value that [`FrameHeader::decode`] refuses.
    pub fn encode(&self, salt: EpochSalt) -> [u8; FRAME_HEADER_BYTES] {
        assert_eq!(salt.epoch, self.epoch, "a frame is salted with its own epoch's salt");
        if let Err(reject) = self.check_fields() {
            panic!("encoding an impossible frame header: {reject}");
        }
        let mut raw = RawHeader {
            magic: MAGIC.into(),
            version: FORMAT_VERSION.into(),
            kind: self.kind.number().into(),
            pos: self.pos.0.into(),
            frame_bytes: self.frame_bytes.into(),
            payload_bytes: self.payload_bytes.into(),
            epoch: self.epoch.0.into(),
            next_slot: self.next_slot.map_or(NEXT_SLOT_NONE, |slot| slot.0).into(),
            durable_upto: self.durable_upto.0.into(),
            low_water: self.low_water.0.into(),
            prev_hash: self.prev_hash.into(),
            payload_hash: self.payload_hash.into(),
            wall_ns: self.wall.0.into(),
            record_count: self.record_count.into(),
            flags: 0.into(),
            reserved: [0; 44],
            header_crc: 0.into(),
        };
        raw.header_crc = raw.sum(salt).into();
        zerocopy::transmute!(raw)
    }

    /// Reads the header at the start of `bytes` and checks everything that can be checked without
    /// its payload and its neighbours. What remains: [`FrameHeader::check_position`],
    /// [`FrameHeader::check_epoch`], [`FrameHeader::check_chain`], [`FrameHeader::check_payload`].
    ///
    /// # Errors
    /// The first reason, of those in [`FrameReject`], why this is no frame of this store. A newer
    /// version is reported only if the checksum holds, so damage never looks like a newer version.
    pub fn decode(bytes: &[u8], salts: &Salts) -> Result<FrameHeader, FrameReject> {
        let (raw, _) = RawHeader::ref_from_prefix(bytes)
            .map_err(|_| truncated(FRAME_HEADER_BYTES, bytes.len()))?;
        if raw.magic.get() != MAGIC {
            let blank = raw.as_bytes().iter().all(|&byte| byte == 0);
            return Err(if blank {
                FrameReject::Blank
            } else {
                FrameReject::Magic { found: raw.magic.get() }
            });
        }
        let (expected, found) = (raw.header_crc.get(), raw.sum(salts.epoch(raw.epoch())));
        if expected != found {
            return Err(FrameReject::HeaderChecksum { expected, found });
        }
        if raw.version.get() > FORMAT_VERSION {
            return Err(FrameReject::NewerVersion { found: raw.version.get() });
        }
        if raw.flags.get() != 0 {
            return Err(FrameReject::NewerFlags { found: raw.flags.get() });
        }
        let header = raw.values()?;
        header.check_fields()?;
        Ok(header)
    }

    /// Checks the payload and padding of this frame. `frame` is the frame from its header on and
    /// may be followed by others.
    ///
    /// # Errors
    /// [`FrameReject::Truncated`], [`FrameReject::PayloadHash`], or [`FrameReject::Field`] if the
    /// padding is not zero.
    ///
    /// # Panics
    /// If `payload_bytes` exceeds the frame, as it does in no decoded header.
    pub fn check_payload(&self, frame: &[u8], salts: &Salts) -> Result<(), FrameReject> {
        let frame_bytes = self.frame_bytes as usize;
        let body = frame
            .get(FRAME_HEADER_BYTES..frame_bytes)
            .ok_or_else(|| truncated(frame_bytes, frame.len()))?;
        let (expected, found) = (self.payload_hash, payload_hash(body, salts.epoch(self.epoch)));
        if expected != found {
            return Err(FrameReject::PayloadHash { expected, found });
        }
        let padding = &body[self.payload_bytes as usize..];
        Ok(check_zeros("padding", padding)?)
    }

    /// Checks that the frame was read from where it says it is.
    ///
    /// # Errors
    /// [`FrameReject::Position`].
    pub fn check_position(&self, expected: Pos) -> Result<(), FrameReject> {
        if self.pos == expected {
            return Ok(());
        }
        Err(FrameReject::Position { expected, found: self.pos })
    }

    /// Checks that the frame's epoch is one of `lowest..=highest`.
    ///
    /// # Errors
    /// [`FrameReject::Epoch`].
    pub fn check_epoch(&self, lowest: Epoch, highest: Epoch) -> Result<(), FrameReject> {
        if (lowest..=highest).contains(&self.epoch) {
            return Ok(());
        }
        Err(FrameReject::Epoch { lowest, highest, found: self.epoch })
    }

    /// Checks that the frame continues the one whose [`header_hash`] is `expected`.
    ///
    /// # Errors
    /// [`FrameReject::Chain`].
    pub fn check_chain(&self, expected: u64) -> Result<(), FrameReject> {
        if self.prev_hash == expected {
            return Ok(());
        }
        Err(FrameReject::Chain { expected, found: self.prev_hash })
    }

    /// The position of the first byte after the frame.
    pub fn end(&self) -> Pos {
        self.pos.advance(u64::from(self.frame_bytes))
    }

    /// The bounds of every field, for the writer and the reader alike.
    fn check_fields(&self) -> Result<(), FieldReject> {
        let (frame_bytes, payload_bytes) = (self.frame_bytes as usize, self.payload_bytes as usize);
        check_field(is_block(self.pos.0), "pos", self.pos.0, "a multiple of 4096")?;
        check_field(
            frame_bytes != 0 && is_block(frame_bytes as u64) && frame_bytes <= FRAME_BYTES_MAX,
            "frame_bytes",
            self.frame_bytes,
            "a multiple of 4096 up to 32 MiB",
        )?;
        let end = self.pos.0.checked_add(frame_bytes as u64);
        check_field(end.is_some(), "pos", self.pos.0, "a position whose frame ends below 2^64")?;
        check_field(
            payload_bytes <= frame_bytes - FRAME_HEADER_BYTES
                && payload_bytes.is_multiple_of(PAYLOAD_ALIGN_BYTES),
            "payload_bytes",
            self.payload_bytes,
            "a multiple of 8 that fits the frame",
        )?;
        let (has_payload, records) = match self.kind {
            FrameKind::Data => (true, 1..=payload_bytes / RECORD_HEADER_BYTES),
            FrameKind::Head | FrameKind::Seal => (true, 0..=0),
            FrameKind::Anchor | FrameKind::Epoch => (false, 0..=0),
        };
        check_field(
            has_payload == (payload_bytes != 0),
            "payload_bytes",
            self.payload_bytes,
            "0 in anchor and epoch frames, more in all others",
        )?;
        check_field(
            records.contains(&(self.record_count as usize)),
            "record_count",
            self.record_count,
            "at least 1 and what the payload can hold in a data frame, 0 in all others",
        )?;
        check_field(
            self.durable_upto <= self.pos && is_block(self.durable_upto.0),
            "durable_upto",
            self.durable_upto.0,
            "a multiple of 4096 up to pos",
        )?;
        check_field(self.low_water <= self.pos, "low_water", self.low_water.0, "at most pos")
    }
}

/// Turns `frame`, which holds [`FRAME_HEADER_BYTES`] bytes of any content and then the payload,
/// into a finished frame: pads it with zeros to a block and writes the header in front.
///
/// Sets `frame_bytes`, `payload_bytes` and `payload_hash` of `header`; the other fields are the
/// caller's. Returns the [`header_hash`], which the next frame names as its `prev_hash`. Allocates
/// only if `frame` has no room for the padding.
///
/// # Panics
/// If `frame` is shorter than a header or its payload not a multiple of [`PAYLOAD_ALIGN_BYTES`],
/// and as [`FrameHeader::encode`].
pub fn complete_frame(frame: &mut BytesMut, header: &mut FrameHeader, salt: EpochSalt) -> u64 {
    let sum = complete_payload(frame, salt);
    complete_header(frame, header, sum, salt)
}

/// What the payload of a frame puts into its header.
#[derive(Debug, Clone, Copy)]
pub struct PayloadSum {
    payload_bytes: u32,
    payload_hash: u64,
}

/// The first half of [`complete_frame`], which needs nothing of the header: pads the frame and sums
/// up its payload.
///
/// # Panics
/// If `frame` is shorter than a header.
pub fn complete_payload(frame: &mut BytesMut, salt: EpochSalt) -> PayloadSum {
    let payload_bytes = frame.len().checked_sub(FRAME_HEADER_BYTES);
    let payload_bytes = payload_bytes.expect("a frame starts with room for its header") as u32;
    frame.resize(frame.len().next_multiple_of(BLOCK_BYTES), 0);
    let payload_hash = payload_hash(&frame[FRAME_HEADER_BYTES..], salt);
    PayloadSum { payload_bytes, payload_hash }
}

/// The second half: writes the header in front. Returns the [`header_hash`].
///
/// # Panics
/// As [`FrameHeader::encode`].
pub fn complete_header(
    frame: &mut [u8],
    header: &mut FrameHeader,
    sum: PayloadSum,
    salt: EpochSalt,
) -> u64 {
    header.payload_bytes = sum.payload_bytes;
    header.payload_hash = sum.payload_hash;
    header.frame_bytes = frame.len() as u32;
    let encoded = header.encode(salt);
    frame[..FRAME_HEADER_BYTES].copy_from_slice(&encoded);
    header_hash(&encoded)
}

/// The link of the chain: what the frame after the one with this header names as its `prev_hash`.
///
/// Unsalted, since the header's own checksum, salted, is among the bytes.
pub fn header_hash(header: &[u8; FRAME_HEADER_BYTES]) -> u64 {
    crc64(0, header)
}

/// The checksum of everything after a frame's header, payload and padding.
pub fn payload_hash(payload_and_padding: &[u8], salt: EpochSalt) -> u64 {
    crc64(salt.payload, payload_and_padding)
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    magic: U32,
    version: U16,
    kind: U16,
    pos: U64,
    frame_bytes: U32,
    payload_bytes: U32,
    epoch: U32,
    next_slot: U32,
    durable_upto: U64,
    low_water: U64,
    prev_hash: U64,
    payload_hash: U64,
    wall_ns: U64,
    record_count: U32,
    flags: U32,
    reserved: [u8; 44],
    header_crc: U32,
}

impl RawHeader {
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.get())
    }

    /// The checksum of everything but the checksum.
    fn sum(&self, salt: EpochSalt) -> u32 {
        crc32c(salt.header, &[&self.as_bytes()[..FRAME_HEADER_BYTES - size_of::<U32>()]])
    }

    fn values(&self) -> Result<FrameHeader, FieldReject> {
        let version = self.version.get();
        check_field(version == FORMAT_VERSION, "version", version, "1")?;
        let reserved = self.reserved.iter().find(|&&byte| byte != 0).copied().unwrap_or(0);
        check_field(reserved == 0, "reserved", reserved, "0")?;
        let slot = self.next_slot.get();
        Ok(FrameHeader {
            kind: FrameKind::from_number(self.kind.get())?,
            pos: Pos(self.pos.get()),
            frame_bytes: self.frame_bytes.get(),
            payload_bytes: self.payload_bytes.get(),
            epoch: self.epoch(),
            next_slot: (slot != NEXT_SLOT_NONE).then_some(SlotNo(slot)),
            durable_upto: Pos(self.durable_upto.get()),
            low_water: Pos(self.low_water.get()),
            prev_hash: self.prev_hash.get(),
            payload_hash: self.payload_hash.get(),
            wall: WallTime(self.wall_ns.get()),
            record_count: self.record_count.get(),
        })
    }
}

impl FrameKind {
    fn number(self) -> u16 {
        match self {
            FrameKind::Data => 1,
            FrameKind::Anchor => 2,
            FrameKind::Seal => 3,
            FrameKind::Epoch => 4,
            FrameKind::Head => 5,
        }
    }

    fn from_number(number: u16) -> Result<FrameKind, FieldReject> {
        Ok(match number {
            1 => FrameKind::Data,
            2 => FrameKind::Anchor,
            3 => FrameKind::Seal,
            4 => FrameKind::Epoch,
            5 => FrameKind::Head,
            _ => return Err(FieldReject { name: "kind", found: number.into(), expected: "1..=5" }),
        })
    }
}

fn truncated(expected: usize, found: usize) -> FrameReject {
    FrameReject::Truncated { expected: expected as u64, found: found as u64 }
}

const NEXT_SLOT_NONE: u32 = u32::MAX;
const _: () = assert!(FRAME_HEADER_BYTES == 128);
