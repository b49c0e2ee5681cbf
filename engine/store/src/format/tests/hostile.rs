//! Decoders meet arbitrary bytes, and bytes that are nearly right, and never panic.
//!
//! The checksums keep random bytes away from most of the code behind them, so the payload decoders,
//! which have no checksum of their own, also get valid payloads with a few bytes changed.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use roundhouse_base::{ShardId, StoreId};

use super::strategies::*;
use crate::format::*;

fn decode_everything(bytes: &[u8]) {
    let salts = Salts::new(StoreId::default(), ShardId(0), 0);
    if let Ok(header) = FrameHeader::decode(bytes, &salts) {
        let _ = header.check_payload(bytes, &salts);
    }
    // Every step of the iterator moves on by at least a header.
    assert!(Records::new(bytes).count() <= bytes.len() / record::RECORD_HEADER_BYTES + 1);
    for kind in [
        RecordKind::Data,
        RecordKind::Create,
        RecordKind::Configure,
        RecordKind::Delete,
        RecordKind::Trim,
        RecordKind::Truncate,
    ] {
        let _ = ControlRecord::decode(kind, bytes);
    }
    let _ = HeadPayload::decode(bytes);
    let _ = SealPayload::decode(bytes);
    let _ = Quorum::choose(bytes);
}

/// Changes bytes of `payload` at the places that `changes` names.
fn damage(payload: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    for (at, byte) in changes {
        if !payload.is_empty() {
            payload[at.index(payload.len())] = *byte;
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec((any::<prop::sample::Index>(), prop_oneof![Just(0), Just(255), any::<u8>()]), 1..6)
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_decoded_or_rejected(bytes in vec(any::<u8>(), 0..5000)) {
        decode_everything(&bytes);
    }

    #[test]
    fn a_damaged_head_is_decoded_or_rejected(head in head_payload(), changes in changes()) {
        let mut payload = BytesMut::new();
        head.encode(&mut payload);
        damage(&mut payload, &changes);
        if let Ok(decoded) = HeadPayload::decode(&payload) {
            let mut again = BytesMut::new();
            decoded.encode(&mut again);
            prop_assert_eq!(again, payload, "what was accepted is what would be written");
        }
    }

    #[test]
    fn a_damaged_seal_is_decoded_or_rejected(seal in seal_payload(), changes in changes()) {
        let mut payload = BytesMut::new();
        seal.encode(&mut payload);
        damage(&mut payload, &changes);
        if let Ok(decoded) = SealPayload::decode(&payload) {
            let mut again = BytesMut::new();
            decoded.encode(&mut again);
            prop_assert_eq!(again, payload, "what was accepted is what would be written");
        }
    }

    #[test]
    fn a_damaged_catalogue_record_is_decoded_or_rejected(
        record in control_record(),
        changes in changes(),
    ) {
        let mut body = BytesMut::new();
        record.encode(&mut body);
        damage(&mut body, &changes);
        if let Ok(decoded) = ControlRecord::decode(record.kind(), &body) {
            let mut again = BytesMut::new();
            decoded.encode(&mut again);
            prop_assert_eq!(again, body, "what was accepted is what would be written");
        }
    }
}

#[test]
fn counts_that_nothing_backs_cost_nothing() {
    let payload = [0xff; 256];
    assert!(HeadPayload::decode(&payload).is_err());
    assert!(SealPayload::decode(&payload).is_err());
    assert!(Records::new(&payload).next().unwrap().is_err());
}
