//! The records of a data frame, each with its own checksum so that single ones can be salvaged.
//!
//! ```text
//!      0                 4                 8                 12                16
//!   0 | crc32c          | body_bytes      | log_id          | count           |
//!  16 | first_offset                      | timestamp_ns                      |
//!  32 | kind   | flags=0| reserved=0      | body, then zeros to a multiple of 8
//! ```
//!
//! `crc32c` covers bytes 4..40 and the body, unsalted: a record means the same wherever a repair
//! finds it. Frames are what the salt protects.

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use roundhouse_base::checksum::crc32c;
use roundhouse_base::limits::{RECORD_BYTES_MAX, RECORD_COUNT_MAX};
use roundhouse_base::{LogId, Offset, WallTime};
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::PAYLOAD_ALIGN_BYTES;
use super::reject::{FieldReject, RecordFault, RecordReject, check_field, check_zeros};

/// Bytes of a record before its body.
pub const RECORD_HEADER_BYTES: usize = size_of::<RawRecord>();

/// The log that holds the catalogue: the records that create, configure, delete, trim and truncate
/// the other logs. Its offsets count those records.
pub const CATALOGUE_LOG: LogId = LogId(0);

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// The body is the user's.
    Data,
    /// A log begins ([`super::ControlRecord::Create`]).
    Create,
    /// A log gets other settings ([`super::ControlRecord::Configure`]).
    Configure,
    /// A log ends ([`super::ControlRecord::Delete`]).
    Delete,
    /// A log loses its beginning ([`super::ControlRecord::Trim`]).
    Trim,
    /// A log loses its end ([`super::ControlRecord::Truncate`]).
    Truncate,
}

/// What a record says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The log the record belongs to: [`CATALOGUE_LOG`] for every kind but data, and only for those.
    pub log: LogId,
    /// What the record is.
    pub kind: RecordKind,
    /// The record's first offset in its log.
    pub first_offset: Offset,
    /// Offsets it spans, 1..=[`RECORD_COUNT_MAX`]: one record may hold a batch. 1 in the catalogue.
    pub count: u32,
    /// The time the writer gave it.
    pub time: WallTime,
}

/// A record of a payload, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// What the record says about its body.
    pub header: RecordHeader,
    /// The body, without padding.
    pub body: &'a [u8],
    /// First byte of the record's header within the payload.
    pub at: usize,
}

/// The records of a data frame's payload, one after the other, each checked.
///
/// Ends at the end of the payload, or after the first rejected record: behind damage the place of
/// the next record is unknown ([`RecordRef::decode`] tries one place). That there are as many as
/// the frame's header says is the caller's to check.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    payload: &'a [u8],
    /// Where the next record starts; the end of the payload when there is none.
    at: usize,
}

impl<'a> Records<'a> {
    /// The records of `payload`, which is a data frame's payload without padding.
    pub fn new(payload: &'a [u8]) -> Records<'a> {
        Records { payload, at: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordRef<'a>, RecordReject>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.payload.len() {
            return None;
        }
        let record = RecordRef::decode(self.payload, self.at);
        self.at = record.map_or(self.payload.len(), |record| record.end());
        Some(record)
    }
}

impl std::iter::FusedIterator for Records<'_> {}

impl<'a> RecordRef<'a> {
    /// Reads and checks the record that starts at byte `at` of `payload`.
    ///
    /// # Errors
    /// Why there is no intact record.
    pub fn decode(payload: &'a [u8], at: usize) -> Result<RecordRef<'a>, RecordReject> {
        let bytes = payload.get(at..).unwrap_or_default();
        let (header, body) = decode(bytes).map_err(|why| RecordReject { at, why })?;
        Ok(RecordRef { header, body, at })
    }

    /// Like [`RecordRef::decode`], but trusts the bytes, since they were part of a frame whose
    /// payload's checksum was right: only what keeps the reading within bounds is checked.
    ///
    /// # Errors
    /// Why there is no record.
    pub fn decode_verified(payload: &'a [u8], at: usize) -> Result<RecordRef<'a>, RecordReject> {
        let bytes = payload.get(at..).unwrap_or_default();
        let reject = |why| RecordReject { at, why };
        let (raw, body, _) = split(bytes).map_err(reject)?;
        let header = raw.values().map_err(|why| reject(why.into()))?;
        Ok(RecordRef { header, body, at })
    }

    /// Where the body lies within the payload, for cutting it out of shared bytes.
    pub fn body_range(&self) -> Range<usize> {
        let start = self.at + RECORD_HEADER_BYTES;
        start..start + self.body.len()
    }

    /// First byte after the record and its padding, within the payload.
    pub fn end(&self) -> usize {
        self.at + record_bytes(self.body.len())
    }
}

/// Bytes that a record with a body of `body_bytes` takes up in a payload.
pub const fn record_bytes(body_bytes: usize) -> usize {
    (RECORD_HEADER_BYTES + body_bytes).next_multiple_of(PAYLOAD_ALIGN_BYTES)
}

/// Appends a record to `out`: [`record_bytes`] bytes, with one copy of the body and one pass of
/// the checksum over it. Allocates only if `out` has no room left.
///
/// # Panics
/// If the body is longer than [`RECORD_BYTES_MAX`] or a field has a value that decoding refuses.
pub fn write_record(out: &mut BytesMut, header: &RecordHeader, body: &[u8]) {
    assert!(body.len() <= RECORD_BYTES_MAX, "a record of {} bytes is too long", body.len());
    if let Err(reject) = header.check_fields() {
        panic!("writing an impossible record: {reject}");
    }
    let raw = RawRecord {
        crc: 0.into(),
        body_bytes: (body.len() as u32).into(),
        log_id: header.log.0.into(),
        count: header.count.into(),
        first_offset: header.first_offset.0.into(),
        timestamp_ns: header.time.0.into(),
        kind: header.kind.number().into(),
        flags: 0.into(),
        reserved: 0.into(),
    };
    let start = out.len();
    out.reserve(record_bytes(body.len()));
    out.put_slice(raw.as_bytes());
    out.put_slice(body);
    let crc = crc32c(0, &[&out[start + CRC_BYTES..]]);
    out[start..start + CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
    let padding_bytes = record_bytes(body.len()) - RECORD_HEADER_BYTES - body.len();
    out.put_bytes(0, padding_bytes);
}

/// The record at the start of `bytes`.
fn decode(bytes: &[u8]) -> Result<(RecordHeader, &[u8]), RecordFault> {
    let (raw, body, padding) = split(bytes)?;
    let sum = crc32c(0, &[&bytes[CRC_BYTES..RECORD_HEADER_BYTES + body.len()]]);
    if raw.crc.get() != sum {
        return Err(RecordFault::Checksum { expected: raw.crc.get(), found: sum });
    }
    check_zeros("padding", padding)?;
    Ok((raw.values()?, body))
}

/// Header, body and padding of the record at the start of `bytes`, by its length alone.
fn split(bytes: &[u8]) -> Result<(&RawRecord, &[u8], &[u8]), RecordFault> {
    let truncated = |expected: usize| RecordFault::Truncated {
        expected: expected as u64,
        found: bytes.len() as u64,
    };
    let (raw, rest) =
        RawRecord::ref_from_prefix(bytes).map_err(|_| truncated(RECORD_HEADER_BYTES))?;
    let body_bytes = raw.body_bytes.get() as usize;
    check_field(
        body_bytes <= RECORD_BYTES_MAX,
        "body_bytes",
        raw.body_bytes.get(),
        "at most 16 MiB",
    )?;
    let padded = record_bytes(body_bytes) - RECORD_HEADER_BYTES;
    let padded = rest.get(..padded).ok_or_else(|| truncated(record_bytes(body_bytes)))?;
    let (body, padding) = padded.split_at(body_bytes);
    Ok((raw, body, padding))
}

impl RecordHeader {
    /// The bounds of every field, for the writer and the reader alike.
    fn check_fields(&self) -> Result<(), FieldReject> {
        let is_control = self.kind != RecordKind::Data;
        check_field(
            is_control == (self.log == CATALOGUE_LOG),
            "log_id",
            self.log.0,
            "above 0 for data and 0 for all other kinds",
        )?;
        check_field(
            (1..=if is_control { 1 } else { RECORD_COUNT_MAX }).contains(&self.count),
            "count",
            self.count,
            "1..=2^24 for data, 1 for catalogue records",
        )?;
        let end = self.first_offset.0.checked_add(u64::from(self.count));
        check_field(
            end.is_some(),
            "first_offset",
            self.first_offset.0,
            "an offset whose end fits 64 bits",
        )
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawRecord {
    crc: U32,
    body_bytes: U32,
    log_id: U32,
    count: U32,
    first_offset: U64,
    timestamp_ns: U64,
    kind: U16,
    flags: U16,
    reserved: U32,
}

impl RawRecord {
    fn values(&self) -> Result<RecordHeader, FieldReject> {
        check_field(self.flags.get() == 0, "flags", self.flags.get(), "0")?;
        check_field(self.reserved.get() == 0, "reserved", self.reserved.get(), "0")?;
        let header = RecordHeader {
            log: LogId(self.log_id.get()),
            kind: RecordKind::from_number(self.kind.get())?,
            first_offset: Offset(self.first_offset.get()),
            count: self.count.get(),
            time: WallTime(self.timestamp_ns.get()),
        };
        header.check_fields()?;
        Ok(header)
    }
}

impl RecordKind {
    fn number(self) -> u16 {
        match self {
            RecordKind::Data => 1,
            RecordKind::Create => 2,
            RecordKind::Configure => 3,
            RecordKind::Delete => 4,
            RecordKind::Trim => 5,
            RecordKind::Truncate => 6,
        }
    }

    fn from_number(number: u16) -> Result<RecordKind, FieldReject> {
        Ok(match number {
            1 => RecordKind::Data,
            2 => RecordKind::Create,
            3 => RecordKind::Configure,
            4 => RecordKind::Delete,
            5 => RecordKind::Trim,
            6 => RecordKind::Truncate,
            _ => return Err(FieldReject { name: "kind", found: number.into(), expected: "1..=6" }),
        })
    }
}

const CRC_BYTES: usize = size_of::<U32>();
const _: () = assert!(RECORD_HEADER_BYTES == 40);
