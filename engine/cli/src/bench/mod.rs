//! `roundhouse bench`: this engine beside its ceiling, the same operations on a bare ring, in one
//! run, interleaved round by round, so that a noisy machine is equally noisy to both.

mod append;
mod machine;
mod read;
mod report;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::bench::report::Report;
use crate::exit::{Exit, Stop};
use crate::output;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Appends: one writer, 64 tasks, 64 threads, bandwidth, relaxed durability.
    Append(BenchArgs),
    /// Reads: cold and sequential, the tail from memory, opening a store, doing nothing.
    Read(BenchArgs),
}

/// How to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// Where to make the files; a new folder in it is used and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Rounds; of each figure the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds per case and round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only the cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Bytes of growth into fresh slots in the case that measures that.
    #[arg(long, default_value = "8GiB")]
    growth: roundhouse::ByteSize,
    /// Bytes of the store that is opened.
    #[arg(long, default_value = "10GiB")]
    store: roundhouse::ByteSize,
    /// One JSON object a line on standard output instead of a table.
    #[arg(long)]
    json: bool,
}

/// Why a measurement could not be made.
pub(crate) type BenchError = Box<dyn std::error::Error>;

/// A case: its name, and what runs it once.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Bench) -> Result<Vec<Sample>, BenchError>,
}

/// One figure of one round.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Who was measured: `ceiling` or `roundhouse`.
    pub(crate) subject: &'static str,
    /// What the figure counts.
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) latency_us: Option<LatencyUs>,
    /// Seconds of CPU the process used meanwhile, user and system.
    pub(crate) cpu_s: f64,
    pub(crate) note: String,
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LatencyUs {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// What every case needs.
pub(crate) struct Bench {
    pub(crate) args: BenchArgs,
    pub(crate) scratch: PathBuf,
}

impl Bench {
    /// How long a case goes on in one round.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.args.seconds)
    }

    /// A path in the scratch folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }
}

/// Runs all cases, round by round, and prints the report.
pub(crate) fn run(command: BenchCommand) -> Result<Exit, Stop> {
    let benched = bench(command);
    benched.map(|()| Exit::Success).map_err(|error| Stop::failure(error.to_string()))
}

fn bench(command: BenchCommand) -> Result<(), BenchError> {
    let (cases, args) = match command {
        BenchCommand::Append(args) => (append::CASES, args),
        BenchCommand::Read(args) => (read::CASES, args),
    };
    let scratch = args.dir.join(format!("roundhouse-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let bench = Bench { args, scratch };
    let measured = measure(&bench, cases);
    // The files are large: remove them whatever happened, and tell what happened first.
    let removed = std::fs::remove_dir_all(&bench.scratch);
    measured?;
    removed?;
    Ok(())
}

fn measure(bench: &Bench, cases: &[Case]) -> Result<(), BenchError> {
    let mut report = Report::default();
    let punts = machine::PuntCounter::start();
    for round in 0..bench.args.rounds {
        for case in cases.iter().filter(|case| case.name.contains(&bench.args.only)) {
            output::say(&format!("round {} of {}: {}", round + 1, bench.args.rounds, case.name));
            for sample in (case.run)(bench)? {
                report.add(case.name, round, sample);
            }
        }
    }
    report.punts = punts.and_then(|punts| punts.count());
    report.print(bench.args.json)?;
    Ok(())
}
