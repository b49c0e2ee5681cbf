//! The `roundhouse-verify` command: tries to break stores, counts how, and names the seed that did.
//!
//! The table goes to standard output, the live line to standard error if that is a terminal. The
//! exit status is 1 if a check failed, or if a planted bug survived.

#![forbid(unsafe_code)]

mod arguments;
mod live;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use roundhouse_verify::{Outcome, run};

use crate::arguments::Arguments;
use crate::live::LiveLine;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "planted")]
    if let Some(bugs) = arguments.bugs() {
        return hunt(&bugs, &arguments);
    }
    let live = LiveLine::new();
    let (first, budget) = arguments.seeds();
    let threads = arguments.threads();
    let outcome = run(first, budget, threads, arguments.scenario, |report| live.show(report));
    live.end();
    match print(&outcome) {
        Ok(()) if outcome.violation.is_none() => ExitCode::SUCCESS,
        // A pipe that nobody reads any more is no reason to say more.
        _ => ExitCode::FAILURE,
    }
}

fn print(outcome: &Outcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", outcome.report)?;
    match &outcome.violation {
        Some(violation) => writeln!(out, "\n{violation}"),
        None => writeln!(out, "\nno violation"),
    }
}

/// Hunts planted bugs. The last line is what `.ci/run` counts.
#[cfg(feature = "planted")]
fn hunt(bugs: &[roundhouse_base::planted::Bug], arguments: &Arguments) -> ExitCode {
    // A pipe that nobody reads any more is no reason to say more.
    let tell = |line: &dyn std::fmt::Display| drop(writeln!(io::stdout().lock(), "{line}"));
    let time_max = arguments.hunt_time_max();
    let survivors =
        roundhouse_verify::hunt_all(bugs, arguments.threads(), time_max, |hunt| tell(hunt));
    tell(&format_args!("{} passed, {survivors} failed", bugs.len() - survivors));
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
