//! A host that sleeps on the driver's descriptor.

use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::super::blocking::timespec;
use super::*;

/// Sleeps on the descriptor, as a host would.
fn assert_wakes(driver: &UringDriver) {
    const LOST: Duration = Duration::from_secs(20);
    let event = driver.event_fd().unwrap();
    let mut polled = [PollFd::new(&event, PollFlags::IN)];
    let ready = loop {
        match rustix::event::poll(&mut polled, Some(&timespec(LOST))) {
            // Another test's ring being taken apart interrupts every sleep of the process.
            Err(Errno::INTR) => (),
            polled => break polled,
        }
    };
    assert_eq!(ready, Ok(1), "a wake-up was lost");
}

#[test]
fn only_a_host_gets_a_descriptor() {
    assert!(driver(DriveMode::Thread).event_fd().is_none());
    assert!(driver(DriveMode::Host).event_fd().is_some());
}

#[test]
fn every_completion_wakes_the_host() {
    let mut driver = driver(DriveMode::Host);
    let (_directory, _path, file) = scratch(&mut driver);
    let mut completions = Vec::new();
    for round in 0..1000 {
        let op = match round % 10 {
            0 => Op::Sync { file },
            _ => Op::Write { file, buf: filled(1, 1), at: 0, durable: round % 2 == 0 },
        };
        driver.submit(op);
        driver.reap(&mut completions, Wait::No).unwrap();
        while completions.is_empty() {
            assert_wakes(&driver);
            driver.reap(&mut completions, Wait::No).unwrap();
        }
        assert_eq!(completions.drain(..).count(), 1);
    }
}

#[test]
fn every_unpark_wakes_the_host() {
    let mut driver = driver(DriveMode::Host);
    driver.reap(&mut Vec::new(), Wait::No).unwrap();
    for _ in 0..1000 {
        let unparker = driver.unparker();
        let waker = thread::spawn(move || unparker.unpark());
        assert_wakes(&driver);
        driver.reap(&mut Vec::new(), Wait::No).unwrap();
        waker.join().unwrap();
    }
}

#[test]
fn completions_and_unparks_that_come_together_are_both_seen() {
    // Both write to one eventfd, and only the kernel needs it armed again.
    let mut driver = driver(DriveMode::Host);
    let (file, mut writer) = pipe(&mut driver);
    for _ in 0..1000 {
        submit_read(&mut driver, file);
        let mut completions = Vec::new();
        driver.reap(&mut completions, Wait::No).unwrap();
        driver.unparker().unpark();
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        while completions.is_empty() {
            assert_wakes(&driver);
            driver.reap(&mut completions, Wait::No).unwrap();
        }
    }
}
