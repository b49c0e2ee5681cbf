//! Which seeds run, what is said about them, and how one that failed is replayed.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use crate::panics;

/// Runs `scenario` for seed after seed.
///
/// `ROUNDHOUSE_SEED=7` runs that seed only, `ROUNDHOUSE_SEEDS=20000` the seeds below that number,
/// `ROUNDHOUSE_SEEDS=500..900` a range; otherwise it is the seeds below `count`.
///
/// # Panics
/// With the scenario, after the command that replays the seed was printed.
pub(crate) fn run(test: &str, count: u64, mut scenario: impl FnMut(u64)) {
    let seeds = chosen(count);
    let started = now();
    for seed in seeds.clone() {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            scenario(seed);
            panics::assert_none();
        }));
        if let Err(panic) = outcome {
            say(&format!(
                "seed {seed} failed; replay it with\n  ROUNDHOUSE_SEED={seed} cargo test -p \
                 roundhouse-store --test simulate {test} -- --nocapture"
            ));
            resume_unwind(panic);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let ran = seeds.end - seeds.start;
    let per_minute = ran as f64 * 60.0 / seconds;
    say(&format!("{test}: {ran} seeds in {seconds:.1} s, {per_minute:.0} a minute"));
}

fn chosen(count: u64) -> Range<u64> {
    if let Some(seed) = variable("ROUNDHOUSE_SEED") {
        let seed = parse(&seed);
        return seed..seed + 1;
    }
    match variable("ROUNDHOUSE_SEEDS") {
        None => 0..count,
        Some(range) => match range.split_once("..") {
            Some((from, to)) => parse(from)..parse(to),
            None => 0..parse(&range),
        },
    }
}

fn parse(number: &str) -> u64 {
    number.parse().unwrap_or_else(|_| panic!("{number:?} is not the number of a seed"))
}

#[expect(clippy::disallowed_methods, reason = "a test is told from outside which seeds to run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "how fast the simulation is in real time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stderr, reason = "a failing seed must be named whatever the harness shows")]
fn say(text: &str) {
    eprintln!("{text}");
}
