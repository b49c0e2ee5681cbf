//! Bytes that once were right, in the wrong place or at the wrong time.

use bytes::BytesMut;
use roundhouse_base::{Epoch, Pos, ShardId, StoreId};

use super::golden;
use crate::format::frame::{FRAME_HEADER_BYTES, payload_hash};
use crate::format::*;

#[test]
fn a_frame_of_another_store_shard_or_salt_is_rejected() {
    let (_, frame) = golden::frame();
    let superblock = golden::superblock();
    let Superblock { store, shard, salt, .. } = superblock;
    assert!(FrameHeader::decode(&frame, &superblock.salts()).is_ok());
    for foreign in [
        Salts::new(StoreId([9; 16]), shard, salt),
        Salts::new(store, ShardId(shard.0 + 1), salt),
        Salts::new(store, shard, salt + 1),
    ] {
        let rejected = FrameHeader::decode(&frame, &foreign);
        assert!(matches!(rejected, Err(FrameReject::HeaderChecksum { .. })), "{rejected:?}");
    }
}

#[test]
fn a_payload_of_an_earlier_epoch_is_rejected_even_if_it_is_equal() {
    // A recycled slot: the header block of the new frame reached the disk, its payload did not, and
    // what lies there is the payload of an earlier frame.
    let (mut header, frame) = golden::frame();
    let salts = golden::salts();
    let stale = salts.epoch(Epoch(header.epoch.0 - 1));
    header.payload_hash = payload_hash(&frame[FRAME_HEADER_BYTES..], stale);
    let rejected = header.check_payload(&frame, &salts);
    assert!(matches!(rejected, Err(FrameReject::PayloadHash { .. })), "{rejected:?}");
}

#[test]
fn a_stale_frame_is_told_by_position_epoch_and_chain() {
    let (header, _) = golden::frame();
    assert_eq!(header.check_position(header.pos), Ok(()));
    assert_eq!(header.check_epoch(Epoch(3), Epoch(3)), Ok(()));
    assert_eq!(header.check_chain(header.prev_hash), Ok(()));

    let (elsewhere, found) = (Pos(0), header.pos);
    let misplaced = FrameReject::Position { expected: elsewhere, found };
    assert_eq!(header.check_position(elsewhere), Err(misplaced));
    let early = header.check_epoch(Epoch(4), Epoch(5)).unwrap_err();
    assert_eq!(early.to_string(), "epoch is 3, expected 4..=5");
    assert!(header.check_epoch(Epoch(1), Epoch(2)).is_err());
    assert!(matches!(header.check_chain(0), Err(FrameReject::Chain { expected: 0, .. })));
}

#[test]
fn an_unwritten_block_is_blank_and_other_data_is_no_frame() {
    let salts = golden::salts();
    assert_eq!(FrameHeader::decode(&[0; 4096], &salts), Err(FrameReject::Blank));
    let found = u32::from_le_bytes(*b"text");
    let text = b"text".repeat(1024);
    assert_eq!(FrameHeader::decode(&text, &salts), Err(FrameReject::Magic { found }));
}

#[test]
fn intact_frames_of_newer_programs_are_told_from_damage() {
    let rewritten = |at: usize, value: u8| {
        let (header, frame) = golden::frame();
        let salt = golden::salts().epoch(header.epoch);
        let mut bytes = BytesMut::from(&frame[..]);
        bytes[at] = value;
        let sum = roundhouse_base::checksum::crc32c(salt.header, &[&bytes[..124]]);
        bytes[124..128].copy_from_slice(&sum.to_le_bytes());
        FrameHeader::decode(&bytes, &golden::salts()).unwrap_err()
    };
    assert_eq!(rewritten(4, 2), FrameReject::NewerVersion { found: 2 });
    assert_eq!(rewritten(76, 1), FrameReject::NewerFlags { found: 1 });
    for (at, value, message) in [
        (4, 0, "version is 0, expected 1"),
        (6, 9, "kind is 9, expected 1..=5"),
        (8, 1, "pos is 12289, expected a multiple of 4096"),
        (17, 0, "frame_bytes is 0, expected a multiple of 4096 up to 32 MiB"),
        (20, 1, "payload_bytes is 1, expected a multiple of 8 that fits the frame"),
        (33, 0x40, "durable_upto is 16384, expected a multiple of 4096 up to pos"),
        (41, 0x40, "low_water is 16384, expected at most pos"),
        (100, 7, "reserved is 7, expected 0"),
    ] {
        let expected = format!("impossible frame: {message}");
        assert_eq!(rewritten(at, value).to_string(), expected);
    }
}
