//! Random sequences of calls, and the corpus of the fuzz target `calls`, which makes up such sequences.
//!
//! `SEQUENCES_SEED=n cargo test -p roundhouse-ffi --test sequences` runs one seed again.

use std::fs;

mod program;

/// Bytes of a random sequence: some 600 calls.
const BYTES: usize = 4096;

/// Random sequences of one run.
const SEQUENCES: u64 = 4;

/// A generator of numbers that anybody can repeat (splitmix64, public domain, by Sebastiano Vigna).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn random_sequences_of_calls_break_nothing() {
    let seed =
        std::env::var_os("SEQUENCES_SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seeds = seed.map_or(0..SEQUENCES, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let mut random = Random(seed);
        let bytes: Vec<u8> = (0..BYTES).map(|_| random.next() as u8).collect();
        run(&format!("seed {seed}"), &bytes);
    }
}

#[test]
fn the_corpus_breaks_nothing() {
    let mut inputs = 0;
    for entry in fs::read_dir("../fuzz/corpus/calls").unwrap() {
        let path = entry.unwrap().path();
        run(&path.display().to_string(), &fs::read(&path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "there is no corpus");
}

/// Runs a sequence and says which it was if it breaks something.
fn run(name: &str, bytes: &[u8]) {
    let scratch = tempfile::tempdir().unwrap();
    let outcome = std::panic::catch_unwind(|| program::run(bytes, scratch.path()));
    assert!(outcome.is_ok(), "{name} broke something");
}
