//! What a crash takes and what it leaves.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use roundhouse_base::ShardId;
use roundhouse_runtime::sim::{CrashOptions, FaultOptions, Node};
use roundhouse_runtime::{Driver, Errno, FileId, Op, OpenMode, Wait};

use crate::process::{BLOCK, Process, blocks, world, write};

const SEEDS: u64 = 200;

/// The content of `f` after a crash, sector by sector: each as the one byte it is full of, or
/// `None` if it is not.
fn sectors(node: &Node) -> Vec<Option<u8>> {
    let uniform = |sector: &[u8]| sector.iter().all(|byte| *byte == sector[0]).then_some(sector[0]);
    node.read_file("f").chunks(512).map(uniform).collect()
}

#[test]
fn what_is_durable_survives_every_crash() {
    for seed in 0..SEEDS {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.write_durably(file, 0, blocks(1, 2)).unwrap();
        process.write(file, 2, blocks(2, 2)).unwrap();
        process.sync(file).unwrap();
        process.write(file, 4, blocks(3, 1)).unwrap();

        node.crash();
        let left = node.read_file("f");
        assert_eq!(left[..2 * BLOCK], [1; 2 * BLOCK], "seed {seed}: the durable write");
        assert_eq!(left[2 * BLOCK..4 * BLOCK], [2; 2 * BLOCK], "seed {seed}: the synced one");
    }
}

#[test]
fn a_durable_write_covers_itself_only() {
    let is_lost = |seed| {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.write(file, 0, blocks(1, 1)).unwrap();
        process.write_durably(file, 1, blocks(2, 1)).unwrap();
        node.crash();
        let left = node.read_file("f");
        assert_eq!(left[BLOCK..], [2; BLOCK], "seed {seed}");
        left[..BLOCK] != [1; BLOCK]
    };
    assert!((0..SEEDS).any(is_lost), "the write before it was never lost");
}

#[test]
fn a_sync_covers_what_completed_before_it_was_submitted() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let (world, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.write_durably(file, 0, blocks(0, 2)).unwrap();
        process.write(file, 0, blocks(1, 1)).unwrap();
        let sync = process.driver.submit(Op::Sync { file });
        process.driver.submit(write(file, 1, blocks(2, 1), false));
        while world.advance() {}
        let mut arrived = Vec::new();
        process.driver.reap(&mut arrived, Wait::No).unwrap();

        node.crash();
        let left = node.read_file("f");
        assert_eq!(left[..BLOCK], [1; BLOCK], "seed {seed}");
        let is_sync_last = arrived[1].id == sync;
        lost += u32::from(is_sync_last && left[BLOCK..] != [2; BLOCK]);
    }
    assert!(lost > 0, "a write that completed during the sync was never lost");
}

#[test]
fn a_sync_of_a_directory_covers_what_completed_before_it_was_submitted() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let (world, node) = world(seed);
        let mut process = Process::on(&node);
        let directory = process.open("", OpenMode::Directory).unwrap();
        process.open("early", OpenMode::Create).unwrap();
        let sync = process.driver.submit(Op::Sync { file: directory });
        process.driver.submit(Op::Open { path: "late".into(), mode: OpenMode::Create });
        while world.advance() {}
        let mut arrived = Vec::new();
        process.driver.reap(&mut arrived, Wait::No).unwrap();

        node.crash();
        let files = node.files();
        assert!(files.contains(&"early".into()), "seed {seed}");
        lost += u32::from(arrived[1].id == sync && !files.contains(&"late".into()));
    }
    assert!(lost > 0, "a name given during the sync was never lost");
}

#[test]
fn an_unsynced_write_tears_into_old_new_zero_and_garbage_sectors() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.write_durably(file, 0, blocks(1, 4)).unwrap();
        process.write(file, 1, blocks(2, 2)).unwrap();

        node.crash();
        let left = sectors(&node);
        assert!(left[..8].iter().chain(&left[24..]).all(|byte| *byte == Some(1)), "seed {seed}");
        seen.extend(left);
    }
    assert_eq!(seen, BTreeSet::from([None, Some(0), Some(1), Some(2)]));
}

/// Weights under which nothing is ever lost; tests add the fates they are about.
const NOTHING_LOST: CrashOptions = CrashOptions {
    write_lost: 0,
    write_whole: 0,
    write_prefix: 0,
    write_scattered: 0,
    write_blocks: 0,
    erase_block_bytes: 4096,
    sector_old: 0,
    sector_new: 0,
    sector_zero: 0,
    sector_garbage: 0,
    sector_mixed: 0,
    metadata_lost: 0.0,
};

/// A file that is one durable block of ones, on a node whose crashes do what `crash` says.
fn prepared(seed: u64, crash: CrashOptions) -> (Node, Process, FileId) {
    let (_, node) = world(seed);
    node.set_faults(FaultOptions::default().with_crash(crash));
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.write_durably(file, 0, blocks(1, 1)).unwrap();
    (node, process, file)
}

#[test]
fn erase_blocks_are_stored_or_lost_as_a_whole() {
    let crash = CrashOptions { write_blocks: 1, sector_old: 1, sector_new: 1, ..NOTHING_LOST };
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let (node, mut process, file) = prepared(seed, crash.clone());
        process.write_durably(file, 0, blocks(1, 4)).unwrap();
        process.write(file, 0, blocks(2, 4)).unwrap();
        node.crash();
        let left = sectors(&node);
        assert!(left.chunks(8).all(|block| block.iter().all(|byte| *byte == block[0])));
        seen.insert(left);
    }
    assert_eq!(seen.len(), 16, "each of the four blocks is old or new by itself");
}

#[test]
fn only_two_unsynced_writes_mix_within_a_sector() {
    let crash = CrashOptions { write_scattered: 1, sector_mixed: 1, ..NOTHING_LOST };
    let mut mixed = 0;
    for seed in 0..SEEDS {
        let (node, mut process, file) = prepared(seed, crash.clone());
        process.write(file, 0, blocks(2, 1)).unwrap();
        node.crash();
        assert_eq!(node.read_file("f"), [2; BLOCK], "seed {seed}: durable bytes never mix");

        let (node, mut process, file) = prepared(seed, crash.clone());
        process.write(file, 0, blocks(2, 1)).unwrap();
        process.write(file, 0, blocks(3, 1)).unwrap();
        node.crash();
        assert!(node.read_file("f").iter().all(|byte| [2, 3].contains(byte)), "seed {seed}");
        mixed += sectors(&node).iter().filter(|sector| sector.is_none()).count();
    }
    assert!(mixed > 0);
}

#[test]
fn a_write_may_be_stored_up_to_some_sector() {
    let crash = CrashOptions { write_prefix: 1, sector_zero: 1, ..NOTHING_LOST };
    let mut cuts = BTreeSet::new();
    for seed in 0..SEEDS {
        let (node, mut process, file) = prepared(seed, crash.clone());
        process.write(file, 0, blocks(2, 1)).unwrap();
        node.crash();
        let left = sectors(&node);
        let cut = left.iter().position(|byte| *byte == Some(0)).expect("the torn sector");
        assert!(left[..cut].iter().all(|byte| *byte == Some(2)), "seed {seed}: {left:?}");
        assert!(left[cut + 1..].iter().all(|byte| *byte == Some(1)), "seed {seed}: {left:?}");
        cuts.insert(cut);
    }
    assert_eq!(cuts, (0..8).collect());
}

#[test]
fn writes_in_flight_reach_the_disk_in_any_order() {
    let crash = CrashOptions { write_whole: 1, ..NOTHING_LOST };
    let mut last = BTreeSet::new();
    for seed in 0..SEEDS {
        let (node, mut process, file) = prepared(seed, crash.clone());
        process.driver.submit(write(file, 0, blocks(2, 1), false));
        process.driver.submit(write(file, 0, blocks(3, 1), false));
        node.crash();
        last.insert(node.read_file("f")[0]);
    }
    assert_eq!(last, BTreeSet::from([2, 3]));
}

/// Bytes that reached the disk behind the surviving end of a file would otherwise come back when
/// the file grows again.
#[test]
fn what_lies_behind_a_lost_length_is_gone() {
    let crash = CrashOptions { write_whole: 1, metadata_lost: 1.0, ..NOTHING_LOST };
    let (node, mut process, file) = prepared(1, crash);
    process.write(file, 0, blocks(2, 3)).unwrap();
    node.crash();
    assert_eq!(node.read_file("f"), [2; BLOCK]);

    let mut process = Process::on(&node);
    let file = process.open("f", OpenMode::Write).unwrap();
    process.call(Op::Allocate { file, bytes: 3 * BLOCK as u64 }).unwrap();
    assert_eq!(process.read(file, 1, 2), Ok(vec![0; 2 * BLOCK]));
}

#[test]
fn a_file_whose_name_is_lost_gives_its_room_back() {
    let (node, mut process, _) = prepared(1, CrashOptions { metadata_lost: 1.0, ..NOTHING_LOST });
    node.set_capacity(2 * BLOCK as u64);
    let lost = process.open("lost", OpenMode::Create).unwrap();
    process.write_durably(lost, 0, blocks(1, 1)).unwrap();
    assert_eq!(process.open("g", OpenMode::Create), Err(Errno::NOSPC));
    node.crash();
    assert!(Process::on(&node).open("g", OpenMode::Create).is_ok());
}

#[test]
fn a_write_in_flight_may_be_stored_or_not() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.write_durably(file, 0, blocks(1, 1)).unwrap();
        process.driver.submit(write(file, 0, blocks(2, 1), true));
        node.crash();
        outcomes.extend(sectors(&node));
    }
    assert!(outcomes.contains(&Some(1)) && outcomes.contains(&Some(2)), "{outcomes:?}");
}

#[test]
fn a_length_is_durable_with_a_sync_or_a_durable_write() {
    let length = |seed: u64, settle: fn(&mut Process, FileId)| {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.call(Op::Allocate { file, bytes: 8 * BLOCK as u64 }).unwrap();
        settle(&mut process, file);
        node.crash();
        node.read_file("f").len() / BLOCK
    };
    let lengths = |settle| (0..SEEDS).map(|seed| length(seed, settle)).collect::<BTreeSet<_>>();
    assert_eq!(lengths(|_, _| {}), BTreeSet::from([0, 8]));
    let sync = |process: &mut Process, file| {
        process.sync(file).unwrap();
    };
    assert_eq!(lengths(sync), BTreeSet::from([8]));
    let write = |process: &mut Process, file| {
        process.write_durably(file, 0, blocks(1, 1)).unwrap();
    };
    assert_eq!(lengths(write), BTreeSet::from([8]));
}

#[test]
fn names_are_lost_and_removals_undone_until_the_directory_is_synced() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let old = process.create("old");
        process.write_durably(old, 0, blocks(1, 1)).unwrap();
        let new = process.open("new", OpenMode::Create).unwrap();
        process.write_durably(new, 0, blocks(2, 1)).unwrap();
        process.call(Op::Remove { path: "old".into() }).unwrap();

        node.crash();
        let files = node.files();
        for file in &files {
            let expected = if file == Path::new("old") { 1 } else { 2 };
            assert_eq!(node.read_file(file), vec![expected; BLOCK], "seed {seed}: {file:?}");
        }
        outcomes.insert(files);
    }
    assert_eq!(outcomes.len(), 4, "each of the two changes was lost by itself: {outcomes:?}");
}

#[test]
fn synced_names_survive_if_those_above_them_do() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        process.driver.create_directory(Path::new("data")).unwrap();
        process.open("data/f", OpenMode::Create).unwrap();
        process.sync_names("data");
        node.crash();
        outcomes.insert(node.files().len());

        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        process.driver.create_directory(Path::new("data")).unwrap();
        process.sync_names("/");
        process.open("data/f", OpenMode::Create).unwrap();
        process.sync_names("data");
        process.call(Op::Remove { path: "data/f".into() }).unwrap();
        process.sync_names("data");
        node.crash();
        assert!(node.files().is_empty(), "seed {seed}");
    }
    assert_eq!(outcomes, BTreeSet::from([0, 1]));
}

#[test]
fn a_crashed_driver_answers_eio_and_a_new_one_works() {
    let (world, node) = world(1);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.driver.submit(write(file, 0, blocks(1, 1), false));
    node.crash();

    assert!(!world.advance(), "nothing is in flight any more");
    let mut arrived = Vec::new();
    assert_eq!(process.driver.reap(&mut arrived, Wait::No), Err(Errno::IO));
    process.driver.submit(write(file, 0, blocks(1, 1), false));
    assert!(arrived.is_empty() && process.driver.is_ready());
    assert_eq!(process.driver.list(Path::new("")), Err(Errno::IO));

    let mut next = Process::on(&node);
    drop(process);
    assert!(next.open("f", OpenMode::Write).is_ok());
}

#[test]
fn a_killed_process_loses_nothing_that_completed() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        process.write(file, 0, blocks(1, 1)).unwrap();
        process.driver.submit(write(file, 0, blocks(2, 1), false));
        drop(process);

        let mut next = Process::on(&node);
        let file = next.open("f", OpenMode::Write).unwrap();
        let content = next.read(file, 0, 1).unwrap();
        assert!(content.iter().all(|byte| *byte == content[0]), "seed {seed}: never torn");
        outcomes.insert(content[0]);
    }
    assert_eq!(outcomes, BTreeSet::from([1, 2]));
}

#[test]
fn files_can_be_tampered_with_while_the_node_is_down() {
    let (_, node) = world(1);
    node.write_file("data/f", &[1, 2, 3]);
    node.corrupt("data/f", 1, 0xf0);
    assert_eq!(node.read_file("/data/f"), [1, 0xf2, 3]);
    node.crash();
    assert_eq!(node.files(), [Path::new("data/f")]);

    let mut driver = node.driver(ShardId(0));
    assert_eq!(driver.list(Path::new("data")).unwrap()[0].bytes, 3);
    node.remove_file("data/f");
    assert!(driver.list(Path::new("data")).unwrap().is_empty() && node.files().is_empty());
}

/// One step of a random program on a file of eight blocks.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write { block: usize, durable: bool },
    Sync,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..8usize, any::<bool>()).prop_map(|(block, durable)| Step::Write { block, durable }),
        2 => Just(Step::Sync),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn a_synced_write_always_reads_back_after_a_crash(seed: u64, steps in steps()) {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let mut file = process.create("f");
        process.write_durably(file, 0, blocks(0, 8)).unwrap();
        // What each block holds, and what a crash must leave of it: nothing certain if `None`.
        let mut visible = [0; 8];
        let mut durable = [Some(0); 8];
        for (n, step) in (1u8..).zip(steps) {
            match step {
                Step::Write { block, durable: is_durable } => {
                    process.call(write(file, block, blocks(n, 1), is_durable)).unwrap();
                    visible[block] = n;
                    durable[block] = is_durable.then_some(n);
                }
                Step::Sync => {
                    process.sync(file).unwrap();
                    durable = visible.map(Some);
                }
                Step::Crash => {
                    node.crash();
                    process = Process::on(&node);
                    file = process.open("f", OpenMode::Write).unwrap();
                    for (block, expected) in durable.iter_mut().enumerate() {
                        if let Some(byte) = *expected {
                            prop_assert_eq!(process.read(file, block, 1), Ok(vec![byte; BLOCK]));
                        } else {
                            process.write_durably(file, block, blocks(n, 1)).unwrap();
                            visible[block] = n;
                            *expected = Some(n);
                        }
                    }
                }
            }
            for (block, byte) in visible.iter().enumerate() {
                prop_assert_eq!(process.read(file, block, 1), Ok(vec![*byte; BLOCK]));
            }
        }
    }
}
