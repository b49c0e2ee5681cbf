//! What a queue waits for: each source yields completions when it is looked at.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use roundhouse::{Append, AppendError, Offset};

use super::completion::{RH_CQ_MORE, RH_OP_APPEND, Success};
use crate::failure::Failure;
use crate::status::RH_E_CANCELED;

/// How an operation ends, or a step of it.
pub(crate) type Outcome = Result<Success, Failure>;

/// An operation that completes once.
pub(crate) type Once = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// An operation that completes as often as it has credits; `None` or an error ends it.
pub(crate) type Many = Pin<Box<dyn Stream<Item = Outcome> + Send>>;

/// Something that a queue looks at when it was woken for it.
pub(super) enum Source {
    /// The appends of one log, which complete in the order of their submission. Only the first is asked
    /// whether it is done: one waker and one wake-up for however many come back together.
    Lane(VecDeque<(u64, Append)>),
    Once {
        user_data: u64,
        op: u32,
        future: Once,
        /// Memory of the program's may be in use until it ends, so it is not given up.
        is_held: bool,
    },
    Many {
        user_data: u64,
        op: u32,
        stream: Many,
        credits: u32,
    },
    /// It was canceled and has yet to say so.
    Canceled {
        user_data: u64,
        op: u32,
    },
}

/// One completion before it is written.
pub(super) struct Event {
    pub(super) user_data: u64,
    pub(super) op: u32,
    pub(super) flags: u32,
    pub(super) outcome: Outcome,
}

impl Event {
    pub(super) fn appended(user_data: u64, outcome: Result<Offset, AppendError>) -> Event {
        let outcome = outcome.map(|first| Success::number(first.0)).map_err(Failure::from);
        Event { user_data, op: RH_OP_APPEND, flags: 0, outcome }
    }
}

impl Source {
    /// The next completion. `Pending` if there is none now: the waker tells when to look again.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        match self {
            Source::Lane(appends) => poll_lane(appends, context)
                .map(|(user_data, outcome)| Event::appended(user_data, outcome)),
            Source::Once { user_data, op, future, .. } => {
                let (user_data, op) = (*user_data, *op);
                let outcome = future.as_mut().poll(context);
                outcome.map(|outcome| Event { user_data, op, flags: 0, outcome })
            }
            Source::Many { credits: 0, .. } => Poll::Pending,
            Source::Many { user_data, op, stream, credits } => {
                let (user_data, op) = (*user_data, *op);
                let step = stream.as_mut().poll_next(context);
                step.map(|step| {
                    *credits -= 1;
                    let flags = if matches!(step, Some(Ok(_))) { RH_CQ_MORE } else { 0 };
                    Event { user_data, op, flags, outcome: step.unwrap_or(Ok(Success::DONE)) }
                })
            }
            Source::Canceled { user_data, op } => {
                let outcome = Err(Failure::new(RH_E_CANCELED, "the operation was canceled"));
                Poll::Ready(Event { user_data: *user_data, op: *op, flags: 0, outcome })
            }
        }
    }

    /// Gives the operation up if it can be, has this number, and has not been given up before.
    pub(super) fn cancel(&mut self, wanted: u64) -> bool {
        match self {
            Source::Once { user_data, op, is_held: false, .. }
            | Source::Many { user_data, op, .. }
                if *user_data == wanted =>
            {
                *self = Source::Canceled { user_data: wanted, op: *op };
                true
            }
            _ => false,
        }
    }
}

/// How the first append of a lane ended, which is taken out; `Pending` if it did not yet or there is none.
pub(super) fn poll_lane(
    appends: &mut VecDeque<(u64, Append)>,
    context: &mut Context<'_>,
) -> Poll<(u64, Result<Offset, AppendError>)> {
    let Some((user_data, append)) = appends.front_mut() else { return Poll::Pending };
    let Poll::Ready(outcome) = Pin::new(append).poll(context) else { return Poll::Pending };
    let user_data = *user_data;
    appends.pop_front();
    Poll::Ready((user_data, outcome))
}
