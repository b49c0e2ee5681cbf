//! What a healthy disk does.

use std::path::Path;

use bytes::BytesMut;
use roundhouse_base::{ShardId, aligned_buffer};
use roundhouse_runtime::{Driver, Errno, FileId, Op, OpenMode, Wait};

use crate::process::{BLOCK, Process, blocks, world, write};

#[test]
fn a_read_returns_what_was_written_and_ends_with_the_file() {
    let (_, node) = world(1);
    let mut process = Process::on(&node);
    let file = process.create("f");
    assert_eq!(process.write(file, 2, blocks(7, 1)), Ok(BLOCK as u32));

    let content = process.read(file, 1, 4).unwrap();
    assert_eq!(content, [vec![0; BLOCK], vec![7; BLOCK]].concat());
    assert_eq!(process.read(file, 3, 1), Ok(vec![]));
}

#[test]
fn a_write_is_seen_when_it_completed_and_not_before() {
    let (_, node) = world(2);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.write(file, 0, blocks(1, 1)).unwrap();

    let id = process.driver.submit(write(file, 0, blocks(2, 1), false));
    let mut none = Vec::new();
    process.driver.reap(&mut none, Wait::Until(None)).unwrap();
    assert!(none.is_empty() && !process.driver.is_ready(), "no time has passed");

    process.finish(id).result.unwrap();
    assert_eq!(process.read(file, 0, 1), Ok(vec![2; BLOCK]));
}

#[test]
fn completions_overtake_each_other() {
    let (world, node) = world(3);
    let mut process = Process::on(&node);
    let file = process.create("f");
    let ids: Vec<_> =
        (0..20).map(|n| process.driver.submit(write(file, n, blocks(1, 1), false))).collect();
    while world.advance() {}

    let mut arrived = Vec::new();
    process.driver.reap(&mut arrived, Wait::No).unwrap();
    let order: Vec<_> = arrived.iter().map(|completion| completion.id).collect();
    assert_eq!(order.len(), ids.len());
    assert_ne!(order, ids);
}

#[test]
fn a_closed_file_answers_ebadf_and_its_number_is_used_again() {
    let (_, node) = world(4);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.call(Op::Close { file }).unwrap();
    assert_eq!(process.write(file, 0, blocks(1, 1)), Err(Errno::BADF));
    assert_eq!(process.sync(FileId(77)), Err(Errno::BADF));
    assert_eq!(process.open("g", OpenMode::Create), Ok(file));
}

#[test]
fn a_close_ends_the_file_when_it_is_asked_for() {
    for seed in 0..50 {
        let (_, node) = world(seed);
        let mut process = Process::on(&node);
        let file = process.create("f");
        let close = process.driver.submit(Op::Close { file });
        process.driver.cancel(close);
        assert_eq!(process.call(Op::Allocate { file, bytes: 1 }), Err(Errno::BADF), "seed {seed}");
        assert_eq!(process.finish(close).result, Ok(0), "seed {seed}: it cannot be called back");
    }
}

#[test]
fn open_modes_are_enforced() {
    let (_, node) = world(5);
    let mut process = Process::on(&node);
    process.driver.create_directory(Path::new("dir/inner")).unwrap();
    process.create("f");
    let reader = process.open("f", OpenMode::Read).unwrap();

    assert_eq!(process.write(reader, 0, blocks(1, 1)), Err(Errno::BADF));
    assert_eq!(process.open("f", OpenMode::Create), Err(Errno::EXIST));
    assert_eq!(process.open("f", OpenMode::Directory), Err(Errno::NOTDIR));
    assert_eq!(process.open("f/g", OpenMode::Create), Err(Errno::NOTDIR));
    assert_eq!(process.open("dir", OpenMode::Read), Err(Errno::ISDIR));
    assert_eq!(process.open("none", OpenMode::Write), Err(Errno::NOENT));
    assert_eq!(process.open("none/f", OpenMode::Create), Err(Errno::NOENT));
}

#[test]
fn a_directory_lists_its_entries_by_name() {
    let (_, node) = world(6);
    let mut process = Process::on(&node);
    process.driver.create_directory(Path::new("/data/inner")).unwrap();
    let file = process.open("data/f", OpenMode::Create).unwrap();
    process.call(Op::Allocate { file, bytes: 10 * BLOCK as u64 }).unwrap();

    let entries = process.driver.list(Path::new("data")).unwrap();
    let described: Vec<_> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.is_directory, entry.bytes))
        .collect();
    assert_eq!(described, [("f", false, 40_960), ("inner", true, 0)]);
    assert_eq!(process.driver.list(Path::new("none")), Err(Errno::NOENT));
    assert_eq!(process.driver.list(Path::new("data/f")), Err(Errno::NOTDIR));
}

#[test]
fn a_removed_file_lives_until_it_is_closed() {
    let (_, node) = world(7);
    node.set_capacity(4 * BLOCK as u64);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.write(file, 0, blocks(3, 4)).unwrap();
    process.call(Op::Remove { path: "f".into() }).unwrap();
    assert_eq!(process.read(file, 3, 1), Ok(vec![3; BLOCK]));
    assert_eq!(process.open("g", OpenMode::Create), Err(Errno::NOSPC));

    process.call(Op::Close { file }).unwrap();
    assert!(process.open("g", OpenMode::Create).is_ok(), "its room is free again");
    assert_eq!(process.call(Op::Remove { path: "f".into() }), Err(Errno::NOENT));
}

#[test]
fn a_full_disk_answers_enospc_until_there_is_room() {
    let (_, node) = world(8);
    node.set_capacity(8 * BLOCK as u64);
    let mut process = Process::on(&node);
    let file = process.create("f");
    let allocate = |blocks: usize| Op::Allocate { file, bytes: (blocks * BLOCK) as u64 };

    assert_eq!(process.call(allocate(9)), Err(Errno::NOSPC));
    process.call(allocate(8)).unwrap();
    process.write(file, 7, blocks(1, 1)).expect("a write within the allocation needs no room");
    assert_eq!(process.write(file, 8, blocks(1, 1)), Err(Errno::NOSPC));
    assert_eq!(process.open("g", OpenMode::Create), Err(Errno::NOSPC));

    node.set_capacity(9 * BLOCK as u64);
    process.write(file, 8, blocks(1, 1)).unwrap();
}

#[test]
fn a_lock_excludes_others_until_it_is_closed_or_its_process_dies() {
    let (_, node) = world(9);
    let path = Path::new("lock");
    let mut first = Process::on(&node);
    let mut second = node.driver(ShardId(1));

    let file = first.driver.lock(path).unwrap();
    assert_eq!(second.lock(path), Err(Errno::WOULDBLOCK));
    assert_eq!(first.driver.lock(path), Err(Errno::WOULDBLOCK));
    first.call(Op::Close { file }).unwrap();

    let file = second.lock(path).unwrap();
    assert_eq!(first.driver.lock(path), Err(Errno::WOULDBLOCK));
    drop(second);
    assert!(first.driver.lock(path).is_ok(), "{file:?} went with its process");

    node.crash();
    assert_eq!(first.driver.lock(path), Err(Errno::IO));
    assert!(node.driver(ShardId(0)).lock(path).is_ok());
}

#[test]
fn a_cancelled_operation_ends_once_with_either_result() {
    let (world, node) = world(10);
    let mut process = Process::on(&node);
    let file = process.create("f");
    let mut cancelled = 0;
    for n in 0..100 {
        process.write(file, 0, blocks(0, 1)).unwrap();
        let id = process.driver.submit(write(file, 0, blocks(1, 1), false));
        process.driver.cancel(id);
        let expected = match process.finish(id).result {
            Err(errno) => {
                assert_eq!(errno, Errno::CANCELED, "round {n}");
                cancelled += 1;
                0
            }
            Ok(_) => 1,
        };
        while world.advance() {}
        assert!(!process.driver.is_ready(), "no second completion");
        assert_eq!(process.read(file, 0, 1), Ok(vec![expected; BLOCK]), "round {n}");
    }
    assert!((20..80).contains(&cancelled), "{cancelled} of 100 were cancelled in time");
}

#[test]
fn a_stale_cancel_hits_nobody() {
    let (_, node) = world(11);
    let mut process = Process::on(&node);
    let file = process.create("f");
    let old = process.driver.submit(write(file, 0, blocks(1, 1), false));
    process.finish(old).result.unwrap();

    let new = process.driver.submit(write(file, 0, blocks(2, 1), false));
    assert_eq!(new.index, old.index);
    process.driver.cancel(old);
    assert_eq!(process.finish(new).result, Ok(BLOCK as u32));
}

#[test]
fn an_unpark_is_seen_once() {
    let (_, node) = world(12);
    let mut process = Process::on(&node);
    let unparker = process.driver.unparker();
    assert!(!process.driver.is_ready());
    unparker.unpark();
    assert!(process.driver.is_ready() && node.is_ready(ShardId(0)));
    process.driver.reap(&mut Vec::new(), Wait::No).unwrap();
    assert!(!process.driver.is_ready());
    drop(process);
    unparker.unpark();
}

#[test]
#[should_panic(expected = "direct I/O at byte 512")]
fn an_unaligned_position_is_a_bug() {
    let (_, node) = world(13);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.driver.submit(Op::Read { file, buf: BytesMut::new(), at: 512 });
}

#[test]
#[should_panic(expected = "block-aligned memory")]
fn unaligned_memory_is_a_bug() {
    let (_, node) = world(14);
    let mut process = Process::on(&node);
    let file = process.create("f");
    let mut buf = aligned_buffer(2 * BLOCK);
    buf.resize(BLOCK + 8, 0);
    let buf = buf.split_off(8);
    process.driver.submit(Op::Read { file, buf, at: 0 });
}

#[test]
#[should_panic(expected = "close of FileId(0) during: write 4096 at 0")]
fn closing_a_busy_file_is_a_bug() {
    let (_, node) = world(15);
    let mut process = Process::on(&node);
    let file = process.create("f");
    process.driver.submit(write(file, 0, blocks(1, 1), false));
    process.driver.submit(Op::Close { file });
}
