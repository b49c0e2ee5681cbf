//! Memory that the kernel receives into, chosen by itself at the moment something arrives.
//!
//! ```text
//!             provide                    a completion names the buffer
//!   in the pool ------> with the kernel ------------------------------> lent
//!        ^                                                               |
//!        +-- everything split off the buffer was dropped (try_reclaim) --+
//! ```
//! A sleeping socket holds no memory this way. The memory is `bytes`' own, so that what was
//! received can be split, kept and sent to other threads, and tells by its reference count when it
//! may be used again.

use std::alloc::{self, Layout};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::BytesMut;
use io_uring::types::BufRingEntry;

use super::options::{BUFFERS_MAX, BufferOptions};
use super::ring::Ring;
use super::setup::patiently;
use crate::op::Errno;

/// Buffers of one size and the ring through which the kernel takes them.
///
/// However many the layers above keep, the kernel always has some: when the pool is as large as it
/// may be and runs low, what arrives is copied to memory of its own length, and its buffer stays.
pub(super) struct BufferRing {
    options: BufferOptions,
    entries: Entries,
    /// Our end of the ring; the kernel keeps the other.
    tail: u16,
    /// By number. While the kernel has a buffer, its memory is in here, empty; while it is lent, what is left of it.
    buffers: Vec<BytesMut>,
    /// Numbers of the buffers that are lent, oldest first.
    lent: VecDeque<u16>,
}

/// Where memory for something received came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the buffer itself.
    Lent,
    /// It is a copy, since the pool runs low.
    Copied,
}

impl BufferRing {
    /// Registers a ring as `group` and fills it.
    pub(super) fn new(
        ring: &Ring,
        group: u16,
        options: &BufferOptions,
    ) -> Result<BufferRing, Errno> {
        let buffers_max = options.buffers_max.clamp(BUFFERS_MIN, BUFFERS_MAX);
        let options = BufferOptions {
            bytes: options.bytes,
            buffers: options.buffers.clamp(BUFFERS_MIN, buffers_max),
            buffers_max,
        };
        let entries = Entries::new(buffers_max.next_power_of_two());
        let locked = Entries::layout(entries.count).size() as u64;
        patiently(locked, || {
            // SAFETY: the entries live as long as this ring of buffers, which the driver drops
            // after its ring, and leaks if the kernel may still use it.
            unsafe { ring.register_buffers(entries.base.as_ptr(), entries.count, group) }
        })?;
        let mut ring = BufferRing {
            entries,
            tail: 0,
            buffers: Vec::with_capacity(usize::from(options.buffers)),
            lent: VecDeque::new(),
            options,
        };
        ring.grow(usize::from(ring.options.buffers));
        Ok(ring)
    }

    /// Takes the first `bytes` of the buffer with this number, which the kernel has filled.
    ///
    /// # Safety
    /// A completion must have said that the kernel filled that many bytes of this buffer, and this
    /// must be the only call for that completion.
    ///
    /// # Panics
    /// If there is no such buffer, or it is not that long.
    pub(super) unsafe fn take(&mut self, number: u16, bytes: usize) -> (BytesMut, Taken) {
        let must_stay = self.is_low() && self.is_at_maximum();
        let buffer = &mut self.buffers[usize::from(number)];
        assert!(bytes <= buffer.capacity(), "the kernel wrote beyond a buffer");
        // SAFETY: the kernel has written these bytes, as the caller knows, and they are within the
        // buffer's memory.
        unsafe { buffer.set_len(bytes) };
        if must_stay {
            let copy = BytesMut::from(&buffer[..]);
            buffer.clear();
            self.provide(number);
            self.publish();
            return (copy, Taken::Copied);
        }
        let taken = buffer.split_to(bytes);
        self.lent.push_back(number);
        (taken, Taken::Lent)
    }

    /// Gives the kernel back what was dropped meanwhile, and more than there was if it runs low.
    pub(super) fn replenish(&mut self) {
        let tail = self.tail;
        // Mostly they come back in the order they were lent, so that the first tells.
        while let Some(number) = self.lent.front().copied()
            && self.reclaim(number)
        {
            self.lent.pop_front();
        }
        if self.is_low() {
            self.reclaim_all();
        }
        if self.is_low() && !self.is_at_maximum() {
            self.grow(self.buffers.len());
        }
        if self.tail != tail {
            self.publish();
        }
    }

    /// Bytes of all buffers together.
    pub(super) fn bytes(&self) -> u64 {
        (self.buffers.len() * self.options.bytes) as u64
    }

    /// How many buffers there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Looks at every buffer that is lent.
    fn reclaim_all(&mut self) {
        for _ in 0..self.lent.len() {
            if let Some(number) = self.lent.pop_front()
                && !self.reclaim(number)
            {
                self.lent.push_back(number);
            }
        }
    }

    /// Provides a buffer again if nobody has a part of it any more.
    fn reclaim(&mut self, number: u16) -> bool {
        let is_free = self.buffers[usize::from(number)].try_reclaim(self.options.bytes);
        if is_free {
            self.provide(number);
        }
        is_free
    }

    /// Makes up to `more` new buffers and provides them.
    fn grow(&mut self, more: usize) {
        let maximum = usize::from(self.options.buffers_max);
        for number in self.buffers.len()..(self.buffers.len() + more).min(maximum) {
            self.buffers.push(BytesMut::with_capacity(self.options.bytes));
            self.provide(number as u16);
        }
        self.publish();
    }

    fn provide(&mut self, number: u16) {
        let buffer = &mut self.buffers[usize::from(number)];
        debug_assert!(buffer.is_empty() && buffer.capacity() >= self.options.bytes);
        self.entries.set(self.tail, buffer.as_mut_ptr(), self.options.bytes as u32, number);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel see what was provided.
    fn publish(&self) {
        self.entries.set_tail(self.tail);
    }

    /// Whether the kernel has few left, counting what it has filled and we have not seen yet.
    fn is_low(&self) -> bool {
        let not_lent = self.buffers.len() - self.lent.len();
        not_lent <= self.buffers.len() / LOW_PART
    }

    fn is_at_maximum(&self) -> bool {
        self.buffers.len() >= usize::from(self.options.buffers_max)
    }
}

/// The memory of the ring itself: page-aligned entries, the first of which also holds the tail.
struct Entries {
    base: NonNull<BufRingEntry>,
    count: u16,
}

impl Entries {
    fn new(count: u16) -> Entries {
        let layout = Entries::layout(count);
        // SAFETY: the layout is not empty, since there is at least one entry.
        let memory = unsafe { alloc::alloc_zeroed(layout) };
        let base = NonNull::new(memory.cast()).unwrap_or_else(|| alloc::handle_alloc_error(layout));
        Entries { base, count }
    }

    fn set(&mut self, position: u16, address: *mut u8, bytes: u32, number: u16) {
        let index = position & (self.count - 1);
        // SAFETY: the index is below the count, a power of two, so the entry lies within the
        // allocation, which was zeroed. The kernel reads it only after the tail was moved past it,
        // and is done with it before the buffer comes back. The tail, in a field of the first entry
        // that is not written here, is not touched by the reference to that entry's fields.
        let entry = unsafe { &mut *self.base.as_ptr().add(usize::from(index)) };
        entry.set_addr(address as u64);
        entry.set_len(bytes);
        entry.set_bid(number);
    }

    fn set_tail(&self, tail: u16) {
        // SAFETY: the base is that of a zeroed ring, whose tail is two aligned bytes in its first
        // entry. Only this thread writes them, and the kernel reads them as an atomic does.
        let shared =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.base.as_ptr()).cast_mut()) };
        shared.store(tail, Ordering::Release);
    }

    fn layout(count: u16) -> Layout {
        Layout::array::<BufRingEntry>(usize::from(count))
            .and_then(|layout| layout.align_to(PAGE_BYTES))
            .expect("at most 32,768 entries of 16 bytes")
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout, and the kernel's use of it has ended.
        unsafe { alloc::dealloc(self.base.as_ptr().cast(), Entries::layout(self.count)) };
    }
}

/// The kernel has few buffers when it has at most one in this many.
const LOW_PART: usize = 4;
const BUFFERS_MIN: u16 = 8;
const PAGE_BYTES: usize = 4096;
