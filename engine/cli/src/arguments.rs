//! What the command line looks like.

use clap::{Parser, Subcommand};

use crate::append::AppendArguments;
use crate::read::ReadArguments;

/// Durable logs on io_uring: append, read, check and repair.
#[derive(Debug, Parser)]
#[command(name = "roundhouse", version, after_help = EXIT_STATUS, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Append records from standard input to a log
    Append(AppendArguments),
    /// Write the records of a log to standard output
    Read(ReadArguments),
    /// Measure this engine beside a bare ring, interleaved in one run
    #[command(subcommand)]
    Bench(crate::bench::BenchCommand),
}

/// Shown by `--help` and in the manual page.
const EXIT_STATUS: &str = "\
Exit status:
  0  success
  1  failure; standard error says what failed and what to do
  2  the command line makes no sense
  4  corruption: acknowledged data is damaged";
