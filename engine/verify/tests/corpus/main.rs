//! The corpus of the fuzz targets, `fuzz/corpus`: every input, and some changes of each, go through
//! its target. `UPDATE_CORPUS=1 cargo test -p roundhouse-verify --test corpus` makes the first
//! inputs anew from the store that format version 1 wrote; what fuzzing adds is kept.

mod fixture;
mod seeds;

use std::fs;
use std::path::{Path, PathBuf};

use roundhouse_base::Random;
use roundhouse_verify::targets::Target;

#[test]
fn superblocks_are_decoded_or_rejected() {
    replay("superblock", 200);
}

#[test]
fn frames_are_decoded_or_rejected() {
    replay("frame", 200);
}

#[test]
fn records_are_decoded_or_rejected() {
    replay("records", 200);
}

#[test]
fn catalogues_are_decoded_or_rejected() {
    replay("catalogue", 200);
}

#[test]
fn whatever_lies_where_a_store_was_is_opened_or_refused() {
    replay("opening", 10);
}

#[test]
fn operations_with_faults_agree_with_the_model() {
    replay("operations", 5);
}

#[test]
fn options_are_read_or_refused() {
    replay("options", 200);
}

#[test]
fn datagrams_of_quic_are_taken_or_dropped() {
    replay("quic", 5);
}

#[test]
fn certificates_are_read_or_refused() {
    replay("certificates", 200);
}

/// Runs a target on its corpus and on `changes` changes of each input. A failure names the input,
/// which follows from the file's name and the number of the change.
fn replay(name: &str, changes: u64) {
    let target = Target::named(name);
    if is_update() {
        update(name);
    }
    let inputs = inputs(name);
    assert!(!inputs.is_empty(), "{}", directory(name).display());
    for (path, input) in inputs {
        for change in 0..=changes {
            let changed = changed(&input, change);
            let run = std::panic::AssertUnwindSafe(|| (target.run)(&changed));
            let is_fine = std::panic::catch_unwind(run).is_ok();
            assert!(is_fine, "{name}: change {change} of {}", path.display());
        }
    }
}

/// Change 0 is none.
fn changed(input: &[u8], change: u64) -> Vec<u8> {
    let mut changed = input.to_vec();
    if change == 0 || changed.is_empty() {
        return changed;
    }
    let mut random = Random::new(change);
    for _ in 0..=random.below(4) {
        let at = random.below(changed.len() as u64) as usize;
        match random.below(4) {
            0 => changed[at] ^= 1 << random.below(8),
            1 => changed[at] = [0, 1, 127, 128, 255][random.below(5) as usize],
            2 => changed[at] = random.next_u64() as u8,
            _ => changed.truncate(at.max(1)),
        }
    }
    changed
}

fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let listed = fs::read_dir(directory(name)).expect("every target has a corpus");
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), fs::read(path).expect("the corpus is readable"));
    paths.into_iter().map(read).collect()
}

fn update(name: &str) {
    let directory = directory(name);
    fs::create_dir_all(&directory).expect("the corpus is writable");
    for (no, seed) in seeds::of(name).iter().enumerate() {
        fs::write(directory.join(format!("seed-{no:02}")), seed).expect("the corpus is writable");
    }
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name)
}

#[expect(clippy::disallowed_methods, reason = "how the corpus is made is the tester's choice")]
fn is_update() -> bool {
    std::env::var("UPDATE_CORPUS").is_ok()
}
