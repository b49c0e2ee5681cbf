//! The header of a record batch. Its records are never looked into on the way through.
//!
//! ```text
//!  0 base offset        i64 ┐ written by the broker,
//!  8 batch length       i32 │ outside the checksum
//! 12 leader epoch       i32 ┘
//! 16 magic              i8    2
//! 17 crc32c             u32   of everything from 21 on
//! 21 attributes         i16   0-2 compression, 3 append time, 4 transactional, 5 control
//! 23 last offset delta  i32
//! 27 base timestamp     i64   ms
//! 35 max timestamp      i64   ms
//! 43 producer id        i64   -1: none
//! 51 producer epoch     i16
//! 53 base sequence      i32
//! 57 record count       i32
//! 61 records
//! ```

use crc_fast::CrcAlgorithm;

/// Bytes before the first record.
pub const BATCH_HEADER_BYTES: usize = 61;

/// The base offset's end and the batch length's, before which a batch's size can't be known.
const LENGTH_END: usize = 12;
/// Where the checksummed part begins.
const CRC_START: usize = 21;
/// Timestamps are the broker's.
const ATTRIBUTE_APPEND_TIME: i16 = 1 << 3;
/// Part of a transaction.
const ATTRIBUTE_TRANSACTIONAL: i16 = 1 << 4;
/// Written by a broker, not by a producer.
const ATTRIBUTE_CONTROL: i16 = 1 << 5;
/// Which compression.
const ATTRIBUTE_CODEC: i16 = 0b111;
/// The last compression there is: zstd.
const CODEC_MAX: i16 = 4;

/// What the broker needs to know of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchInfo {
    /// See the table above.
    pub attributes: i16,
    /// Offsets it spans, at least one.
    pub count: u32,
    /// Time of the first record, ms since 1970.
    pub base_timestamp: i64,
    /// Latest time of a record, ms since 1970.
    pub max_timestamp: i64,
    /// Who made it, unless negative.
    pub producer_id: i64,
    /// The producer's incarnation.
    pub producer_epoch: i16,
    /// The number of its first record, in the producer's count for this partition.
    pub base_sequence: i32,
}

/// Why a batch is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchRejection {
    /// Shorter or longer than it says, or not a batch.
    #[error("the batch is truncated")]
    Truncated,
    /// More than one batch where one is allowed.
    #[error("more than one batch for a partition")]
    Several,
    /// A format of before Kafka 0.11.
    #[error("record format {0} is not supported; version 2 is")]
    Magic(i8),
    /// Damaged on the way.
    #[error("the checksum is wrong")]
    Checksum,
    /// Contradicts itself.
    #[error("{0}")]
    Inconsistent(&'static str),
    /// An unknown compression.
    #[error("unknown compression")]
    Codec,
    /// Transactions are not supported.
    #[error("transactions are not supported")]
    Transactional,
}

impl BatchInfo {
    /// Checks a batch that a producer sent, the only one in `batch`.
    ///
    /// # Errors
    /// See [`BatchRejection`].
    pub fn check(batch: &[u8]) -> Result<BatchInfo, BatchRejection> {
        let header = batch.first_chunk::<BATCH_HEADER_BYTES>();
        let Some(header) = header else { return Err(BatchRejection::Truncated) };
        let magic = header[16] as i8;
        if magic != 2 {
            return Err(BatchRejection::Magic(magic));
        }
        let length = i64::from(i32::from_be_bytes(part(header, 8)));
        match (LENGTH_END as i64 + length).cmp(&(batch.len() as i64)) {
            std::cmp::Ordering::Less => return Err(BatchRejection::Several),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Err(BatchRejection::Truncated),
        }
        if u32::from_be_bytes(part(header, 17)) != checksum(batch) {
            return Err(BatchRejection::Checksum);
        }
        let info = BatchInfo::read(header);
        info.check_fields(i32::from_be_bytes(part(header, 57)))?;
        Ok(info)
    }

    /// Reads the header of a batch that was checked when it came.
    pub fn read(header: &[u8; BATCH_HEADER_BYTES]) -> BatchInfo {
        let last_offset_delta = i32::from_be_bytes(part(header, 23));
        BatchInfo {
            attributes: i16::from_be_bytes(part(header, 21)),
            count: i64::from(last_offset_delta).saturating_add(1).max(0) as u32,
            base_timestamp: i64::from_be_bytes(part(header, 27)),
            max_timestamp: i64::from_be_bytes(part(header, 35)),
            producer_id: i64::from_be_bytes(part(header, 43)),
            producer_epoch: i16::from_be_bytes(part(header, 51)),
            base_sequence: i32::from_be_bytes(part(header, 53)),
        }
    }

    /// Whether its producer counts, so that repetitions are noticed.
    pub fn is_idempotent(&self) -> bool {
        self.producer_id >= 0
    }

    /// Whether its records can be read without decompression.
    pub fn is_plain(&self) -> bool {
        self.attributes & ATTRIBUTE_CODEC == 0
    }

    fn check_fields(&self, records: i32) -> Result<(), BatchRejection> {
        if self.attributes & ATTRIBUTE_CODEC > CODEC_MAX {
            return Err(BatchRejection::Codec);
        }
        if self.attributes & ATTRIBUTE_TRANSACTIONAL != 0 {
            return Err(BatchRejection::Transactional);
        }
        if self.attributes & ATTRIBUTE_CONTROL != 0 {
            return Err(BatchRejection::Inconsistent("a producer may not write control batches"));
        }
        if self.count == 0 || i64::from(self.count) != i64::from(records) {
            return Err(BatchRejection::Inconsistent(
                "the count of records is not that of offsets",
            ));
        }
        if self.is_idempotent() && (self.producer_epoch < 0 || self.base_sequence < 0) {
            return Err(BatchRejection::Inconsistent("a producer without epoch or sequence"));
        }
        Ok(())
    }
}

/// Writes where a batch lies in its partition into it.
///
/// # Panics
/// If `batch` is no batch.
pub fn place(batch: &mut [u8], base_offset: u64) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LENGTH_END..16].copy_from_slice(&LEADER_EPOCH.to_be_bytes());
}

/// Gives a batch the time of its arrival, in ms since 1970, and renews its checksum.
///
/// # Panics
/// If `batch` is no batch.
pub fn stamp(batch: &mut [u8], time_ms: i64) {
    let attributes = i16::from_be_bytes(part(batch, 21)) | ATTRIBUTE_APPEND_TIME;
    batch[21..23].copy_from_slice(&attributes.to_be_bytes());
    batch[35..43].copy_from_slice(&time_ms.to_be_bytes());
    let crc = checksum(batch);
    batch[17..CRC_START].copy_from_slice(&crc.to_be_bytes());
}

/// The offset and time of the first record of a stored batch with `time_ms` or a later time, or
/// `None` if all are earlier. Records of a compressed batch are not looked into: it counts as one,
/// with its first offset.
pub fn offset_at(batch: &[u8], time_ms: i64) -> Option<(u64, i64)> {
    let header = batch.first_chunk::<BATCH_HEADER_BYTES>()?;
    let (info, base_offset) = (BatchInfo::read(header), u64::from_be_bytes(part(header, 0)));
    if info.max_timestamp < time_ms {
        return None;
    }
    let is_stamped = info.attributes & ATTRIBUTE_APPEND_TIME != 0;
    if is_stamped {
        return Some((base_offset, info.max_timestamp));
    }
    if info.base_timestamp >= time_ms || !info.is_plain() {
        return Some((base_offset, info.base_timestamp));
    }
    let mut rest = &batch[BATCH_HEADER_BYTES..];
    for _ in 0..info.count {
        let (record, after) = split_record(rest)?;
        let time = info.base_timestamp.checked_add(record.timestamp_delta)?;
        if time >= time_ms {
            return Some((base_offset.checked_add_signed(record.offset_delta)?, time));
        }
        rest = after;
    }
    None
}

/// What precedes a record's key: its length, attributes (i8) and two deltas, all but one varints.
struct RecordStart {
    timestamp_delta: i64,
    offset_delta: i64,
}

fn split_record(records: &[u8]) -> Option<(RecordStart, &[u8])> {
    let (length, rest) = varint(records)?;
    let (record, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (timestamp_delta, rest) = varint(record.get(1..)?)?;
    let (offset_delta, _) = varint(rest)?;
    Some((RecordStart { timestamp_delta, offset_delta }, after))
}

/// A zigzag varint of at most 64 bits, and what follows it.
fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            return Some(((value >> 1) as i64 ^ -((value & 1) as i64), &bytes[at + 1..]));
        }
    }
    None
}

/// The partitions' only leader has been in office since the beginning.
pub const LEADER_EPOCH: i32 = 0;

fn checksum(batch: &[u8]) -> u32 {
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, &batch[CRC_START..]) as u32
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let part = bytes[at..].first_chunk::<N>();
    *part.expect("the header is longer than any of its fields reaches")
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::BytesMut;
    use kafka_protocol::indexmap::IndexMap;
    use kafka_protocol::records::{
        Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    };

    use super::*;

    /// A batch as the generated encoder makes it: `count` records of producer 9, from `sequence`.
    pub(crate) fn batch_of(count: i32, sequence: i32) -> BytesMut {
        let records: Vec<Record> = (0..count)
            .map(|number| Record {
                transactional: false,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: 0,
                producer_id: 9,
                producer_epoch: 3,
                timestamp_type: TimestampType::Creation,
                offset: i64::from(number),
                sequence: sequence + number,
                timestamp: 1000 + i64::from(number),
                key: None,
                value: Some(vec![b'v'; 20].into()),
                headers: IndexMap::new(),
            })
            .collect();
        let mut encoded = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut encoded, &records, &options).unwrap();
        encoded
    }

    #[test]
    fn a_batch_of_the_generated_encoder_is_accepted_and_understood() {
        let info = BatchInfo::check(&batch_of(3, 5)).unwrap();
        assert_eq!((info.count, info.base_timestamp, info.max_timestamp), (3, 1000, 1002));
        assert_eq!((info.producer_id, info.producer_epoch, info.base_sequence), (9, 3, 5));
        assert!(info.is_plain());
    }

    #[test]
    fn placing_keeps_the_checksum_and_stamping_renews_it() {
        let mut batch = batch_of(2, 0);
        place(&mut batch, 77);
        assert_eq!(batch[..8], 77u64.to_be_bytes());
        BatchInfo::check(&batch).unwrap();
        stamp(&mut batch, 5000);
        assert_eq!(BatchInfo::check(&batch).unwrap().max_timestamp, 5000);
    }

    #[test]
    fn a_time_within_a_plain_batch_is_found_to_the_record() {
        let mut batch = batch_of(5, 0);
        place(&mut batch, 100);
        assert_eq!(offset_at(&batch, 0), Some((100, 1000)));
        assert_eq!(offset_at(&batch, 1003), Some((103, 1003)));
        assert_eq!(offset_at(&batch, 1005), None);
    }

    #[test]
    fn no_flipped_bit_under_the_checksum_is_accepted() {
        let batch = batch_of(1, 0);
        for at in 17..batch.len() {
            let mut damaged = batch.clone();
            damaged[at] ^= 0x10;
            assert_eq!(BatchInfo::check(&damaged), Err(BatchRejection::Checksum), "byte {at}");
        }
    }

    #[test]
    fn what_is_cut_off_doubled_or_old_is_refused() {
        let batch = batch_of(2, 0);
        for end in 0..batch.len() {
            assert_eq!(BatchInfo::check(&batch[..end]), Err(BatchRejection::Truncated), "{end}");
        }
        let twice = [&batch[..], &batch[..]].concat();
        assert_eq!(BatchInfo::check(&twice), Err(BatchRejection::Several));
        let mut old = batch.clone();
        old[16] = 0;
        assert_eq!(BatchInfo::check(&old), Err(BatchRejection::Magic(0)));
        let mut negative = batch;
        negative[8..12].copy_from_slice(&i32::MIN.to_be_bytes());
        assert_eq!(BatchInfo::check(&negative), Err(BatchRejection::Several));
    }
}
