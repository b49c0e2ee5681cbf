//! The machine and the versions of a run.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Facts with their names, in the order a reader wants them. What can't be found out is left out.
pub(crate) fn facts(dir: &Path) -> Vec<(&'static str, String)> {
    let facts = [
        ("Roundhouse", Some(roundhouse_version())),
        ("compiler", output("rustc", &["--version"])),
        ("kernel", fs::read_to_string("/proc/sys/kernel/osrelease").ok()),
        ("processor", processor()),
        ("memory", line("/proc/meminfo", "MemTotal:")),
        ("file system", file_system(dir)),
    ];
    let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?.trim().to_owned())));
    known.filter(|(_, fact)| !fact.is_empty()).collect()
}

fn roundhouse_version() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let commit = commit.map(|commit| format!(", commit {}", commit.trim())).unwrap_or_default();
    format!("{}{commit}", env!("CARGO_PKG_VERSION"))
}

fn file_system(dir: &Path) -> Option<String> {
    let table = output("df", &["--output=fstype", &dir.to_string_lossy()])?;
    // The first line is a heading.
    Some(table.lines().nth(1)?.to_owned())
}

fn processor() -> Option<String> {
    let model = line("/proc/cpuinfo", "model name")?;
    let model = model.trim_start_matches([' ', '\t', ':']).to_owned();
    let count = std::thread::available_parallelism().ok()?;
    Some(format!("{count} x {model}"))
}

/// What follows `name` in the first line of a file that begins with it.
fn line(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let found = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(found.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
