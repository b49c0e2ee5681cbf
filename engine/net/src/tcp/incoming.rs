//! What comes from the peer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use roundhouse_base::Monotonic;
use roundhouse_runtime::socket::Received;
use roundhouse_runtime::{Shard, SocketId, SocketOp, SocketOperation};

use super::held::Held;
use super::{TcpCounters, TcpOptions};
use crate::deadline::Deadline;

/// The receiving direction of a stream. At most one receive is in flight, and none while something
/// received waits to be read: what is not read stays in the kernel, and soon with the peer.
#[derive(Debug)]
pub(super) struct Incoming {
    socket: SocketId,
    receive: Option<SocketOperation>,
    /// Received and not yet read.
    data: BytesMut,
    held: Held,
    /// When the read that waits began to.
    waiting_since: Option<Monotonic>,
    deadline: Deadline,
    end: Option<End>,
}

/// Why nothing more will come.
#[derive(Clone, Copy, Debug)]
enum End {
    Orderly,
    Broken(io::ErrorKind),
}

impl Incoming {
    pub(super) fn new(socket: SocketId, held: Held) -> Incoming {
        Incoming {
            socket,
            receive: None,
            data: BytesMut::new(),
            held,
            waiting_since: None,
            deadline: Deadline::default(),
            end: None,
        }
    }

    /// Something to read, which stays until it is taken off the front; empty at the end of the
    /// stream. `active` is when the stream last sent something.
    pub(super) fn poll_fill(
        &mut self,
        shard: &Shard,
        options: &TcpOptions,
        counters: &TcpCounters,
        active: Monotonic,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<&mut BytesMut>> {
        // Whoever got it from here may have taken any part of it.
        self.held.set(self.data.len());
        while self.data.is_empty() {
            match self.end {
                Some(End::Orderly) => break,
                Some(End::Broken(kind)) => return Poll::Ready(Err(kind.into())),
                None => (),
            }
            let socket = self.socket;
            let receive = self
                .receive
                .get_or_insert_with(|| shard.socket_operation(SocketOp::Receive { socket }));
            let Poll::Ready(outcome) = Pin::new(receive).poll(context) else {
                let since = *self.waiting_since.get_or_insert_with(|| shard.turn_now());
                let limit = time_limit(options, since, active);
                if self.deadline.poll(shard, limit, context).is_pending() {
                    return Poll::Pending;
                }
                self.receive = None;
                counters.timed_out.add(1);
                self.fail(io::ErrorKind::TimedOut);
                continue;
            };
            self.receive = None;
            self.waiting_since = None;
            match (outcome.received, outcome.result) {
                (Some(Received::Bytes(data)), _) => {
                    counters.bytes_received.add(data.len() as u64);
                    self.held.set(data.len());
                    self.data = data;
                }
                (_, Ok(_)) => self.end = Some(End::Orderly),
                (_, Err(errno)) => {
                    counters.broken.add(1);
                    self.fail(io::Error::from(errno).kind());
                }
            }
        }
        Poll::Ready(Ok(&mut self.data))
    }

    /// Takes bytes off the front.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.data.advance(bytes);
        self.held.set(self.data.len());
    }

    /// Takes everything.
    pub(super) fn take(&mut self) -> BytesMut {
        self.held.set(0);
        std::mem::take(&mut self.data)
    }

    fn fail(&mut self, kind: io::ErrorKind) {
        self.end = Some(End::Broken(kind));
        self.deadline.clear();
    }
}

/// When a read that began to wait at `since` has waited too long.
fn time_limit(options: &TcpOptions, since: Monotonic, active: Monotonic) -> Option<Monotonic> {
    let of_read = options.read_timeout.map(|timeout| since + timeout);
    let of_idling = options.idle_timeout.map(|timeout| since.max(active) + timeout);
    match (of_read, of_idling) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
