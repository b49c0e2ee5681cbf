//! The `roundhouse` command: appends to, reads, checks and repairs stores from a shell.
//!
//! Data goes to standard output, talk to standard error, and the exit status says how it ended
//! ([`exit::Exit`]). Each command is a module that takes its parsed arguments.

#![forbid(unsafe_code)]

mod append;
mod arguments;
mod bench;
mod exit;
mod framing;
mod output;
mod read;
mod stopwatch;
mod store;

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
    }
}
