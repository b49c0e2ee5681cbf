//! What the kernel and this process's limits say about io_uring.

use std::fs;

use roundhouse_base::ByteSize;
use rustix::process::{Resource, getrlimit};
use rustix::thread::CapabilitySet;

/// The facts a failed set-up is explained with, as they are now. What can't be read is `None`.
#[derive(Clone, Debug)]
pub(super) struct SystemFacts {
    /// Kernel release, such as `6.1.0-18-amd64`.
    pub(super) release: String,
    /// `kernel.io_uring_disabled` (Linux 6.6): 0 for all allowed, 1 for privileged only, 2 for
    /// nobody.
    pub(super) io_uring_disabled: Option<u32>,
    /// `kernel.io_uring_group`: who may use io_uring at 1; -1 for no group.
    pub(super) io_uring_group: Option<i64>,
    /// Seccomp mode of this thread: 0 none, 1 strict, 2 filter.
    pub(super) seccomp: Option<u32>,
    /// `RLIMIT_MEMLOCK`, bytes.
    pub(super) memlock: Limit,
    /// `RLIMIT_NOFILE`.
    pub(super) nofile: Limit,
    /// Whether `CAP_IPC_LOCK` frees this thread from `RLIMIT_MEMLOCK`.
    pub(super) may_lock_any: bool,
    /// CPUs this thread may run on.
    pub(super) cpus: Option<u32>,
}

/// A resource limit; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// What holds now.
    pub(super) soft: Option<u64>,
    /// What the process may raise it to.
    pub(super) hard: Option<u64>,
}

impl SystemFacts {
    pub(super) fn read() -> SystemFacts {
        let capabilities = rustix::thread::capabilities(None);
        SystemFacts {
            release: rustix::system::uname().release().to_string_lossy().into_owned(),
            io_uring_disabled: read_number("/proc/sys/kernel/io_uring_disabled"),
            io_uring_group: read_number("/proc/sys/kernel/io_uring_group"),
            seccomp: fs::read_to_string("/proc/thread-self/status")
                .ok()
                .as_deref()
                .and_then(seccomp),
            memlock: Limit::read(Resource::Memlock),
            nofile: Limit::read(Resource::Nofile),
            may_lock_any: capabilities
                .is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK)),
            cpus: rustix::thread::sched_getaffinity(None).ok().map(|cpus| cpus.count()),
        }
    }

    /// Major and minor number of the kernel.
    pub(super) fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

impl Limit {
    fn read(resource: Resource) -> Limit {
        let limit = getrlimit(resource);
        Limit { soft: limit.current, hard: limit.maximum }
    }

    /// Whether something of this size is within the limit.
    pub(super) fn allows(self, needed: u64) -> bool {
        self.soft.is_none_or(|soft| needed <= soft)
    }
}

/// A limit in bytes for people to read.
pub(super) fn bytes_or_unlimited(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |bytes| ByteSize(bytes).to_string())
}

/// A limit of things for people to read.
pub(super) fn count_or_unlimited(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |count| count.to_string())
}

fn read_number<N: std::str::FromStr>(path: &str) -> Option<N> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn seccomp(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Seccomp:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_kind_of_release() {
        let facts = SystemFacts::read();
        for (release, version) in [
            ("6.1.0-18-amd64", Some((6, 1))),
            ("5.15.167.4-microsoft-standard-WSL2", Some((5, 15))),
            ("6.18-rc1", Some((6, 18))),
            ("gVisor", None),
        ] {
            let facts = SystemFacts { release: release.to_owned(), ..facts.clone() };
            assert_eq!(facts.version(), version, "{release}");
        }
    }

    #[test]
    fn the_seccomp_mode_is_not_taken_for_its_filter_count() {
        assert_eq!(seccomp("NoNewPrivs:\t1\nSeccomp_filters:\t3\nSeccomp:\t2\n"), Some(2));
        assert_eq!(seccomp("Name:\tx\n"), None);
    }
}
