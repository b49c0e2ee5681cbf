//! The exact bytes of one of each structure, so that the format can't drift unnoticed.
//!
//! A change here is a change of the format: it needs a new version and a reader for the old one.

use std::time::Duration;

use bytes::BytesMut;
use roundhouse_base::{Epoch, LogId, Offset, Pos, SegmentNo, ShardId, SlotNo, StoreId, WallTime};

use crate::format::*;

pub(super) fn superblock() -> Superblock {
    Superblock {
        store: StoreId(*b"a store's own id"),
        shard: ShardId(2),
        shards: 4,
        salt: 0x0123_4567_89ab_cdef,
        sequence: 9,
        slot_bytes: 64 << 20,
        epoch: Epoch(3),
        sync_method: SyncMethod::Fdatasync,
        epoch_start: Pos(0x2000),
        epoch_prev_hash: 0x1111_2222_3333_4444,
        low_water: Pos(0x1000),
        clean_end: Some(CleanEnd { pos: Pos(0x4000), hash: 0x5555_6666_7777_8888 }),
        created: WallTime(1_700_000_000_000_000_000),
    }
}

pub(super) fn salts() -> Salts {
    superblock().salts()
}

fn record_header() -> RecordHeader {
    RecordHeader {
        log: LogId(7),
        kind: RecordKind::Data,
        first_offset: Offset(41),
        count: 2,
        time: WallTime(1_700_000_000_000_000_001),
    }
}

/// A data frame with one record.
pub(super) fn frame() -> (FrameHeader, BytesMut) {
    let mut header = FrameHeader {
        kind: FrameKind::Data,
        pos: Pos(0x3000),
        frame_bytes: 0,
        payload_bytes: 0,
        epoch: Epoch(3),
        next_slot: Some(SlotNo(6)),
        durable_upto: Pos(0x2000),
        low_water: Pos(0x1000),
        prev_hash: 0x9999_aaaa_bbbb_cccc,
        payload_hash: 0,
        wall: WallTime(1_700_000_000_000_000_002),
        record_count: 1,
    };
    let mut frame = BytesMut::zeroed(frame::FRAME_HEADER_BYTES);
    write_record(&mut frame, &record_header(), b"hello");
    complete_frame(&mut frame, &mut header, salts().epoch(Epoch(3)));
    (header, frame)
}

fn config() -> LogConfig {
    LogConfig {
        durability: Durability::Interval(Duration::from_millis(10)),
        retention: Retention { age: Some(Duration::from_hours(1)), bytes: None },
    }
}

pub(super) fn head() -> HeadPayload {
    HeadPayload {
        segment: SegmentNo(5),
        prev_seal: Some(SealLink { pos: Pos(0x3000), bytes: 0x1000 }),
        next_log: LogId(8),
        catalogue_end: Offset(12),
        logs: vec![HeadLog {
            id: LogId(7),
            name: "orders".to_owned(),
            start: Offset(40),
            end: Offset(43),
            config: config(),
            truncations: vec![Truncation { pos: Pos(0x2080), offset: Offset(41) }],
        }],
    }
}

pub(super) fn seal() -> SealPayload {
    SealPayload {
        segment: SegmentNo(4),
        logs: vec![SealLog {
            log: LogId(7),
            first: Offset(40),
            end: Offset(43),
            bytes: 0x90,
            time_max: WallTime(1_700_000_000_000_000_001),
            entries: vec![IndexEntry {
                offset: Offset(41),
                pos: Pos(0x3000),
                time: WallTime(1_700_000_000_000_000_001),
            }],
        }],
    }
}

/// Compares with hexadecimal digits, sixteen bytes to a line.
#[track_caller]
fn assert_golden(bytes: &[u8], golden: &str) {
    assert_eq!(hex_lines(bytes), golden.split_whitespace().collect::<Vec<_>>());
}

fn hex_lines(bytes: &[u8]) -> Vec<String> {
    let digits = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    bytes.chunks(16).map(|line| digits(line).concat()).collect()
}

#[test]
fn the_salts() {
    let salt = salts().epoch(Epoch(3));
    assert_eq!((salt.payload, salt.header), (0x17ea_71b8_2a7c_8084, 0x5858_3a34));
}

#[test]
fn a_data_frame() {
    let (_, frame) = frame();
    assert_golden(
        &frame[..176],
        "
        52484652010001000030000000000000
        00100000300000000300000006000000
        00200000000000000010000000000000
        ccccbbbbaaaa99998e11ba3a20241216
        02002a36fe9c97170100000000000000
        00000000000000000000000000000000
        00000000000000000000000000000000
        00000000000000000000000023d3a004
        94c92a54050000000700000002000000
        290000000000000001002a36fe9c9717
        010000000000000068656c6c6f000000
    ",
    );
    assert!(frame[176..].iter().all(|&byte| byte == 0));
    assert_eq!(frame.len(), 4096);
}

#[test]
fn catalogue_records() {
    let log = LogId(7);
    for (record, golden) in [
        (
            ControlRecord::Create { log, name: "orders".to_owned(), config: config() },
            "
                07000000060000000100000000000000
                809698000000000000a0b83046030000
                ffffffffffffffff6f72646572730000
            ",
        ),
        (
            ControlRecord::Configure { log, config: LogConfig::default() },
            "
                07000000000000000000000000000000
                0000000000000000ffffffffffffffff
                ffffffffffffffff
            ",
        ),
        (ControlRecord::Delete { log }, "0700000000000000"),
        (ControlRecord::Trim { log, start: Offset(40) }, "07000000000000002800000000000000"),
        (ControlRecord::Truncate { log, end: Offset(41) }, "07000000000000002900000000000000"),
    ] {
        let mut body = BytesMut::new();
        record.encode(&mut body);
        assert_golden(&body, golden);
    }
}

#[test]
fn a_head() {
    let mut payload = BytesMut::new();
    head().encode(&mut payload);
    assert_golden(
        &payload,
        "
        05000000000000000030000000000000
        00100000010000000800000000000000
        0c000000000000000700000006000000
        28000000000000002b00000000000000
        01000000000000008096980000000000
        00a0b83046030000ffffffffffffffff
        01000000000000006f72646572730000
        80200000000000002900000000000000
    ",
    );
}

#[test]
fn a_seal() {
    let mut payload = BytesMut::new();
    seal().encode(&mut payload);
    assert_golden(
        &payload,
        "
        04000000000000000100000000000000
        07000000010000002800000000000000
        2b000000000000009000000000000000
        01002a36fe9c97172900000000000000
        003000000000000001002a36fe9c9717
    ",
    );
}

#[test]
fn a_superblock() {
    let copy = superblock().encode_copy(1);
    assert_golden(
        &copy[..112],
        "
        52485355504552310100020004000100
        612073746f72652773206f776e206964
        efcdab89674523010900000000000000
        00000004000000000300000002000000
        00200000000000004444333322221111
        00100000000000000040000000000000
        888877776666555500002a36fe9c9717
    ",
    );
    assert!(copy[112..4080].iter().all(|&byte| byte == 0));
    assert_golden(&copy[4080..], "0100000000000000002926bb5c584a4a");
}

#[test]
fn the_description_shows_the_same_bytes() {
    let page = include_str!("../../../../../docs/format.md");
    let (_, frame) = frame();
    let copy = superblock().encode_copy(1);
    for bytes in [&frame[..176], &copy[..112], &copy[4080..]] {
        for line in hex_lines(bytes) {
            assert!(page.contains(&line), "docs/format.md lacks {line}");
        }
    }
}
