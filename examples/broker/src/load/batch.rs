//! Batches as producers send them, and what consumers count in them.

use bytes::{BufMut, Bytes, BytesMut};
use crc_fast::CrcAlgorithm;

use super::LoadError;
use crate::protocol::batch::{BATCH_HEADER_BYTES, BatchInfo};

/// A batch of `records` values of `value_bytes` each, without keys and compression. The first eight
/// bytes of each value are what `stamp` gives for its number.
pub(super) fn encode(records: usize, value_bytes: usize, stamp: impl Fn(usize) -> u64) -> Bytes {
    let value_bytes = value_bytes.max(STAMP_BYTES);
    let mut batch = BytesMut::with_capacity(BATCH_HEADER_BYTES + records * (value_bytes + 24));
    batch.put_bytes(0, BATCH_HEADER_BYTES);
    // Text-like, for whoever compresses.
    let filling: Vec<u8> = (STAMP_BYTES..value_bytes).map(|at| b'a' + (at % 23) as u8).collect();
    for number in 0..records {
        encode_record(&mut batch, number, stamp(number), &filling);
    }
    fill_header(&mut batch, records);
    batch.freeze()
}

fn encode_record(batch: &mut BytesMut, number: usize, stamp: u64, filling: &[u8]) {
    let value_bytes = STAMP_BYTES + filling.len();
    let fixed = [0u8, 0]; // attributes, timestamp delta
    let null_key = 1u8; // -1 in zigzag
    let headers = 0u8;
    let length =
        fixed.len() + varint_bytes(number) + 1 + varint_bytes(value_bytes) + value_bytes + 1;
    put_varint(batch, length);
    batch.put_slice(&fixed);
    put_varint(batch, number);
    batch.put_u8(null_key);
    put_varint(batch, value_bytes);
    batch.put_u64(stamp);
    batch.put_slice(filling);
    batch.put_u8(headers);
}

/// See [`crate::protocol::batch`] for what lies where.
fn fill_header(batch: &mut BytesMut, records: usize) {
    let length = (batch.len() - 12) as u32;
    let (mut head, time_ms) = (BytesMut::with_capacity(BATCH_HEADER_BYTES), wall_ms());
    head.put_i64(0);
    head.put_u32(length);
    head.put_i32(-1);
    head.put_i8(2);
    head.put_u32(0);
    head.put_i16(0);
    head.put_i32(records as i32 - 1);
    head.put_i64(time_ms);
    head.put_i64(time_ms);
    head.put_i64(-1);
    head.put_i16(-1);
    head.put_i32(-1);
    head.put_i32(records as i32);
    batch[..BATCH_HEADER_BYTES].copy_from_slice(&head);
    let crc = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, &batch[21..]) as u32;
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Now, in ms since 1970: a topic whose records are kept for a time would drop older ones.
#[expect(clippy::disallowed_methods, reason = "a load generator is on no shard")]
fn wall_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// Calls `each` with every whole batch in what was fetched, after its checksum was checked; returns the
/// offset to go on at, if there was one.
pub(super) fn each_batch(
    mut fetched: &[u8],
    mut each: impl FnMut(&BatchInfo, u64, &[u8]),
) -> Result<Option<u64>, LoadError> {
    let mut next = None;
    while let Some(length) = fetched.get(8..12) {
        let bytes = 12 + u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let Some((batch, rest)) = fetched.split_at_checked(bytes) else { break };
        let info = BatchInfo::check(batch).map_err(|_| LoadError::Answer("a batch is damaged"))?;
        let base = batch.first_chunk().map_or(0, |base| u64::from_be_bytes(*base));
        each(&info, base, &batch[BATCH_HEADER_BYTES..]);
        next = Some(base + u64::from(info.count));
        fetched = rest;
    }
    Ok(next)
}

/// Calls `each` with the stamp of every record of a batch from here.
pub(super) fn each_stamp(mut records: &[u8], mut each: impl FnMut(u64)) {
    while let Some((length, rest)) = varint(records) {
        let Some((record, after)) = rest.split_at_checked(length) else { return };
        // Attributes and timestamp delta, the offset delta, a null key, the length of the value.
        let stamp = varint(&record[2..])
            .and_then(|(_, rest)| varint(rest.get(1..)?))
            .and_then(|(_, value)| value.first_chunk());
        let Some(stamp) = stamp else { return };
        each(u64::from_be_bytes(*stamp));
        records = after;
    }
}

/// A varint that is not negative, and what follows it.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value >> 1, &bytes[at + 1..]));
        }
    }
    None
}

/// Writes a number that is not negative in zigzag.
fn put_varint(out: &mut BytesMut, value: usize) {
    let mut value = value << 1;
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn varint_bytes(value: usize) -> usize {
    (usize::BITS - (value << 1 | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes of a value that say when it was due.
const STAMP_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_for_the_broker_and_for_the_generated_decoder() {
        let batch = encode(300, 100, |number| number as u64 * 3);
        assert_eq!(BatchInfo::check(&batch).unwrap().count, 300);
        let mut stamps = Vec::new();
        let next =
            each_batch(&batch, |_, _, records| each_stamp(records, |stamp| stamps.push(stamp)));
        assert_eq!(next.unwrap(), Some(300));
        assert_eq!(stamps, (0..300).map(|number| number * 3).collect::<Vec<u64>>());
        let set = kafka_protocol::records::RecordBatchDecoder::decode(&mut batch.clone()).unwrap();
        assert_eq!(set.records.len(), 300);
        assert!(set.records.iter().all(|record| record.value.as_ref().unwrap().len() == 100));
    }
}
