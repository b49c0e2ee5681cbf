//! The first inputs of each target.

use std::collections::BTreeMap;

use roundhouse::Options;
use roundhouse::options::Preset;
use roundhouse_store::format::{
    FRAME_HEADER_BYTES, FrameHeader, FrameKind, Quorum, RecordKind, Records,
};
use roundhouse_verify::Scenario;

use crate::fixture;

/// Those of the target called `name`.
pub(crate) fn of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "superblock" => vec![fixture::files()["superblock"].clone()],
        "frame" => frames().iter().map(|(_, frame)| mended(frame)).collect(),
        "records" => records(),
        "catalogue" => catalogue(),
        "opening" => OPENING.iter().map(|edits| edits.to_vec()).collect(),
        "operations" => operations(),
        "options" => options(),
        "quic" => QUIC.iter().map(|script| script.to_vec()).collect(),
        "certificates" => certificates(),
        other => panic!("no inputs are known for {other}"),
    }
}

/// Frames of the fixture, a few of each kind.
fn frames() -> Vec<(FrameHeader, Vec<u8>)> {
    let files = fixture::files();
    let salts = Quorum::choose(&files["superblock"]).expect("the store opens").superblock.salts();
    let mut frames = Vec::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for content in files.iter().filter(|(name, _)| name.starts_with("wal-")).map(|(_, file)| file) {
        for at in (0..content.len()).step_by(4096) {
            let Ok(header) = FrameHeader::decode(&content[at..], &salts) else { continue };
            let count = kinds.entry(format!("{:?}", header.kind)).or_default();
            if *count < PER_KIND && header.frame_bytes <= FRAME_BYTES_MAX {
                *count += 1;
                frames.push((header, content[at..at + header.frame_bytes as usize].to_vec()));
            }
        }
    }
    frames
}

fn payloads(kind: FrameKind) -> Vec<Vec<u8>> {
    let of_kind = |(header, frame): (FrameHeader, Vec<u8>)| {
        let end = FRAME_HEADER_BYTES + header.payload_bytes as usize;
        (header.kind == kind).then(|| frame[FRAME_HEADER_BYTES..end].to_vec())
    };
    frames().into_iter().filter_map(of_kind).collect()
}

fn records() -> Vec<Vec<u8>> {
    payloads(FrameKind::Data).iter().map(|payload| mended(payload)).collect()
}

/// Before the input, the byte that asks for right checksums.
fn mended(input: &[u8]) -> Vec<u8> {
    [&[1], input].concat()
}

fn catalogue() -> Vec<Vec<u8>> {
    let tagged = |tag: u8, body: &[u8]| [&[tag], body].concat();
    let mut inputs: Vec<_> = payloads(FrameKind::Head).iter().map(|head| tagged(0, head)).collect();
    inputs.extend(payloads(FrameKind::Seal).iter().map(|seal| tagged(1, seal)));
    for payload in payloads(FrameKind::Data) {
        for record in Records::new(&payload).flatten() {
            let tag = match record.header.kind {
                RecordKind::Data => continue,
                RecordKind::Create => 2,
                RecordKind::Configure => 3,
                RecordKind::Delete => 4,
                RecordKind::Trim => 5,
                RecordKind::Truncate => 6,
            };
            inputs.push(tagged(tag, record.body));
        }
    }
    inputs
}

fn operations() -> Vec<Vec<u8>> {
    let input = |scenario: Scenario| [&[scenario as u8][..], &4711_u64.to_le_bytes()].concat();
    Scenario::ALL.into_iter().map(input).collect()
}

fn options() -> Vec<Vec<u8>> {
    let documents = Preset::ALL.map(|preset| Options::for_preset(preset).to_toml());
    documents.into_iter().map(String::into_bytes).collect()
}

/// A certificate with its key, and the same twice.
fn certificates() -> Vec<Vec<u8>> {
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]);
    let rcgen::CertifiedKey { cert, signing_key } = made.expect("the name is one");
    let input = |chain: String| {
        let length = (chain.len() as u16).to_le_bytes();
        [&length[..], chain.as_bytes(), signing_key.serialize_pem().as_bytes()].concat()
    };
    vec![input(cert.pem()), input(cert.pem() + &cert.pem())]
}

/// What is done between two ends: kind, length, bytes. 0 delivers all, 1 the first with a change from
/// a place (2 bytes) on, 2 drops it, 3 doubles it, 4 and 5 forge one for server and client, 6 waits.
const QUIC: &[&[u8]] = &[
    // A handshake and a conversation in good order.
    &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 1, 5, 0, 0, 0, 0],
    // The version, the ID's length, the token's length and the packet's length of the first flight.
    &[1, 3, 1, 0, 255, 6, 1, 100, 0, 0, 0, 0],
    &[1, 3, 5, 0, 255, 6, 1, 100, 0, 0, 0, 0],
    &[1, 3, 14, 0, 255, 6, 1, 100, 0, 0, 0, 0],
    &[3, 0, 1, 4, 15, 0, 64, 1, 0, 0, 0, 0],
    // The server's answer, and what comes when both are connected.
    &[0, 0, 1, 3, 40, 0, 1, 0, 0, 6, 1, 100, 0, 0],
    &[0, 0, 0, 0, 0, 0, 1, 3, 9, 0, 1, 3, 0, 0, 0, 0, 0],
    // Losses and long waits.
    &[0, 0, 2, 0, 6, 1, 200, 0, 0, 2, 0, 6, 1, 250, 0, 0, 0, 0],
    // Noise, a long header without an end, a version negotiation that nobody asked for.
    &[4, 3, 64, 1, 2, 4, 7, 192, 0, 0, 0, 1, 8, 1, 5, 7, 128, 0, 0, 0, 0, 0, 0, 0, 0],
];

/// Edits: file, kind, length, place (3 bytes), bytes. Files are the superblock and the slots, by
/// name.
const OPENING: &[&[u8]] = &[
    &[],
    // A byte of a superblock's copy, of the first head, and of a frame in the middle.
    &[0, 0, 1, 0, 0, 0, 1],
    &[1, 0, 2, 16, 0, 0, 255, 255],
    &[1, 0, 1, 0, 32, 1, 7],
    // A block of zeros; a file that is cut short; one that is gone.
    &[1, 1, 0, 0, 48, 0],
    &[2, 2, 0, 0, 64, 0],
    &[1, 3, 0, 0, 0, 0],
    // A block in another one's place.
    &[1, 4, 1, 0, 16, 0, 3],
    // A field of a frame, with its checksums made right: its position, lengths, epoch, next slot,
    // watermark, low-water mark, record count.
    &[1, 0, 1, 9, 16, 0, 9, 1, 5, 0, 0, 16, 0],
    &[1, 0, 1, 17, 16, 0, 32, 1, 5, 0, 0, 16, 0],
    &[1, 0, 1, 24, 16, 0, 9, 1, 5, 0, 0, 16, 0],
    &[1, 0, 1, 28, 16, 0, 9, 1, 5, 0, 0, 16, 0],
    &[1, 0, 1, 34, 16, 0, 9, 1, 5, 0, 0, 16, 0],
    &[1, 0, 1, 42, 16, 0, 9, 1, 5, 0, 0, 16, 0],
    &[1, 0, 1, 72, 16, 0, 9, 1, 5, 0, 0, 16, 0],
];

/// Frames of one kind, at most.
const PER_KIND: usize = 4;
/// Bytes of a frame, at most: short inputs are changed in more telling places.
const FRAME_BYTES_MAX: u32 = 16 << 10;
