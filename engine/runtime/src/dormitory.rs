//! Where threads of the program sleep until a shard answers them.
//!
//! Waking a thread is a system call of a microsecond or more, and a shard that makes a frame durable
//! has an answer for everyone whose record is in it. Here all of them are woken by one call: they
//! sleep on few shared words, each in a *bed* of its own, which is a bit in the mask that the kernel
//! compares (futex(2), `FUTEX_WAIT_BITSET` and `FUTEX_WAKE_BITSET`).

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use rustix::io::Errno;
use rustix::thread::futex;

/// The beds of the threads that wait for one shard.
#[derive(Debug, Default)]
pub struct Dormitory {
    rooms: [Room; ROOMS],
    /// Beds given out so far. When all are taken they are shared, which costs needless looks.
    beds: AtomicU32,
}

/// Threads that sleep on the same word.
#[derive(Debug, Default)]
struct Room {
    /// Changes whenever somebody is called, so that nobody falls asleep over a call.
    word: AtomicU32,
    /// The beds to call at the end of [`Dormitory::call_together`]; `None` outside of it.
    gathered: Mutex<Option<u32>>,
}

impl Dormitory {
    /// Runs a future on the calling thread, which sleeps here while it waits. Like
    /// [`block_on`](crate::block_on), it is not for a shard's own thread.
    pub fn block_on<F: Future>(self: &Arc<Dormitory>, future: F) -> F::Output {
        let mut future = pin!(future);
        let bed = self.beds.fetch_add(1, Ordering::Relaxed);
        let state = AtomicU8::new(AWAKE);
        let sleeper = Arc::new(Sleeper { dormitory: self.clone(), bed, state });
        let waker = Waker::from(sleeper.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            sleeper.sleep();
        }
    }

    /// Calls `answer`, and only then wakes the threads here that it has called.
    ///
    /// For one thread at a time, the shard's. Calls of other threads that come meanwhile wait with
    /// the others.
    pub fn call_together(&self, answer: impl FnOnce()) {
        let gathering = Gathering::begin(self);
        answer();
        drop(gathering);
    }
}

/// Calls the beds that were gathered when it is dropped, so also after a panic.
struct Gathering<'a>(&'a Dormitory);

impl Gathering<'_> {
    fn begin(dormitory: &Dormitory) -> Gathering<'_> {
        for room in &dormitory.rooms {
            room.gathered().get_or_insert(0);
        }
        Gathering(dormitory)
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        for room in &self.0.rooms {
            let gathered = room.gathered().take();
            if let Some(beds) = gathered.and_then(NonZeroU32::new) {
                room.call(beds);
            }
        }
    }
}

impl Room {
    fn gathered(&self) -> MutexGuard<'_, Option<u32>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, beds: NonZeroU32) {
        self.word.fetch_add(1, Ordering::Release);
        let woken = futex::wake_bitset(&self.word, futex::Flags::PRIVATE, THREADS_MAX, beds);
        debug_assert!(woken.is_ok(), "waking fails only for a word that is none");
    }
}

/// A thread in [`Dormitory::block_on`].
struct Sleeper {
    dormitory: Arc<Dormitory>,
    bed: u32,
    state: AtomicU8,
}

impl Sleeper {
    /// Until the next call, or at once if there was one since the last sleep.
    fn sleep(&self) {
        let room = self.room();
        loop {
            let word = room.word.load(Ordering::Acquire);
            if self.state.swap(ASLEEP, Ordering::SeqCst) == CALLED {
                break;
            }
            let flags = futex::Flags::PRIVATE;
            let slept = futex::wait_bitset(&room.word, flags, word, None, self.mask());
            // It ends early when others are called or a signal comes: the state says who is meant.
            debug_assert!(matches!(slept, Ok(()) | Err(Errno::AGAIN | Errno::INTR)), "{slept:?}");
            if self.state.load(Ordering::SeqCst) == CALLED {
                break;
            }
        }
        // Reads the last call too, so that the next look sees what it was about.
        self.state.swap(AWAKE, Ordering::SeqCst);
    }

    fn room(&self) -> &Room {
        &self.dormitory.rooms[self.bed as usize / BEDS_PER_ROOM % ROOMS]
    }

    fn mask(&self) -> NonZeroU32 {
        NonZeroU32::new(1 << (self.bed % BEDS_PER_ROOM as u32)).expect("one bit is set")
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(CALLED, Ordering::SeqCst) != ASLEEP {
            return;
        }
        let room = self.room();
        if let Some(beds) = &mut *room.gathered() {
            *beds |= self.mask().get();
            return;
        }
        room.call(self.mask());
    }
}

/// Words to sleep on: with their beds about as many as there are threads that wait at once.
const ROOMS: usize = 4;
/// Bits of the kernel's mask.
const BEDS_PER_ROOM: usize = 32;
/// Whom one call wakes at most: everybody it is for.
const THREADS_MAX: u32 = i32::MAX as u32;

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const CALLED: u8 = 2;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::mpsc::channel;
    use std::thread;

    use futures_util::task::AtomicWaker;

    use super::*;

    /// Something that a thread waits for again and again.
    #[derive(Default)]
    struct Answers {
        given: AtomicU32,
        waker: AtomicWaker,
    }

    impl Answers {
        async fn wait_for(&self, number: u32) {
            std::future::poll_fn(|context| {
                self.waker.register(context.waker());
                let is_given = self.given.load(Ordering::SeqCst) >= number;
                if is_given { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }

        fn give(&self, number: u32) {
            self.given.store(number, Ordering::SeqCst);
            self.waker.wake();
        }
    }

    #[test]
    fn a_ready_future_is_returned_without_sleeping() {
        assert_eq!(Arc::new(Dormitory::default()).block_on(std::future::ready(7)), 7);
    }

    #[test]
    fn a_call_during_the_poll_is_not_lost() {
        let mut polls = 0;
        let counted = Arc::new(Dormitory::default()).block_on(std::future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
        }));
        assert_eq!(counted, 3);
    }

    #[test]
    fn nobody_is_overlooked_who_is_called_alone_or_together_with_others() {
        // More than there are beds, so that some share one.
        const THREADS: usize = ROOMS * BEDS_PER_ROOM + 10;
        const ROUNDS: u32 = 100;
        let dormitory = Arc::new(Dormitory::default());
        let answers: Vec<Answers> = (0..THREADS).map(|_| Answers::default()).collect();
        let (tell, told) = channel();
        thread::scope(|scope| {
            for mine in &answers {
                let (dormitory, tell) = (&dormitory, tell.clone());
                scope.spawn(move || {
                    for round in 1..=ROUNDS {
                        dormitory.block_on(mine.wait_for(round));
                        tell.send(()).expect("the test is still there");
                    }
                });
            }
            for round in 1..=ROUNDS {
                let give_all = || answers.iter().for_each(|one| one.give(round));
                if round % 2 == 0 {
                    dormitory.call_together(give_all);
                } else {
                    give_all();
                }
                for _ in 0..THREADS {
                    told.recv().expect("the threads go on to the last round");
                }
            }
        });
    }

    #[test]
    fn a_panic_among_the_answers_leaves_nobody_asleep() {
        let dormitory = Arc::new(Dormitory::default());
        let (answers, is_there) = (Answers::default(), Barrier::new(2));
        thread::scope(|scope| {
            let sleeping = scope.spawn(|| {
                is_there.wait();
                dormitory.block_on(answers.wait_for(1));
            });
            is_there.wait();
            let panicking = scope.spawn(|| {
                dormitory.call_together(|| {
                    answers.give(1);
                    panic!("on purpose");
                });
            });
            assert!(panicking.join().is_err());
            sleeping.join().expect("it was called");
        });
    }
}
