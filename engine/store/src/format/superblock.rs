//! The superblock: what a shard must know before it reads its first frame.
//!
//! ```text
//!      0        2        4        6        8        10       12       14       16
//!   0 | magic "RHSUPER1"                  | version| shard  | shards | flags  |
//!  16 | store id                                                              |
//!  32 | salt                              | sequence                          |
//!  48 | slot_bytes                        | epoch           | sync_method     |
//!  64 | epoch_start                       | epoch_prev_hash                   |
//!  80 | low_water                         | end_pos                           |
//!  96 | end_hash                          | created_ns                        |
//! 112 | zeros ...                                                             |
//! 4080| copy index      | 0               | crc64 over bytes 0..4080          |
//! ```
//!
//! The file is four such copies, equal but for the copy index; [`super::quorum`] chooses among
//! them. `magic`, `version`, `sequence`, the copy index and `crc64` stay where they are in every
//! version.

use roundhouse_base::checksum::crc64;
use roundhouse_base::limits::{BLOCK_BYTES, SHARDS_MAX, SLOT_BYTES_MAX, SLOT_BYTES_MIN};
use roundhouse_base::{Epoch, Pos, ShardId, StoreId, WallTime};
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::reject::{CopyReject, FieldReject, check_field, check_zeros};
use super::salt::Salts;
use super::{FORMAT_VERSION, is_block};

/// Bytes of one copy: one block, so that a torn write damages no other copy.
pub const SUPERBLOCK_COPY_BYTES: usize = size_of::<RawSuperblock>();

/// Copies in the file.
pub const SUPERBLOCK_COPIES: usize = 4;

/// Bytes of the file.
pub const SUPERBLOCK_BYTES: usize = SUPERBLOCK_COPIES * SUPERBLOCK_COPY_BYTES;

/// What a shard knows about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// The store, the same on all its shards.
    pub store: StoreId,
    /// The shard, below `shards`.
    pub shard: ShardId,
    /// Shards of the store, 1..=256.
    pub shards: u16,
    /// Random number of this shard that its checksums are salted with. Never changes.
    pub salt: u64,
    /// Grows with every version of the superblock; see [`super::Quorum::sequence_next`].
    pub sequence: u64,
    /// Bytes of a slot file. Never changes.
    pub slot_bytes: u64,
    /// The epoch that writes, or wrote last.
    pub epoch: Epoch,
    /// How commits are made durable.
    pub sync_method: SyncMethod,
    /// Where the epoch began: no frame of an earlier epoch is valid from here on.
    pub epoch_start: Pos,
    /// Header hash of the frame before `epoch_start`, which the epoch's first frame names as its
    /// `prev_hash`; 0 if there is none.
    pub epoch_prev_hash: u64,
    /// First live position when the superblock was written; frames may know a later one.
    pub low_water: Pos,
    /// Where the log ended, if the shard was closed cleanly.
    pub clean_end: Option<CleanEnd>,
    /// When the store was created.
    pub created: WallTime,
}

/// Where a log ended when it was closed cleanly: anything else found there is corruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanEnd {
    /// The position after the last frame.
    pub pos: Pos,
    /// Header hash of the last frame; 0 if there is none.
    pub hash: u64,
}

/// How commits are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncMethod {
    /// Each write is durable by itself (`RWF_DSYNC`).
    Dsync,
    /// Plain writes, then one `fdatasync`.
    Fdatasync,
}

impl Superblock {
    /// The salts of this shard.
    pub fn salts(&self) -> Salts {
        Salts::new(self.store, self.shard, self.salt)
    }

    /// The copy for place `index` of the file, which starts at byte `index *`
    /// [`SUPERBLOCK_COPY_BYTES`].
    ///
    /// # Panics
    /// If `index` is not below [`SUPERBLOCK_COPIES`] or a field is out of the bounds it names.
    pub fn encode_copy(&self, index: usize) -> [u8; SUPERBLOCK_COPY_BYTES] {
        assert!(index < SUPERBLOCK_COPIES, "a superblock has no copy {index}");
        if let Err(reject) = self.check_fields() {
            panic!("encoding an impossible superblock: {reject}");
        }
        let end = self.clean_end.unwrap_or(CleanEnd { pos: Pos(0), hash: 0 });
        let mut raw = RawSuperblock {
            magic: MAGIC.into(),
            version: FORMAT_VERSION.into(),
            shard: self.shard.0.into(),
            shards: self.shards.into(),
            flags: if self.clean_end.is_some() { FLAG_CLEAN } else { 0 }.into(),
            store: self.store.0,
            salt: self.salt.into(),
            sequence: self.sequence.into(),
            slot_bytes: self.slot_bytes.into(),
            epoch: self.epoch.0.into(),
            sync_method: self.sync_method.number().into(),
            epoch_start: self.epoch_start.0.into(),
            epoch_prev_hash: self.epoch_prev_hash.into(),
            low_water: self.low_water.0.into(),
            end_pos: end.pos.0.into(),
            end_hash: end.hash.into(),
            created_ns: self.created.0.into(),
            reserved: [0; RESERVED_BYTES],
            copy_index: (index as u32).into(),
            zero: 0.into(),
            crc: 0.into(),
        };
        raw.crc = crc64(0, raw.content()).into();
        zerocopy::transmute!(raw)
    }

    /// Reads the copy at place `index` of the file from its bytes.
    ///
    /// # Errors
    /// Why this is no copy for this place. A newer version is reported only if the checksum holds.
    pub fn decode_copy(bytes: &[u8], index: usize) -> Result<Superblock, CopyReject> {
        RawSuperblock::read(bytes, index)?.values()
    }

    /// The bounds of every field, for the writer and the reader alike.
    fn check_fields(&self) -> Result<(), FieldReject> {
        let shards = usize::from(self.shards);
        check_field((1..=SHARDS_MAX).contains(&shards), "shards", self.shards, "1..=256")?;
        check_field(self.shard.0 < self.shards, "shard", self.shard.0, "below shards")?;
        check_field(
            (SLOT_BYTES_MIN..=SLOT_BYTES_MAX).contains(&self.slot_bytes)
                && is_block(self.slot_bytes),
            "slot_bytes",
            self.slot_bytes,
            "a multiple of 4096 from 256 KiB to 1 GiB",
        )?;
        let start = self.epoch_start.0;
        check_field(is_block(start), "epoch_start", start, "a multiple of 4096")?;
        let Some(end) = self.clean_end else { return Ok(()) };
        check_field(
            end.pos >= self.epoch_start && is_block(end.pos.0),
            "end_pos",
            end.pos.0,
            "a multiple of 4096 from epoch_start on",
        )
    }
}

/// The bytes of a copy whose checksum and place were checked, but not yet its version.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RawSuperblock {
    magic: U64,
    version: U16,
    shard: U16,
    shards: U16,
    flags: U16,
    store: [u8; 16],
    salt: U64,
    sequence: U64,
    slot_bytes: U64,
    epoch: U32,
    sync_method: U32,
    epoch_start: U64,
    epoch_prev_hash: U64,
    low_water: U64,
    end_pos: U64,
    end_hash: U64,
    created_ns: U64,
    reserved: [u8; RESERVED_BYTES],
    copy_index: U32,
    zero: U32,
    crc: U64,
}

impl RawSuperblock {
    /// The copy at place `index`, intact but of any version.
    pub(super) fn read(bytes: &[u8], index: usize) -> Result<&RawSuperblock, CopyReject> {
        let (raw, _) =
            RawSuperblock::ref_from_prefix(bytes).map_err(|_| CopyReject::Truncated {
                expected: SUPERBLOCK_COPY_BYTES as u64,
                found: bytes.len() as u64,
            })?;
        if raw.magic.get() != MAGIC {
            return Err(CopyReject::Magic { found: raw.magic.get() });
        }
        let (expected, found) = (raw.crc.get(), crc64(0, raw.content()));
        if expected != found {
            return Err(CopyReject::Checksum { expected, found });
        }
        let (expected, found) = (index as u32, raw.copy_index.get());
        if expected != found {
            return Err(CopyReject::Misplaced { expected, found });
        }
        check_field(raw.zero.get() == 0, "reserved", raw.zero.get(), "0")?;
        Ok(raw)
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence.get()
    }

    /// What copies of one version of the superblock have in common.
    pub(super) fn content(&self) -> &[u8] {
        &self.as_bytes()[..CONTENT_BYTES]
    }

    pub(super) fn values(&self) -> Result<Superblock, CopyReject> {
        let version = self.version.get();
        if version > FORMAT_VERSION {
            return Err(CopyReject::NewerVersion { found: version });
        }
        check_field(version == FORMAT_VERSION, "version", version, "1")?;
        check_zeros("reserved", &self.reserved)?;
        let superblock = Superblock {
            store: StoreId(self.store),
            shard: ShardId(self.shard.get()),
            shards: self.shards.get(),
            salt: self.salt.get(),
            sequence: self.sequence.get(),
            slot_bytes: self.slot_bytes.get(),
            epoch: Epoch(self.epoch.get()),
            sync_method: SyncMethod::from_number(self.sync_method.get())?,
            epoch_start: Pos(self.epoch_start.get()),
            epoch_prev_hash: self.epoch_prev_hash.get(),
            low_water: Pos(self.low_water.get()),
            clean_end: self.clean_end()?,
            created: WallTime(self.created_ns.get()),
        };
        superblock.check_fields()?;
        Ok(superblock)
    }

    fn clean_end(&self) -> Result<Option<CleanEnd>, FieldReject> {
        let (flags, pos, hash) = (self.flags.get(), self.end_pos.get(), self.end_hash.get());
        check_field(flags & !FLAG_CLEAN == 0, "flags", flags, "0 or 1")?;
        if flags == FLAG_CLEAN {
            return Ok(Some(CleanEnd { pos: Pos(pos), hash }));
        }
        check_field(pos == 0, "end_pos", pos, "0 unless closed cleanly")?;
        check_field(hash == 0, "end_hash", hash, "0 unless closed cleanly")?;
        Ok(None)
    }
}

impl SyncMethod {
    fn number(self) -> u32 {
        match self {
            SyncMethod::Dsync => 1,
            SyncMethod::Fdatasync => 2,
        }
    }

    fn from_number(number: u32) -> Result<SyncMethod, FieldReject> {
        match number {
            1 => Ok(SyncMethod::Dsync),
            2 => Ok(SyncMethod::Fdatasync),
            _ => {
                let (name, expected) = ("sync_method", "1 or 2");
                Err(FieldReject { name, found: number.into(), expected })
            }
        }
    }
}

const MAGIC: u64 = u64::from_le_bytes(*b"RHSUPER1");
const FLAG_CLEAN: u16 = 1;
/// The checksum covers the bytes below; the copy index behind them differs between the copies.
const CONTENT_BYTES: usize = 4080;
const RESERVED_BYTES: usize = CONTENT_BYTES - 112;
const _: () = assert!(SUPERBLOCK_COPY_BYTES == BLOCK_BYTES);
