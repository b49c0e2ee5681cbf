//! Tasks of a shard that do something one after the other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Hands out turns, which are reached in the order in which they were drawn.
#[derive(Default)]
pub(super) struct Turns {
    drawn: Cell<u64>,
    ended: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Waker>>,
}

/// A turn; dropping it ends it. They are dropped in order, but for the end of all.
pub(super) struct Turn {
    turns: Rc<Turns>,
    number: u64,
}

impl Turns {
    pub(super) fn draw(self: &Rc<Self>) -> Turn {
        let number = self.drawn.replace(self.drawn.get() + 1);
        Turn { turns: self.clone(), number }
    }
}

impl Turn {
    /// Waits until those before have ended.
    pub(super) async fn reached(&self) {
        poll_fn(|context| {
            if self.turns.ended.get() >= self.number {
                return Poll::Ready(());
            }
            self.turns.waiting.borrow_mut().insert(self.number, context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.ended.set(self.turns.ended.get() + 1);
        let next = self.turns.waiting.borrow_mut().remove(&self.turns.ended.get());
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    #[test]
    fn a_turn_is_reached_when_those_before_it_have_ended() {
        let turns = Rc::new(Turns::default());
        let (first, second) = (turns.draw(), turns.draw());
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(second.reached()).poll(&mut context).is_pending());
        assert!(pin!(first.reached()).poll(&mut context).is_ready());
        drop(first);
        assert!(pin!(second.reached()).poll(&mut context).is_ready());
    }
}
