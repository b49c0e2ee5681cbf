//! Damage to acknowledged data is refused or told, at the right place, and never read.

use std::path::{Path, PathBuf};

use roundhouse_base::Random;
use roundhouse_store::format::{FrameHeader, FrameKind, RecordKind, Records, Salts};
use roundhouse_store::{Corruption, OpenError, ReadError};

use roundhouse_verify::image::Image;
use roundhouse_verify::scene::{IDENTITY, Scene, append, body};

/// A frame on disk.
#[derive(Debug)]
struct Placed {
    file: PathBuf,
    at: u64,
    header: FrameHeader,
    /// Whether reading the log meets it. What the catalogue said in a sealed segment is repeated in
    /// the next one's head, so only `verify` looks at it again.
    is_read: bool,
}

#[test]
fn a_flipped_bit_in_any_frame_but_the_last_is_refused_or_told_when_read() {
    let mut scene = Scene::new(7);
    // Two epochs and a clean end, but not of the last process: its last frame proves nothing.
    scene.run(async |shard| append(&shard, 0..230).await.close().await.unwrap());
    scene.run(async |shard| drop(append(&shard, 230..460).await));
    let snapshot = Image::take(&scene.node);
    let mut frames = frames(&snapshot);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 460);
    let last = frames.pop().expect("there are frames");
    assert_eq!(last.header.kind, FrameKind::Data);
    for kind in [FrameKind::Head, FrameKind::Data, FrameKind::Seal, FrameKind::Epoch] {
        assert!(frames.iter().any(|frame| frame.header.kind == kind), "no {kind:?} to damage");
    }

    let mut random = Random::new(7);
    for frame in &frames {
        let payload_end = 128 + u64::from(frame.header.payload_bytes);
        let places = [0..128, 128..payload_end, payload_end..u64::from(frame.header.frame_bytes)];
        for place in places.into_iter().filter(|place| !place.is_empty()) {
            let byte = frame.at + place.start + random.below(place.end - place.start);
            snapshot.restore(&scene.node);
            scene.node.corrupt(&frame.file, byte, 1 << random.below(8));
            judge(&mut scene, frame, byte);
        }
    }
}

/// Opens a store with one damaged frame and reads it.
fn judge(scene: &mut Scene, frame: &Placed, byte: u64) {
    let before = Image::take(&scene.node);
    let context = format!("{:?} frame, byte {byte} of {}", frame.header.kind, frame.file.display());
    match scene.open_and_read(IDENTITY) {
        Err(OpenError::Corruption(corruption)) => {
            check_place(&corruption, frame, &context);
            assert!(Image::take(&scene.node) == before, "{context}: refused, but changed");
        }
        Err(OpenError::MissingSegment { segment, .. }) => {
            let is_right = segment == frame.header.pos.segment(256 * 1024);
            assert!(is_right && frame.header.kind == FrameKind::Head, "{context}: {segment}");
            assert!(Image::take(&scene.node) == before, "{context}: refused, but changed");
        }
        Err(error) => panic!("{context}: {error}"),
        Ok(reading) => {
            let is_right = reading.bodies.iter().enumerate().all(|(no, read)| *read == body(no));
            assert!(is_right, "{context}: wrong data");
            match reading.error {
                None if !frame.is_read => assert_eq!(reading.bodies.len(), 460, "{context}"),
                Some(ReadError::Corruption(corruption)) => {
                    check_place(&corruption, frame, &context);
                }
                other => panic!("{context}: {other:?} after {} records", reading.bodies.len()),
            }
        }
    }
}

fn check_place(corruption: &Corruption, frame: &Placed, context: &str) {
    let place = (corruption.file.as_path(), corruption.file_offset, corruption.pos);
    assert_eq!(place, (frame.file.as_path(), frame.at, frame.header.pos), "{context}");
}

/// All frames in the order of their positions.
fn frames(snapshot: &Image) -> Vec<Placed> {
    let salts = snapshot.superblock().unwrap().salts();
    let mut frames: Vec<Placed> =
        snapshot.slots().flat_map(|(path, content)| frames_of(path, content, salts)).collect();
    frames.sort_by_key(|frame| frame.header.pos);
    frames
}

fn frames_of(path: &Path, content: &[u8], salts: Salts) -> Vec<Placed> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(Ok(header)) = content.get(at..).map(|rest| FrameHeader::decode(rest, &salts)) {
        let payload = &content[at + 128..][..header.payload_bytes as usize];
        let mut records = Records::new(payload);
        let is_read = header.kind != FrameKind::Data
            || records.any(|record| record.unwrap().header.kind == RecordKind::Data);
        frames.push(Placed { file: path.to_owned(), at: at as u64, header, is_read });
        at += header.frame_bytes as usize;
    }
    frames
}
