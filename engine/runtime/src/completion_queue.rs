//! Many operations, one place to wait for them.

use std::task::{Context, Poll};

use crate::op::{Completion, Op, OpId};
use crate::reactor::Token;
use crate::shard::Shard;

/// Collects the completions of operations that belong together, in the order they come: those of
/// multishot ones, and those that are started by the dozen and of which none is worth a task.
///
/// While `completions_max` are waiting, a multishot operation that goes on is cancelled: what it
/// would bring then stays in the kernel, whose bounds hold. It ends with `ECANCELED`, and is to be
/// submitted again when the queue is empty.
///
/// Dropping the queue cancels what is in flight; see [`CompletionQueue::detach`].
#[derive(Debug)]
pub struct CompletionQueue {
    shard: Shard,
    /// `None` once detached.
    token: Option<Token>,
}

impl CompletionQueue {
    pub(crate) fn new(shard: &Shard, completions_max: usize) -> CompletionQueue {
        let token = shard.inner.reactor.borrow_mut().open_queue(completions_max);
        CompletionQueue { shard: shard.clone(), token: Some(token) }
    }

    /// Starts an operation.
    pub fn submit(&self, op: Op) -> OpId {
        let id = self.shard.inner.driver.borrow_mut().submit(op);
        self.shard.inner.reactor.borrow_mut().expect_in(id, self.token());
        id
    }

    /// Operations that have not had their last completion, whether it was taken or not.
    pub fn in_flight(&self) -> usize {
        self.shard.inner.reactor.borrow().in_flight(self.token())
    }

    /// Whether no completion waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.shard.inner.reactor.borrow().is_empty(self.token())
    }

    /// Takes the oldest completion, if there is one.
    pub fn try_next(&self) -> Option<Completion> {
        self.shard.inner.reactor.borrow_mut().next(self.token())
    }

    /// Takes the oldest completion, or wakes the task when there is one. Only the last task that
    /// asked is woken.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Completion> {
        let mut reactor = self.shard.inner.reactor.borrow_mut();
        if let Some(completion) = reactor.next(self.token()) {
            return Poll::Ready(completion);
        }
        reactor.wake_for(self.token(), context.waker());
        Poll::Pending
    }

    /// Lets what is in flight run to its end unseen.
    pub fn detach(mut self) {
        self.close();
    }

    fn token(&self) -> Token {
        self.token.expect("a queue is used until it is detached")
    }

    /// Gives up the place in the reactor; returns what was in flight.
    fn close(&mut self) -> Vec<OpId> {
        let Some(token) = self.token.take() else { return Vec::new() };
        let (in_flight, unseen) = self.shard.inner.reactor.borrow_mut().close_queue(token);
        for completion in unseen {
            self.shard.inner.discard(completion.received.as_ref());
        }
        in_flight
    }
}

impl Drop for CompletionQueue {
    fn drop(&mut self) {
        for id in self.close() {
            self.shard.inner.driver.borrow_mut().cancel(id);
        }
    }
}
