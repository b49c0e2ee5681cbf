//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use roundhouse::ByteSize;

use crate::fixed::Work;

/// Measures Roundhouse beside its ceilings and its peers, in one run.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Suites to run; all of them if none is named.
    pub(crate) suites: Vec<String>,
    #[command(flatten)]
    pub(crate) size: SizeArgs,
    /// Rounds; of each figure the median counts.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Only the cases whose name contains this.
    #[arg(long, default_value = "")]
    pub(crate) only: String,
    /// Writes one JSON object a line for every figure of every round.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// Prints the suites, their cases and who is measured in each, and measures nothing.
    #[arg(long)]
    pub(crate) list: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How much of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct SizeArgs {
    /// Where to make the files; a new folder in it is used and removed.
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Seconds per subject, case and round.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Bytes of the files that are written over, read back, grown and opened.
    #[arg(long, default_value = "1GiB")]
    pub(crate) bytes: ByteSize,
}

/// What to leave for people.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// Writes a page with bars and curves that needs no other file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Writes the tables as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes one report of the rows that runs on this machine left.
    Report {
        /// What `--json` wrote, one file or several.
        #[arg(required = true)]
        rows: Vec<PathBuf>,
        #[command(flatten)]
        report: ReportArgs,
    },
    /// Prints what is worse in a run than in an earlier one, beyond the noise; exit status 1 if anything.
    Check {
        /// What `--json` wrote in the earlier run.
        base: PathBuf,
        /// What it wrote in the later one.
        new: PathBuf,
    },
    /// Measures one subject once, in this process, and prints its rows.
    #[command(hide = true)]
    Measure(OneArgs),
    /// Does a fixed amount of work in the simulator, for counting its instructions.
    #[command(hide = true)]
    FixedWork { work: Work, operations: u64 },
    /// Appends to a store until it is killed.
    #[command(hide = true)]
    AppendUntilKilled {
        /// The folder of the store.
        dir: PathBuf,
    },
}

/// Which subject.
#[derive(Debug, Clone, Args)]
pub(crate) struct OneArgs {
    pub(crate) suite: String,
    pub(crate) case: String,
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) size: SizeArgs,
    /// Counts system calls and hand-offs to kernel workers too.
    #[arg(long)]
    pub(crate) count: bool,
}
