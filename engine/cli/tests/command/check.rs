//! Looking at stores, sound and damaged.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::roundhouse::{Scratch, numbered_lines};

/// Flips a bit in the payload of a data frame in the first slot: the third, the first being that which
/// creates the log. Later frames prove it to have been acknowledged. Returns the file.
fn damage(scratch: &Scratch) -> PathBuf {
    let inspected = scratch.run("inspect", &["--slot", "0", "--json"], b"").expect_status(0);
    let parts = inspected.json();
    let mut data = parts.as_array().unwrap().iter().filter(|part| part["frame"] == "data");
    let offset = data.nth(2).unwrap()["offset"].as_u64().unwrap() + 200;
    let slot = find_slot(&scratch.store().join("shard-000"));
    let file = OpenOptions::new().read(true).write(true).open(&slot).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 4], offset).unwrap();
    slot
}

fn find_slot(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut slots: Vec<PathBuf> = files
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("wal-"))
        .collect();
    slots.sort();
    slots.swap_remove(0)
}

fn damaged_store() -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    for _ in 0..4 {
        scratch.append(&numbered_lines(100));
    }
    let slot = damage(&scratch);
    (scratch, slot)
}

#[test]
fn a_store_that_was_closed_is_clean() {
    let scratch = Scratch::new();
    scratch.append(&numbered_lines(30_000));
    let verified = scratch.run("verify", &["--json"], b"").expect_status(0).json();
    assert_eq!(verified["verdict"], "clean");
    assert_eq!(verified["shards"][0]["logs"][0]["records"], 30_000);
    let repaired = scratch.run("repair", &["--dry-run"], b"").expect_status(0);
    assert!(repaired.stdout_text().contains("nothing to repair"));
}

#[test]
fn a_flipped_bit_is_found_with_file_and_offset_and_opening_is_refused() {
    let (scratch, slot) = damaged_store();
    let verified = scratch.run("verify", &[], b"").expect_status(4);
    let named = slot.display().to_string();
    assert!(verified.stdout_text().contains(&named), "{}", verified.stdout_text());
    let json = scratch.run("verify", &["--json"], b"").expect_status(4).json();
    assert_eq!(json["shards"][0]["damage"][0]["file"], named);
    scratch.run("read", &["--log", "lines"], b"").expect_failure(4, &[&named, "repair"]);
}

#[test]
fn repair_says_what_it_would_do_and_then_does_it_once() {
    let (scratch, _) = damaged_store();
    let would = scratch.run("repair", &["--dry-run"], b"").expect_status(4);
    assert!(would.stdout_text().contains("would be repaired"), "{}", would.stdout_text());
    scratch.run("verify", &[], b"").expect_status(4);
    let salvaged = scratch.run("salvage", &["--log", "lines"], b"").expect_status(4).stdout;
    let repaired = scratch.run("repair", &[], b"").expect_status(0);
    assert!(repaired.stdout_text().contains("quarantined"), "{}", repaired.stdout_text());
    // What was cut is still behind the end until the store is opened.
    scratch.run("verify", &[], b"").expect_status(3);
    assert!(scratch.read() == salvaged && salvaged == numbered_lines(100));
    scratch.run("verify", &[], b"").expect_status(0);
}

#[test]
fn logs_are_listed_with_their_offsets() {
    let scratch = Scratch::new();
    scratch.append(b"a\nb\n");
    scratch.run("append", &["--log", "another", "--durability", "interval:5"], b"c\n");
    let listed = scratch.run("logs", &[], b"").expect_status(0);
    let lines: Vec<&str> = listed.stdout_text().lines().collect();
    assert!(lines[0].starts_with("another\t") && lines[0].ends_with("interval:5"), "{lines:?}");
    assert!(lines[1].starts_with("lines\tshard 0\toffsets 0..2\t"), "{lines:?}");
    let json = scratch.run("logs", &["--json"], b"").expect_status(0).json();
    assert_eq!(json[1]["end"], 2);
    let inspected = scratch.run("inspect", &["--json"], b"").expect_status(0).json();
    assert_eq!(inspected["shards"][0]["logs"][0]["name"], "lines");
}
