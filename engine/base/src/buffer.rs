//! Memory whose start is aligned for direct I/O, shared without copies and used again.
//!
//! A buffer is a [`BytesMut`] cut so that its first byte lies on a block boundary. Splitting it at
//! block boundaries keeps both halves aligned, and freezing a half gives [`bytes::Bytes`] that the kernel, the
//! tail cache and readers on other threads can hold at the same time. No unsafe code is needed
//! here: `bytes` owns the reference counting.

use bytes::{Buf, BytesMut};

use crate::limits::BLOCK_BYTES;

/// An empty buffer with room for `capacity` bytes from a block-aligned start.
///
/// The memory is not touched, so it costs no resident memory until it is written.
pub fn aligned_buffer(capacity: usize) -> BytesMut {
    align(BytesMut::with_capacity(capacity + BLOCK_BYTES))
}

/// Whether `bytes` starts on a block boundary, as direct I/O needs.
pub fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().addr().is_multiple_of(BLOCK_BYTES)
}

/// Buffers of one size that are handed out, come back when their last user let go, and are handed
/// out again, so that a busy shard neither allocates nor faults in fresh pages.
///
/// [`AlignedPool::retire`] takes the *remainder* of a buffer (what is left after frozen parts were split off);
/// it becomes usable again once all those parts were dropped.
#[derive(Debug)]
pub struct AlignedPool {
    buffer_bytes: usize,
    /// Remainders whose frozen parts may still be alive, oldest first.
    retired: std::collections::VecDeque<BytesMut>,
    retired_max: usize,
}

impl AlignedPool {
    /// A pool of buffers of `buffer_bytes` that remembers at most `retired_max` for another use;
    /// further ones are freed when their last user lets go.
    pub fn new(buffer_bytes: usize, retired_max: usize) -> AlignedPool {
        AlignedPool { buffer_bytes, retired: Default::default(), retired_max }
    }

    /// Bytes of each buffer.
    pub fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// An empty aligned buffer: one that came back, or else a new one.
    pub fn take(&mut self) -> BytesMut {
        // Parts are dropped roughly in the order they were made, so only the front is worth a look.
        if let Some(front) = self.retired.front_mut()
            && front.try_reclaim(self.buffer_bytes + BLOCK_BYTES)
            && let Some(reclaimed) = self.retired.pop_front()
        {
            return align(reclaimed);
        }
        aligned_buffer(self.buffer_bytes)
    }

    /// Gives a buffer back. `remainder` must be what is left of a buffer from [`AlignedPool::take`].
    pub fn retire(&mut self, mut remainder: BytesMut) {
        if self.retired.len() < self.retired_max {
            remainder.clear();
            self.retired.push_back(remainder);
        }
    }
}

/// Drops bytes from the front until the next one lies on a block boundary.
fn align(mut buffer: BytesMut) -> BytesMut {
    debug_assert!(buffer.is_empty());
    let skip = buffer.as_ptr().addr().next_multiple_of(BLOCK_BYTES) - buffer.as_ptr().addr();
    buffer.resize(skip, 0);
    buffer.advance(skip);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_split_at_block_boundaries_stay_aligned() {
        let mut buffer = aligned_buffer(4 * BLOCK_BYTES);
        buffer.resize(3 * BLOCK_BYTES, 7);
        let first = buffer.split_to(2 * BLOCK_BYTES).freeze();
        assert!(is_aligned(&first) && is_aligned(&buffer));
        assert_eq!((first.len(), buffer.len()), (2 * BLOCK_BYTES, BLOCK_BYTES));
    }

    #[test]
    fn a_buffer_comes_back_when_its_last_part_is_dropped() {
        let mut pool = AlignedPool::new(2 * BLOCK_BYTES, 4);
        let mut buffer = pool.take();
        let start = buffer.as_ptr().addr();
        buffer.resize(BLOCK_BYTES, 1);
        let part = buffer.split_to(BLOCK_BYTES).freeze();
        pool.retire(buffer);

        let other = pool.take();
        assert_ne!(other.as_ptr().addr(), start, "a part of the first buffer is still alive");
        drop(part);
        let again = pool.take();
        assert_eq!(again.as_ptr().addr(), start);
        assert!(again.is_empty() && again.capacity() >= 2 * BLOCK_BYTES && is_aligned(&again));
    }
}
