//! Where and how long a subject is measured, and with what watch.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::events::{EventCounter, NotCounted};
use crate::machine;

/// What every subject needs: a folder, a time, sizes, a watch.
#[derive(Debug)]
pub struct Stage {
    scratch: PathBuf,
    /// How long to measure.
    pub duration: Duration,
    /// How large the files are.
    pub sizes: Sizes,
    counters: Counters,
    is_counting: bool,
}

/// What a process asks of the kernel, counted as far as this user may.
#[derive(Debug, Default)]
pub struct Counters {
    syscalls: Option<EventCounter>,
    punts: Option<EventCounter>,
}

impl Counters {
    fn of(count: impl Fn(&str) -> Result<EventCounter, NotCounted>) -> Counters {
        Counters {
            syscalls: count("raw_syscalls/sys_enter").ok(),
            punts: count(EventCounter::PUNTS).ok(),
        }
    }

    /// System calls so far, if they are counted.
    pub fn syscalls(&self) -> Option<u64> {
        self.syscalls.as_ref().and_then(EventCounter::count)
    }

    /// Operations handed to kernel workers so far, if they are counted.
    pub fn punts(&self) -> Option<u64> {
        self.punts.as_ref().and_then(EventCounter::count)
    }
}

/// Bytes of what is measured on.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The file of the ceiling, and a log that is read from the disk: best larger than any cache of
    /// the device.
    pub file: u64,
    /// The growth into slots that were never used.
    pub growth: u64,
    /// The store that is opened.
    pub store: u64,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { file: 1 << 30, growth: 1 << 30, store: 1 << 30 }
    }
}

impl Stage {
    /// Measures in `scratch` for `duration`.
    pub fn new(scratch: PathBuf, duration: Duration, sizes: Sizes) -> Stage {
        Stage { scratch, duration, sizes, counters: Counters::default(), is_counting: false }
    }

    /// Counts system calls and hand-offs to kernel workers of this process too, as far as it may.
    /// That costs every system call a little, so times taken beside it do not count.
    pub fn counting(mut self) -> Stage {
        self.counters = Counters::of(EventCounter::of_this_process);
        self.is_counting = true;
        self
    }

    /// Counts what another process asks of the kernel from now on, if this stage counts at all.
    pub fn counters_of(&self, process: u32) -> Counters {
        if !self.is_counting {
            return Counters::default();
        }
        Counters::of(|event| EventCounter::of_process(event, process))
    }

    /// The folder for all that is measured here.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// How long to do the work before it counts.
    pub fn warm_up(&self) -> Duration {
        (self.duration / 10).min(WARM_UP_MAX)
    }

    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "a measurement has no shard to ask for the time")]
    pub fn watch(&self) -> Watch<'_> {
        Watch {
            stage: self,
            syscalls: self.counters.syscalls(),
            punts: self.counters.punts(),
            cpu: machine::cpu_time(),
            started: Instant::now(),
        }
    }
}

/// A measurement under way.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    stage: &'a Stage,
    started: Instant,
    cpu: Duration,
    syscalls: Option<u64>,
    punts: Option<u64>,
}

impl Watch<'_> {
    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was spent since the start.
    pub fn spent(&self) -> Spent {
        let since = |count: Option<u64>, start: Option<u64>| Some(count?.saturating_sub(start?));
        let counters = &self.stage.counters;
        Spent {
            wall: self.started.elapsed(),
            cpu: machine::cpu_time().saturating_sub(self.cpu),
            syscalls: since(counters.syscalls(), self.syscalls),
            punts: since(counters.punts(), self.punts),
        }
    }
}

/// What a measurement took.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// Time that went by.
    pub wall: Duration,
    /// CPU time of the process, user and system, all threads.
    pub cpu: Duration,
    /// System calls of the process, where they are counted.
    pub syscalls: Option<u64>,
    /// Operations handed to kernel workers, where they are counted.
    pub punts: Option<u64>,
}

/// The longest warm-up: by then group commits and caches have settled.
const WARM_UP_MAX: Duration = Duration::from_millis(300);
