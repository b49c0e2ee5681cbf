//! What can be chosen about a ring.

/// How large a ring is and who puts its thread to sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UringOptions {
    /// Submission entries; rounded up to a power of two, at least 1, lowered to what the kernel
    /// allows (32 768). More operations than this wait inside the driver, so it bounds the batch
    /// of one system call, not what can be in flight.
    pub entries: u32,
    /// Completion entries; rounded up to a power of two, at least `entries`. Completions beyond
    /// this are kept by the kernel and cost an extra system call. When locked memory is short, the
    /// driver sets up with fewer.
    pub completions: u32,
    /// Who puts the thread to sleep.
    pub mode: DriveMode,
}

impl Default for UringOptions {
    /// 256 submission and 4096 completion entries, 84 KiB of locked memory, for a thread of the
    /// engine's own.
    fn default() -> UringOptions {
        UringOptions { entries: 256, completions: 4096, mode: DriveMode::Thread }
    }
}

/// Who puts the shard's thread to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveMode {
    /// The driver, inside `io_uring_enter`: the thread has nothing else to do.
    Thread,
    /// The embedding program, in its own `epoll_wait` or the like on
    /// [`Driver::event_fd`](crate::Driver::event_fd). When that becomes readable, or a deadline of
    /// the shard has come, the shard must be turned; it must also be turned once before every
    /// sleep.
    Host,
}
