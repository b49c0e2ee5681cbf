//! Dropping a driver while the kernel still works for it.

use super::*;

#[test]
fn a_dropped_driver_has_taken_every_buffer_back_from_the_kernel() {
    const WRITES: usize = 500;
    const SCRIBBLE: u8 = 0xee;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, vec![0; WRITES * BLOCK_BYTES]).unwrap();
    for round in 0..100 {
        let mut driver = small_driver();
        let file = open(&mut driver, &path, OpenMode::Write).unwrap();
        let buffers: Vec<Bytes> = (0..WRITES).map(|_| filled(round, 1)).collect();
        for (n, buf) in buffers.iter().enumerate() {
            let at = (n * BLOCK_BYTES) as u64;
            driver.submit(Op::Write { file, buf: buf.clone(), at, durable: n % 5 == 0 });
        }
        driver.reap(&mut Vec::new(), Wait::No).unwrap();

        drop(driver);

        // What is written into the buffers now must not reach the file any more.
        for buf in buffers {
            buf.try_into_mut().expect("the driver let go of the buffer").fill(SCRIBBLE);
        }
        let content = std::fs::read(&path).unwrap();
        assert!(!content.contains(&SCRIBBLE), "the kernel still read a buffer in round {round}");
    }
}

#[test]
fn what_would_wait_for_ever_does_not_hold_up_the_drop() {
    for mode in [DriveMode::Thread, DriveMode::Host] {
        let mut driver = driver(mode);
        let (file, _writer) = pipe(&mut driver);
        for _ in 0..300 {
            submit_read(&mut driver, file);
        }
        driver.reap(&mut Vec::new(), Wait::No).unwrap();
        drop(driver);
    }
}

#[test]
fn what_was_never_started_is_not_started_by_the_drop() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let mut driver = driver(DriveMode::Thread);
    driver.submit(Op::Open { path: path.clone(), mode: OpenMode::Create });
    drop(driver);
    assert!(!path.exists());
}

#[test]
fn a_driver_that_comes_right_after_another_gets_its_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    for _ in 0..20 {
        let mut driver = driver(DriveMode::Thread);
        driver.lock(&path).unwrap();
        let (file, _writer) = pipe(&mut driver);
        submit_read(&mut driver, file);
        driver.reap(&mut Vec::new(), Wait::No).unwrap();
    }
}
