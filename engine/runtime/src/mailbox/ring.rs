//! The ring of slots under a shard-to-shard mailbox: one producer, one consumer, no locks.
//!
//! ```text
//!            head (consumer)         published tail      tail (producer's own)
//!              |                           |                    |
//!   ...freed...| full, seen by the consumer| full, not yet seen |...free, up to head + capacity
//! ```
//! Positions count messages from the beginning and wrap around `usize`; a position's slot is its
//! remainder by the capacity, a power of two. This is the only file of the mailboxes with `unsafe`.

use std::fmt;
use std::mem::MaybeUninit;

use super::sync::{Arc, AtomicUsize, CachePadded, Ordering, UnsafeCell};

/// Makes a ring of at least `capacity` slots: the next power of two.
///
/// # Panics
/// If `capacity` is zero, or no power of two that large exists.
pub(super) fn ring<T: Send>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    assert!(capacity > 0, "a ring holds at least one message");
    let capacity = capacity.checked_next_power_of_two().expect("a capacity that fits in memory");
    let slots = (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
    let head = CachePadded(AtomicUsize::new(0));
    let tail = CachePadded(AtomicUsize::new(0));
    let ring = Arc::new(Ring { slots, head, tail });
    let producer = Producer { ring: ring.clone(), tail: 0, published: 0, head_seen: 0 };
    (producer, Consumer { ring, head: 0, tail_seen: 0 })
}

/// The end that fills slots.
pub(super) struct Producer<T> {
    ring: Arc<Ring<T>>,
    /// Next position to fill.
    tail: usize,
    /// The tail as the consumer may see it; the slots from here to `tail` are not published yet.
    published: usize,
    /// The head when last looked at: never beyond the true one. Looked at again only when the ring
    /// seems full, so that the consumer's cache line is left alone.
    head_seen: usize,
}

impl<T> Producer<T> {
    /// Fills the next slot; the consumer sees it after [`Producer::publish`]. A full ring gives the
    /// message back.
    pub(super) fn push(&mut self, message: T) -> Result<(), T> {
        if !self.has_room() {
            return Err(message);
        }
        self.ring.slot(self.tail).with_mut(|slot| {
            // SAFETY: the position lies in `head_seen..head_seen + capacity`, so its slot was never
            // filled or was emptied before the consumer's store that `has_room` acquired. Until
            // `publish` makes the position visible, only this producer, which is not `Clone` and
            // borrowed exclusively, touches it.
            unsafe { (*slot).write(message) };
        });
        self.tail = self.tail.wrapping_add(1);
        Ok(())
    }

    /// Whether the next [`Producer::push`] will succeed.
    pub(super) fn has_room(&mut self) -> bool {
        if self.tail.wrapping_sub(self.head_seen) < self.ring.slots.len() {
            return true;
        }
        self.head_seen = self.ring.head.0.load(Ordering::Acquire);
        self.tail.wrapping_sub(self.head_seen) < self.ring.slots.len()
    }

    /// Shows everything pushed to the consumer. Returns whether there was anything new.
    pub(super) fn publish(&mut self) -> bool {
        if self.published == self.tail {
            return false;
        }
        self.published = self.tail;
        self.ring.tail.0.store(self.tail, Ordering::Release);
        true
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        // The ring owns published messages only; this hands it the rest.
        self.publish();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("tail", &self.tail).finish_non_exhaustive()
    }
}

/// The end that empties slots.
pub(super) struct Consumer<T> {
    ring: Arc<Ring<T>>,
    /// Next position to empty.
    head: usize,
    /// The published tail when last looked at: never beyond the true one.
    tail_seen: usize,
}

impl<T> Consumer<T> {
    /// Takes the oldest published message.
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let message = self.ring.slot(self.head).with(|slot| {
            // SAFETY: the position lies in `head..tail_seen`, so the producer filled its slot before
            // the store that `is_empty` acquired. Only this consumer, which is not `Clone` and
            // borrowed exclusively, reads it, and once: the head moves past it below, and the
            // producer fills it again only after it acquired that.
            unsafe { (*slot).assume_init_read() }
        });
        self.head = self.head.wrapping_add(1);
        self.ring.head.0.store(self.head, Ordering::Release);
        Some(message)
    }

    /// Whether nothing is published that was not taken.
    pub(super) fn is_empty(&mut self) -> bool {
        if self.head == self.tail_seen {
            self.tail_seen = self.ring.tail.0.load(Ordering::Acquire);
        }
        self.head == self.tail_seen
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("head", &self.head).finish_non_exhaustive()
    }
}

/// What both ends share.
struct Ring<T> {
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    /// Everything before it was taken. Written by the consumer only.
    head: CachePadded<AtomicUsize>,
    /// Everything before it was published. Written by the producer only.
    tail: CachePadded<AtomicUsize>,
}

// SAFETY: the two ends share a ring only to move messages from one thread to another, which `T: Send`
// allows; every slot belongs to one end at a time, and `head` and `tail` hand it over with release
// and acquire. No `&T` is ever given out, so `T: Sync` is not needed.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[position & (self.slots.len() - 1)]
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // Both ends are gone, and dropping them ordered their stores before this.
        let mut position = self.head.0.load(Ordering::Relaxed);
        let tail = self.tail.0.load(Ordering::Relaxed);
        while position != tail {
            self.slot(position).with_mut(|slot| {
                // SAFETY: the slots in `head..tail` are filled and were not taken; `&mut self` shows
                // that no end can touch them any more, and each position is visited once.
                unsafe { (*slot).assume_init_drop() };
            });
            position = position.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_seen_only_after_it_is_published() {
        let (mut producer, mut consumer) = ring(4);
        producer.push(1).expect("an empty ring has room");
        assert_eq!(consumer.pop(), None);
        assert!(producer.publish());
        assert!(!producer.publish());
        assert_eq!(consumer.pop(), Some(1));
    }

    #[test]
    fn the_capacity_is_the_next_power_of_two() {
        let (mut producer, _consumer) = ring(3);
        let pushed = (0..10).take_while(|&message| producer.push(message).is_ok()).count();
        assert_eq!(pushed, 4);
    }

    #[test]
    fn positions_may_wrap_around() {
        let (mut producer, mut consumer) = ring(2);
        // As after `usize::MAX` messages, less one.
        producer.ring.head.0.store(usize::MAX, Ordering::Relaxed);
        producer.ring.tail.0.store(usize::MAX, Ordering::Relaxed);
        (producer.tail, producer.published, producer.head_seen) =
            (usize::MAX, usize::MAX, usize::MAX);
        (consumer.head, consumer.tail_seen) = (usize::MAX, usize::MAX);
        for round in 0..5 {
            assert_eq!(producer.push(round), Ok(()));
            assert_eq!(producer.push(round + 100), Ok(()));
            assert_eq!(producer.push(round + 200), Err(round + 200));
            producer.publish();
            assert_eq!((consumer.pop(), consumer.pop()), (Some(round), Some(round + 100)));
            assert_eq!(consumer.pop(), None);
        }
    }

    #[test]
    #[should_panic(expected = "at least one message")]
    fn a_ring_without_slots_is_refused() {
        let _ = ring::<u8>(0);
    }
}
