//! Values that no checksum objects to and no writer produces: readers refuse them, and writers
//! would rather stop than write them.

use bytes::BytesMut;
use roundhouse_base::{Epoch, LogId, Offset, Pos, WallTime};

use super::golden;
use crate::format::reject::{PayloadFault, RecordFault};
use crate::format::*;

/// The name of the field that `payload`, changed by `change`, is refused for.
fn refused_field<T: std::fmt::Debug>(
    mut payload: BytesMut,
    change: (usize, u8),
    decode: impl FnOnce(&[u8]) -> Result<T, PayloadReject>,
) -> &'static str {
    payload[change.0] = change.1;
    match decode(&payload).unwrap_err().why {
        PayloadFault::Field(field) => field.name,
        other => panic!("{other}"),
    }
}

#[test]
fn in_a_head() {
    for (at, value, name) in [
        (8, 1, "prev_seal_pos"),
        (16, 1, "prev_seal_bytes"),
        (22, 1, "log_count"),
        (24, 7, "id"),
        (28, 1, "reserved"),
        (40, 0, "id"),
        (44, 0, "name_bytes"),
        (48, 44, "start"),
        (64, 9, "durability"),
        (100, 1, "reserved"),
        (111, 1, "name padding"),
    ] {
        let mut payload = BytesMut::new();
        golden::head().encode(&mut payload);
        assert_eq!(refused_field(payload, (at, value), HeadPayload::decode), name, "byte {at}");
    }
}

#[test]
fn in_a_seal() {
    for (at, value, name) in [
        (12, 1, "reserved"),
        (24, 44, "first_offset"),
        (56, 39, "entry offset"),
        (56, 43, "entry offset"),
        (64, 1, "entry pos"),
    ] {
        let mut payload = BytesMut::new();
        golden::seal().encode(&mut payload);
        assert_eq!(refused_field(payload, (at, value), SealPayload::decode), name, "byte {at}");
    }
}

#[test]
fn in_a_catalogue_record() {
    let of = |kind| move |body: &[u8]| ControlRecord::decode(kind, body);
    let mut delete = BytesMut::new();
    ControlRecord::Delete { log: LogId(7) }.encode(&mut delete);
    assert_eq!(refused_field(delete.clone(), (0, 0), of(RecordKind::Delete)), "log");
    assert_eq!(refused_field(delete.clone(), (4, 1), of(RecordKind::Delete)), "reserved");
    assert_eq!(refused_field(delete, (0, 7), of(RecordKind::Data)), "kind");
}

#[test]
fn in_a_record() {
    let refused = |at: usize, value: u8| {
        let (_, frame) = golden::frame();
        let mut record = BytesMut::from(&frame[frame::FRAME_HEADER_BYTES..][..48]);
        record[at] = value;
        let sum = roundhouse_base::checksum::crc32c(0, &[&record[4..45]]);
        record[..4].copy_from_slice(&sum.to_le_bytes());
        match RecordRef::decode(&record, 0).unwrap_err().why {
            RecordFault::Field(field) => field.name,
            other => panic!("{other}"),
        }
    };
    for (at, value, name) in [
        (7, 2, "body_bytes"),
        (8, 0, "log_id"),
        (12, 0, "count"),
        (15, 1, "count"),
        (32, 2, "log_id"),
        (32, 7, "kind"),
        (34, 1, "flags"),
        (36, 1, "reserved"),
        (47, 1, "padding"),
    ] {
        assert_eq!(refused(at, value), name, "byte {at}");
    }
}

#[test]
fn in_the_padding_of_a_frame() {
    let (mut header, mut frame) = golden::frame();
    frame[4095] = 1;
    let salt = golden::salts().epoch(header.epoch);
    header.payload_hash = frame::payload_hash(&frame[frame::FRAME_HEADER_BYTES..], salt);
    let refused = header.check_payload(&frame, &golden::salts()).unwrap_err();
    assert_eq!(refused.to_string(), "impossible frame: padding is 1, expected 0");
}

#[test]
fn what_is_out_of_order_is_never_written() {
    let writes_head = |change: fn(&mut HeadPayload)| {
        let mut head = golden::head();
        change(&mut head);
        std::panic::catch_unwind(|| head.encode(&mut BytesMut::new())).is_ok()
    };
    assert!(writes_head(|_| {}));
    assert!(!writes_head(|head| head.logs.push(head.logs[0].clone())), "one log twice");
    let truncate_again = |head: &mut HeadPayload| {
        let again = head.logs[0].truncations[0];
        head.logs[0].truncations.push(again);
    };
    assert!(!writes_head(truncate_again), "one truncation twice");

    let writes_seal = |change: fn(&mut SealPayload)| {
        let mut seal = golden::seal();
        change(&mut seal);
        std::panic::catch_unwind(|| seal.encode(&mut BytesMut::new())).is_ok()
    };
    assert!(writes_seal(|_| {}));
    assert!(!writes_seal(|seal| seal.logs.push(seal.logs[0].clone())), "one log twice");
    let index_backwards = |seal: &mut SealPayload| {
        let entry = IndexEntry { offset: Offset(42), pos: Pos(0x2000), time: WallTime(0) };
        seal.logs[0].entries.push(entry);
    };
    assert!(!writes_seal(index_backwards), "a later record in an earlier frame");
}

#[test]
#[should_panic(expected = "expected a position whose frame ends below 2^64")]
fn a_frame_never_ends_beyond_the_last_position() {
    let (mut header, _) = golden::frame();
    header.pos = Pos(u64::MAX - 4095);
    header.encode(golden::salts().epoch(header.epoch));
}

#[test]
#[should_panic(expected = "log_id is 0, expected above 0 for data and 0 for all other kinds")]
fn data_is_never_written_into_the_catalogue() {
    let (kind, time) = (RecordKind::Data, WallTime(0));
    let header =
        RecordHeader { log: record::CATALOGUE_LOG, kind, first_offset: Offset(0), count: 1, time };
    write_record(&mut BytesMut::new(), &header, b"");
}

#[test]
#[should_panic(expected = "durable_upto is 16384, expected a multiple of 4096 up to pos")]
fn a_frame_never_claims_that_its_own_bytes_were_durable() {
    let (mut header, _) = golden::frame();
    header.durable_upto = header.end();
    header.encode(golden::salts().epoch(header.epoch));
}

#[test]
#[should_panic(expected = "own epoch's salt")]
fn a_frame_is_never_salted_for_another_epoch() {
    let (header, _) = golden::frame();
    header.encode(golden::salts().epoch(Epoch(header.epoch.0 + 1)));
}

#[test]
#[should_panic(expected = "end_pos is 4096")]
fn a_clean_end_is_never_before_its_epoch() {
    let clean_end = Some(CleanEnd { pos: Pos(0x1000), hash: 0 });
    Superblock { clean_end, ..golden::superblock() }.encode_copy(0);
}
