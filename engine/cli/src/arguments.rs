//! What the command line looks like.

use clap::{Parser, Subcommand};

use crate::append::AppendArguments;
use crate::doctor::DoctorArguments;
use crate::inspect::InspectArguments;
use crate::logs::LogsArguments;
use crate::manual::CompletionsArguments;
use crate::read::ReadArguments;
use crate::repair::RepairArguments;
use crate::salvage::SalvageArguments;
use crate::verify::VerifyArguments;

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
    /// List the logs of a store
    Logs(LogsArguments),
    /// Show what a store consists of
    Inspect(InspectArguments),
    /// Check everything in a store, and change nothing
    Verify(VerifyArguments),
    /// Cut a damaged store where the damage begins, and keep what is cut in quarantine
    Repair(RepairArguments),
    /// Read the intact records out of a store that does not open
    Salvage(SalvageArguments),
    /// Say whether this machine can run the engine, and what to do if not
    Doctor(DoctorArguments),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Print the manual page
    Man,
}

/// Shown by `--help` and in the manual page.
const EXIT_STATUS: &str = "\
Exit status:
  0  success
  1  failure; standard error says what failed and what to do
  2  the command line makes no sense
  3  torn tail: a crash left an unfinished write, which opening the store settles
  4  corruption: acknowledged data is damaged";
