//! Matches completions to the tasks that wait for them.

use std::collections::VecDeque;
use std::mem;
use std::task::{Context, Poll, Waker};

use crate::op::{Completion, Errno, Op, OpId};
use crate::socket::Received;

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

/// Names a wait from its beginning until it was collected or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(usize);

/// What became of an operation that completes once.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<u32, Errno>,
    pub(crate) received: Option<Received>,
    pub(crate) op: Op,
}

/// What is to be done after a completion was taken in.
#[derive(Debug, Default)]
pub(crate) struct FollowUp {
    /// Whom to wake.
    pub(crate) waker: Option<Waker>,
    /// Which operation to cancel, because its queue is full.
    pub(crate) cancel: Option<OpId>,
    /// What nobody waits for any more.
    pub(crate) discard: Option<Received>,
}

#[derive(Debug)]
enum Wait {
    Free,
    /// In flight; the waker of the last poll.
    InFlight(OpId, Option<Waker>),
    /// Done, not yet collected.
    Done(Outcome),
    /// Any number of operations.
    Queue(Queue),
}

#[derive(Debug)]
struct Queue {
    completions: VecDeque<Completion>,
    completions_max: usize,
    waker: Option<Waker>,
    in_flight: usize,
    /// The operation that was last asked to stop for want of room.
    held_back: Option<OpId>,
}

impl Reactor {
    /// Expects the completion of an operation just submitted.
    pub(crate) fn expect(&mut self, id: OpId) -> Token {
        let token = self.place(Wait::InFlight(id, None));
        self.note(id, token);
        token
    }

    /// Takes the outcome of an operation, which ends the wait, or leaves the waker for when there
    /// is one.
    pub(crate) fn poll(&mut self, token: Token, context: &mut Context<'_>) -> Poll<Outcome> {
        match mem::replace(&mut self.waits[token.0], Wait::Free) {
            Wait::InFlight(id, waker) => {
                let same = waker.filter(|waker| waker.will_wake(context.waker()));
                let waker = same.unwrap_or_else(|| context.waker().clone());
                self.waits[token.0] = Wait::InFlight(id, Some(waker));
                Poll::Pending
            }
            Wait::Done(outcome) => {
                self.free.push(token);
                Poll::Ready(outcome)
            }
            Wait::Free | Wait::Queue(_) => panic!("an operation was polled after it completed"),
        }
    }

    /// Gives a wait up. Its operation's buffers stay with the driver until it ends.
    pub(crate) fn give_up(&mut self, token: Token) -> GivenUp {
        self.free.push(token);
        match mem::replace(&mut self.waits[token.0], Wait::Free) {
            Wait::InFlight(id, _) => {
                self.in_flight[id.index as usize] = None;
                GivenUp::InFlight(id)
            }
            Wait::Done(outcome) => GivenUp::Done(outcome.received),
            Wait::Free | Wait::Queue(_) => unreachable!("a wait is given up or collected once"),
        }
    }

    /// Opens a queue for any number of operations; see
    /// [`CompletionQueue`](crate::CompletionQueue).
    pub(crate) fn open_queue(&mut self, completions_max: usize) -> Token {
        let completions = VecDeque::new();
        self.place(Wait::Queue(Queue {
            completions,
            completions_max,
            waker: None,
            in_flight: 0,
            held_back: None,
        }))
    }

    /// Expects the completions of an operation just submitted in a queue.
    pub(crate) fn expect_in(&mut self, id: OpId, token: Token) {
        self.queue_mut(token).in_flight += 1;
        self.note(id, token);
    }

    /// Operations of a queue that have not had their last completion.
    pub(crate) fn in_flight(&self, token: Token) -> usize {
        self.queue(token).in_flight
    }

    /// Whether nothing waits in a queue.
    pub(crate) fn is_empty(&self, token: Token) -> bool {
        self.queue(token).completions.is_empty()
    }

    /// Takes the oldest completion in a queue.
    pub(crate) fn next(&mut self, token: Token) -> Option<Completion> {
        self.queue_mut(token).completions.pop_front()
    }

    /// Leaves a waker for the next completion in a queue.
    pub(crate) fn wake_for(&mut self, token: Token, waker: &Waker) {
        match &mut self.queue_mut(token).waker {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Gives a queue up. Returns the operations still in flight, and what was not collected.
    pub(crate) fn close_queue(&mut self, token: Token) -> (Vec<OpId>, VecDeque<Completion>) {
        let of_queue = |entry: &&mut Option<(OpId, Token)>| entry.is_some_and(|it| it.1 == token);
        let entries = self.in_flight.iter_mut().filter(of_queue);
        let in_flight = entries.filter_map(Option::take).map(|(id, _)| id).collect();
        let unseen = mem::take(&mut self.queue_mut(token).completions);
        self.waits[token.0] = Wait::Free;
        self.free.push(token);
        (in_flight, unseen)
    }

    /// Takes in a completion.
    pub(crate) fn complete(&mut self, completion: Completion) -> FollowUp {
        let id = completion.id;
        let is_last = completion.op.is_some();
        let Some(entry) = self.in_flight.get_mut(id.index as usize) else {
            return FollowUp::discard(completion);
        };
        let Some((_, token)) = (*entry).filter(|(waiting, _)| *waiting == id) else {
            return FollowUp::discard(completion);
        };
        if is_last {
            *entry = None;
        }
        match &mut self.waits[token.0] {
            Wait::Queue(queue) => queue.push(completion, is_last),
            Wait::InFlight(_, waker) => {
                // What completes more than once belongs into a queue.
                let Some(op) = completion.op else { return FollowUp::discard(completion) };
                let waker = waker.take();
                let Completion { result, received, .. } = completion;
                self.waits[token.0] = Wait::Done(Outcome { result, received, op });
                FollowUp { waker, ..FollowUp::default() }
            }
            Wait::Free | Wait::Done(_) => unreachable!("what is in flight is waited for"),
        }
    }

    fn place(&mut self, wait: Wait) -> Token {
        let token = self.free.pop().unwrap_or_else(|| {
            self.waits.push(Wait::Free);
            Token(self.waits.len() - 1)
        });
        self.waits[token.0] = wait;
        token
    }

    fn note(&mut self, id: OpId, token: Token) {
        let index = id.index as usize;
        if self.in_flight.len() <= index {
            self.in_flight.resize(index + 1, None);
        }
        self.in_flight[index] = Some((id, token));
    }

    fn queue(&self, token: Token) -> &Queue {
        match &self.waits[token.0] {
            Wait::Queue(queue) => queue,
            _ => unreachable!("the token is that of a queue"),
        }
    }

    fn queue_mut(&mut self, token: Token) -> &mut Queue {
        match &mut self.waits[token.0] {
            Wait::Queue(queue) => queue,
            _ => unreachable!("the token is that of a queue"),
        }
    }
}

impl Queue {
    fn push(&mut self, completion: Completion, is_last: bool) -> FollowUp {
        let id = completion.id;
        self.completions.push_back(completion);
        self.in_flight -= usize::from(is_last);
        let is_full = !is_last && self.completions.len() >= self.completions_max;
        // Asked once: a few more may be on their way.
        let cancel = (is_full && self.held_back != Some(id)).then_some(id);
        self.held_back = cancel.or(self.held_back);
        FollowUp { waker: self.waker.take(), cancel, discard: None }
    }
}

/// What a wait that was given up leaves to be done.
#[derive(Debug)]
pub(crate) enum GivenUp {
    /// Its operation is in flight and worth cancelling.
    InFlight(OpId),
    /// It had ended and received this.
    Done(Option<Received>),
}

impl FollowUp {
    fn discard(completion: Completion) -> FollowUp {
        FollowUp { discard: completion.received, ..FollowUp::default() }
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
        let op = Some(Op::SyncData { file: FileId(0) });
        Completion { id, result: Ok(result), received: None, op }
    }

    fn one_of_many(id: OpId, result: u32) -> Completion {
        Completion { op: None, ..completion(id, result) }
    }

    fn result(reactor: &mut Reactor, token: Token) -> Option<u32> {
        match reactor.poll(token, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome.result.ok(),
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
        assert!(matches!(reactor.give_up(first), GivenUp::InFlight(given) if given == id(0, 0)));
        let second = reactor.expect(id(0, 1));
        let late = Completion {
            received: Some(Received::Connection(crate::SocketId(7))),
            ..completion(id(0, 0), 1)
        };
        let follow_up = reactor.complete(late);
        assert!(follow_up.waker.is_none());
        assert!(matches!(follow_up.discard, Some(Received::Connection(_))));
        assert_eq!(result(&mut reactor, second), None);
    }

    #[test]
    fn a_queue_keeps_the_order_and_holds_a_flood_back_once() {
        let mut reactor = Reactor::default();
        let queue = reactor.open_queue(2);
        reactor.expect_in(id(0, 0), queue);
        reactor.expect_in(id(1, 0), queue);
        assert_eq!(reactor.complete(one_of_many(id(0, 0), 1)).cancel, None);
        assert_eq!(reactor.complete(one_of_many(id(0, 0), 2)).cancel, Some(id(0, 0)));
        assert_eq!(reactor.complete(one_of_many(id(0, 0), 3)).cancel, None, "asked already");
        assert_eq!(reactor.in_flight(queue), 2);
        reactor.complete(completion(id(0, 0), 4));
        assert_eq!(reactor.in_flight(queue), 1);
        let taken: Vec<_> =
            std::iter::from_fn(|| reactor.next(queue)).map(|it| it.result).collect();
        assert_eq!(taken, [Ok(1), Ok(2), Ok(3), Ok(4)]);

        let (in_flight, unseen) = reactor.close_queue(queue);
        assert_eq!((in_flight, unseen.len()), (vec![id(1, 0)], 0));
        assert!(reactor.complete(completion(id(1, 0), 5)).waker.is_none());
    }
}
