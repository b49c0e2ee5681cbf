//! One seed, one run.

use std::collections::BTreeSet;

use roundhouse_base::ShardId;
use roundhouse_runtime::sim::{Fault, FaultOptions, World, WorldOptions};
use roundhouse_runtime::{Driver, OpenMode, Wait};

use crate::process::{Process, blocks, write};

/// A little of everything: two nodes, faults, a crash, and random choices of the test's own.
/// Returns the fingerprint of the run and what it left on disk.
fn run(seed: u64) -> (u64, Vec<u8>) {
    let faults = FaultOptions::default().with(Fault::Stall, 0.1).with(Fault::WriteError, 0.1);
    let world = World::new(seed, WorldOptions { faults, ..WorldOptions::default() });
    let mut random = world.random();
    let node = world.node("a");
    let mut process = Process::on(&node);
    let file = process.create("f");
    let mut other = Process::on(&world.node("b"));
    other.open("g", OpenMode::Create).unwrap();
    for n in 0..50 {
        let at = random.below(16) as usize;
        process.driver.submit(write(file, at, blocks(n, 1), random.chance(0.3)));
        if random.chance(0.3) {
            assert!(world.advance());
            process.driver.reap(&mut Vec::new(), Wait::No).unwrap();
        }
    }
    node.crash();
    (world.trace_hash(), node.read_file("f"))
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

#[test]
fn different_seeds_give_different_runs() {
    let hashes: BTreeSet<u64> = (0..100).map(|seed| run(seed).0).collect();
    assert_eq!(hashes.len(), 100);
}

#[test]
fn the_clocks_move_together() {
    let world = World::new(1, WorldOptions::default());
    let driver = world.node("a").driver(ShardId(0));
    let (monotonic, wall) = (driver.now(), driver.wall());
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(driver.now().since(monotonic).as_nanos(), 1_000_000_000);
    assert_eq!(driver.wall().0 - wall.0, 1_000_000_000);
}

#[test]
fn a_process_draws_its_random_numbers_from_the_seed() {
    let draw = |seed| {
        let world = World::new(seed, WorldOptions::default());
        let mut driver = world.node("a").driver(ShardId(0));
        [driver.random(), driver.random()]
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn a_deadline_given_to_reap_is_a_time_to_advance_to() {
    let world = World::new(1, WorldOptions::default());
    let mut driver = world.node("a").driver(ShardId(0));
    let deadline = driver.now() + std::time::Duration::from_millis(3);
    driver.reap(&mut Vec::new(), Wait::Until(Some(deadline))).unwrap();
    assert!(world.advance());
    assert_eq!(driver.now(), deadline);
    assert!(!world.advance(), "nothing else will ever happen");
}
