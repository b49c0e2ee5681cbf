//! Runs many seeds on several threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::report::Report;
use crate::scenario::{Scenario, Violation, run_seed};
use crate::stopwatch::Stopwatch;

/// How much to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many seeds.
    Seeds(u64),
    /// So much real time; the seeds begun by then are finished.
    Time(Duration),
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The sums over all seeds that passed.
    pub report: Report,
    /// The violation of the lowest seed that was found to fail. Each thread stops at its first one.
    pub violation: Option<Box<Violation>>,
}

/// Runs the seeds from `first` on within `budget` on `threads` threads, those of `scenario` only if
/// one is given. `progress` is called now and then with the sums so far and may break the run off.
///
/// # Panics
/// If a thread cannot be started.
pub fn run(
    first: u64,
    budget: Budget,
    threads: usize,
    scenario: Option<Scenario>,
    mut progress: impl FnMut(&Report) -> ControlFlow<()>,
) -> Outcome {
    let stopwatch = Stopwatch::start();
    let next = AtomicU64::new(first);
    let is_over = AtomicBool::new(false);
    let take_seed = &|| {
        let is_spent = match budget {
            Budget::Seeds(_) => false,
            Budget::Time(time) => stopwatch.elapsed() >= time,
        };
        if is_spent || is_over.load(Ordering::Relaxed) {
            return None;
        }
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let is_due = !matches!(budget, Budget::Seeds(count) if seed - first >= count);
        is_due.then_some(seed)
    };
    let mut outcome = Outcome { report: Report::default(), violation: None };
    thread::scope(|scope| {
        let (sender, results) = mpsc::sync_channel(RESULTS_PENDING_MAX);
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            scope.spawn(move || work(take_seed, scenario, &sender));
        }
        drop(sender);
        for result in results {
            outcome.take(result);
            outcome.report.elapsed = stopwatch.elapsed();
            if outcome.violation.is_some() || progress(&outcome.report).is_break() {
                is_over.store(true, Ordering::Relaxed);
            }
        }
    });
    outcome.report.elapsed = stopwatch.elapsed();
    outcome
}

type Result = std::result::Result<Report, Box<Violation>>;

fn work(
    take_seed: impl Fn() -> Option<u64>,
    scenario: Option<Scenario>,
    sender: &mpsc::SyncSender<Result>,
) {
    while let Some(seed) = take_seed() {
        let result = run_seed(seed, scenario);
        let has_failed = result.is_err();
        if sender.send(result).is_err() || has_failed {
            return;
        }
    }
}

impl Outcome {
    fn take(&mut self, result: Result) {
        match result {
            Ok(report) => self.report += &report,
            Err(violation) => {
                let is_lower = self.violation.as_ref().is_none_or(|v| violation.seed < v.seed);
                if is_lower {
                    self.violation = Some(violation);
                }
            }
        }
    }
}

/// Results that may wait for being added up; then the threads wait.
const RESULTS_PENDING_MAX: usize = 1024;
