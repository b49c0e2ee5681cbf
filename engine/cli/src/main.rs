//! The `roundhouse` command: appends to, reads, checks and repairs stores from a shell.
//!
//! Data goes to standard output, talk to standard error, and the exit status says how it ended
//! ([`exit::Exit`]). Each command is a module that takes its parsed arguments.

#![forbid(unsafe_code)]

mod append;
mod arguments;
mod bench;
mod doctor;
mod exit;
mod framing;
mod inspect;
mod json;
mod logs;
mod manual;
mod output;
mod read;
mod repair;
mod salvage;
mod stopwatch;
mod store;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::exit::{Exit, Stop};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(exit) => exit.into(),
        Err(Stop::ClosedPipe) => Exit::Success.into(),
        Err(Stop::Failed { exit, message }) => {
            output::say(&message);
            exit.into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Stop> {
    match command {
        Command::Append(arguments) => append::run(&arguments),
        Command::Read(arguments) => read::run(&arguments),
        Command::Bench(command) => bench::run(command),
        Command::Logs(arguments) => logs::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Repair(arguments) => repair::run(&arguments),
        Command::Salvage(arguments) => salvage::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man => manual::manual_page(),
    }
}
