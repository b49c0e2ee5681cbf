//! The payload of a seal frame: a sparse index of the segment it ends, so that opening a store
//! reads one frame of a sealed segment. Derived from the records, and never trusted over them.
//!
//! ```text
//!      0                 4                 8                 12                16
//!   0 | segment_no                        | log_count       | 0               |
//!  16 | per log, by ascending number ...
//!
//!   0 | log             | entry_count     | first_offset                      |
//!  16 | end_offset                        | bytes                             |
//!  32 | time_max_ns                       | per entry, by ascending offset: offset, pos, time_ns
//! ```

use bytes::{BufMut, BytesMut};
use roundhouse_base::{LogId, Offset, Pos, SegmentNo, WallTime};
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::is_block;
use super::payload::{PayloadReader, assert_encodable};
use super::reject::{FieldReject, PayloadReject, check_field};

/// The payload of a seal frame. It describes what was live when the segment was sealed; later
/// truncations and trims are in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealPayload {
    /// The segment that ends here.
    pub segment: SegmentNo,
    /// The logs with records in it, by ascending number.
    pub logs: Vec<SealLog>,
}

/// One log's share of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealLog {
    /// The log.
    pub log: LogId,
    /// Its first offset in the segment.
    pub first: Offset,
    /// The offset after its last in the segment. At least `first`.
    pub end: Offset,
    /// Bytes its records take up, with headers and padding.
    pub bytes: u64,
    /// The latest time of its records; they need not be in order of time.
    pub time_max: WallTime,
    /// Places to start reading at, sparse, by ascending offset and position.
    pub entries: Vec<IndexEntry>,
}

/// A place to start reading a log at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// First offset of a record, within the log's share of the segment.
    pub offset: Offset,
    /// Position of the *frame* that holds it: reading starts with the header that vouches for it.
    pub pos: Pos,
    /// The time of the record.
    pub time: WallTime,
}

impl SealPayload {
    /// Bytes that [`SealPayload::encode`] appends.
    pub fn encoded_bytes(&self) -> usize {
        size_of::<RawSeal>() + self.logs.iter().map(SealLog::encoded_bytes).sum::<usize>()
    }

    /// Appends the payload to `out`.
    ///
    /// # Panics
    /// If something in it is out of the bounds that the fields name.
    pub fn encode(&self, out: &mut BytesMut) {
        let raw = RawSeal {
            segment_no: self.segment.0.into(),
            log_count: (self.logs.len() as u32).into(),
            reserved: 0.into(),
        };
        out.reserve(self.encoded_bytes());
        out.put_slice(raw.as_bytes());
        let mut previous = None;
        for log in &self.logs {
            assert_encodable(log.check_fields(previous));
            log.encode(out);
            previous = Some(log.log);
        }
    }

    /// Reads a payload, without the frame's padding.
    ///
    /// # Errors
    /// The first part that no writer of this version produces.
    pub fn decode(payload: &[u8]) -> Result<SealPayload, PayloadReject> {
        let mut reader = PayloadReader::new(payload);
        let raw: &RawSeal = reader.take()?;
        let reserved = raw.reserved.get();
        reader.check(check_field(reserved == 0, "reserved", reserved, "0"))?;
        let mut logs: Vec<SealLog> = Vec::new();
        for _ in 0..raw.log_count.get() {
            let log = SealLog::decode(&mut reader)?;
            reader.check(log.check_fields(logs.last().map(|log| log.log)))?;
            logs.push(log);
        }
        reader.finish()?;
        Ok(SealPayload { segment: SegmentNo(raw.segment_no.get()), logs })
    }
}

impl SealLog {
    fn encoded_bytes(&self) -> usize {
        size_of::<RawSealLog>() + self.entries.len() * size_of::<RawEntry>()
    }

    fn encode(&self, out: &mut BytesMut) {
        let raw = RawSealLog {
            log: self.log.0.into(),
            entry_count: (self.entries.len() as u32).into(),
            first_offset: self.first.0.into(),
            end_offset: self.end.0.into(),
            bytes: self.bytes.into(),
            time_max_ns: self.time_max.0.into(),
        };
        out.put_slice(raw.as_bytes());
        for entry in &self.entries {
            out.put_u64_le(entry.offset.0);
            out.put_u64_le(entry.pos.0);
            out.put_u64_le(entry.time.0);
        }
    }

    fn decode(reader: &mut PayloadReader<'_>) -> Result<SealLog, PayloadReject> {
        let raw: &RawSealLog = reader.take()?;
        let entries = reader.take_many::<RawEntry>(raw.entry_count.get())?;
        Ok(SealLog {
            log: LogId(raw.log.get()),
            first: Offset(raw.first_offset.get()),
            end: Offset(raw.end_offset.get()),
            bytes: raw.bytes.get(),
            time_max: WallTime(raw.time_max_ns.get()),
            entries: entries.iter().map(RawEntry::value).collect(),
        })
    }

    /// The bounds of every field, for the writer and the reader alike. `previous` is the number of
    /// the log before this one.
    fn check_fields(&self, previous: Option<LogId>) -> Result<(), FieldReject> {
        let ascending = previous.is_none_or(|previous| previous < self.log);
        check_field(ascending, "log", self.log.0, "above the log before")?;
        check_field(self.first <= self.end, "first_offset", self.first.0, "at most end_offset")?;
        let mut before: Option<&IndexEntry> = None;
        for entry in &self.entries {
            let inside = (self.first..self.end).contains(&entry.offset);
            let offset_ascends = before.is_none_or(|before| before.offset < entry.offset);
            let pos_ascends = before.is_none_or(|before| before.pos <= entry.pos);
            check_field(
                inside && offset_ascends,
                "entry offset",
                entry.offset.0,
                "above the entry before, within first_offset..end_offset",
            )?;
            check_field(
                pos_ascends && is_block(entry.pos.0),
                "entry pos",
                entry.pos.0,
                "a multiple of 4096, not below the entry before",
            )?;
            before = Some(entry);
        }
        Ok(())
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawSeal {
    segment_no: U64,
    log_count: U32,
    reserved: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawSealLog {
    log: U32,
    entry_count: U32,
    first_offset: U64,
    end_offset: U64,
    bytes: U64,
    time_max_ns: U64,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawEntry {
    offset: U64,
    pos: U64,
    time_ns: U64,
}

impl RawEntry {
    fn value(&self) -> IndexEntry {
        IndexEntry {
            offset: Offset(self.offset.get()),
            pos: Pos(self.pos.get()),
            time: WallTime(self.time_ns.get()),
        }
    }
}

const _: () = assert!(size_of::<RawSeal>() == 16);
const _: () = assert!(size_of::<RawSealLog>() == 40);
const _: () = assert!(size_of::<RawEntry>() == 24);
