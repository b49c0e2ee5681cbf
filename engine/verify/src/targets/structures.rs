//! Decoders of single structures. What is accepted must be what its writer would write: encoded
//! again, it gives the same bytes.

use bytes::BytesMut;
use roundhouse_base::checksum::crc32c;
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{Epoch, ShardId, StoreId};
use roundhouse_store::format::frame::payload_hash;
use roundhouse_store::format::record::RECORD_HEADER_BYTES;
use roundhouse_store::format::superblock::SUPERBLOCK_COPY_BYTES;
use roundhouse_store::format::{
    ControlRecord, FRAME_HEADER_BYTES, FrameHeader, HeadPayload, Quorum, RecordKind, Records,
    Salts, SealPayload, Superblock, record_bytes, write_record,
};

/// The file of a superblock, of any length.
pub(super) fn superblock(data: &[u8]) {
    for (index, copy) in data.chunks(SUPERBLOCK_COPY_BYTES).take(4).enumerate() {
        if let Ok(superblock) = Superblock::decode_copy(copy, index) {
            assert_eq!(superblock.encode_copy(index), copy, "{superblock:?}");
        }
    }
    if let Ok(quorum) = Quorum::choose(data) {
        let stale = quorum.stale.iter().filter(|is_stale| **is_stale).count();
        assert!(stale <= 2 && quorum.sequence_next > quorum.superblock.sequence, "{quorum:?}");
    }
}

/// A frame behind one byte that says whether its checksums are mended first.
pub(super) fn frame(data: &[u8]) {
    let Some((control, frame)) = data.split_first() else { return };
    let mut frame = frame.to_vec();
    if control & 1 != 0 {
        mend_frame(&mut frame, salts());
    }
    let Ok(header) = FrameHeader::decode(&frame, &salts()) else { return };
    let encoded = header.encode(salts().epoch(header.epoch));
    assert_eq!(encoded, frame[..FRAME_HEADER_BYTES], "{header:?}");
    if header.check_payload(&frame, &salts()).is_ok() {
        let body = FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + header.payload_bytes as usize;
        assert!(body.end <= header.frame_bytes as usize && frame.len() >= body.end);
    }
}

/// A payload of records behind the same byte.
pub(super) fn records(data: &[u8]) {
    let Some((control, payload)) = data.split_first() else { return };
    let mut payload = payload.to_vec();
    if control & 1 != 0 {
        mend_records(&mut payload);
    }
    for record in Records::new(&payload).map_while(Result::ok) {
        let mut encoded = BytesMut::new();
        write_record(&mut encoded, &record.header, record.body);
        assert_eq!(encoded, payload[record.at..record.end()], "{:?}", record.header);
    }
}

/// The body of a catalogue record, a head's or a seal's payload, as the first byte says.
pub(super) fn catalogue(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let mut encoded = BytesMut::new();
    match kind % 7 {
        0 => match HeadPayload::decode(body) {
            Ok(head) => head.encode(&mut encoded),
            Err(_) => return,
        },
        1 => match SealPayload::decode(body) {
            Ok(seal) => seal.encode(&mut encoded),
            Err(_) => return,
        },
        kind => match ControlRecord::decode(CONTROL_KINDS[usize::from(kind) - 2], body) {
            Ok(control) => control.encode(&mut encoded),
            Err(_) => return,
        },
    }
    assert_eq!(encoded, body);
}

/// Makes the checksums of the frame at the start of `bytes` right, as far as its length allows.
pub(super) fn mend_frame(bytes: &mut [u8], salts: Salts) {
    let Some(header) = bytes.first_chunk::<FRAME_HEADER_BYTES>() else { return };
    let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
    let frame_bytes = (number(FRAME_BYTES_AT) as usize).min(bytes.len());
    let salt = salts.epoch(Epoch(number(EPOCH_AT)));
    if let Some(body) = bytes.get(FRAME_HEADER_BYTES..frame_bytes) {
        let hash = payload_hash(body, salt);
        bytes[PAYLOAD_HASH_AT..PAYLOAD_HASH_AT + 8].copy_from_slice(&hash.to_le_bytes());
    }
    let sum = crc32c(salt.header, &[&bytes[..HEADER_CRC_AT]]);
    bytes[HEADER_CRC_AT..FRAME_HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
}

fn mend_records(payload: &mut [u8]) {
    let mut rest = payload;
    while let Some(&[a, b, c, d]) = rest.get(4..8) {
        let body_bytes = u32::from_le_bytes([a, b, c, d]) as usize;
        let Some(summed) = rest.get(4..RECORD_HEADER_BYTES.saturating_add(body_bytes)) else {
            return;
        };
        let sum = crc32c(0, &[summed]);
        rest[..4].copy_from_slice(&sum.to_le_bytes());
        let next = record_bytes(body_bytes).min(rest.len());
        rest = &mut rest[next..];
    }
}

fn salts() -> Salts {
    Salts::new(StoreId([0x52; 16]), ShardId(0), BLOCK_BYTES as u64)
}

const CONTROL_KINDS: [RecordKind; 5] = [
    RecordKind::Create,
    RecordKind::Configure,
    RecordKind::Delete,
    RecordKind::Trim,
    RecordKind::Truncate,
];

// Places in a frame's header, as in `docs/format.md`.
const FRAME_BYTES_AT: usize = 16;
const EPOCH_AT: usize = 24;
const PAYLOAD_HASH_AT: usize = 56;
const HEADER_CRC_AT: usize = 124;
