//! `compare`: Roundhouse beside its ceilings and its peers, in one run, subjects interleaved round by
//! round, each measurement in a process of its own.

#![forbid(unsafe_code)]

mod arguments;
mod bars;
mod broker;
mod check;
mod cores;
mod facts;
mod fixed;
mod one;
mod peers;
mod quic;
mod report;
mod run;
mod sockets;
mod suites;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use roundhouse_measure::{MeasureError, store};

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(exit) => exit,
        Err(error) => {
            say(&error.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, MeasureError> {
    match arguments.command {
        None if arguments.list => list()?,
        None => run::run(&arguments)?,
        Some(Command::Report { rows, report }) => run::report_of(&rows, &report)?,
        Some(Command::Check { base, new }) => return check(&base, &new),
        Some(Command::Measure(one)) => one::measure(&one)?,
        Some(Command::FixedWork { work, operations }) => fixed::run(work, operations)?,
        Some(Command::AppendUntilKilled { dir }) => store::append_until_killed(&dir, print_line)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what became worse.
fn check(base: &Path, new: &Path) -> Result<ExitCode, MeasureError> {
    let regressions = check::regressions(&check::read_rows(base)?, &check::read_rows(new)?);
    for regression in &regressions {
        print_line(regression)?;
    }
    Ok(if regressions.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints every suite with its cases and subjects.
fn list() -> Result<(), MeasureError> {
    for suite in suites::all() {
        print_line(&format!("{}: {}", suite.name, suite.about))?;
        for case in suite.cases {
            let subjects: Vec<&str> = case.subjects.iter().map(|subject| subject.name()).collect();
            print_line(&format!("  {:<24} {}", case.name, subjects.join(", ")))?;
        }
    }
    Ok(())
}

/// Writes a line of data.
fn print_line(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Writes a line for people. Nobody may be there to read it, which is fine.
fn say(message: &str) {
    drop(writeln!(std::io::stderr().lock(), "compare: {message}"));
}
