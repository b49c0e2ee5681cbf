//! `roundhouse doctor`: whether this machine can run the engine.

use std::io::Write;
use std::path::{Path, PathBuf};

use roundhouse::{Environment, Finding, Verdict, offline};
use serde_json::{Value, json};

use crate::exit::{Exit, Stop};
use crate::output;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArguments {
    /// Also try whether a store could live in this directory, which must exist
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Prints what was found.
pub(crate) fn run(arguments: &DoctorArguments) -> Result<Exit, Stop> {
    let mut environment = Environment::inspect();
    if let Some(directory) = &arguments.dir {
        environment.findings.push(examine(directory));
    }
    if arguments.json {
        output::print_json(&to_json(&environment))?;
    } else {
        print(&environment)?;
    }
    match environment.verdict() {
        Verdict::Fail => Ok(Exit::Failure),
        Verdict::Ok | Verdict::Warn => Ok(Exit::Success),
    }
}

fn examine(directory: &Path) -> Finding {
    let name = "directory";
    match offline::probe_directory(directory) {
        Ok(()) => {
            let value = format!("{}: takes durable direct writes", directory.display());
            Finding { name, value, verdict: Verdict::Ok, remedy: String::new() }
        }
        Err(error) => {
            let remedy = "give an existing directory that this user may write to, on ext4, XFS or \
                          another file system with direct I/O";
            let (value, remedy) = (error.to_string(), remedy.to_owned());
            Finding { name, value, verdict: Verdict::Fail, remedy }
        }
    }
}

fn print(environment: &Environment) -> Result<(), Stop> {
    let mut out = output::buffered();
    for Finding { name, value, verdict, remedy } in &environment.findings {
        writeln!(out, "{:4}  {name}: {value}", word(*verdict))?;
        if !remedy.is_empty() {
            writeln!(out, "      remedy: {remedy}")?;
        }
    }
    Ok(out.flush()?)
}

fn to_json(environment: &Environment) -> Value {
    let finding = |finding: &Finding| {
        let Finding { name, value, verdict, remedy } = finding;
        json!({ "name": name, "value": value, "verdict": word(*verdict), "remedy": remedy })
    };
    let findings: Vec<Value> = environment.findings.iter().map(finding).collect();
    json!({ "verdict": word(environment.verdict()), "findings": findings })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    }
}
