//! What each operation does, and that none is lost when there are many.

use super::*;

#[test]
fn what_was_written_is_read_back() {
    let mut driver = driver(DriveMode::Thread);
    let (_directory, path, file) = scratch(&mut driver);
    let block = BLOCK_BYTES as u32;

    for (durable, at) in [(false, 0), (true, 2)] {
        let op = Op::Write { file, buf: filled(7, 2), at: at * BLOCK_BYTES as u64, durable };
        assert_eq!(run(&mut driver, op).result, Ok(2 * block));
    }
    assert_eq!(run(&mut driver, Op::SyncData { file }).result, Ok(0));
    assert_eq!(run(&mut driver, Op::Sync { file }).result, Ok(0));
    assert_eq!(run(&mut driver, Op::Close { file }).result, Ok(0));

    let file = open(&mut driver, &path, OpenMode::Read).unwrap();
    let read = run(&mut driver, Op::Read { file, buf: room(4), at: 0 });
    assert_eq!(read.result, Ok(4 * block));
    let Some(Op::Read { buf, .. }) = read.op else { panic!("the buffer comes back") };
    assert!(buf.iter().all(|byte| *byte == 7));
}

#[test]
fn a_read_past_the_end_is_short() {
    let mut driver = driver(DriveMode::Thread);
    let (_directory, _path, file) = scratch(&mut driver);
    run(&mut driver, Op::Write { file, buf: filled(1, 1), at: 0, durable: false });

    let across = run(&mut driver, Op::Read { file, buf: room(2), at: 0 });
    let beyond = run(&mut driver, Op::Read { file, buf: room(2), at: 8 * BLOCK_BYTES as u64 });

    assert_eq!((across.result, beyond.result), (Ok(BLOCK_BYTES as u32), Ok(0)));
}

#[test]
fn allocated_space_is_as_long_as_asked_and_reads_as_zeros() {
    let mut driver = driver(DriveMode::Thread);
    let (_directory, path, file) = scratch(&mut driver);

    let bytes = 16 * BLOCK_BYTES as u64;
    assert_eq!(run(&mut driver, Op::Allocate { file, bytes }).result, Ok(0));

    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
    let read = run(&mut driver, Op::Read { file, buf: room(16), at: 0 });
    assert_eq!(read.result, Ok(bytes as u32));
    assert!(matches!(read.op, Some(Op::Read { buf, .. }) if buf.iter().all(|byte| *byte == 0)));
}

#[test]
fn names_are_created_once_removed_and_made_durable() {
    let mut driver = driver(DriveMode::Thread);
    let (directory, path, _file) = scratch(&mut driver);

    let missing = directory.path().join("none");
    assert_eq!(open(&mut driver, &missing, OpenMode::Write), Err(Errno::NOENT));
    assert_eq!(open(&mut driver, &path, OpenMode::Create), Err(Errno::EXIST));
    assert_eq!(open(&mut driver, &path, OpenMode::Directory), Err(Errno::NOTDIR));

    assert_eq!(run(&mut driver, Op::Remove { path: path.clone() }).result, Ok(0));
    assert_eq!(run(&mut driver, Op::Remove { path: path.clone() }).result, Err(Errno::NOENT));
    let parent = open(&mut driver, directory.path(), OpenMode::Directory).unwrap();
    assert_eq!(run(&mut driver, Op::Sync { file: parent }).result, Ok(0));
    assert_eq!(driver.list(directory.path()), Ok(Vec::new()));
}

#[test]
fn a_closed_file_is_gone_and_its_number_free() {
    let mut driver = driver(DriveMode::Thread);
    let (directory, path, file) = scratch(&mut driver);
    run(&mut driver, Op::Close { file });

    for op in [
        Op::Close { file },
        Op::Sync { file },
        Op::SyncData { file },
        Op::Read { file, buf: room(1), at: 0 },
    ] {
        assert_eq!(run(&mut driver, op).result, Err(Errno::BADF));
    }
    assert_eq!(open(&mut driver, &path, OpenMode::Read), Ok(file));
    assert_ne!(driver.lock(&directory.path().join("lock")), Ok(file));
}

#[test]
fn an_index_is_free_only_when_its_completion_was_handed_out() {
    // Whoever waits is found by the index: a second operation with the same one, submitted before
    // the first was collected, would take its place.
    let mut driver = driver(DriveMode::Thread);
    let (_directory, _path, file) = scratch(&mut driver);

    let done = driver.submit(Op::SyncData { file });
    let cancelled = driver.submit(Op::Sync { file });
    driver.cancel(cancelled);
    let later = driver.submit(Op::Sync { file });

    assert!(later.index != done.index && later.index != cancelled.index);
    let outcomes: Vec<_> =
        reap(&mut driver, 3).iter().map(|completion| (completion.id, completion.result)).collect();
    let expected = [(done, Ok(0)), (cancelled, Err(Errno::CANCELED)), (later, Ok(0))];
    assert_eq!(outcomes, expected);
}

#[test]
fn more_writes_than_the_ring_has_room_for_all_complete() {
    const WRITES: usize = 5000;
    let mut driver = small_driver();
    let (_directory, path, file) = scratch(&mut driver);

    let ids: Vec<OpId> = (0..WRITES)
        .map(|n| {
            let at = (n * BLOCK_BYTES) as u64;
            driver.submit(Op::Write { file, buf: filled(n as u8, 1), at, durable: false })
        })
        .collect();
    let completions = reap(&mut driver, WRITES);

    assert!(completions.iter().all(|completion| completion.result == Ok(BLOCK_BYTES as u32)));
    let mut completed: Vec<OpId> = completions.iter().map(|completion| completion.id).collect();
    completed.sort();
    assert_eq!(completed, ids);
    let content = std::fs::read(path).unwrap();
    assert!(content.chunks(BLOCK_BYTES).enumerate().all(|(n, block)| block[17] == n as u8));
}

#[test]
fn completions_beyond_the_queue_are_not_lost() {
    const ENTRIES: usize = 64;
    let mut driver = small_driver();
    let (waiting, writer) = pipe(&mut driver);
    let (ended, _) = pipe(&mut driver);
    for _ in 0..ENTRIES {
        submit_read(&mut driver, waiting);
    }
    let mut completions = Vec::new();
    driver.reap(&mut completions, Wait::No).unwrap();
    assert!(completions.is_empty());

    // Reads that end as they are submitted fill the queue; those that waited find it full.
    drop(writer);
    for _ in 0..ENTRIES {
        submit_read(&mut driver, ended);
    }

    let completions = reap(&mut driver, 2 * ENTRIES);
    assert!(completions.iter().all(|completion| completion.result == Ok(0)));
    assert!(driver.counters().overflows.load() > 0);
}
