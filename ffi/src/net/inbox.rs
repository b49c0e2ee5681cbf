//! What arrived at a socket, and the operations that ask for it.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::remote::{Remote, closed};
use crate::failure::Failure;
use crate::queue::{Once, Outcome, Queue, Success};

/// Items of an object on a shard, for operations on any thread. They are received while operations wait, and are
/// lost by no cancellation: what nobody took is there for the next.
pub(super) struct Inbox<T: 'static, I: 'static> {
    remote: Remote<T>,
    receive: fn(Rc<T>) -> Receiving<I>,
    /// Items that are received beyond those that are waited for, by an operation that takes many.
    ahead: usize,
    arrivals: Arc<Arrivals<I>>,
}

/// Receives the next item; `None` is the end.
pub(super) type Receiving<I> = Pin<Box<dyn Future<Output = Result<Option<I>, Failure>>>>;

/// What is between the shard and the operations.
struct Arrivals<I>(Mutex<State<I>>);

struct State<I> {
    items: VecDeque<Result<Option<I>, Failure>>,
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    /// Whether a job on the shard receives.
    is_receiving: bool,
    is_closed: bool,
}

struct Waiting {
    waker: Waker,
    items: usize,
}

impl<T: 'static, I: Send + 'static> Inbox<T, I> {
    pub(super) fn new(
        remote: &Remote<T>,
        ahead: usize,
        receive: fn(Rc<T>) -> Receiving<I>,
    ) -> Arc<Inbox<T, I>> {
        let state = State {
            items: VecDeque::new(),
            waiting: BTreeMap::new(),
            next: 0,
            is_receiving: false,
            is_closed: false,
        };
        let arrivals = Arc::new(Arrivals(Mutex::new(state)));
        Arc::new(Inbox { remote: remote.clone(), receive, ahead, arrivals })
    }

    /// Submits an operation that takes one item, or with credits as many as it has. `give` makes its completion.
    pub(super) fn submit(
        self: &Arc<Self>,
        queue: &Queue,
        op: u32,
        credits: u32,
        user_data: u64,
        give: impl Fn(I) -> Outcome + Send + Unpin + 'static,
    ) -> Result<(), Failure> {
        let items = if credits == 0 { 1 } else { 1 + self.ahead };
        let waiter = Waiter { inbox: self.clone(), number: None, items };
        if credits > 0 {
            return queue.submit_many(op, user_data, credits, || Box::pin(Many { waiter, give }));
        }
        queue.submit(op, user_data, || {
            let mut waiter = waiter;
            Ok(Box::pin(async move {
                let item = poll_fn(|context| waiter.poll(context)).await?;
                item.map_or(Ok(Success::DONE), give)
            }) as Once)
        })
    }

    fn start(&self) -> Result<(), Failure> {
        let receiver = Receiver { arrivals: self.arrivals.clone(), is_done: false };
        let receive = self.receive;
        self.remote.start(move |object| receiver.receive(object, receive))
    }
}

/// One operation that waits.
struct Waiter<T: 'static, I: 'static> {
    inbox: Arc<Inbox<T, I>>,
    /// Among those that wait, once it does.
    number: Option<u64>,
    items: usize,
}

impl<T: 'static, I: Send + 'static> Waiter<T, I> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<I>, Failure>> {
        let is_started = {
            let mut state = self.inbox.arrivals.lock();
            if let Some(item) = state.items.pop_front() {
                return Poll::Ready(item);
            }
            if state.is_closed {
                return Poll::Ready(Err(closed()));
            }
            let number = *self.number.get_or_insert_with(|| {
                state.next += 1;
                state.next
            });
            let waker = context.waker().clone();
            state.waiting.insert(number, Waiting { waker, items: self.items });
            std::mem::replace(&mut state.is_receiving, true)
        };
        if !is_started && let Err(failure) = self.inbox.start() {
            self.inbox.arrivals.lock().is_receiving = false;
            return Poll::Ready(Err(failure));
        }
        Poll::Pending
    }
}

impl<T: 'static, I: 'static> Drop for Waiter<T, I> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.inbox.arrivals.lock();
        state.waiting.remove(&number);
        // It may have been the one that was woken for what is there.
        let others = if state.items.is_empty() { Vec::new() } else { state.wakers() };
        drop(state);
        others.into_iter().for_each(Waker::wake);
    }
}

/// An operation that completes many times.
struct Many<T: 'static, I: 'static, G> {
    waiter: Waiter<T, I>,
    give: G,
}

impl<T, I: Send, G: Fn(I) -> Outcome + Unpin> Stream for Many<T, I, G> {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let item = self.waiter.poll(context);
        item.map(|item| item.map_or_else(|failure| Some(Err(failure)), |item| item.map(&self.give)))
    }
}

/// The shard's side, which receives as long as anybody waits. If it is dropped before, the object is gone.
struct Receiver<I> {
    arrivals: Arc<Arrivals<I>>,
    is_done: bool,
}

impl<I> Receiver<I> {
    async fn receive<T>(mut self, object: Rc<T>, receive: fn(Rc<T>) -> Receiving<I>) {
        while !self.is_done {
            let item = receive(object.clone()).await;
            self.is_done = !self.arrivals.put(item);
        }
    }
}

impl<I> Drop for Receiver<I> {
    fn drop(&mut self) {
        if !self.is_done {
            self.arrivals.close();
        }
    }
}

impl<I> Arrivals<I> {
    /// Adds an item and says whether more are wanted; not behind a failure or the end.
    fn put(&self, item: Result<Option<I>, Failure>) -> bool {
        let mut state = self.lock();
        let is_last = !matches!(item, Ok(Some(_)));
        state.items.push_back(item);
        let wanted = state.waiting.values().map(|waiting| waiting.items).sum();
        state.is_receiving = !is_last && state.items.len() < wanted;
        let (is_receiving, wakers) = (state.is_receiving, state.wakers());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        is_receiving
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let wakers = state.wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I> State<I> {
    /// Everybody who waits: which of them looks first decides who gets what is there.
    fn wakers(&self) -> Vec<Waker> {
        self.waiting.values().map(|waiting| waiting.waker.clone()).collect()
    }
}
