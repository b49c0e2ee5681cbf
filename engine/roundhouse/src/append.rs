//! An append on its way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use roundhouse_base::{LogId, Offset, ShardId};
use roundhouse_store::{AppendError, Refusal, Ticket};

use crate::request::{AppendReply, Payload, Request};
use crate::request_line::PostError;
use crate::server::ShardServer;
use crate::shared::Shared;

/// An append, already in line behind every earlier one from the same thread. Awaiting it gives the
/// first offset once the records are acknowledged; dropping it does not take them back.
///
/// Awaiting is also what keeps a program from being faster than the disk: records whose futures
/// nobody awaits pile up in memory until they are written. They may hold as much as the option
/// `append_memory` says; an append beyond that is refused with [`AppendError::Overloaded`].
#[must_use = "an append is acknowledged only when awaited"]
pub struct Append {
    shared: Arc<Shared>,
    shard: ShardId,
    log: LogId,
    state: State,
}

enum State {
    /// Accepted on this very shard.
    Here {
        first: Offset,
        ticket: Ticket,
    },
    /// Sent to its shard.
    Sent(oneshot::Receiver<Result<Offset, AppendError>>),
    /// Refused.
    Refused(AppendError),
    Done,
}

impl Append {
    /// Puts records in line. `local` appends them directly if this is the shard they belong to;
    /// `payload` makes the message if it is not.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        shard: ShardId,
        log: LogId,
        payload: impl FnOnce() -> Payload,
        local: impl FnOnce(&ShardServer) -> Option<Result<(Offset, Ticket), Refusal>>,
    ) -> Append {
        let server = ShardServer::current(&shared.token, shard);
        let direct = server.as_ref().filter(|server| server.queued_here.get() == 0);
        let state = match direct.and_then(|server| local(server)) {
            Some(Ok((first, ticket))) => State::Here { first, ticket },
            Some(Err(Refusal::Error(error))) => State::Refused(error),
            Some(Err(Refusal::Wait)) | None => {
                send(shared, shard, log, payload(), server.as_deref())
            }
        };
        Append { shared: shared.clone(), shard, log, state }
    }

    /// Awaits an append that was accepted on its shard from somewhere else.
    fn await_elsewhere(&self, first: Offset, ticket: Ticket) -> State {
        let log = self.log;
        post(&self.shared, self.shard, |reply| Request::Await { log, first, ticket, reply })
    }
}

impl Future for Append {
    type Output = Result<Offset, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let outcome = match &mut this.state {
                State::Here { first, ticket } => {
                    let (first, ticket) = (*first, *ticket);
                    let Some(server) = ShardServer::current(&this.shared.token, this.shard) else {
                        this.state = this.await_elsewhere(first, ticket);
                        continue;
                    };
                    match server.store() {
                        Some(store) => store
                            .poll_acknowledged(this.log, ticket, context)
                            .map(|acknowledged| acknowledged.map(|()| first)),
                        None => Poll::Ready(Err(AppendError::Closed)),
                    }
                }
                State::Sent(answer) => Pin::new(answer)
                    .poll(context)
                    .map(|answer| answer.unwrap_or(Err(AppendError::Closed))),
                State::Refused(error) => Poll::Ready(Err(error.clone())),
                State::Done => panic!("an append was polled after it completed"),
            };
            if outcome.is_ready() {
                this.state = State::Done;
            }
            return outcome;
        }
    }
}

impl std::fmt::Debug for Append {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Append")
            .field("shard", &self.shard)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

/// Sends an append to its shard. `here` is given if that is where this code runs: then the shard
/// counts it, so that later ones queue behind it.
fn send(
    shared: &Shared,
    shard: ShardId,
    log: LogId,
    payload: Payload,
    here: Option<&ShardServer>,
) -> State {
    let is_from_here = here.is_some();
    let state = post(shared, shard, |reply| Request::Append { log, payload, reply, is_from_here });
    if let (Some(server), State::Sent(_)) = (here, &state) {
        server.queued_here.update(|queued| queued + 1);
    }
    state
}

fn post(shared: &Shared, shard: ShardId, request: impl FnOnce(AppendReply) -> Request) -> State {
    let (reply, answer) = oneshot::channel();
    match shared.sender(shard).post(request(reply)) {
        Ok(()) => State::Sent(answer),
        Err(PostError::Closed) => State::Refused(AppendError::Closed),
        Err(PostError::Full { bytes_max }) => State::Refused(AppendError::Overloaded { bytes_max }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_can_be_awaited_on_any_thread() {
        fn is_send<T: Send>() {}
        is_send::<Append>();
    }
}
