//! What the machine says about itself and about this process.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process, user and system, all threads.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Resident memory of this process in MiB; `None` if the kernel does not say.
pub fn resident_mib() -> Option<f64> {
    status_mib("VmRSS:")
}

/// The largest resident memory that this process ever had, in MiB; `None` if the kernel does not
/// say.
pub fn resident_mib_max() -> Option<f64> {
    status_mib("VmHWM:")
}

/// A line of `/proc/self/status` that is in kB, in MiB.
fn status_mib(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}
