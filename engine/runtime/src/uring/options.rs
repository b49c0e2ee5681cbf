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
    /// Buffers for datagrams, from the first datagram socket on. One must hold the largest train
    /// that the kernel coalesces; what is longer is dropped and counted. Untouched memory is not
    /// resident, so that small datagrams cost a page each.
    pub datagram_buffers: BufferOptions,
    /// Buffers for streams, from the first receive on. One is as much as a receive takes at most.
    pub stream_buffers: BufferOptions,
}

/// Buffers that the kernel chooses from when something arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferOptions {
    /// Bytes of each.
    pub bytes: usize,
    /// How many there are at first; at least 8.
    pub buffers: u16,
    /// How many there may be when those before them are in use; at most 32 768. At this bound,
    /// what arrives is copied to memory of its own length while three quarters are in use.
    pub buffers_max: u16,
}

impl BufferOptions {
    /// Allows as many buffers as fit into `bytes` of memory, but no fewer than 8.
    pub fn limit_memory(&mut self, bytes: u64) {
        let fitting = bytes / self.bytes.max(1) as u64;
        self.buffers_max = u16::try_from(fitting).unwrap_or(BUFFERS_MAX).clamp(8, BUFFERS_MAX);
    }
}

/// The kernel's own maximum for one ring of buffers.
pub(super) const BUFFERS_MAX: u16 = 32_768;

impl Default for UringOptions {
    /// 256 submission and 4096 completion entries, 84 KiB of locked memory, for a thread of the
    /// engine's own. For sockets up to 32 MiB of buffers for datagrams and 16 MiB for streams, and
    /// another 24 KiB of locked memory.
    fn default() -> UringOptions {
        UringOptions {
            entries: 256,
            completions: 4096,
            mode: DriveMode::Thread,
            datagram_buffers: BufferOptions { bytes: 64 << 10, buffers: 64, buffers_max: 512 },
            stream_buffers: BufferOptions { bytes: 16 << 10, buffers: 64, buffers_max: 1024 },
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_buffers_is_a_whole_number_of_them_within_bounds() {
        let mut buffers = BufferOptions { bytes: 4096, buffers: 8, buffers_max: 16 };
        for (bytes, fitting) in [(0, 8), (40_960, 10), (45_055, 10), (u64::MAX, 32_768)] {
            buffers.limit_memory(bytes);
            assert_eq!(buffers.buffers_max, fitting, "{bytes} bytes");
        }
    }
}
