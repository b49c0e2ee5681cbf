//! A whole run: all rounds of all cases, subjects interleaved.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use roundhouse_measure::{MeasureError, Measurement, ROUNDHOUSE, Row, Suite, Summary};

use crate::arguments::{Arguments, ReportArgs, SizeArgs};
use crate::one::{Entry, measure_apart};
use crate::report::{self, Report};
use crate::{check, say, suites};

/// Measures, and writes what was asked for; rows as they come, so that a run that is cut short leaves
/// what it found.
pub(crate) fn run(arguments: &Arguments) -> Result<(), MeasureError> {
    let suites = chosen(&arguments.suites)?;
    let scratch = Scratch::new(&arguments.size)?;
    let mut rows = Rows { all: Vec::new(), file: None };
    if let Some(path) = &arguments.json {
        rows.file = Some(File::create(path)?);
    }
    measure(&suites, arguments, &scratch, &mut rows)?;
    report(&suites, &rows.all, &scratch.size.dir, &arguments.report)
}

/// Writes what was asked for of rows that earlier runs left.
pub(crate) fn report_of(paths: &[PathBuf], args: &ReportArgs) -> Result<(), MeasureError> {
    let files = paths.iter().map(|path| check::read_rows(path));
    let rows = files.collect::<Result<Vec<_>, _>>()?.concat();
    report(&suites::all(), &rows, Path::new("."), args)
}

fn report(
    suites: &[Suite],
    rows: &[Row],
    dir: &Path,
    args: &ReportArgs,
) -> Result<(), MeasureError> {
    let summary = Summary::of(rows);
    let report = Report::new(suites, &summary, rows, dir);
    if let Some(path) = &args.html {
        fs::write(path, report::page(&report))?;
    }
    if let Some(path) = &args.markdown {
        fs::write(path, report::markdown(&report))?;
    }
    Ok(summary.write_table(&mut std::io::stdout().lock())?)
}

/// All rows, also in a file if one was asked for.
struct Rows {
    all: Vec<Row>,
    file: Option<File>,
}

impl Rows {
    fn add(&mut self, row: Row) -> Result<(), MeasureError> {
        if let Some(file) = &mut self.file {
            writeln!(file, "{}", serde_json::to_string(&row)?)?;
        }
        self.all.push(row);
        Ok(())
    }
}

fn chosen(names: &[String]) -> Result<Vec<Suite>, MeasureError> {
    let mut all = suites::all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|suite| suite.name != **name)) {
        return Err(format!("there is no suite {unknown:?}; --list shows them").into());
    }
    all.retain(|suite| names.is_empty() || names.iter().any(|name| name == suite.name));
    Ok(all)
}

fn measure(
    suites: &[Suite],
    arguments: &Arguments,
    scratch: &Scratch,
    rows: &mut Rows,
) -> Result<(), MeasureError> {
    for suite in suites {
        for case in suite.cases.iter().filter(|case| case.name.contains(&arguments.only)) {
            say(&format!("{}: {}", suite.name, case.name));
            let entries = case.subjects.iter();
            let entries: Vec<_> = entries
                .map(|subject| Entry { suite, case, subject: subject.as_ref() })
                .map(|entry| Ok((entry, Counts::of(entry, scratch)?)))
                .collect::<Result<_, MeasureError>>()?;
            for round in 0..arguments.rounds {
                measure_round(&entries, round, scratch, rows)?;
            }
            scratch.empty()?;
        }
    }
    Ok(())
}

/// Everybody once, and then the engine once more, which shows the noise.
fn measure_round(
    entries: &[(Entry<'_>, Counts)],
    round: usize,
    scratch: &Scratch,
    rows: &mut Rows,
) -> Result<(), MeasureError> {
    let again = entries.iter().filter(|(entry, _)| entry.subject.name() == ROUNDHOUSE);
    let named = entries.iter().map(|entry| (entry, entry.0.subject.name()));
    for ((entry, counts), subject) in named.chain(again.map(|entry| (entry, AGAIN))) {
        for measured in measure_apart(*entry, &scratch.size, false)? {
            rows.add(Row {
                suite: entry.suite.name.to_owned(),
                case: entry.case.name.to_owned(),
                subject: subject.to_owned(),
                round,
                measurement: counts.add_to(measured),
            })?;
        }
    }
    Ok(())
}

/// What a subject asks of the kernel, counted before the rounds in a measurement whose times do not
/// count. It also finds whatever is only made the first time.
struct Counts(Vec<Measurement>);

impl Counts {
    fn of(entry: Entry<'_>, scratch: &Scratch) -> Result<Counts, MeasureError> {
        let seconds = scratch.size.seconds.min(COUNTING_SECONDS_MAX);
        let size = SizeArgs { seconds, ..scratch.size.clone() };
        Ok(Counts(measure_apart(entry, &size, true)?))
    }

    fn add_to(&self, mut measured: Measurement) -> Measurement {
        // Where counting failed, no unit is the same.
        if let Some(counted) = self.0.iter().find(|counted| counted.unit == measured.unit) {
            measured.syscalls_per_op = counted.syscalls_per_op;
            measured.punts = counted.punts;
        }
        measured
    }
}

/// The folder that a run works in, removed at its end however it ends.
struct Scratch {
    size: SizeArgs,
}

impl Scratch {
    fn new(size: &SizeArgs) -> Result<Scratch, MeasureError> {
        let dir = size.dir.join(format!("roundhouse-compare-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        Ok(Scratch { size: SizeArgs { dir, ..size.clone() } })
    }

    /// Removes what a case left, so that a run needs no more space than its largest case.
    fn empty(&self) -> Result<(), MeasureError> {
        let left: Vec<PathBuf> = fs::read_dir(&self.size.dir)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        for path in left {
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is named after this process and stays for its owner to see.
        drop(fs::remove_dir_all(&self.size.dir));
    }
}

/// The engine's second measurement in each round.
pub(crate) const AGAIN: &str = "roundhouse-again";

/// How long to count; ratios per operation are settled long before.
const COUNTING_SECONDS_MAX: f64 = 0.5;
