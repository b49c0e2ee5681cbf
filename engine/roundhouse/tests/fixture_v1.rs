//! A store that format version 1 wrote, which every later version must open.
//!
//! `tests/fixture/v1.pack` holds its files without their empty blocks. It is made once:
//! `UPDATE_FIXTURE=1 cargo test -p roundhouse --test fixture_v1` writes it anew, which is right only
//! as long as nobody has stores of this version.

use std::fs;
use std::path::{Path, PathBuf};

use roundhouse::{ByteSize, Durability, Engine, Error, Offset, block_on};

const BLOCK_BYTES: usize = 4096;

#[test]
fn a_store_of_format_version_1_opens_and_has_everything() -> Result<(), Error> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path().join("store");
    if is_update() {
        make(&directory)?;
        fs::write(pack_path(), pack(&directory)?)?;
        fs::remove_dir_all(&directory)?;
    }
    unpack(&fs::read(pack_path())?, &directory)?;
    check(&directory)?;
    // And once more after this version has written to it.
    check(&directory)
}

/// Two logs over a few segments, one trimmed, one truncated; killed rather than closed would do as
/// well, but then the pack would depend on timing.
fn make(directory: &Path) -> Result<(), Error> {
    let mut builder = Engine::builder(directory);
    for (key, value) in [("shards", "1"), ("slot_size", "256KiB"), ("sync_method", "dsync")] {
        builder = builder.option(key, value)?;
    }
    let engine = block_on(builder.open())?;
    let events = block_on(engine.log("events").create())?;
    let raft = block_on(engine.log("raft").durability(Durability::Never).create())?;
    for start in (0..400).step_by(20) {
        block_on(events.append_batch((start..start + 20).map(event)))?;
        let entry = |number| raft.append_record(format!("entry {number}"), 3, None);
        for pending in (start..start + 20).map(entry).collect::<Vec<_>>() {
            block_on(pending)?;
        }
    }
    block_on(events.trim_to(Offset(100)))?;
    block_on(raft.truncate_after(Offset(900)))?;
    block_on(engine.close())
}

fn check(directory: &Path) -> Result<(), Error> {
    let engine = block_on(Engine::builder(directory).open())?;
    assert_eq!(engine.log_names(), ["events", "raft"]);
    let events = block_on(engine.log("events").open())?;
    let info = block_on(events.info())?;
    assert_eq!((info.start, info.end), (Offset(100), Offset(400)));
    let records = block_on(events.read(info.start, ByteSize(1 << 20).0 as usize))?;
    let numbers = records.iter().zip(100..);
    assert!(numbers.clone().count() == 300);
    for (record, number) in numbers {
        assert_eq!((record.offset, &record.body[..]), (Offset(number), event(number).as_bytes()));
    }
    let raft = block_on(engine.log("raft").open())?;
    let info = block_on(raft.info())?;
    assert_eq!((info.end, info.config.durability), (Offset(900), Durability::Never));
    let last = block_on(raft.read(Offset(897), 1))?;
    assert_eq!(last.iter().map(|record| record.body).collect::<Vec<_>>(), ["entry 299"]);
    block_on(engine.close())
}

fn event(number: u64) -> String {
    format!("event {number} {}", "x".repeat((number % 100 * 16) as usize))
}

/// Per file: length of its name, name, length of the file, number of blocks; then per block that
/// is not all zeros its number and bytes. Numbers are 64 bits, little-endian.
fn pack(directory: &Path) -> Result<Vec<u8>, Error> {
    let mut packed = Vec::new();
    let shard = directory.join("shard-000");
    let mut names: Vec<PathBuf> =
        fs::read_dir(&shard)?.flatten().map(|entry| entry.path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content = fs::read(&path)?;
        let blocks: Vec<_> = content.chunks(BLOCK_BYTES).enumerate().collect();
        let full = blocks.iter().filter(|(_, block)| block.iter().any(|byte| *byte != 0));
        put(&mut packed, name.len());
        packed.extend_from_slice(name.as_bytes());
        put(&mut packed, content.len());
        put(&mut packed, full.clone().count());
        for (number, block) in full {
            put(&mut packed, *number);
            packed.extend_from_slice(block);
        }
    }
    Ok(packed)
}

fn unpack(mut packed: &[u8], directory: &Path) -> Result<(), Error> {
    let shard = directory.join("shard-000");
    fs::create_dir_all(&shard)?;
    while !packed.is_empty() {
        let name_bytes = take(&mut packed);
        let name = String::from_utf8_lossy(&packed[..name_bytes]).into_owned();
        packed = &packed[name_bytes..];
        let mut content = vec![0; take(&mut packed)];
        for _ in 0..take(&mut packed) {
            let at = take(&mut packed) * BLOCK_BYTES;
            content[at..at + BLOCK_BYTES].copy_from_slice(&packed[..BLOCK_BYTES]);
            packed = &packed[BLOCK_BYTES..];
        }
        fs::write(shard.join(name), content)?;
    }
    Ok(())
}

fn put(packed: &mut Vec<u8>, number: usize) {
    packed.extend_from_slice(&(number as u64).to_le_bytes());
}

fn take(packed: &mut &[u8]) -> usize {
    let (number, rest) = packed.split_first_chunk::<8>().expect("the pack is whole");
    *packed = rest;
    u64::from_le_bytes(*number) as usize
}

fn pack_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture/v1.pack")
}

#[expect(clippy::disallowed_methods, reason = "how the fixture is made is the tester's choice")]
fn is_update() -> bool {
    std::env::var("UPDATE_FIXTURE").is_ok()
}
