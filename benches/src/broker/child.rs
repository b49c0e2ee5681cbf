//! A program that is measured from outside.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use roundhouse_measure::{Counters, MeasureError, Measurement, Stage};

/// A process that is killed when this is dropped.
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts it.
    pub(super) fn start(command: &mut Command) -> Result<Server, MeasureError> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Server { child: child.map_err(|error| format!("{name} cannot be started: {error}"))? })
    }

    /// The first line it prints that contains `text`.
    pub(super) fn line_with(&mut self, text: &str) -> Result<String, MeasureError> {
        let stdout = self.child.stdout.take().ok_or("its output is taken already")?;
        let mut lines = BufReader::new(stdout).lines();
        let found = lines.find(|line| line.as_ref().map_or(true, |line| line.contains(text)));
        // Whatever it prints later is read, so that it never waits for that.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(found.ok_or("it ended before it was ready")??)
    }

    /// CPU time of all its threads so far, user and system.
    fn cpu_time(&self) -> Result<Duration, MeasureError> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // Documentation/scheduler/sched-stats.rst: the first number is time on the CPU in ns.
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += stat.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Begins to measure what the server takes.
    pub(super) fn meter(&self, stage: &Stage) -> Result<Meter<'_>, MeasureError> {
        let counters = stage.counters_of(self.child.id());
        Ok(Meter { server: self, counters, cpu: self.cpu_time()? })
    }
}

/// What a server took so far.
pub(super) struct Meter<'a> {
    server: &'a Server,
    counters: Counters,
    cpu: Duration,
}

impl Meter<'_> {
    /// Adds what the server took since then for so many operations, and its memory.
    pub(super) fn cost(
        self,
        measured: Measurement,
        operations: u64,
    ) -> Result<Measurement, MeasureError> {
        let Meter { server, counters, cpu } = self;
        let cpu = server.cpu_time()?.saturating_sub(cpu);
        let per_operation = |count: u64| count as f64 / operations.max(1) as f64;
        let status = fs::read_to_string(format!("/proc/{}/status", server.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 =
            line.and_then(|line| line.trim().strip_suffix(" kB")).unwrap_or("0").parse()?;
        Ok(Measurement {
            operations: Some(operations),
            cpu_s: Some(cpu.as_secs_f64()),
            rss_mib: Some(kib / 1024.0),
            syscalls_per_op: counters.syscalls().map(per_operation),
            punts: counters.punts(),
            ..measured
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is lost that anybody wants.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A program of this workspace, built beside this one.
pub(super) fn beside(name: &str) -> Result<PathBuf, MeasureError> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(format!("{} is not there: cargo build --release -p broker", path.display()).into())
}

/// Runs a program to its end and gives what it printed.
pub(super) fn output<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String, MeasureError> {
    let Output { status, stdout, .. } =
        Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
    if !status.success() {
        return Err(format!("the load ended with {status}").into());
    }
    Ok(String::from_utf8(stdout)?)
}
