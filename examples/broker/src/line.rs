//! A line of tasks of one shard: first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Lets one task at a time, in the order in which they took their places.
#[derive(Debug, Default)]
pub struct Line {
    next: Cell<u64>,
    /// Everybody in line: the first is served, the others wait.
    places: RefCell<BTreeMap<u64, Option<Waker>>>,
}

/// A place in line, given up when dropped.
#[derive(Debug)]
pub struct Place {
    line: Rc<Line>,
    number: u64,
}

impl Line {
    /// Whether nobody is in line.
    pub fn is_empty(&self) -> bool {
        self.places.borrow().is_empty()
    }

    /// Takes a place behind everybody else.
    pub fn enter(self: &Rc<Self>) -> Place {
        let number = self.next.get();
        self.next.set(number + 1);
        self.places.borrow_mut().insert(number, None);
        Place { line: self.clone(), number }
    }
}

impl Place {
    /// Completes when everybody before is gone. From then on, until this place is dropped, nobody
    /// else's turn comes.
    pub async fn turn(&self) {
        poll_fn(|context| {
            let mut places = self.line.places.borrow_mut();
            if places.keys().next() == Some(&self.number) {
                return Poll::Ready(());
            }
            places.insert(self.number, Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut places = self.line.places.borrow_mut();
            places.remove(&self.number);
            places.values_mut().next().and_then(Option::take)
        };
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn turns_come_in_order_and_pass_over_those_who_left() {
        let line = Rc::new(Line::default());
        let (first, second, third) = (line.enter(), line.enter(), line.enter());
        assert_eq!(first.turn().now_or_never(), Some(()));
        assert_eq!(third.turn().now_or_never(), None);
        drop(second);
        assert_eq!(third.turn().now_or_never(), None);
        drop(first);
        assert_eq!(third.turn().now_or_never(), Some(()));
        drop(third);
        assert!(line.is_empty());
    }
}
