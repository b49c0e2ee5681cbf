//! The run queue of one shard: `!Send` tasks, woken from anywhere, polled on the shard's thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use async_task::Runnable;
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::mailbox::Parking;
use crate::shard::{Shard, ShardInner};

thread_local! {
    /// The executor whose turn it is on this thread, so that a wake-up by a task of the same shard
    /// is a push into a plain queue. Set for the length of a turn only.
    static CURRENT: RefCell<Option<Rc<Queues>>> = const { RefCell::new(None) };
}

/// The shard whose turn it is on this thread.
pub(crate) fn current() -> Option<Shard> {
    CURRENT.with_borrow(|current| {
        current.as_ref()?.shard.borrow().upgrade().map(|inner| Shard { inner })
    })
}

/// The tasks of one shard.
pub(crate) struct Executor {
    queues: Rc<Queues>,
    /// A waker for every unfinished task, so that all can be dropped at the end of the shard even
    /// where tasks and what they wait for own one another.
    active: Rc<RefCell<ActiveTasks>>,
}

impl Executor {
    pub(crate) fn new(parking: Arc<Parking>) -> Executor {
        let (sender, remote) = unbounded();
        let queues = Queues {
            local: Default::default(),
            remote,
            inbox: Arc::new(Inbox { sender, parking }),
            shard: RefCell::new(Weak::new()),
        };
        Executor { queues: Rc::new(queues), active: Default::default() }
    }

    /// Tells the executor which shard it belongs to.
    pub(crate) fn set_shard(&self, shard: &Rc<ShardInner>) {
        self.queues.shard.replace(Rc::downgrade(shard));
    }

    /// Has `flag` set when a task panics.
    pub(crate) fn set_panic_flag(&self, flag: Arc<AtomicBool>) {
        self.active.borrow_mut().panic_flag = flag;
    }

    /// Starts a task. It is first polled in the next turn or later in this one.
    pub(crate) fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let key = self.active.borrow_mut().reserve();
        let registration = Registration { active: self.active.clone(), key };
        let future = async move {
            let _registration = registration;
            future.await
        };
        let inbox = self.queues.inbox.clone();
        let schedule = move |runnable| schedule(&inbox, runnable);
        // A panic ends its task and is raised again in whoever awaits it; the shard goes on.
        let (runnable, task) = async_task::Builder::new()
            .propagate_panic(true)
            .spawn_local(move |()| future, schedule);
        self.active.borrow_mut().set(key, runnable.waker());
        self.queues.local.borrow_mut().push_back(runnable);
        Task { inner: Some(task) }
    }

    /// Polls runnable tasks until none is left or `budget` polls were made. Returns whether any is
    /// left.
    pub(crate) fn run(&self, budget: usize) -> bool {
        let _entered = Entered::new(&self.queues);
        self.take_remote();
        for _ in 0..budget {
            let Some(runnable) = self.next() else { return false };
            runnable.run();
        }
        self.has_work()
    }

    /// Runs `f` so that wake-ups inside it reach this executor directly.
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(&self.queues);
        f()
    }

    /// Whether a task is waiting to be polled.
    pub(crate) fn has_work(&self) -> bool {
        !self.queues.local.borrow().is_empty() || !self.queues.remote.is_empty()
    }

    /// Drops every task, finished or not.
    pub(crate) fn clear(&self) {
        let _entered = Entered::new(&self.queues);
        // Dropping a future may wake, or even spawn, others: repeat until nothing is left.
        loop {
            let wakers = self.active.borrow_mut().take_wakers();
            wakers.into_iter().for_each(Waker::wake);
            self.take_remote();
            let mut dropped_any = false;
            while let Some(runnable) = self.next() {
                drop(runnable);
                dropped_any = true;
            }
            if !dropped_any {
                return;
            }
        }
    }

    fn next(&self) -> Option<Runnable> {
        self.queues.local.borrow_mut().pop_front()
    }

    fn take_remote(&self) {
        self.queues.local.borrow_mut().extend(self.queues.remote.try_iter());
    }
}

/// A spawned task. Awaiting it gives its output; dropping it cancels it; see [`Task::detach`].
///
/// # Panics
/// Awaiting a task that panicked panics with the same payload.
#[must_use = "dropping a task cancels it; detach it to let it run"]
#[derive(Debug)]
pub struct Task<T> {
    inner: Option<async_task::Task<T>>,
}

impl<T> Task<T> {
    /// Lets the task run to its end on its own. A panic in it is then reported by the panic hook
    /// only.
    pub fn detach(mut self) {
        if let Some(task) = self.inner.take() {
            task.detach();
        }
    }

    /// Whether the task has finished, so that awaiting it would not wait.
    pub fn is_finished(&self) -> bool {
        self.inner.as_ref().is_none_or(async_task::Task::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let task = self.inner.as_mut().expect("only `detach`, which consumes, empties a task");
        Pin::new(task).poll(context)
    }
}

/// Both ways into an executor.
struct Queues {
    local: RefCell<VecDeque<Runnable>>,
    /// Woken from other threads. Unbounded in type only: a task is in it at most once.
    remote: Receiver<Runnable>,
    inbox: Arc<Inbox>,
    /// The shard they belong to.
    shard: RefCell<Weak<ShardInner>>,
}

/// What a waker needs to reach its executor from any thread.
#[derive(Debug)]
struct Inbox {
    sender: Sender<Runnable>,
    parking: Arc<Parking>,
}

/// Queues a woken task: directly if its executor is having its turn on this thread.
fn schedule(inbox: &Arc<Inbox>, runnable: Runnable) {
    let leftover = CURRENT.with_borrow(|current| match current {
        Some(queues) if Arc::ptr_eq(&queues.inbox, inbox) => {
            queues.local.borrow_mut().push_back(runnable);
            None
        }
        _ => Some(runnable),
    });
    if let Some(runnable) = leftover {
        // The channel is closed only after `clear` dropped every task, so nothing is lost.
        if inbox.sender.send(runnable).is_ok() {
            inbox.parking.notify();
        }
    }
}

/// Marks an executor as the current one of this thread, and restores the one before: an engine may
/// be turned from inside a task of another.
struct Entered(Option<Rc<Queues>>);

impl Entered {
    fn new(queues: &Rc<Queues>) -> Entered {
        Entered(CURRENT.replace(Some(queues.clone())))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Wakers of the unfinished tasks, by key.
#[derive(Debug, Default)]
struct ActiveTasks {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Set when one ends by a panic.
    panic_flag: Arc<AtomicBool>,
}

impl ActiveTasks {
    fn reserve(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }

    fn set(&mut self, key: usize, waker: Waker) {
        self.wakers[key] = Some(waker);
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.wakers.iter_mut().filter_map(Option::take).collect()
    }
}

/// Takes a task off the list of active ones when its future ends or is dropped.
struct Registration {
    active: Rc<RefCell<ActiveTasks>>,
    key: usize,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let waker = {
            let mut active = self.active.borrow_mut();
            if std::thread::panicking() {
                active.panic_flag.store(true, Ordering::Release);
            }
            active.free.push(self.key);
            active.wakers[self.key].take()
        };
        // Outside the borrow: dropping the last waker may run code.
        drop(waker);
    }
}

/// Lets every other runnable task have its turn once.
pub async fn yield_now() {
    let yielded = Cell::new(false);
    std::future::poll_fn(|context| {
        if yielded.replace(true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
