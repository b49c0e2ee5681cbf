//! What was encoded decodes to the same value, and to nothing else when it is cut short.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use super::strategies::*;
use crate::format::record::record_bytes;
use crate::format::*;

proptest! {
    #[test]
    fn a_frame_decodes_to_its_header((header, frame, salts) in frame()) {
        prop_assert_eq!(FrameHeader::decode(&frame, &salts), Ok(header));
        prop_assert_eq!(header.check_payload(&frame, &salts), Ok(()));
        prop_assert_eq!(header.frame_bytes as usize, frame.len());
    }

    #[test]
    fn a_frame_cut_short_is_rejected((header, frame, salts) in frame(), cut: prop::sample::Index) {
        let cut = &frame[..cut.index(frame.len())];
        let decoded = FrameHeader::decode(cut, &salts);
        let checked = decoded.and_then(|header| header.check_payload(cut, &salts));
        let truncated = matches!(checked, Err(FrameReject::Truncated { .. }));
        prop_assert!(truncated, "{header:?}: {checked:?}");
    }

    #[test]
    fn a_finished_frame_hashes_to_what_its_successor_names((mut header, frame, salts) in frame()) {
        let payload_end = frame::FRAME_HEADER_BYTES + header.payload_bytes as usize;
        let mut again = BytesMut::from(&frame[..payload_end]);
        let salt = salts.epoch(header.epoch);
        let hash = complete_frame(&mut again, &mut header, salt);
        prop_assert_eq!(&again, &frame);
        prop_assert_eq!(hash, header_hash(frame.first_chunk().unwrap()));
    }

    #[test]
    fn records_come_back_in_order(
        records in vec((record_header(), vec(any::<u8>(), 0..100)), 0..20),
    ) {
        let mut payload = BytesMut::new();
        for (header, body) in &records {
            let before = payload.len();
            write_record(&mut payload, header, body);
            prop_assert_eq!(payload.len() - before, record_bytes(body.len()));
        }
        let read: Vec<_> = Records::new(&payload).map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), records.len());
        for (record, (header, body)) in read.iter().zip(&records) {
            prop_assert_eq!((&record.header, record.body), (header, body.as_slice()));
            prop_assert_eq!(&payload[record.body_range()], body.as_slice());
            prop_assert_eq!(RecordRef::decode(&payload, record.at), Ok(*record));
        }
    }

    #[test]
    fn records_end_at_damage(
        bodies in vec(vec(any::<u8>(), 0..50), 1..10),
        at: prop::sample::Index,
    ) {
        let header = RecordHeader {
            log: roundhouse_base::LogId(1),
            kind: RecordKind::Data,
            first_offset: roundhouse_base::Offset(0),
            count: 1,
            time: roundhouse_base::WallTime(0),
        };
        let mut payload = BytesMut::new();
        for body in &bodies {
            write_record(&mut payload, &header, body);
        }
        let at = at.index(payload.len());
        payload[at] ^= 0x10;
        let read: Vec<_> = Records::new(&payload).collect();
        let (last, intact) = read.split_last().unwrap();
        prop_assert!(intact.iter().all(|record| record.unwrap().end() <= at));
        prop_assert!(last.unwrap_err().at <= at);
    }

    #[test]
    fn log_settings_decode_to_themselves(config in log_config()) {
        prop_assert_eq!(LogConfig::decode(&config.encode()), Ok(config));
    }

    #[test]
    fn catalogue_records_decode_to_themselves(record in control_record()) {
        let mut body = BytesMut::new();
        record.encode(&mut body);
        prop_assert_eq!(ControlRecord::decode(record.kind(), &body), Ok(record.clone()));
        for end in 0..body.len() {
            prop_assert!(ControlRecord::decode(record.kind(), &body[..end]).is_err());
        }
    }

    #[test]
    fn heads_decode_to_themselves(head in head_payload()) {
        let mut payload = BytesMut::new();
        head.encode(&mut payload);
        prop_assert_eq!(payload.len(), head.encoded_bytes());
        prop_assert_eq!(HeadPayload::decode(&payload), Ok(head));
        payload.extend_from_slice(&[0; 8]);
        prop_assert!(HeadPayload::decode(&payload).is_err(), "padding is no part of a payload");
    }

    #[test]
    fn seals_decode_to_themselves(seal in seal_payload()) {
        let mut payload = BytesMut::new();
        seal.encode(&mut payload);
        prop_assert_eq!(payload.len(), seal.encoded_bytes());
        prop_assert_eq!(SealPayload::decode(&payload), Ok(seal));
        payload.truncate(payload.len() - 1);
        prop_assert!(SealPayload::decode(&payload).is_err());
    }

    #[test]
    fn superblock_copies_decode_to_themselves(superblock in superblock(), index in 0usize..4) {
        let copy = superblock.encode_copy(index);
        prop_assert_eq!(Superblock::decode_copy(&copy, index), Ok(superblock));
        prop_assert!(Superblock::decode_copy(&copy, (index + 1) % 4).is_err());
    }
}
