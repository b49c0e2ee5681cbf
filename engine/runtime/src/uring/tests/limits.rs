//! Life under small limits. The limit on locked memory is the process's, so each case is a process
//! of its own: this test program, asked for one ignored test.

use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::CapabilitySet;

use super::super::SetupError;
use super::*;
use crate::socket::SocketOp;

#[test]
fn limits_on_locked_memory_are_lived_with_or_explained() {
    for case in [
        "uring::tests::limits::child_without_locked_memory",
        "uring::tests::limits::child_with_little_locked_memory",
        "uring::tests::limits::child_with_the_usual_locked_memory",
    ] {
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).args(["--ignored", "--exact", case]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

#[test]
fn a_thread_may_have_more_rings_than_the_kernel_registers_for_it() {
    let mut drivers: Vec<UringDriver> = (0..20).map(|_| small_driver()).collect();
    for driver in &mut drivers {
        let (_directory, _path, file) = scratch(driver);
        assert_eq!(run(driver, Op::Close { file }).result, Ok(0));
    }
}

#[test]
#[ignore = "changes its process's limits; run by another test"]
fn child_without_locked_memory() {
    limit_locked_memory(0);
    let error = UringDriver::new(&UringOptions::default()).err().expect("no ring fits");
    assert_eq!(error, SetupError::LockedMemory { limit: Some(0), needed: 24 * 1024 });
    let message = error.to_string();
    assert!(message.contains("RLIMIT_MEMLOCK is 0B"), "{message}");
    assert!(message.contains("ulimit -l"), "{message}");
}

#[test]
#[ignore = "changes its process's limits; run by another test"]
fn child_with_little_locked_memory() {
    // 84 KiB are asked for, and a smaller completion queue fits.
    const LITTLE: u64 = 40 * 1024;
    let others_are_charged = !limit_locked_memory(LITTLE);
    match UringDriver::new(&UringOptions::default()) {
        Ok(mut driver) => {
            let (_directory, _path, file) = scratch(&mut driver);
            assert_eq!(run(&mut driver, Op::Sync { file }).result, Ok(0));
        }
        // The limit is the user's: the rings of the tests beside this one count, too.
        Err(SetupError::LockedMemory { limit: Some(LITTLE), .. }) if others_are_charged => (),
        Err(error) => panic!("{error}"),
    }
}

#[test]
#[ignore = "changes its process's limits; run by another test"]
fn child_with_the_usual_locked_memory() {
    limit_locked_memory(8 << 20);
    // The memory of a closed ring comes back late: this would soon run out without waiting.
    for _ in 0..200 {
        let mut drivers: Vec<UringDriver> = (0..8).map(|_| driver(DriveMode::Thread)).collect();
        let (_directory, _path, file) = scratch(&mut drivers[0]);
        let op = Op::Write { file, buf: filled(1, 1), at: 0, durable: true };
        assert_eq!(run(&mut drivers[0], op).result, Ok(BLOCK_BYTES as u32));
        // Receiving needs locked memory of its own, on every shard.
        for driver in &mut drivers {
            connection_that_carries(driver);
        }
    }
}

fn connection_that_carries(driver: &mut UringDriver) {
    let (client, server) = super::streams::connection(driver);
    let data = bytes::Bytes::from_static(b"x").into();
    driver.submit(Op::Socket(SocketOp::Send { socket: client, data }));
    driver.submit(Op::Socket(SocketOp::Receive { socket: server }));
    let results: Vec<_> = reap(driver, 2).into_iter().map(|done| done.result).collect();
    assert_eq!(results, [Ok(1), Ok(1)]);
}

/// Lowers the limit, and gives up the capability that lifts it. Returns whether it was there.
fn limit_locked_memory(bytes: u64) -> bool {
    let mut sets = rustix::thread::capabilities(None).unwrap();
    let was_privileged = sets.effective.contains(CapabilitySet::IPC_LOCK);
    sets.effective.remove(CapabilitySet::IPC_LOCK);
    rustix::thread::set_capabilities(None, sets).unwrap();
    let maximum = getrlimit(Resource::Memlock).maximum;
    setrlimit(Resource::Memlock, Rlimit { current: Some(bytes), maximum }).unwrap();
    was_privileged
}
