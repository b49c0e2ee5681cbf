//! Who wakes a sleeping shard, and who need not.

use std::fmt;
use std::sync::Arc;

use super::sync::{AtomicU8, Ordering, fence};
use crate::driver::Unpark;

/// Whether a shard is asleep, shared between the shard and everyone who sends to it.
///
/// A sender first puts its message into a queue, then calls [`Parking::notify`]. The shard works in
/// turns:
/// 1. [`Parking::unparked`], then a look into every queue;
/// 2. with nothing left to do, [`Parking::prepare_park`]: if it says no, back to 1;
/// 3. a sleep that [`Unpark::unpark`] ends, then back to 1.
///
/// No message is overlooked: one whose notification came before step 1 is seen by that look, and
/// any later one either makes step 2 say no or finds the shard parked and wakes it. Waking is a
/// system call of a few microseconds; it is made once per sleep, by whoever finds the shard parked
/// first. To a shard that is awake, a notification is a look at one word.
pub struct Parking {
    state: AtomicU8,
    unpark: Arc<dyn Unpark>,
}

impl Parking {
    /// For a shard that is awake, and whose sleep is ended by `unpark`.
    pub fn new(unpark: Arc<dyn Unpark>) -> Parking {
        Parking { state: AtomicU8::new(RUNNING), unpark }
    }

    /// Any thread: something was put into a queue of this shard. Call it after the last message of
    /// a batch. It is also a sequentially consistent fence between what its caller does before and
    /// after it.
    pub fn notify(&self) {
        // Orders the message before the look at the state. Its pair is in `unparked`: of a sender
        // that still sees the old notification and an owner that clears it, the owner's next look
        // into the queues finds the message.
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) == NOTIFIED {
            return;
        }
        if self.state.swap(NOTIFIED, Ordering::SeqCst) == PARKED {
            self.unpark.unpark();
        }
    }

    /// Owner: whether someone notified since [`Parking::unparked`]. Cheap enough to spin on instead
    /// of sleeping.
    pub fn is_notified(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Owner: about to sleep. True means that from now on a notification ends the sleep; false means
    /// that one came since [`Parking::unparked`], and that the queues must be looked into again
    /// instead of sleeping.
    #[must_use = "a shard that was notified must not sleep"]
    pub fn prepare_park(&self) -> bool {
        let before =
            self.state.compare_exchange(RUNNING, PARKED, Ordering::SeqCst, Ordering::SeqCst);
        if before.is_err() {
            self.unparked();
        }
        before.is_ok()
    }

    /// Owner: awake, and about to look into the queues. Forgets notifications that came before, and
    /// says whether there was one.
    pub fn unparked(&self) -> bool {
        let was = self.state.swap(RUNNING, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        was == NOTIFIED
    }
}

impl fmt::Debug for Parking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Ordering::Relaxed) {
            RUNNING => "Running",
            PARKED => "Parked",
            _ => "Notified",
        };
        f.debug_struct("Parking").field("state", &state).finish_non_exhaustive()
    }
}

/// Awake, nothing new.
const RUNNING: u8 = 0;
/// Asleep, or about to be: the next notification must wake it.
const PARKED: u8 = 1;
/// Something is new; whoever made it so has also made sure that the shard is awake, or will be.
const NOTIFIED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::tests::CountingUnpark;

    #[test]
    fn a_running_shard_is_notified_without_a_wake() {
        let unpark = CountingUnpark::new();
        let parking = Parking::new(unpark.clone());
        parking.notify();
        parking.notify();
        assert!(parking.is_notified());
        assert_eq!(unpark.wakes(), 0);
    }

    #[test]
    fn a_parked_shard_is_woken_once_per_sleep() {
        let unpark = CountingUnpark::new();
        let parking = Parking::new(unpark.clone());
        assert!(parking.prepare_park());
        parking.notify();
        parking.notify();
        assert_eq!(unpark.wakes(), 1);
        parking.unparked();
        assert!(parking.prepare_park());
        parking.notify();
        assert_eq!(unpark.wakes(), 2);
    }

    #[test]
    fn a_notification_forbids_exactly_one_sleep() {
        let parking = Parking::new(CountingUnpark::new());
        parking.notify();
        assert!(!parking.prepare_park());
        assert!(!parking.is_notified());
        assert!(parking.prepare_park());
    }

    #[test]
    fn a_notification_before_the_look_into_the_queues_is_spent_by_it() {
        let parking = Parking::new(CountingUnpark::new());
        parking.notify();
        parking.unparked();
        assert!(parking.prepare_park());
    }
}
