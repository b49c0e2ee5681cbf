//! Counting what happens in the kernel, by its own tracepoints.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Counts how often a tracepoint of the kernel fires, from its start until it is dropped.
///
/// It is an instance of the tracing file system (`Documentation/trace/ftrace.rst`, "Instances"), so
/// it disturbs nobody else's tracing. Needs that file system mounted, and root.
#[derive(Debug)]
pub struct EventCounter {
    instance: PathBuf,
}

/// Why nothing is counted.
#[derive(Debug, PartialEq, Eq)]
pub enum NotCounted {
    /// The tracing file system is not there.
    NotMounted,
    /// This user may not use it.
    NotAllowed,
    /// The kernel does not know the event, or refuses to count it.
    Refused(String),
}

impl EventCounter {
    /// The event that an operation of a ring is handed to a worker thread.
    pub const PUNTS: &'static str = "io_uring/io_uring_queue_async_work";

    /// Counts an event, named `system/event`, of every process on the machine.
    ///
    /// # Errors
    /// See [`NotCounted`].
    pub fn of_all(event: &str) -> Result<EventCounter, NotCounted> {
        let counter = EventCounter::create(event, "all")?;
        counter.enable(event)?;
        Ok(counter)
    }

    /// Counts an event of another process: of the threads that it has, and of every thread and
    /// process that is started from one of those later on.
    ///
    /// # Errors
    /// See [`NotCounted`].
    pub fn of_process(event: &str, process: u32) -> Result<EventCounter, NotCounted> {
        let threads = fs::read_dir(format!("/proc/{process}/task"));
        let threads = threads.map_err(|error| not_counted(&error))?.flatten();
        let threads: Vec<_> =
            threads.map(|thread| thread.file_name().to_string_lossy().into_owned()).collect();
        EventCounter::of_threads(event, &process.to_string(), &threads.join(" "))
    }

    /// Counts an event of this thread and of every thread and process that is started from it or
    /// from one of those later on.
    ///
    /// # Errors
    /// See [`NotCounted`].
    pub fn of_this_process(event: &str) -> Result<EventCounter, NotCounted> {
        let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
        EventCounter::of_threads(event, "this", &thread)
    }

    /// How often the event fired so far; `None` if the kernel does not say.
    pub fn count(&self) -> Option<u64> {
        let cpus = fs::read_dir(self.instance.join("per_cpu")).ok()?;
        let mut total = 0;
        for cpu in cpus.flatten() {
            let stats = fs::read_to_string(cpu.path().join("stats")).ok()?;
            let field = |name: &str| {
                let line = stats.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim().parse::<u64>().ok()
            };
            // What the buffer holds, and what was overwritten in it.
            total += field("entries:")? + field("overrun:")?;
        }
        Some(total)
    }

    /// Counts an event of threads and of all that is started from them; `whose` names them.
    fn of_threads(event: &str, whose: &str, threads: &str) -> Result<EventCounter, NotCounted> {
        let counter = EventCounter::create(event, whose)?;
        counter.write("set_event_pid", threads)?;
        counter.write("options/event-fork", "1")?;
        counter.enable(event)?;
        Ok(counter)
    }

    fn create(event: &str, whose: &str) -> Result<EventCounter, NotCounted> {
        if !Path::new(TRACING).join("instances").exists() {
            // A mounted one may be hidden from those who may not look into it.
            let is_root = rustix::process::geteuid().is_root();
            return Err(if is_root { NotCounted::NotMounted } else { NotCounted::NotAllowed });
        }
        remove_leftovers();
        let event = event.replace('/', "-");
        let name = format!("roundhouse-{}-{whose}-{event}", std::process::id());
        let instance = Path::new(TRACING).join("instances").join(name);
        fs::create_dir(&instance).map_err(|error| not_counted(&error))?;
        Ok(EventCounter { instance })
    }

    fn enable(&self, event: &str) -> Result<(), NotCounted> {
        self.write(&format!("events/{event}/enable"), "1")
    }

    fn write(&self, file: &str, text: &str) -> Result<(), NotCounted> {
        fs::write(self.instance.join(file), text).map_err(|error| not_counted(&error))
    }
}

impl Drop for EventCounter {
    fn drop(&mut self) {
        // Nothing depends on it; a leftover is named after a process that is gone.
        fs::remove_dir(&self.instance).ok();
    }
}

impl std::fmt::Display for NotCounted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotCounted::NotMounted => {
                write!(f, "tracefs is not mounted: mount -t tracefs tracefs {TRACING}")
            }
            NotCounted::NotAllowed => write!(f, "needs root and tracefs mounted at {TRACING}"),
            NotCounted::Refused(error) => write!(f, "the kernel's tracing refused: {error}"),
        }
    }
}

impl std::error::Error for NotCounted {}

fn not_counted(error: &io::Error) -> NotCounted {
    match error.kind() {
        io::ErrorKind::PermissionDenied => NotCounted::NotAllowed,
        _ => NotCounted::Refused(error.to_string()),
    }
}

/// Removes what processes left that were killed while they counted: an event that nobody looks at any
/// more would go on to cost every process of the machine something.
fn remove_leftovers() {
    for instance in
        fs::read_dir(Path::new(TRACING).join("instances")).into_iter().flatten().flatten()
    {
        let name = instance.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix("roundhouse-").and_then(|rest| rest.split('-').next());
        let is_gone = |process: &str| !Path::new("/proc").join(process).exists();
        if process.is_some_and(is_gone) {
            // Somebody else may have been faster.
            fs::remove_dir(instance.path()).ok();
        }
    }
}

/// Where the kernel's documentation has the tracing file system mounted.
const TRACING: &str = "/sys/kernel/tracing";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_does_not_exist_is_refused_or_not_to_be_seen() {
        let refused = EventCounter::of_all("io_uring/no_such_event").map(drop);
        assert!(refused.is_err());
    }

    #[test]
    fn the_system_calls_of_another_process_are_counted_where_they_may_be() {
        let mut other = std::process::Command::new("sh")
            .args(["-c", "read line; for number in 1 2 3 4; do kill -0 $$; done; read line"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let counter = EventCounter::of_process("raw_syscalls/sys_enter", other.id());
        let mut input = other.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, b"go\n").unwrap();
        drop(input);
        other.wait().unwrap();
        // Only root may count, and only where the tracing file system is mounted.
        if let Ok(counter) = counter {
            assert!(counter.count().unwrap() > 4);
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        // No process has this number: it is above the largest there can be.
        let left = Path::new(TRACING).join("instances/roundhouse-4194305-left");
        // Only root may, and only where the tracing file system is mounted.
        if fs::create_dir(&left).is_ok() {
            remove_leftovers();
            assert!(!left.exists());
        }
    }

    #[test]
    fn each_reason_names_its_remedy() {
        assert!(NotCounted::NotMounted.to_string().contains("mount -t tracefs"));
        assert!(NotCounted::NotAllowed.to_string().contains("root"));
    }
}
