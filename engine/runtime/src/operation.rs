//! Operations in flight as futures.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;

use crate::op::{Errno, Op, OpId};
use crate::reactor::{GivenUp, Outcome, Token};
use crate::shard::Shard;
use crate::socket::{Received, SocketOp};

/// An operation in flight. Awaiting it gives its result as documented with the [`Op`]; dropping it
/// asks the driver to cancel, and leaves the operation's buffers to the driver until it ended.
#[must_use = "dropping an operation cancels it"]
#[derive(Debug)]
pub struct Operation {
    shard: Shard,
    /// `None` once the outcome was collected.
    token: Option<Token>,
}

impl Operation {
    pub(crate) fn new(shard: &Shard, op: Op) -> Operation {
        let id = shard.inner.driver.borrow_mut().submit(op);
        let token = shard.inner.reactor.borrow_mut().expect(id);
        Operation { shard: shard.clone(), token: Some(token) }
    }

    /// Lets it run to its end unseen.
    pub fn detach(mut self) {
        self.give_up();
    }

    /// Ends the wait. Returns the operation if it is still in flight.
    fn give_up(&mut self) -> Option<OpId> {
        let token = self.token.take()?;
        let given_up = self.shard.inner.reactor.borrow_mut().give_up(token);
        match given_up {
            GivenUp::InFlight(id) => Some(id),
            GivenUp::Done(received) => {
                self.shard.inner.discard(received.as_ref());
                None
            }
        }
    }

    fn poll_op(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        let token = self.token.expect("an operation is not polled after it completed");
        let outcome = self.shard.inner.reactor.borrow_mut().poll(token, context);
        if outcome.is_ready() {
            self.token = None;
        }
        outcome
    }
}

impl Future for Operation {
    type Output = Result<u32, Errno>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_op(context).map(|outcome| outcome.result)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Some(id) = self.give_up() {
            self.shard.inner.driver.borrow_mut().cancel(id);
        }
    }
}

/// A read in flight; like [`Operation`], and gives the buffer back.
#[must_use = "dropping a read cancels it"]
#[derive(Debug)]
pub struct ReadOperation(Operation);

impl ReadOperation {
    pub(crate) fn new(read: Operation) -> ReadOperation {
        ReadOperation(read)
    }
}

impl Future for ReadOperation {
    type Output = (Result<u32, Errno>, BytesMut);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_op(context).map(|outcome| match outcome.op {
            Op::Read { buf, .. } => (outcome.result, buf),
            other => unreachable!("the driver gave back {other:?} for a read"),
        })
    }
}

/// An operation on a socket that completes once, in flight; like [`Operation`], and gives the
/// operation itself back with what it received.
#[must_use = "dropping an operation cancels it"]
#[derive(Debug)]
pub struct SocketOperation(Operation);

impl SocketOperation {
    pub(crate) fn new(shard: &Shard, op: SocketOp) -> SocketOperation {
        debug_assert!(!op.is_multishot(), "{op:?} belongs into a completion queue");
        SocketOperation(Operation::new(shard, Op::Socket(op)))
    }

    /// Lets it run to its end unseen.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl Future for SocketOperation {
    type Output = SocketOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_op(context).map(|Outcome { result, received, op }| match op {
            Op::Socket(op) => SocketOutcome { result, received, op },
            other => unreachable!("the driver gave back {other:?} for an operation on a socket"),
        })
    }
}

/// What became of an operation on a socket.
#[derive(Debug)]
pub struct SocketOutcome {
    /// As documented with the operation.
    pub result: Result<u32, Errno>,
    /// What it received.
    pub received: Option<Received>,
    /// The operation, with its data.
    pub op: SocketOp,
}
