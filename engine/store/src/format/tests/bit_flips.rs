//! Every single flipped bit is noticed, wherever it is.

use bytes::BytesMut;
use roundhouse_base::{Epoch, LogId, Offset};

use super::golden;
use crate::format::*;

/// Calls `check` with each of the variants of `bytes` that differ in one bit.
fn flip_each_bit(bytes: &[u8], mut check: impl FnMut(usize, &[u8])) {
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1u8 << (bit % 8);
        check(bit, &flipped);
        flipped[bit / 8] ^= 1u8 << (bit % 8);
    }
}

#[test]
fn of_a_frame() {
    let (header, frame) = golden::frame();
    let salts = golden::salts();
    flip_each_bit(&frame, |bit, flipped| {
        let decoded = FrameHeader::decode(flipped, &salts);
        if bit < frame::FRAME_HEADER_BYTES * 8 {
            // Damage is never mistaken for a newer version.
            assert!(
                matches!(
                    decoded,
                    Err(FrameReject::Magic { .. } | FrameReject::HeaderChecksum { .. })
                ),
                "bit {bit}: {decoded:?}"
            );
        } else {
            assert_eq!(decoded, Ok(header));
            let checked = header.check_payload(flipped, &salts);
            assert!(matches!(checked, Err(FrameReject::PayloadHash { .. })), "bit {bit}");
        }
    });
}

#[test]
fn of_a_record_and_its_padding() {
    let header = RecordHeader {
        log: LogId(7),
        kind: RecordKind::Data,
        first_offset: Offset(3),
        count: 1,
        time: roundhouse_base::WallTime(5),
    };
    let mut payload = BytesMut::new();
    write_record(&mut payload, &header, b"hello");
    flip_each_bit(&payload, |bit, flipped| {
        assert!(RecordRef::decode(flipped, 0).is_err(), "bit {bit}");
    });
}

#[test]
fn of_a_superblock_copy() {
    let copy = golden::superblock().encode_copy(2);
    flip_each_bit(&copy, |bit, flipped| {
        assert!(Superblock::decode_copy(flipped, 2).is_err(), "bit {bit}");
    });
}

#[test]
fn of_an_epoch_that_is_all_ones() {
    // The header's epoch chooses the salt its own checksum is computed with, so a flipped epoch
    // changes both sides of the comparison.
    let (mut header, _) = golden::frame();
    header.epoch = Epoch(u32::MAX);
    let salts = golden::salts();
    flip_each_bit(&header.encode(salts.epoch(header.epoch)), |bit, flipped| {
        assert!(FrameHeader::decode(flipped, &salts).is_err(), "bit {bit}");
    });
}
