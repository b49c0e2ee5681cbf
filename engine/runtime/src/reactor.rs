//! Matches completions to the tasks that wait for them.

use std::task::{Context, Poll, Waker};

use crate::op::{Completion, Errno, Op, OpId};

/// Everyone who waits for an operation, or has yet to collect what became of it.
///
/// Two tables: the driver uses the index of an operation again once it handed out the completion,
/// while the task that collects it may have its turn much later.
#[derive(Debug, Default)]
pub(crate) struct Reactor {
    /// By the index of operations in flight: who waits for it.
    in_flight: Vec<Option<(OpId, Token)>>,
    /// By token: the state of the wait.
    waits: Vec<Wait>,
    free: Vec<Token>,
}

/// Names a wait from [`Reactor::expect`] until it was collected or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(usize);

#[derive(Debug)]
enum Wait {
    Free,
    /// In flight; the waker of the last poll.
    InFlight(OpId, Option<Waker>),
    /// Done, not yet collected.
    Done(Result<u32, Errno>, Op),
}

impl Reactor {
    /// Expects the completion of an operation just submitted.
    pub(crate) fn expect(&mut self, id: OpId) -> Token {
        let token = self.free.pop().unwrap_or_else(|| {
            self.waits.push(Wait::Free);
            Token(self.waits.len() - 1)
        });
        self.waits[token.0] = Wait::InFlight(id, None);
        let index = id.index as usize;
        if self.in_flight.len() <= index {
            self.in_flight.resize(index + 1, None);
        }
        self.in_flight[index] = Some((id, token));
        token
    }

    /// Takes the outcome of an operation, which ends the wait, or leaves the waker for when there
    /// is one.
    pub(crate) fn poll(
        &mut self,
        token: Token,
        context: &mut Context<'_>,
    ) -> Poll<(Result<u32, Errno>, Op)> {
        match std::mem::replace(&mut self.waits[token.0], Wait::Free) {
            Wait::InFlight(id, waker) => {
                let same = waker.filter(|waker| waker.will_wake(context.waker()));
                let waker = same.unwrap_or_else(|| context.waker().clone());
                self.waits[token.0] = Wait::InFlight(id, Some(waker));
                Poll::Pending
            }
            Wait::Done(result, op) => {
                self.free.push(token);
                Poll::Ready((result, op))
            }
            Wait::Free => panic!("an operation was polled after it completed"),
        }
    }

    /// Gives a wait up. Returns the operation if it is still in flight and worth cancelling; its
    /// buffers stay with the driver until it ends.
    pub(crate) fn give_up(&mut self, token: Token) -> Option<OpId> {
        self.free.push(token);
        match std::mem::replace(&mut self.waits[token.0], Wait::Free) {
            Wait::InFlight(id, _) => {
                self.in_flight[id.index as usize] = None;
                Some(id)
            }
            Wait::Done(..) => None,
            Wait::Free => unreachable!("a wait is given up or collected once"),
        }
    }

    /// Takes in a completion and returns whom to wake.
    pub(crate) fn complete(&mut self, completion: Completion) -> Option<Waker> {
        // An operation that completes more than once is collected with its last completion.
        let op = completion.op?;
        let waiting = self.in_flight.get_mut(completion.id.index as usize)?;
        let (_, token) = waiting.take_if(|(id, _)| *id == completion.id)?;
        match std::mem::replace(&mut self.waits[token.0], Wait::Done(completion.result, op)) {
            Wait::InFlight(_, waker) => waker,
            Wait::Free | Wait::Done(..) => unreachable!("what is in flight is waited for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::FileId;

    fn id(index: u32, generation: u32) -> OpId {
        OpId { index, generation }
    }

    fn completion(id: OpId, result: u32) -> Completion {
        Completion {
            id,
            result: Ok(result),
            received: None,
            op: Some(Op::SyncData { file: FileId(0) }),
        }
    }

    fn result(reactor: &mut Reactor, token: Token) -> Option<u32> {
        match reactor.poll(token, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready((result, _)) => result.ok(),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_index_used_again_does_not_disturb_what_was_not_yet_collected() {
        let mut reactor = Reactor::default();
        let first = reactor.expect(id(0, 0));
        reactor.complete(completion(id(0, 0), 1));
        let second = reactor.expect(id(0, 1));
        assert_eq!(result(&mut reactor, second), None);
        reactor.complete(completion(id(0, 1), 2));
        assert_eq!(result(&mut reactor, first), Some(1));
        assert_eq!(result(&mut reactor, second), Some(2));
    }

    #[test]
    fn a_completion_that_nobody_waits_for_any_more_is_dropped() {
        let mut reactor = Reactor::default();
        let first = reactor.expect(id(0, 0));
        assert_eq!(reactor.give_up(first), Some(id(0, 0)));
        let second = reactor.expect(id(0, 1));
        assert!(reactor.complete(completion(id(0, 0), 1)).is_none());
        assert_eq!(result(&mut reactor, second), None);
    }
}
