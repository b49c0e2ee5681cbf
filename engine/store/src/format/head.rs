//! The payload of a head frame: the whole catalogue at the start of a segment, so that opening a
//! store needs no record of an earlier segment.
//!
//! ```text
//!      0                 4                 8                 12                16
//!   0 | segment_no                        | prev_seal_pos                     |
//!  16 | prev_seal_bytes | log_count       | next_log_id     | 0               |
//!  32 | catalogue_end                     | per log, by ascending id ...
//!
//!   0 | id              | name_bytes      | start                             |
//!  16 | end                               | LogConfig ...                     |
//!  32 | ... LogConfig                                                         |
//!  48 | ... LogConfig                     | truncation_count| 0               |
//!  64 | name, zeros to a multiple of 8, then per truncation, by ascending pos: pos, offset
//! ```

use bytes::{BufMut, BytesMut};
use roundhouse_base::limits::{FRAME_BYTES_MAX, LOGS_MAX, TRUNCATIONS_MAX};
use roundhouse_base::{LogId, Offset, Pos, SegmentNo};
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::config::{LogConfig, RawLogConfig};
use super::is_block;
use super::payload::{
    PayloadReader, assert_encodable, check_name_bytes, padded_name_bytes, put_name,
};
use super::record::CATALOGUE_LOG;
use super::reject::{FieldReject, PayloadReject, check_field};

/// The payload of a head frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadPayload {
    /// The segment that begins here.
    pub segment: SegmentNo,
    /// The seal frame that ended the segment before; `None` in the first segment of a store.
    pub prev_seal: Option<SealLink>,
    /// The number the next log gets.
    pub next_log: LogId,
    /// The next offset of the catalogue log.
    pub catalogue_end: Offset,
    /// The logs that exist, by ascending number. That no two share a name is the catalogue's to
    /// check.
    pub logs: Vec<HeadLog>,
}

/// Where a seal frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealLink {
    /// Position of the frame.
    pub pos: Pos,
    /// Its length.
    pub bytes: u32,
}

/// One log of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLog {
    /// Its number, 1..`next_log`.
    pub id: LogId,
    /// Its name, 1..=255 bytes.
    pub name: String,
    /// Its first live offset.
    pub start: Offset,
    /// Its next offset. At least `start`.
    pub end: Offset,
    /// Its settings.
    pub config: LogConfig,
    /// The suffix truncations that still matter, by ascending position, at most
    /// [`TRUNCATIONS_MAX`].
    pub truncations: Vec<Truncation>,
}

/// A suffix truncation: records of the log below `pos` with `offset` or a higher one are dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// Position of the truncating *record*, not of its frame: one frame may hold records from
    /// before and after it.
    pub pos: Pos,
    /// The first offset that was lost.
    pub offset: Offset,
}

impl HeadPayload {
    /// Bytes that [`HeadPayload::encode`] appends.
    pub fn encoded_bytes(&self) -> usize {
        size_of::<RawHead>() + self.logs.iter().map(HeadLog::encoded_bytes).sum::<usize>()
    }

    /// Appends the payload to `out`.
    ///
    /// # Panics
    /// If something in it is out of the bounds that the fields name.
    pub fn encode(&self, out: &mut BytesMut) {
        assert_encodable(check_log_count(self.logs.len()));
        let prev_seal = self.prev_seal.unwrap_or(SealLink { pos: Pos(POS_NONE), bytes: 0 });
        let raw = RawHead {
            segment_no: self.segment.0.into(),
            prev_seal_pos: prev_seal.pos.0.into(),
            prev_seal_bytes: prev_seal.bytes.into(),
            log_count: (self.logs.len() as u32).into(),
            next_log_id: self.next_log.0.into(),
            reserved: 0.into(),
            catalogue_end: self.catalogue_end.0.into(),
        };
        assert_encodable(raw.prev_seal().map(drop));
        out.reserve(self.encoded_bytes());
        out.put_slice(raw.as_bytes());
        let mut previous = CATALOGUE_LOG;
        for log in &self.logs {
            assert_encodable(log.check_fields(previous, self.next_log));
            log.encode(out);
            previous = log.id;
        }
    }

    /// Reads a payload, without the frame's padding.
    ///
    /// # Errors
    /// The first part that no writer of this version produces.
    pub fn decode(payload: &[u8]) -> Result<HeadPayload, PayloadReject> {
        let mut reader = PayloadReader::new(payload);
        let raw: &RawHead = reader.take()?;
        let reserved = raw.reserved.get();
        reader.check(check_field(reserved == 0, "reserved", reserved, "0"))?;
        reader.check(check_log_count(raw.log_count.get() as usize))?;
        let next_log = LogId(raw.next_log_id.get());
        let mut logs: Vec<HeadLog> = Vec::new();
        for _ in 0..raw.log_count.get() {
            let log = HeadLog::decode(&mut reader)?;
            let previous = logs.last().map_or(CATALOGUE_LOG, |log| log.id);
            reader.check(log.check_fields(previous, next_log))?;
            logs.push(log);
        }
        let prev_seal = reader.check(raw.prev_seal())?;
        reader.finish()?;
        let segment = SegmentNo(raw.segment_no.get());
        let catalogue_end = Offset(raw.catalogue_end.get());
        Ok(HeadPayload { segment, prev_seal, next_log, catalogue_end, logs })
    }
}

impl HeadLog {
    fn encoded_bytes(&self) -> usize {
        size_of::<RawHeadLog>()
            + padded_name_bytes(self.name.len())
            + self.truncations.len() * size_of::<RawTruncation>()
    }

    fn encode(&self, out: &mut BytesMut) {
        let raw = RawHeadLog {
            id: self.id.0.into(),
            name_bytes: (self.name.len() as u32).into(),
            start: self.start.0.into(),
            end: self.end.0.into(),
            config: self.config.to_raw(),
            truncation_count: (self.truncations.len() as u32).into(),
            reserved: 0.into(),
        };
        out.put_slice(raw.as_bytes());
        put_name(out, &self.name);
        for truncation in &self.truncations {
            out.put_u64_le(truncation.pos.0);
            out.put_u64_le(truncation.offset.0);
        }
    }

    fn decode(reader: &mut PayloadReader<'_>) -> Result<HeadLog, PayloadReject> {
        let raw: &RawHeadLog = reader.take()?;
        let reserved = raw.reserved.get();
        reader.check(check_field(reserved == 0, "reserved", reserved, "0"))?;
        let config = reader.check(LogConfig::from_raw(&raw.config))?;
        let name = reader.take_name(raw.name_bytes.get())?.to_owned();
        let truncations = reader.take_many::<RawTruncation>(raw.truncation_count.get())?;
        Ok(HeadLog {
            id: LogId(raw.id.get()),
            name,
            start: Offset(raw.start.get()),
            end: Offset(raw.end.get()),
            config,
            truncations: truncations.iter().map(RawTruncation::value).collect(),
        })
    }

    /// The bounds of every field, for the writer and the reader alike. `previous` is the number of
    /// the log before this one.
    fn check_fields(&self, previous: LogId, next_log: LogId) -> Result<(), FieldReject> {
        check_field(
            previous < self.id && self.id < next_log,
            "id",
            self.id.0,
            "above the log before and below next_log_id",
        )?;
        check_name_bytes(self.name.len())?;
        check_field(self.start <= self.end, "start", self.start.0, "at most end")?;
        let count = self.truncations.len();
        let holds = count <= TRUNCATIONS_MAX;
        check_field(holds, "truncation_count", count as u64, "at most 1024")?;
        let unsorted = self.truncations.windows(2).find(|pair| pair[0].pos >= pair[1].pos);
        let found = unsorted.map_or(0, |pair| pair[1].pos.0);
        check_field(unsorted.is_none(), "truncation pos", found, "above the truncation before")
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHead {
    segment_no: U64,
    prev_seal_pos: U64,
    prev_seal_bytes: U32,
    log_count: U32,
    next_log_id: U32,
    reserved: U32,
    catalogue_end: U64,
}

impl RawHead {
    fn prev_seal(&self) -> Result<Option<SealLink>, FieldReject> {
        let (pos, bytes) = (self.prev_seal_pos.get(), self.prev_seal_bytes.get());
        if pos == POS_NONE {
            check_field(bytes == 0, "prev_seal_bytes", bytes, "0 without a seal")?;
            return Ok(None);
        }
        let holds = is_block(pos);
        check_field(holds, "prev_seal_pos", pos, "a multiple of 4096")?;
        let length = bytes as usize;
        check_field(
            length != 0 && is_block(u64::from(bytes)) && length <= FRAME_BYTES_MAX,
            "prev_seal_bytes",
            bytes,
            "a multiple of 4096 up to 32 MiB",
        )?;
        Ok(Some(SealLink { pos: Pos(pos), bytes }))
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeadLog {
    id: U32,
    name_bytes: U32,
    start: U64,
    end: U64,
    config: RawLogConfig,
    truncation_count: U32,
    reserved: U32,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawTruncation {
    pos: U64,
    offset: U64,
}

impl RawTruncation {
    fn value(&self) -> Truncation {
        Truncation { pos: Pos(self.pos.get()), offset: Offset(self.offset.get()) }
    }
}

fn check_log_count(count: usize) -> Result<(), FieldReject> {
    check_field(count <= LOGS_MAX, "log_count", count as u64, "at most 16384")
}

const POS_NONE: u64 = u64::MAX;
const _: () = assert!(size_of::<RawHead>() == 40);
const _: () = assert!(size_of::<RawHeadLog>() == 64);
const _: () = assert!(size_of::<RawTruncation>() == 16);
