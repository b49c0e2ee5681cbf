//! Runs the suite against bugs planted in the engine: it must notice each of them.

use std::fmt;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use roundhouse_base::planted::{Bug, plant};

use crate::checks::Check;
use crate::scenario::{Scenario, run_seed};
use crate::stopwatch::Stopwatch;

/// What became of the hunt for one bug. [`Display`](fmt::Display) is its line in the table.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// The bug.
    pub bug: Bug,
    /// Seeds that were run, from 0 on; the last one noticed the bug, if any did.
    pub seeds: u64,
    /// Real time, on one thread.
    pub elapsed: Duration,
    /// What the last seed stood for, and which check failed.
    pub killed_by: Option<(Scenario, Check)>,
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hunt { bug, seeds, elapsed, .. } = self;
        let seconds = elapsed.as_secs_f64();
        write!(f, "{bug:<26} {seeds:>6} seeds {seconds:>6.1} s  ")?;
        match &self.killed_by {
            Some((scenario, check)) => write!(f, "killed by \"{check}\" ({scenario})"),
            None => f.write_str("SURVIVED"),
        }
    }
}

/// Hunts each of `bugs` on one of `threads` threads, for at most `time_max` each, and has `tell`
/// know of every end. Returns how many survived.
///
/// # Panics
/// If a thread cannot be started.
pub fn hunt_all(
    bugs: &[Bug],
    threads: usize,
    time_max: Duration,
    tell: impl Fn(&Hunt) + Sync,
) -> usize {
    let waiting = Mutex::new(bugs.iter().copied());
    let survivors = Mutex::new(0);
    let work = || {
        loop {
            let next = waiting.lock().expect("nobody panics with the lock").next();
            let Some(bug) = next else { return };
            let hunt = hunt(bug, time_max);
            *survivors.lock().expect("nobody panics with the lock") +=
                usize::from(hunt.killed_by.is_none());
            tell(&hunt);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    survivors.into_inner().expect("nobody panics with the lock")
}

/// Runs seeds, from 0 on and whatever they stand for, until one notices `bug`.
fn hunt(bug: Bug, time_max: Duration) -> Hunt {
    let stopwatch = Stopwatch::start();
    plant(Some(bug));
    let mut hunt = Hunt { bug, seeds: 0, elapsed: Duration::ZERO, killed_by: None };
    while hunt.killed_by.is_none() && stopwatch.elapsed() < time_max {
        let outcome = run_seed(hunt.seeds, None);
        hunt.seeds += 1;
        hunt.killed_by = outcome.err().map(|violation| (violation.scenario, violation.check));
    }
    plant(None);
    hunt.elapsed = stopwatch.elapsed();
    hunt
}
