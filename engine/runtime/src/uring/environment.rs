//! A look at the machine before anything is opened.

use super::error::KERNEL_MIN;
use super::options::UringOptions;
use super::setup::{self, ring_bytes};
use super::system::{Limit, SystemFacts, bytes_or_unlimited, count_or_unlimited};

/// What this process finds of io_uring and its limits, each with a verdict and a remedy: the
/// content of `roundhouse doctor`.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The findings, most fundamental first.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, such as `RLIMIT_MEMLOCK`.
    pub name: &'static str,
    /// What was found, for people to read.
    pub value: String,
    /// How that is for the engine.
    pub verdict: Verdict,
    /// What to do about it; empty if nothing.
    pub remedy: String,
}

/// How a finding is for the engine, in the order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The engine runs, but less well than it could.
    Warn,
    /// The engine does not run.
    Fail,
}

impl Environment {
    /// Looks at the kernel, the limits and the permissions of the calling thread, and tries to set
    /// up a ring of default size, which is closed again.
    pub fn inspect() -> Environment {
        let facts = SystemFacts::read();
        Environment {
            findings: vec![
                kernel(&facts),
                sysctl(&facts),
                seccomp(&facts),
                memlock(&facts),
                nofile(&facts),
                cpus(&facts),
                ring(),
            ],
        }
    }

    /// The most severe verdict.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
    }
}

fn kernel(facts: &SystemFacts) -> Finding {
    let name = "kernel";
    let value = facts.release.clone();
    match facts.version() {
        Some(version) if version >= KERNEL_MIN => ok(name, value),
        // Distributions carry newer io_uring in older kernels: whether it is enough, the ring
        // shows.
        _ => warn(name, value, "run Linux 6.1 or later"),
    }
}

fn sysctl(facts: &SystemFacts) -> Finding {
    let name = "kernel.io_uring_disabled";
    match facts.io_uring_disabled {
        None => ok(name, "not there (before Linux 6.6): not disabled".to_owned()),
        Some(0) => ok(name, "0: allowed for everyone".to_owned()),
        Some(1) => warn(
            name,
            "1: allowed for the privileged and for kernel.io_uring_group".to_owned(),
            "`sysctl kernel.io_uring_disabled=0` if the ring below fails",
        ),
        Some(value) => {
            let remedy = "as root: `sysctl kernel.io_uring_disabled=0`";
            fail(name, format!("{value}: forbidden for everyone"), remedy)
        }
    }
}

fn seccomp(facts: &SystemFacts) -> Finding {
    let value = match facts.seccomp {
        None => "unknown".to_owned(),
        Some(0) => "none".to_owned(),
        // A filter is no fault: many let io_uring pass. The ring shows whether this one does.
        Some(mode) => format!("mode {mode}: a filter is active"),
    };
    ok("seccomp", value)
}

fn memlock(facts: &SystemFacts) -> Finding {
    let name = "RLIMIT_MEMLOCK";
    let value = limit_text(facts.memlock, bytes_or_unlimited);
    let options = UringOptions::default();
    let ring = ring_bytes(options.entries, options.completions);
    let wanted = ring * u64::from(facts.cpus.unwrap_or(1));
    let remedy = "`ulimit -l 8192`, `LimitMEMLOCK=8M` in a systemd unit, or `memlock` in \
                  /etc/security/limits.conf";
    if facts.may_lock_any {
        ok(name, format!("{value}; CAP_IPC_LOCK: not limited"))
    } else if facts.memlock.allows(wanted) {
        ok(name, value)
    } else {
        // Whether anything fits at all, the ring shows.
        warn(name, format!("{value}: less than a full ring for each CPU"), remedy)
    }
}

fn nofile(facts: &SystemFacts) -> Finding {
    let name = "RLIMIT_NOFILE";
    let value = limit_text(facts.nofile, count_or_unlimited);
    if facts.nofile.allows(FILES_WANTED) {
        ok(name, value)
    } else {
        warn(name, value, "`ulimit -n 65536`, or `LimitNOFILE=65536` in a systemd unit")
    }
}

fn cpus(facts: &SystemFacts) -> Finding {
    let value = facts.cpus.map_or_else(|| "unknown".to_owned(), |cpus| cpus.to_string());
    ok("CPUs allowed", value)
}

fn ring() -> Finding {
    let name = "io_uring";
    let options = UringOptions::default();
    match setup::set_up(&options) {
        Err(error) => fail(name, error.found(), &error.remedy()),
        Ok((_, shape)) => {
            let newer = if shape.no_sqarray { " | NO_SQARRAY" } else { "" };
            let flags = setup::FLAGS;
            let sizes = format!("{} / {} entries", shape.entries, shape.completions);
            if shape.completions < options.completions {
                return warn(name, sizes, "raise RLIMIT_MEMLOCK: it allows a reduced ring only");
            }
            ok(name, format!("{sizes}, {flags}{newer}"))
        }
    }
}

fn limit_text(limit: Limit, text: fn(Option<u64>) -> String) -> String {
    format!("{} (hard limit {})", text(limit.soft), text(limit.hard))
}

fn ok(name: &'static str, value: String) -> Finding {
    Finding { name, value, verdict: Verdict::Ok, remedy: String::new() }
}

fn warn(name: &'static str, value: String, remedy: &str) -> Finding {
    Finding { name, value, verdict: Verdict::Warn, remedy: remedy.to_owned() }
}

fn fail(name: &'static str, value: String, remedy: &str) -> Finding {
    Finding { name, value, verdict: Verdict::Fail, remedy: remedy.to_owned() }
}

/// Slot files and sockets of a small engine.
const FILES_WANTED: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_runs_these_tests_is_fit() {
        let environment = Environment::inspect();
        assert!(environment.verdict() < Verdict::Fail, "{environment:#?}");
        let ring = environment.findings.last().unwrap();
        assert!(ring.value.contains("DEFER_TASKRUN"), "{ring:?}");
    }

    #[test]
    fn every_complaint_has_a_remedy() {
        let small = Limit { soft: Some(64 * 1024), hard: Some(64 * 1024) };
        let facts = SystemFacts {
            release: "5.10.0".to_owned(),
            io_uring_disabled: Some(2),
            memlock: small,
            may_lock_any: false,
            nofile: Limit { soft: Some(256), hard: Some(256) },
            ..SystemFacts::read()
        };
        for finding in [kernel(&facts), sysctl(&facts), memlock(&facts), nofile(&facts)] {
            assert!(finding.verdict > Verdict::Ok && !finding.remedy.is_empty(), "{finding:?}");
        }
    }
}
