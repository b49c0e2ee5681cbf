//! Inner pieces for micro-benchmarks to measure alone. Behind the feature `ceiling`; not for programs.

use std::error::Error;
use std::sync::Arc;

use super::buffer_ring::BufferRing;
use super::options::UringOptions;
use super::ring::Ring;
use super::setup;

/// Buffers that go from the kernel to a reader and back, without a kernel that fills them.
pub struct BufferCycle {
    // Dropped first: the buffers outlive the ring they are registered with.
    _ring: Ring,
    buffers: BufferRing,
    next: u16,
    count: u16,
}

impl BufferCycle {
    /// Registers the default number of buffers for datagrams.
    ///
    /// # Errors
    /// Why there can be no ring, or no buffers.
    pub fn new() -> Result<BufferCycle, Box<dyn Error>> {
        let options = UringOptions::default();
        let (io, _) = setup::set_up(&options)?;
        let ring = Ring::new(io, Arc::default());
        let buffers = BufferRing::new(&ring, 0, &options.datagram_buffers)?;
        let count = options.datagram_buffers.buffers;
        Ok(BufferCycle { _ring: ring, buffers, next: 0, count })
    }

    /// Takes a buffer as if an empty datagram had come into it, drops it and gives it back.
    pub fn turn(&mut self) {
        // SAFETY: no byte is claimed to be written, and the kernel, which was told of no socket,
        // fills none.
        let taken = unsafe { self.buffers.take(self.next, 0) };
        drop(taken);
        self.buffers.replenish();
        self.next = (self.next + 1) % self.count;
    }
}

impl std::fmt::Debug for BufferCycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufferCycle").field("count", &self.count).finish_non_exhaustive()
    }
}
