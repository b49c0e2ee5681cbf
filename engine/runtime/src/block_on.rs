//! The bridge from blocking code to futures.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Runs a future on the calling thread and sleeps while it waits: what the blocking twin of an
/// asynchronous call is made of.
///
/// Not for a shard's own thread: the shard would stand still, and with it whatever the future waits
/// for.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // A wake-up since the poll makes this return at once; one for no reason costs a poll.
        thread::park();
    }
}

/// Wakes by unparking a thread.
struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{poll_fn, ready};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_ready_future_is_returned_without_sleeping() {
        assert_eq!(block_on(ready(7)), 7);
    }

    #[test]
    fn a_wake_during_the_poll_is_not_lost() {
        let mut polls = 0;
        let counted = block_on(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
        }));
        assert_eq!(counted, 3);
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_sleep() {
        let done = Arc::new(AtomicBool::new(false));
        let mut waking = None;
        block_on(poll_fn(|context| {
            if done.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            waking.get_or_insert_with(|| {
                let (done, waker) = (done.clone(), context.waker().clone());
                thread::spawn(move || {
                    done.store(true, Ordering::Release);
                    waker.wake();
                })
            });
            Poll::Pending
        }));
        waking.expect("the first poll was pending").join().expect("the waking thread ends");
    }
}
