//! Sleeping, being woken, and doing neither when there is no need.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

const BOTH: [DriveMode; 2] = [DriveMode::Thread, DriveMode::Host];

#[test]
fn a_wait_lasts_until_its_deadline() {
    for mode in BOTH {
        let mut driver = driver(mode);
        let (file, _writer) = pipe(&mut driver);
        submit_read(&mut driver, file);
        let deadline = driver.now() + Duration::from_millis(30);
        let mut wakes = 0;
        while driver.now() < deadline {
            driver.reap(&mut Vec::new(), Wait::Until(Some(deadline))).unwrap();
            wakes += 1;
        }
        assert!(wakes < 10, "{wakes} wakes: that was no sleep");
        // A deadline in the past does not sleep at all.
        driver.reap(&mut Vec::new(), Wait::Until(Some(deadline))).unwrap();
    }
}

#[test]
fn an_unpark_ends_a_wait_every_time() {
    // Every round hangs if its wake-up is lost.
    const ROUNDS: u32 = 2000;
    for mode in BOTH {
        let mut driver = driver(mode);
        let (file, _writer) = pipe(&mut driver);
        submit_read(&mut driver, file);
        let unparker = driver.unparker();
        let (round, rounds) = mpsc::channel();
        let waker = thread::spawn(move || {
            for _ in 0..ROUNDS {
                round.send(()).unwrap();
                unparker.unpark();
            }
        });
        let mut seen = 0;
        while seen < ROUNDS {
            driver.reap(&mut Vec::new(), Wait::Until(None)).unwrap();
            seen += rounds.try_iter().count() as u32;
        }
        waker.join().unwrap();
    }
}

#[test]
fn an_unpark_before_the_wait_counts() {
    for mode in BOTH {
        let mut driver = driver(mode);
        driver.reap(&mut Vec::new(), Wait::No).unwrap();
        assert!(!driver.is_ready());
        driver.unparker().unpark();
        assert!(driver.is_ready());
        driver.reap(&mut Vec::new(), Wait::Until(None)).unwrap();
        assert!(!driver.is_ready(), "the notice was taken");
    }
}

#[test]
fn an_unparker_outlives_its_driver() {
    for mode in BOTH {
        let driver = driver(mode);
        let unparker = driver.unparker();
        drop(driver);
        unparker.unpark();
    }
}

#[test]
fn an_idle_turn_makes_no_system_call() {
    let mut driver = driver(DriveMode::Thread);
    let (file, _writer) = pipe(&mut driver);
    submit_read(&mut driver, file);
    driver.reap(&mut Vec::new(), Wait::No).unwrap();
    let enters = driver.counters().enters.load();

    for _ in 0..100 {
        assert!(!driver.is_ready());
        driver.reap(&mut Vec::new(), Wait::No).unwrap();
    }

    assert_eq!(driver.counters().enters.load(), enters);
}

#[test]
fn a_spinning_shard_sees_a_completion_without_a_system_call() {
    let mut driver = driver(DriveMode::Thread);
    let (file, writer) = pipe(&mut driver);
    submit_read(&mut driver, file);
    driver.reap(&mut Vec::new(), Wait::No).unwrap();
    assert!(!driver.is_ready());

    drop(writer);

    while !driver.is_ready() {
        std::hint::spin_loop();
    }
    let mut completions = Vec::new();
    driver.reap(&mut completions, Wait::No).unwrap();
    assert_eq!(completions.len(), 1);
}

#[test]
fn a_turn_that_submits_and_waits_enters_once() {
    let mut driver = driver(DriveMode::Thread);
    let (_directory, _path, file) = scratch(&mut driver);
    let counters = driver.counters();
    let before = (counters.enters.load(), counters.submissions.load());

    driver.submit(Op::Write { file, buf: filled(1, 1), at: 0, durable: true });
    driver.reap(&mut Vec::new(), Wait::Until(None)).unwrap();

    assert_eq!((counters.enters.load(), counters.submissions.load()), (before.0 + 1, before.1 + 1));
}

#[test]
fn what_is_done_at_once_does_not_wait_for_others() {
    let mut driver = driver(DriveMode::Thread);
    let (_directory, _path, file) = scratch(&mut driver);
    let (pipe, _writer) = pipe(&mut driver);
    submit_read(&mut driver, pipe);
    let id = driver.submit(Op::SyncData { file });
    assert!(driver.is_ready());
    assert_eq!(reap(&mut driver, 1)[0].id, id);
}

#[test]
fn clocks_advance_and_random_numbers_differ() {
    let mut driver = driver(DriveMode::Thread);
    let (now, wall) = (driver.now(), driver.wall());
    assert!(driver.now() >= now);
    let year_2020_ms = 1_577_836_800_000;
    assert!(wall.as_millis() > year_2020_ms);
    assert_ne!(driver.random(), driver.random());
}
