//! A time limit that is moved often and seldom met.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use roundhouse_base::Monotonic;
use roundhouse_runtime::{Shard, Sleep};

/// Watches a deadline. Moving it later costs nothing: the timer that is set fires at the old time
/// and is set again.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    timer: Option<(Monotonic, Sleep)>,
}

impl Deadline {
    /// Ready once `at` has passed; `None` never does.
    pub(crate) fn poll(
        &mut self,
        shard: &Shard,
        at: Option<Monotonic>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        loop {
            match &mut self.timer {
                Some((set, timer)) if *set <= at => {
                    if Pin::new(timer).poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    if *set == at {
                        return Poll::Ready(());
                    }
                    self.timer = Some((at, shard.sleep_until(at)));
                }
                _ => self.timer = Some((at, shard.sleep_until(at))),
            }
        }
    }

    /// Forgets the timer.
    pub(crate) fn clear(&mut self) {
        self.timer = None;
    }
}
