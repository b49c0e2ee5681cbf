//! One subject, measured once, in a process of its own: so memory and CPU time are its own, and
//! nothing that another subject left running disturbs it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use roundhouse_measure::{Case, MeasureError, Measurement, Sizes, Stage, Subject, Suite, machine};

use crate::arguments::{OneArgs, SizeArgs};
use crate::{print_line, say, suites};

/// Who, in what.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) case: &'a Case,
    pub(crate) subject: &'a dyn Subject,
}

/// Measures the subject here and prints what came of it, one JSON object a line.
pub(crate) fn measure(args: &OneArgs) -> Result<(), MeasureError> {
    let suites = suites::all();
    let suite = suites.iter().find(|suite| suite.name == args.suite);
    let case = suite.and_then(|suite| suite.case(&args.case));
    let subject = case.and_then(|case| case.subject(&args.subject));
    let subject = subject.ok_or("there is no such suite, case or subject")?;
    let stage = stage(&args.size);
    let stage = if args.count { stage.counting() } else { stage };
    for mut measurement in subject.measure(&stage)? {
        // Unless it is another process that was measured.
        measurement.rss_mib = measurement.rss_mib.or_else(machine::resident_mib_max);
        print_line(&serde_json::to_string(&measurement)?)?;
    }
    Ok(())
}

/// Has another process of this program measure the subject. If that fails, whatever the reason, it is
/// the one measurement that there is.
///
/// # Errors
/// Only if no process could be started.
pub(crate) fn measure_apart(
    entry: Entry<'_>,
    size: &SizeArgs,
    counts: bool,
) -> Result<Vec<Measurement>, MeasureError> {
    let Entry { suite, case, subject } = entry;
    let mut command = Command::new("/proc/self/exe");
    command.args(["measure", suite.name, case.name, subject.name()]);
    command.arg("--dir").arg(&size.dir);
    command.args(["--seconds", &size.seconds.to_string()]);
    command.args(["--bytes", &size.bytes.to_string()]);
    if counts {
        command.arg("--count");
    }
    let output = command.stderr(Stdio::piped()).output()?;
    let measured = measurements(&output).unwrap_or_else(|why| {
        say(&format!("{}, {}, {}: {why}", suite.name, case.name, subject.name()));
        vec![Measurement::failure(why)]
    });
    Ok(measured)
}

/// What a process printed, or why it failed.
fn measurements(output: &Output) -> Result<Vec<Measurement>, String> {
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let last = told.lines().last().unwrap_or("without a word");
        return Err(format!("{last} ({})", output.status));
    }
    told.lines().for_each(say);
    let printed = String::from_utf8_lossy(&output.stdout);
    let parsed: Result<Vec<Measurement>, _> = printed.lines().map(serde_json::from_str).collect();
    let measured = parsed.map_err(|error| format!("it printed no figure: {error}"))?;
    if measured.is_empty() { Err("it printed nothing".to_owned()) } else { Ok(measured) }
}

/// The command that appends to the store in a folder until it is killed.
pub(crate) fn appender(dir: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg("append-until-killed").arg(dir);
    command
}

fn stage(size: &SizeArgs) -> Stage {
    let bytes = size.bytes.0;
    let sizes = Sizes { file: bytes, growth: bytes, store: bytes };
    Stage::new(size.dir.clone(), Duration::from_secs_f64(size.seconds), sizes)
}
