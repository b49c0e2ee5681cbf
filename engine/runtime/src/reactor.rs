//! Matches completions to the tasks that wait for them.

use std::task::{Context, Poll, Waker};

use crate::op::{Completion, Errno, Op, OpId};

/// What the shard knows of every operation in flight, by the index of its id.
#[derive(Debug, Default)]
pub(crate) struct Reactor {
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No operation, or one nobody waits for any more.
    Detached,
    /// In flight; the waker of the last poll.
    Waiting(Option<Waker>),
    /// Done, its outcome not yet collected.
    Done(Result<u32, Errno>, Op),
}

impl Reactor {
    /// Expects the completion of an operation just submitted.
    pub(crate) fn expect(&mut self, id: OpId) {
        let index = id.index as usize;
        while self.slots.len() <= index {
            self.slots.push(Slot { generation: 0, state: State::Detached });
        }
        self.slots[index] = Slot { generation: id.generation, state: State::Waiting(None) };
    }

    /// Takes the outcome of an operation, or leaves the waker for when there is one.
    pub(crate) fn poll(
        &mut self,
        id: OpId,
        context: &mut Context<'_>,
    ) -> Poll<(Result<u32, Errno>, Op)> {
        let slot = &mut self.slots[id.index as usize];
        assert_eq!(slot.generation, id.generation, "an operation is collected once");
        match &mut slot.state {
            State::Waiting(waker) => {
                if !waker.as_ref().is_some_and(|old| old.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
            State::Done(..) => match std::mem::replace(&mut slot.state, State::Detached) {
                State::Done(result, op) => Poll::Ready((result, op)),
                State::Detached | State::Waiting(_) => unreachable!("matched as done above"),
            },
            State::Detached => panic!("an operation was polled after it completed"),
        }
    }

    /// Stops waiting for an operation. Returns whether it is still in flight and worth cancelling;
    /// its buffers stay with the driver until it ends.
    pub(crate) fn detach(&mut self, id: OpId) -> bool {
        let slot = &mut self.slots[id.index as usize];
        if slot.generation != id.generation {
            return false;
        }
        matches!(std::mem::replace(&mut slot.state, State::Detached), State::Waiting(_))
    }

    /// Takes in a completion and returns whom to wake.
    pub(crate) fn complete(&mut self, completion: Completion) -> Option<Waker> {
        // An operation that completes more than once is collected with its last completion.
        let op = completion.op?;
        let slot = self.slots.get_mut(completion.id.index as usize)?;
        if slot.generation != completion.id.generation {
            return None;
        }
        match std::mem::replace(&mut slot.state, State::Detached) {
            State::Waiting(waker) => {
                slot.state = State::Done(completion.result, op);
                waker
            }
            State::Detached | State::Done(..) => None,
        }
    }
}
