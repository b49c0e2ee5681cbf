//! Damage to the files of a closed store, at every boundary of a frame: it is named, or what is read
//! is right and whole.

use std::fs;
use std::path::{Path, PathBuf};

use roundhouse::offline::{FrameHeader, OfflineStore, SlotNo, SlotPart, Verdict};
use roundhouse::{Error, ShardId, block_on};

use crate::content::{body, builder, read_all};

/// A frame in force of the intact store.
#[derive(Clone, Debug)]
struct Placed {
    slot: SlotNo,
    at: usize,
    header: FrameHeader,
}

impl Placed {
    fn range(&self) -> std::ops::Range<usize> {
        self.at..self.at + self.header.frame_bytes as usize
    }
}

/// A store that was closed, and its frames in order.
struct Story {
    directory: PathBuf,
    frames: Vec<Placed>,
    /// Offsets of each log.
    ends: Vec<u64>,
}

/// One thing that was done to a copy of it.
struct Damage {
    what: String,
    /// The frames that are not what they were. Damage is named by one of them.
    frames: Vec<Placed>,
}

#[test]
fn a_changed_bit_at_every_boundary_is_noticed() {
    each_frame(|content, frames, no| {
        let range = frames[no].range();
        // The header's first and last byte, the payload's first, the frame's last.
        let bytes = [range.start, range.start + 127, range.start + 128, range.end - 1];
        content[bytes[no % bytes.len()]] ^= 1 << (no % 8);
        Some(Damage { what: "a changed bit".to_owned(), frames: vec![frames[no].clone()] })
    });
}

#[test]
fn zeros_in_the_place_of_every_frame_are_noticed() {
    each_frame(|content, frames, no| {
        content[frames[no].range()].fill(0);
        Some(Damage { what: "zeros".to_owned(), frames: vec![frames[no].clone()] })
    });
}

#[test]
fn two_frames_that_changed_places_are_noticed() {
    each_frame(|content, frames, no| {
        let first = &frames[no];
        let second = twin(frames[no + 1..].iter(), first)?;
        let (a, b) = (content[first.range()].to_vec(), content[second.range()].to_vec());
        content[first.range()].copy_from_slice(&b);
        content[second.range()].copy_from_slice(&a);
        let what = format!("swapped with the one at {}", second.header.pos);
        Some(Damage { what, frames: vec![first.clone(), second.clone()] })
    });
}

#[test]
fn an_old_frame_in_the_place_of_every_other_is_noticed() {
    each_frame(|content, frames, no| {
        let new = &frames[no];
        let old = twin(frames[..no].iter().rev(), new)?;
        content.copy_within(old.range(), new.at);
        let what = format!("replaced by the one at {}", old.header.pos);
        Some(Damage { what, frames: vec![new.clone()] })
    });
}

/// A frame of the same length in the same slot.
fn twin<'a>(mut frames: impl Iterator<Item = &'a Placed>, frame: &Placed) -> Option<&'a Placed> {
    let bytes = frame.header.frame_bytes;
    frames.find(|other| other.slot == frame.slot && other.header.frame_bytes == bytes)
}

#[test]
fn a_slot_that_ends_at_any_frame_or_is_gone_is_noticed() {
    let story = Story::new();
    for (no, frame) in story.frames.iter().enumerate() {
        let behind = story.frames[no..].iter().filter(|other| other.slot == frame.slot).cloned();
        let damage = Damage { what: "the file ends".to_owned(), frames: behind.collect() };
        story.judge(&damage, |directory| {
            let file = fs::OpenOptions::new().write(true).open(slot_file(directory, frame.slot));
            file.and_then(|file| file.set_len(frame.at as u64)).unwrap();
        });
        if frame.at == 0 {
            let gone = Damage { what: "the file is gone".to_owned(), ..damage };
            story.judge(&gone, |directory| {
                fs::remove_file(slot_file(directory, frame.slot)).unwrap();
            });
        }
    }
}

/// Damages a copy of a store once for each frame, in the frame's slot.
fn each_frame(damage: impl Fn(&mut [u8], &[Placed], usize) -> Option<Damage>) {
    let story = Story::new();
    for (no, frame) in story.frames.iter().enumerate() {
        let mut content = fs::read(slot_file(&story.directory, frame.slot)).unwrap();
        let Some(damage) = damage(&mut content, &story.frames, no) else { continue };
        story.judge(&damage, |directory| {
            fs::write(slot_file(directory, frame.slot), &content).unwrap();
        });
    }
}

impl Story {
    /// Three logs over a few segments, in two lives of the store.
    fn new() -> Story {
        let scratch = tempfile::tempdir().unwrap().keep();
        let directory = scratch.join("store");
        let ends = [block_on(append_some(&directory)), block_on(append_some(&directory))];
        let frames = frames(&directory);
        assert!(frames.iter().any(|frame| frame.slot != frames[0].slot), "more than one segment");
        Story { directory, frames, ends: ends[1].clone() }
    }

    /// Damages a copy of the store and looks at what is said of it.
    fn judge(&self, damage: &Damage, change: impl FnOnce(&Path)) {
        let copy = self.directory.with_file_name("copy");
        copy_store(&self.directory, &copy);
        change(&copy);
        let first = &damage.frames[0].header;
        let context = format!("{}: {:?} at {}", damage.what, first.kind, first.pos);
        Story::expect_named(&copy, damage, &context);
        block_on(self.expect_no_lie(&copy, &context));
        fs::remove_dir_all(&copy).unwrap();
    }

    /// `verify` names a damaged frame, or a file that is not there.
    fn expect_named(copy: &Path, damage: &Damage, context: &str) {
        let mut store = OfflineStore::open(copy).unwrap();
        let verified = store.verify(ShardId(0), &mut |_| {}).expect(context);
        let Verdict::Corruption { places, .. } = verified.verdict else {
            panic!("{context}: {:?}", verified.verdict)
        };
        let is_named = damage.frames.iter().any(|frame| {
            places.iter().any(|place| place.pos == frame.header.pos && place.proven > place.pos)
        });
        assert!(is_named, "{context}: {places:?}");
    }

    /// Opening refuses, or every log is whole as far as it can be read, and to its end without an
    /// error.
    async fn expect_no_lie(&self, copy: &Path, context: &str) {
        let engine = match builder(copy, 1).open().await {
            Ok(engine) => engine,
            Err(Error::Open(_)) => return,
            Err(error) => panic!("{context}: {error}"),
        };
        for (name, end) in LOGS.iter().zip(&self.ends) {
            let log = engine.log(*name).open().await.expect(context);
            let (next, error) = read_all(&log, context).await;
            assert!(error.is_some() || next.0 == *end, "{context}: {name} ends at {next}");
        }
        engine.close().await.expect(context);
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let scratch = self.directory.parent().expect("it is in a directory of its own");
        fs::remove_dir_all(scratch).expect("nobody else is in there");
    }
}

async fn append_some(directory: &Path) -> Vec<u64> {
    let engine = builder(directory, 1).open().await.unwrap();
    let mut ends = Vec::new();
    for name in LOGS {
        let log = engine.log(name).open_or_create().await.unwrap();
        let start = log.info().await.unwrap().end.0;
        for offset in start..start + APPENDS {
            // Frames of two lengths, so that each has twins.
            let bytes = if offset % 2 == 0 { 20_000 } else { 9_000 };
            log.append(body(name, offset, bytes)).await.unwrap();
        }
        ends.push(start + APPENDS);
    }
    engine.close().await.unwrap();
    ends
}

fn frames(directory: &Path) -> Vec<Placed> {
    let mut store = OfflineStore::open(directory).unwrap();
    let mut frames = Vec::new();
    for slot in (0..).map(SlotNo).take_while(|slot| slot_file(directory, *slot).exists()) {
        let mut visit = |part| {
            if let SlotPart::Frame { file_offset, header, is_in_force: true } = part {
                frames.push(Placed { slot, at: file_offset as usize, header });
            }
        };
        store.list_frames(ShardId(0), slot, &mut visit).unwrap();
    }
    frames.sort_by_key(|frame| frame.header.pos);
    frames
}

pub(crate) fn copy_store(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_store(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn slot_file(directory: &Path, slot: SlotNo) -> PathBuf {
    directory.join("shard-000").join(format!("wal-{:08}", slot.0))
}

const LOGS: [&str; 3] = ["events", "orders", "raft"];
/// In each log in each life; all together fill a few segments.
const APPENDS: u64 = 8;
