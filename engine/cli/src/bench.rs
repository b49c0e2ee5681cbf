//! `roundhouse bench`: this engine beside its ceiling, the same operations on a bare ring, in one
//! run, interleaved round by round, so that a noisy machine is equally noisy to both.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use clap::{Args, Subcommand};
use roundhouse::ByteSize;
use roundhouse_measure::{
    Case, EventCounter, MeasureError, NotCounted, Row, Sizes, Stage, Subject, Suite, Summary, store,
};
use serde_json::json;

use crate::exit::{Exit, Stop};
use crate::output;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Appends: one writer, 64 writers, batches, bandwidth; all durabilities.
    Append(BenchArgs),
    /// Reads: cold, sequential and anywhere, the tail from memory; opening a store, doing nothing.
    Read(BenchArgs),
    /// Appends to a folder until it is killed: what `bench read` kills before it opens a store.
    #[command(hide = true)]
    AppendUntilKilled {
        /// The folder of the store.
        dir: PathBuf,
    },
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
    growth: ByteSize,
    /// Bytes of the store that is opened.
    #[arg(long, default_value = "10GiB")]
    store: ByteSize,
    /// One JSON object a line on standard output instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs all cases, round by round, and prints the report.
pub(crate) fn run(command: BenchCommand) -> Result<Exit, Stop> {
    let benched = match command {
        BenchCommand::Append(args) => bench(&[store::wal()], &args),
        BenchCommand::Read(args) => bench(&[store::read(), store::recovery(appender)], &args),
        BenchCommand::AppendUntilKilled { dir } => store::append_until_killed(&dir, print_line),
    };
    benched.map(|()| Exit::Success).map_err(|error| Stop::failure(error.to_string()))
}

fn bench(suites: &[Suite], args: &BenchArgs) -> Result<(), MeasureError> {
    let scratch = args.dir.join(format!("roundhouse-bench-{}", process::id()));
    std::fs::create_dir_all(&scratch)?;
    let measured = measure(suites, args, &scratch);
    // The files are large: remove them whatever happened, and tell what happened first.
    let removed = std::fs::remove_dir_all(&scratch);
    measured?;
    Ok(removed?)
}

fn measure(suites: &[Suite], args: &BenchArgs, scratch: &Path) -> Result<(), MeasureError> {
    let sizes = Sizes { growth: args.growth.0, store: args.store.0, ..Sizes::default() };
    let duration = Duration::from_secs_f64(args.seconds);
    let stage = Stage::new(scratch.to_owned(), duration, sizes);
    let punts = EventCounter::of_all(EventCounter::PUNTS);
    let mut rows = Vec::new();
    for round in 0..args.rounds {
        for (suite, case) in cases(suites, &args.only) {
            output::say(&format!("round {} of {}: {}", round + 1, args.rounds, case.name));
            for subject in &case.subjects {
                rows.extend(measure_one(suite, case, subject.as_ref(), round, &stage)?);
            }
        }
    }
    print(&rows, &punts, args.json)
}

fn cases<'a>(suites: &'a [Suite], only: &str) -> impl Iterator<Item = (&'a Suite, &'a Case)> {
    let all = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    all.filter(move |(_, case)| case.name.contains(only))
}

fn measure_one(
    suite: &Suite,
    case: &Case,
    subject: &dyn Subject,
    round: usize,
    stage: &Stage,
) -> Result<impl Iterator<Item = Row>, MeasureError> {
    let (suite, case) = (suite.name.to_owned(), case.name.to_owned());
    let subject_name = subject.name().to_owned();
    let measured = subject.measure(stage)?;
    Ok(measured.into_iter().map(move |measurement| Row {
        suite: suite.clone(),
        case: case.clone(),
        subject: subject_name.clone(),
        round,
        measurement,
    }))
}

fn print(
    rows: &[Row],
    punts: &Result<EventCounter, NotCounted>,
    as_json: bool,
) -> Result<(), MeasureError> {
    let mut out = output::buffered();
    let summary = Summary::of(rows);
    let counted = punts.as_ref().map(EventCounter::count);
    if as_json {
        for row in rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
        for line in &summary.lines {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
        }
        writeln!(out, "{}", json!({ "io_wq_punts": counted.ok().flatten() }))?;
    } else {
        summary.write_table(&mut out)?;
        write!(out, "operations handed to kernel workers: ")?;
        match counted {
            Ok(Some(punts)) => writeln!(out, "{punts}")?,
            Ok(None) => writeln!(out, "not counted (the kernel's tracing does not say)")?,
            Err(reason) => writeln!(out, "not counted ({reason})")?,
        }
    }
    Ok(out.flush()?)
}

/// The command that runs [`BenchCommand::AppendUntilKilled`].
fn appender(dir: &Path) -> process::Command {
    let mut command = process::Command::new("/proc/self/exe");
    command.args(["bench", "append-until-killed"]).arg(dir);
    command
}

fn print_line(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
