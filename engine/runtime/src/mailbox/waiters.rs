//! The line of senders that wait for room in a host mailbox.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Senders waiting for room, in the order in which they came.
///
/// The rule: with room for `n` messages, the first `n` in line may send. Being woken only means to
/// look at this rule again, so a wake-up that arrives late, twice or at a sender that gave up
/// cannot lose room; a sender that gives up wakes whoever moves up because of it.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// The line's length, to be read without the lock. Written under it.
    count: AtomicUsize,
    line: Mutex<Line>,
}

impl Waiters {
    /// Whether someone waits. Without order towards anything else: good for not overtaking.
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Receiver: wakes as many as there is room for. Call it after freeing slots, or with room without
    /// end after closing.
    pub(super) fn wake_for(&self, room: impl FnOnce() -> usize) {
        // Orders the freeing before the look; its pair is in `LockedLine::stand`. Of a receiver and
        // a sender getting in line, either this sees the sender or the sender sees the room.
        fence(Ordering::SeqCst);
        if self.is_any() {
            let wakers = self.lock().line.take_wakers(room());
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Sender: looks at the line, and keeps it as it is meanwhile.
    pub(super) fn lock(&self) -> LockedLine<'_> {
        // Every change under the lock is complete between statements: a panic of another holder,
        // in the clone of a waker, leaves a consistent line.
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        LockedLine { count: &self.count, line, released: Vec::new() }
    }
}

/// The line, locked. Wakers are neither called nor dropped while it is: both may run any code, such
/// as dropping another send.
#[derive(Debug)]
pub(super) struct LockedLine<'a> {
    count: &'a AtomicUsize,
    line: MutexGuard<'a, Line>,
    /// No longer in use. Declared, and therefore dropped, after the lock.
    released: Vec<Waker>,
}

impl LockedLine<'_> {
    /// Takes a place at the end of the line, or keeps the one of `ticket`, to be woken with `waker`.
    /// Returns how many stand before it. Look for room afterwards.
    pub(super) fn stand(&mut self, ticket: &mut Option<Ticket>, waker: &Waker) -> usize {
        let line = &mut *self.line;
        let held = ticket.and_then(|ticket| line.position(ticket));
        let position = held.unwrap_or_else(|| line.append(ticket));
        self.released.extend(line.waiters[position].waker.replace(waker.clone()));
        self.publish_count();
        fence(Ordering::SeqCst);
        position
    }

    /// Leaves the line, if `ticket` is for a place in it.
    pub(super) fn leave(&mut self, ticket: &mut Option<Ticket>) {
        if let Some(position) = ticket.take().and_then(|ticket| self.line.position(ticket)) {
            let waiter = self.line.waiters.remove(position);
            self.released.extend(waiter.and_then(|waiter| waiter.waker));
            self.publish_count();
        }
    }

    fn publish_count(&self) {
        self.count.store(self.line.waiters.len(), Ordering::Relaxed);
    }
}

/// A place in the line. Later ones are higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

#[derive(Debug, Default)]
struct Line {
    /// By ticket, ascending.
    waiters: VecDeque<Waiter>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiter {
    ticket: Ticket,
    /// `None` once woken, until it looks again.
    waker: Option<Waker>,
}

impl Line {
    fn position(&self, ticket: Ticket) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()
    }

    /// Appends a waiter, gives it a ticket and returns its position.
    fn append(&mut self, ticket: &mut Option<Ticket>) -> usize {
        let new = Ticket(self.next_ticket);
        self.next_ticket += 1;
        *ticket = Some(new);
        self.waiters.push_back(Waiter { ticket: new, waker: None });
        self.waiters.len() - 1
    }

    /// The wakers of the first `room` in line that were not woken yet.
    fn take_wakers(&mut self, room: usize) -> Vec<Waker> {
        self.waiters.iter_mut().take(room).filter_map(|waiter| waiter.waker.take()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::mailbox::tests::CountingWaker;

    /// A line of three, the ticket of each and how often it was woken.
    fn line_of_three() -> (Waiters, [Option<Ticket>; 3], [Arc<CountingWaker>; 3]) {
        let waiters = Waiters::default();
        let wakers: [Arc<CountingWaker>; 3] = Default::default();
        let mut tickets = [None; 3];
        for (ticket, waker) in tickets.iter_mut().zip(&wakers) {
            waiters.lock().stand(ticket, &waker.waker());
        }
        (waiters, tickets, wakers)
    }

    fn wakes(wakers: &[Arc<CountingWaker>; 3]) -> [usize; 3] {
        std::array::from_fn(|index| wakers[index].wakes())
    }

    #[test]
    fn as_many_are_woken_as_there_is_room_for_first_come_first() {
        let (waiters, _tickets, wakers) = line_of_three();
        waiters.wake_for(|| 2);
        assert_eq!(wakes(&wakers), [1, 1, 0]);
    }

    #[test]
    fn a_waiter_is_not_woken_again_before_it_looked() {
        let (waiters, mut tickets, wakers) = line_of_three();
        waiters.wake_for(|| 1);
        waiters.wake_for(|| 1);
        assert_eq!(wakes(&wakers), [1, 0, 0]);
        let position = waiters.lock().stand(&mut tickets[0], &wakers[0].waker());
        assert_eq!(position, 0, "looking again keeps the place");
        waiters.wake_for(|| 1);
        assert_eq!(wakes(&wakers), [2, 0, 0]);
    }

    #[test]
    fn who_moves_up_because_another_left_is_woken() {
        let (waiters, mut tickets, wakers) = line_of_three();
        waiters.wake_for(|| 1);
        waiters.lock().leave(&mut tickets[0]);
        waiters.wake_for(|| 1);
        assert_eq!(wakes(&wakers), [1, 1, 0]);
    }
}
