//! What a seed stands for.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use roundhouse_base::random::mix;

use crate::checks::{self, Check};
use crate::panics;
use crate::report::Report;
use crate::simulation::Simulation;

/// What goes wrong besides crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Nothing.
    Crashes,
    /// Writes and syncs fail, writes are cut short, operations stall.
    Writing,
    /// Reads fail or return a wrong bit.
    Reading,
    /// The pool's capacity or the disk is small.
    Full,
    /// The disk acknowledges what it did not store, stores it elsewhere, and forgets.
    Lying,
    /// Power fails at every step of opening the store after a crash, and again.
    Recovery,
    /// Files are damaged while the store is closed; then it is opened, verified and repaired, with
    /// power failing meanwhile.
    Damage,
}

impl Scenario {
    /// Every scenario, in the order of their declaration.
    pub const ALL: [Scenario; 7] = [
        Scenario::Crashes,
        Scenario::Writing,
        Scenario::Reading,
        Scenario::Full,
        Scenario::Lying,
        Scenario::Recovery,
        Scenario::Damage,
    ];

    /// The one that a seed stands for, if none is asked for.
    pub fn of_seed(seed: u64) -> Scenario {
        Scenario::ALL[(mix(seed) % Scenario::ALL.len() as u64) as usize]
    }

    fn name(self) -> &'static str {
        match self {
            Scenario::Crashes => "crashes",
            Scenario::Writing => "writing",
            Scenario::Reading => "reading",
            Scenario::Full => "full",
            Scenario::Lying => "lying",
            Scenario::Recovery => "recovery",
            Scenario::Damage => "damage",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Scenario, String> {
        let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
        let names = || Scenario::ALL.map(Scenario::name).join(", ");
        found.ok_or_else(|| format!("there is no scenario {name:?}, but {}", names()))
    }
}

/// A check that failed.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed that replays it,
    pub seed: u64,
    /// as this scenario.
    pub scenario: Scenario,
    /// The check. What the store itself asserts counts as [`Check::NoPanic`].
    pub check: Check,
    /// What was found.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { seed, scenario, check, message } = self;
        let forced = *scenario != Scenario::of_seed(*seed);
        let forced = if forced { format!(" --scenario {scenario}") } else { String::new() };
        write!(
            f,
            "seed {seed} ({scenario}) violates \"{check}\":\n{message}\nreplay it with\n  \
             cargo run --release -p roundhouse-verify -- --seed {seed}{forced}"
        )
    }
}

/// Runs what `seed` stands for, or that seed of `scenario` if one is given.
///
/// # Errors
/// The first check that failed.
pub fn run_seed(seed: u64, scenario: Option<Scenario>) -> Result<Report, Box<Violation>> {
    let scenario = scenario.unwrap_or_else(|| Scenario::of_seed(seed));
    checks::start();
    panics::watch();
    let mut report = Report::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Simulation::new(seed, scenario).run(&mut report);
    }));
    let panics = panics::take();
    let (counts, failed) = checks::finish();
    report.checks += &counts;
    report.seeds[scenario as usize] += 1;
    if outcome.is_ok() && panics.is_empty() {
        return Ok(report);
    }
    let check = failed.unwrap_or(Check::NoPanic);
    let message = panics.first().cloned().unwrap_or_else(|| "a panic without words".to_owned());
    Err(Box::new(Violation { seed, scenario, check, message }))
}
