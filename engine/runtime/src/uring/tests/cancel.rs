//! Ending operations early.

use super::*;

#[test]
fn an_operation_cancelled_before_it_was_started_never_starts() {
    let mut driver = driver(DriveMode::Thread);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let id = driver.submit(Op::Open { path: path.clone(), mode: OpenMode::Create });

    driver.cancel(id);

    let completion = reap(&mut driver, 1).remove(0);
    assert_eq!((completion.id, completion.result), (id, Err(Errno::CANCELED)));
    assert!(!path.exists());
}

#[test]
fn a_waiting_read_is_cancelled_and_gives_its_buffer_back() {
    let mut driver = driver(DriveMode::Thread);
    let (file, _writer) = pipe(&mut driver);
    let id = submit_read(&mut driver, file);
    driver.reap(&mut Vec::new(), Wait::No).unwrap();

    driver.cancel(id);

    let completion = reap(&mut driver, 1).remove(0);
    assert_eq!((completion.id, completion.result), (id, Err(Errno::CANCELED)));
    assert!(matches!(completion.op, Some(Op::Read { buf, .. }) if buf.len() == BLOCK_BYTES));
}

#[test]
fn a_cancellation_that_comes_late_hits_nobody() {
    let mut driver = driver(DriveMode::Thread);
    let (file, mut writer) = pipe(&mut driver);
    let first = submit_read(&mut driver, file);
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    reap(&mut driver, 1);
    let second = submit_read(&mut driver, file);
    assert_eq!(second.index, first.index, "the entry is used again");
    driver.reap(&mut Vec::new(), Wait::No).unwrap();

    driver.cancel(first);

    std::io::Write::write_all(&mut writer, b"yz").unwrap();
    let completion = reap(&mut driver, 1).remove(0);
    assert_eq!((completion.id, completion.result), (second, Ok(2)));
}
