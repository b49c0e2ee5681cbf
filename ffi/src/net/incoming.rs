//! Handshakes that go on while the next connection is waited for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use roundhouse::Shard;

/// Connections whose handshake is done and that nobody took yet. There are no more than handshakes may be in
/// progress and connections open, which are options of the sockets they come from.
pub(super) struct Incoming<C> {
    done: RefCell<VecDeque<C>>,
    waiting: RefCell<Option<Waker>>,
}

impl<C: 'static> Incoming<C> {
    pub(super) fn new() -> Rc<Incoming<C>> {
        Rc::new(Incoming { done: RefCell::default(), waiting: RefCell::default() })
    }

    /// Lets a handshake go on by itself. `None`: it failed, which its counters tell.
    pub(super) fn begin(
        self: &Rc<Self>,
        shard: &Shard,
        handshake: impl Future<Output = Option<C>> + 'static,
    ) {
        let incoming = Rc::downgrade(self);
        let going_on = async move {
            let connection = handshake.await;
            if let (Some(connection), Some(incoming)) = (connection, incoming.upgrade()) {
                incoming.done.borrow_mut().push_back(connection);
                if let Some(waker) = incoming.waiting.take() {
                    waker.wake();
                }
            }
        };
        shard.spawn(going_on).detach();
    }

    /// The next one that is done.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<C> {
        if let Some(connection) = self.done.borrow_mut().pop_front() {
            return Poll::Ready(connection);
        }
        self.waiting.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}
