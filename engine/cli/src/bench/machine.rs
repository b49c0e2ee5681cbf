//! What the machine says about this process: CPU time, memory, hand-offs to kernel workers.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process, user and system, all threads.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Resident memory of this process in bytes; 0 if the kernel does not say.
pub(crate) fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|statm| {
        statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok())
    });
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Counts the operations that the kernel handed to a worker thread, by its own tracepoint. Needs
/// root and tracefs.
pub(crate) struct PuntCounter {
    instance: PathBuf,
}

impl PuntCounter {
    /// Starts counting; `None` where that is not possible.
    pub(crate) fn start() -> Option<PuntCounter> {
        let instance = PathBuf::from(format!(
            "/sys/kernel/tracing/instances/roundhouse-{}",
            std::process::id()
        ));
        fs::create_dir(&instance).ok()?;
        let counter = PuntCounter { instance };
        let event = counter.instance.join("events/io_uring/io_uring_queue_async_work/enable");
        fs::write(event, "1").ok()?;
        Some(counter)
    }

    /// Operations handed over so far, of every process on the machine.
    pub(crate) fn count(&self) -> Option<u64> {
        let cpus = fs::read_dir(self.instance.join("per_cpu")).ok()?;
        let mut total = 0;
        for cpu in cpus.flatten() {
            let stats = fs::read_to_string(cpu.path().join("stats")).ok()?;
            let field = |name: &str| {
                let line = stats.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim().parse::<u64>().ok()
            };
            total += field("entries:")? + field("overrun:")?;
        }
        Some(total)
    }
}

impl Drop for PuntCounter {
    fn drop(&mut self) {
        // Nothing depends on it; a leftover is named after a process that is gone.
        fs::remove_dir(&self.instance).ok();
    }
}
