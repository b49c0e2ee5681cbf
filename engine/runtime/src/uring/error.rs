//! Why there is no ring.

use std::error::Error;
use std::fmt;

use roundhouse_base::ByteSize;

use super::system::{SystemFacts, bytes_or_unlimited, count_or_unlimited};
use crate::op::Errno;

/// Why a ring can't be set up: always the environment, never the program. Nothing is left behind;
/// set-up can be tried again once the remedy was applied.
///
/// Displayed, it says what was found and then the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// The administrator switched io_uring off for this process.
    Disabled {
        /// `kernel.io_uring_disabled`: 1 for all but the privileged, 2 for everybody.
        value: u32,
        /// `kernel.io_uring_group`, whose members may use it at 1, if one is set.
        group: Option<u32>,
    },
    /// A seccomp filter forbids it, as the default profiles of containers do.
    Seccomp,
    /// The kernel lacks what the driver needs.
    KernelTooOld {
        /// The release found; 6.1 is needed.
        release: String,
    },
    /// `RLIMIT_MEMLOCK` leaves no room for even the smallest ring.
    LockedMemory {
        /// The soft limit now, in bytes; `None` is unlimited.
        limit: Option<u64>,
        /// What this ring needs, in bytes. The user's other rings count, too.
        needed: u64,
    },
    /// The process has as many files open as it may.
    FileDescriptors {
        /// The soft limit of `RLIMIT_NOFILE` now; `None` is unlimited.
        limit: Option<u64>,
    },
    /// Anything else the kernel said.
    Other {
        /// The kernel's number.
        errno: Errno,
    },
}

impl SetupError {
    /// Explains the failure of a ring that would have needed `needed` bytes.
    pub(super) fn diagnose(errno: Errno, needed: u64, facts: &SystemFacts) -> SetupError {
        match errno {
            Errno::PERM | Errno::ACCESS | Errno::NOSYS => SetupError::forbidden(errno, facts),
            Errno::INVAL => SetupError::KernelTooOld { release: facts.release.clone() },
            Errno::NOMEM if !facts.may_lock_any || !facts.memlock.allows(needed) => {
                SetupError::LockedMemory { limit: facts.memlock.soft, needed }
            }
            Errno::MFILE => SetupError::FileDescriptors { limit: facts.nofile.soft },
            errno => SetupError::Other { errno },
        }
    }

    /// Explains why there is no eventfd to go with the ring.
    pub(super) fn without_eventfd(errno: Errno) -> SetupError {
        match errno {
            Errno::MFILE => SetupError::FileDescriptors { limit: SystemFacts::read().nofile.soft },
            errno => SetupError::Other { errno },
        }
    }

    fn forbidden(errno: Errno, facts: &SystemFacts) -> SetupError {
        let group = facts.io_uring_group.and_then(|group| u32::try_from(group).ok());
        match facts.io_uring_disabled {
            Some(value @ 1..) if errno == Errno::PERM => SetupError::Disabled { value, group },
            _ if facts.seccomp.is_some_and(|mode| mode != 0) => SetupError::Seccomp,
            _ if facts.version().is_some_and(|version| version < KERNEL_MIN) => {
                SetupError::KernelTooOld { release: facts.release.clone() }
            }
            _ => SetupError::Other { errno },
        }
    }

    /// What was found, without the remedy.
    pub fn found(&self) -> String {
        match self {
            SetupError::Disabled { value, .. } => {
                let whom = if *value == 1 { "unprivileged" } else { "all" };
                format!(
                    "io_uring is switched off for {whom} processes \
                     (kernel.io_uring_disabled = {value})"
                )
            }
            SetupError::Seccomp => "a seccomp filter on this process forbids io_uring".to_owned(),
            SetupError::KernelTooOld { release } => format!(
                "Linux {release} lacks what is needed of io_uring; 6.1 is the oldest that has it"
            ),
            SetupError::LockedMemory { limit, needed } => format!(
                "RLIMIT_MEMLOCK is {}, which leaves no room for a ring of {} \
                 beside what other rings of this user hold",
                bytes_or_unlimited(*limit),
                ByteSize(*needed)
            ),
            SetupError::FileDescriptors { limit } => format!(
                "all {} file descriptors that RLIMIT_NOFILE allows are in use",
                count_or_unlimited(*limit)
            ),
            SetupError::Other { errno: Errno::NOSYS } => "this kernel has no io_uring".to_owned(),
            SetupError::Other { errno } => format!("io_uring can't be set up: {errno}"),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let remedy = match self {
            SetupError::Disabled { value: 1, group: Some(group) } => {
                return format!(
                    "add this process's user to group {group} (kernel.io_uring_group), \
                     or as root: `sysctl kernel.io_uring_disabled=0`"
                );
            }
            SetupError::Disabled { .. } => {
                "as root: `sysctl kernel.io_uring_disabled=0`, \
                 and the same line in /etc/sysctl.d to keep it"
            }
            SetupError::Seccomp => {
                "allow io_uring_setup, io_uring_enter and io_uring_register in the container's \
                 seccomp profile (Docker: `--security-opt seccomp=profile.json`; \
                 Kubernetes: `seccompProfile` of type `Localhost`)"
            }
            SetupError::KernelTooOld { .. } => "run Linux 6.1 or later",
            SetupError::LockedMemory { .. } => {
                "raise it to 8 MiB: `ulimit -l 8192` in the shell, `LimitMEMLOCK=8M` in a systemd \
                 unit, `--ulimit memlock=8388608` with Docker, or `memlock` in \
                 /etc/security/limits.conf"
            }
            SetupError::FileDescriptors { .. } => {
                "raise it: `ulimit -n 65536` in the shell, `LimitNOFILE=65536` in a systemd unit"
            }
            SetupError::Other { errno } => other_remedy(*errno),
        };
        remedy.to_owned()
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; remedy: {}", self.found(), self.remedy())
    }
}

impl Error for SetupError {}

fn other_remedy(errno: Errno) -> &'static str {
    match errno {
        Errno::NOSYS => {
            "run a kernel built with CONFIG_IO_URING; a sandbox such as gVisor must be told to \
             offer it"
        }
        Errno::PERM | Errno::ACCESS => {
            "look for a denial of io_uring in the audit log: a security module (SELinux, AppArmor) \
             refuses it"
        }
        Errno::NOMEM => "free some memory",
        Errno::NFILE => "raise the machine's limit on open files: `sysctl fs.file-max`",
        _ => "look into the kernel log, and at the errors of io_uring_setup(2)",
    }
}

/// `DEFER_TASKRUN` came with it.
pub(super) const KERNEL_MIN: (u32, u32) = (6, 1);

#[cfg(test)]
mod tests {
    use super::super::system::Limit;
    use super::*;

    /// A healthy machine.
    fn facts() -> SystemFacts {
        let limit = Limit { soft: Some(8 << 20), hard: Some(8 << 20) };
        SystemFacts {
            release: "6.18.44".to_owned(),
            io_uring_disabled: Some(0),
            io_uring_group: Some(-1),
            seccomp: Some(0),
            memlock: limit,
            nofile: Limit { soft: Some(1024), hard: None },
            may_lock_any: false,
            cpus: Some(2),
        }
    }

    fn assert_says(errno: Errno, facts: &SystemFacts, words: &[&str]) {
        let message = SetupError::diagnose(errno, 12 * 1024, facts).to_string();
        for word in words {
            assert!(message.contains(word), "{word:?} is missing in: {message}");
        }
    }

    #[test]
    fn a_sysctl_in_the_way_is_named_with_its_value() {
        let off = SystemFacts { io_uring_disabled: Some(2), ..facts() };
        assert_says(
            Errno::PERM,
            &off,
            &["io_uring_disabled = 2", "`sysctl kernel.io_uring_disabled=0`"],
        );
        let grouped =
            SystemFacts { io_uring_disabled: Some(1), io_uring_group: Some(1234), ..facts() };
        assert_says(Errno::PERM, &grouped, &["io_uring_disabled = 1", "group 1234"]);
    }

    #[test]
    fn a_container_is_told_about_its_seccomp_profile() {
        let filtered = SystemFacts { seccomp: Some(2), ..facts() };
        assert_says(Errno::PERM, &filtered, &["seccomp", "io_uring_setup", "--security-opt"]);
        assert_says(Errno::NOSYS, &filtered, &["seccomp"]);
    }

    #[test]
    fn an_old_kernel_is_named() {
        let old = SystemFacts { release: "5.15.0-91-generic".to_owned(), ..facts() };
        assert_says(Errno::INVAL, &old, &["5.15.0-91-generic", "6.1"]);
        assert_says(Errno::NOSYS, &old, &["5.15.0-91-generic", "6.1"]);
    }

    #[test]
    fn limits_are_named_with_their_live_values() {
        assert_says(
            Errno::NOMEM,
            &facts(),
            &["RLIMIT_MEMLOCK is 8MiB", "12KiB", "LimitMEMLOCK=8M"],
        );
        assert_says(Errno::MFILE, &facts(), &["1024", "RLIMIT_NOFILE", "LimitNOFILE"]);
        // Root is not limited, so for root it is the machine's memory.
        let root = SystemFacts { may_lock_any: true, ..facts() };
        let error = SetupError::diagnose(Errno::NOMEM, 4096, &root);
        assert_eq!(error, SetupError::Other { errno: Errno::NOMEM });
    }

    #[test]
    fn what_nothing_explains_keeps_the_kernels_number() {
        assert_says(Errno::PERM, &facts(), &["Operation not permitted", "security module"]);
        assert_says(Errno::NOSYS, &facts(), &["CONFIG_IO_URING"]);
        assert_says(Errno::IO, &facts(), &["Input/output error"]);
    }
}
