//! What a sick disk does.

use roundhouse_base::Monotonic;
use roundhouse_runtime::sim::{Fault, FaultOptions, Node};
use roundhouse_runtime::{Errno, FileId, Op, OpenMode};

use crate::process::{BLOCK, Process, blocks, world};

/// A file of four durable blocks of ones on a node that is healthy so far.
fn prepared(seed: u64) -> (Node, Process, FileId) {
    let (_, node) = world(seed);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.write_durably(file, 0, blocks(1, 4)).unwrap();
    (node, process, file)
}

fn always(fault: Fault) -> FaultOptions {
    FaultOptions::default().with(fault, 1.0)
}

fn wrong_bits(content: &[u8]) -> u32 {
    content.iter().map(|byte| (byte ^ 1).count_ones()).sum()
}

#[test]
fn a_read_error_passes() {
    let (node, mut process, file) = prepared(1);
    node.set_faults(always(Fault::ReadError));
    assert_eq!(process.read(file, 0, 1), Err(Errno::IO));
    node.set_faults(FaultOptions::default());
    assert_eq!(process.read(file, 0, 1), Ok(vec![1; BLOCK]));
    assert_eq!(node.fault_counts().of(Fault::ReadError), 1);
}

#[test]
fn a_bad_sector_stays_until_it_is_written() {
    let (node, mut process, file) = prepared(2);
    node.set_faults(always(Fault::BadSector));
    assert_eq!(process.read(file, 1, 1), Err(Errno::IO));
    node.set_faults(FaultOptions::default());
    node.crash();

    let mut process = Process::on(&node);
    let file = process.open("f", OpenMode::Write).unwrap();
    assert_eq!(process.read(file, 0, 4), Err(Errno::IO));
    assert_eq!(process.read(file, 0, 1), Ok(vec![1; BLOCK]));
    process.write(file, 1, blocks(1, 1)).unwrap();
    assert_eq!(process.read(file, 0, 4), Ok(vec![1; 4 * BLOCK]));
}

#[test]
fn a_read_flip_passes_and_bit_rot_stays() {
    for (fault, bits_left) in [(Fault::ReadFlip, 0), (Fault::BitRot, 1)] {
        let (node, mut process, file) = prepared(3);
        node.set_faults(always(fault));
        assert_eq!(wrong_bits(&process.read(file, 0, 4).unwrap()), 1, "{fault:?}");
        node.set_faults(FaultOptions::default());
        assert_eq!(wrong_bits(&process.read(file, 0, 4).unwrap()), bits_left, "{fault:?}");
        assert_eq!(wrong_bits(&node.read_file("f")), bits_left, "{fault:?}");
    }
}

#[test]
fn a_failed_write_leaves_some_of_its_first_sectors_at_most() {
    for seed in 0..50 {
        let (node, mut process, file) = prepared(seed);
        node.set_faults(always(Fault::WriteError));
        assert_eq!(process.write_durably(file, 0, blocks(2, 4)), Err(Errno::IO));
        let content = process.read(file, 0, 4).unwrap();
        let stored = content.partition_point(|byte| *byte == 2);
        assert!(stored.is_multiple_of(512) && content[stored..].iter().all(|byte| *byte == 1));
    }
}

#[test]
fn a_short_write_says_so() {
    let (node, mut process, file) = prepared(4);
    node.set_faults(always(Fault::ShortWrite));
    let count = process.write_durably(file, 0, blocks(2, 4)).unwrap() as usize;
    assert!((512..4 * BLOCK).contains(&count) && count.is_multiple_of(512));
    let content = node.read_file("f");
    assert_eq!(content.partition_point(|byte| *byte == 2), count);
}

#[test]
fn phantom_misdirected_and_duplicated_writes_report_success() {
    for (fault, copies, is_in_place) in [
        (Fault::PhantomWrite, 0, false),
        (Fault::MisdirectedWrite, 1, false),
        (Fault::DuplicatedWrite, 2, true),
    ] {
        let (node, mut process, file) = prepared(5);
        node.set_faults(always(fault));
        assert_eq!(process.write_durably(file, 2, blocks(2, 1)), Ok(BLOCK as u32));
        let content = node.read_file("f");
        let stored = content.chunks(BLOCK).filter(|block| **block == [2; BLOCK]).count();
        assert_eq!((stored, content[2 * BLOCK] == 2), (copies, is_in_place), "{fault:?}");
        assert_eq!(node.fault_counts().of(fault), 1);
    }
}

#[test]
fn a_failed_sync_loses_the_data_and_the_next_one_succeeds() {
    let (node, mut process, file) = prepared(6);
    process.write(file, 0, blocks(2, 1)).unwrap();
    node.set_faults(always(Fault::SyncError));
    assert_eq!(process.sync(file), Err(Errno::IO));
    node.set_faults(FaultOptions::default());
    assert_eq!(process.sync(file), Ok(0));
    assert_eq!(process.read(file, 0, 1), Ok(vec![1; BLOCK]), "it reads as before the write");
    node.crash();
    assert_eq!(node.read_file("f"), [1; 4 * BLOCK]);
}

#[test]
fn a_write_can_go_to_the_same_place_of_another_file() {
    let (node, mut process, file) = prepared(5);
    let other = process.create("g");
    process.write_durably(other, 0, blocks(3, 4)).unwrap();
    node.set_faults(always(Fault::MisdirectedToFile));
    assert_eq!(process.write_durably(file, 2, blocks(2, 1)), Ok(BLOCK as u32));
    assert_eq!(node.read_file("f"), [1; 4 * BLOCK]);
    assert_eq!(node.read_file("g")[2 * BLOCK..3 * BLOCK], [2; BLOCK]);
}

#[test]
fn a_failed_sync_can_leave_the_data_in_the_cache_only() {
    let (node, mut process, file) = prepared(6);
    process.write(file, 0, blocks(2, 1)).unwrap();
    node.set_faults(always(Fault::SyncErrorCached));
    assert_eq!(process.sync(file), Err(Errno::IO));
    node.set_faults(FaultOptions::default());
    assert_eq!(process.sync(file), Ok(0));
    assert_eq!(process.read(file, 0, 1), Ok(vec![2; BLOCK]), "it reads as if it were there");
    process.call(Op::Close { file }).unwrap();
    let file = process.open("f", OpenMode::Read).unwrap();
    assert_eq!(process.read(file, 0, 1), Ok(vec![1; BLOCK]), "then it is evicted");
    node.crash();
    assert_eq!(node.read_file("f"), [1; 4 * BLOCK]);
}

#[test]
fn a_failed_sync_of_a_directory_loses_its_names_at_the_next_crash() {
    let (node, mut process, _) = prepared(7);
    process.open("new", OpenMode::Create).unwrap();
    let directory = process.open("", OpenMode::Directory).unwrap();
    node.set_faults(always(Fault::SyncError));
    assert_eq!(process.call(Op::Sync { file: directory }), Err(Errno::IO));
    node.set_faults(FaultOptions::default());
    assert_eq!(process.call(Op::Sync { file: directory }), Ok(0));
    assert!(process.open("new", OpenMode::Read).is_ok());
    node.crash();
    assert_eq!(node.files().len(), 1);
}

#[test]
fn a_lying_sync_makes_nothing_durable() {
    let mut lost = [0; 2];
    for seed in 0..50 {
        let (node, mut process, file) = prepared(seed);
        node.set_faults(always(Fault::LyingSync));
        process.write_durably(file, 0, blocks(2, 1)).unwrap();
        process.write(file, 1, blocks(2, 1)).unwrap();
        process.sync(file).unwrap();
        node.crash();
        let left = node.read_file("f");
        lost[0] += u32::from(left[..BLOCK] != [2; BLOCK]);
        lost[1] += u32::from(left[BLOCK..2 * BLOCK] != [2; BLOCK]);
    }
    assert!(lost.iter().all(|count| *count > 0), "{lost:?}");
}

#[test]
fn injected_enospc_strikes_all_that_may_need_room() {
    let (node, mut process, file) = prepared(8);
    node.set_faults(always(Fault::NoSpace));
    assert_eq!(process.write(file, 0, blocks(2, 1)), Err(Errno::NOSPC));
    assert_eq!(process.call(Op::Allocate { file, bytes: 1 }), Err(Errno::NOSPC));
    assert_eq!(process.open("g", OpenMode::Create), Err(Errno::NOSPC));
    assert_eq!(process.call(Op::Remove { path: "f".into() }), Err(Errno::NOSPC));
    assert_eq!(process.sync(file), Err(Errno::NOSPC));
    assert_eq!(process.read(file, 0, 1), Ok(vec![1; BLOCK]));
}

#[test]
fn a_stall_takes_at_least_ten_milliseconds() {
    let (world, node) = world(9);
    node.set_faults(always(Fault::Stall));
    let mut process = Process::on(&node);
    process.open("f", OpenMode::Create).unwrap();
    assert!(world.now() >= Monotonic(10_000_000), "{:?}", world.now());
}

#[test]
fn counts_say_what_was_injected() {
    let (node, mut process, file) = prepared(10);
    node.set_faults(always(Fault::ReadError));
    for _ in 0..3 {
        process.read(file, 0, 1).unwrap_err();
    }
    node.crash();
    let counts = node.fault_counts();
    assert_eq!(
        counts.to_string(),
        "1 crashes (0 writes lost, 0 torn, 0 names or lengths lost), 3 ReadError"
    );
}
