//! What goes to the peer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use roundhouse_base::Monotonic;
use roundhouse_runtime::socket::Pieces;
use roundhouse_runtime::{Errno, Shard, SocketId, SocketOp, SocketOperation, SocketOutcome};

use super::held::Held;
use super::{TcpCounters, TcpOptions};
use crate::deadline::Deadline;

/// The sending direction of a stream. Two sends at once would have no order, so there is one, and
/// who writes meanwhile waits: what was accepted is on its way without anyone's help.
#[derive(Debug)]
pub(super) struct Outgoing {
    socket: SocketId,
    send: Option<Sending>,
    /// Whether a task of the writer's waits for it.
    is_awaited: bool,
    held: Held,
    /// Memory for what is copied, used again and again.
    copies: BytesMut,
    deadline: Deadline,
    failure: Option<io::ErrorKind>,
    /// When a send last began or ended.
    active: Monotonic,
}

#[derive(Debug)]
struct Sending {
    operation: SocketOperation,
    bytes: usize,
    since: Monotonic,
}

impl Outgoing {
    pub(super) fn new(socket: SocketId, now: Monotonic, held: Held) -> Outgoing {
        Outgoing {
            socket,
            send: None,
            is_awaited: false,
            held,
            copies: BytesMut::new(),
            deadline: Deadline::default(),
            failure: None,
            active: now,
        }
    }

    /// When a send last began or ended.
    pub(super) fn active(&self) -> Monotonic {
        self.active
    }

    /// Whether the kernel has taken everything.
    pub(super) fn is_idle(&self) -> bool {
        self.send.is_none()
    }

    /// Ready when the kernel has taken everything.
    pub(super) fn poll_idle(
        &mut self,
        shard: &Shard,
        options: &TcpOptions,
        counters: &TcpCounters,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let idle = self.poll_send(shard, options, counters, context);
        self.is_awaited = idle.is_pending();
        idle
    }

    /// Has a reader wake when the kernel has taken a long write for which no writer waits: its
    /// memory would be kept until somebody writes again. A failure is kept for who writes next.
    pub(super) fn release(
        &mut self,
        shard: &Shard,
        options: &TcpOptions,
        counters: &TcpCounters,
        context: &mut Context<'_>,
    ) {
        let is_long = self.send.as_ref().is_some_and(|send| send.bytes >= LONG_WRITE_BYTES);
        if is_long && !self.is_awaited {
            let _ = self.poll_send(shard, options, counters, context);
        }
    }

    fn poll_send(
        &mut self,
        shard: &Shard,
        options: &TcpOptions,
        counters: &TcpCounters,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(kind) = self.failure {
                return Poll::Ready(Err(kind.into()));
            }
            let Some(sending) = &mut self.send else { return Poll::Ready(Ok(())) };
            if let Poll::Ready(outcome) = Pin::new(&mut sending.operation).poll(context) {
                let bytes = sending.bytes;
                self.done();
                self.sent(outcome, bytes, shard, counters);
                continue;
            }
            let limit = options.write_timeout.map(|timeout| sending.since + timeout);
            ready!(self.deadline.poll(shard, limit, context));
            counters.timed_out.add(1);
            self.fail(io::ErrorKind::TimedOut);
        }
    }

    /// Forgets what is on its way.
    pub(super) fn abandon(&mut self) {
        self.done();
    }

    /// Starts sending; nothing else may be on its way.
    pub(super) fn start(&mut self, shard: &Shard, data: Pieces) {
        debug_assert!(self.is_idle(), "one send at a time");
        let (socket, bytes, since) = (self.socket, data.bytes(), shard.turn_now());
        let operation = shard.socket_operation(SocketOp::Send { socket, data });
        self.held.set(bytes);
        self.send = Some(Sending { operation, bytes, since });
        self.active = since;
    }

    /// Starts sending a copy of the first bytes of `data`, at most `bytes_max`, and returns how
    /// many.
    pub(super) fn start_copy(
        &mut self,
        shard: &Shard,
        data: &[io::IoSlice<'_>],
        bytes_max: usize,
    ) -> usize {
        let bytes = data.iter().map(|piece| piece.len()).sum::<usize>().min(bytes_max);
        if bytes == 0 {
            return 0;
        }
        // The last copy was dropped when it was sent, so this is the same memory again.
        self.copies.reserve(bytes);
        for piece in data {
            let left = bytes - self.copies.len();
            self.copies.extend_from_slice(&piece[..piece.len().min(left)]);
        }
        let copy = self.copies.split().freeze();
        self.start(shard, copy.into());
        bytes
    }

    fn sent(
        &mut self,
        outcome: SocketOutcome,
        bytes: usize,
        shard: &Shard,
        counters: &TcpCounters,
    ) {
        match (outcome.result, outcome.op) {
            // A short send has met an error that only the next one tells.
            (Ok(sent), SocketOp::Send { mut data, .. })
                if (1..bytes).contains(&(sent as usize)) =>
            {
                counters.bytes_sent.add(sent.into());
                drop(data.split_to(sent as usize));
                self.start(shard, data);
            }
            (Ok(sent), _) if sent as usize == bytes => {
                counters.bytes_sent.add(sent.into());
                self.active = shard.turn_now();
            }
            (result, _) => {
                counters.broken.add(1);
                let errno = result.err().unwrap_or(Errno::PIPE);
                self.fail(io::Error::from(errno).kind());
            }
        }
    }

    fn fail(&mut self, kind: io::ErrorKind) {
        self.failure = Some(kind);
        self.done();
        self.deadline.clear();
    }

    fn done(&mut self) {
        self.send = None;
        self.held.set(0);
    }
}

/// A write whose memory is worth waking someone for.
const LONG_WRITE_BYTES: usize = 4096;
