//! One connection of a machine.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use quinn_proto::{ConnectionHandle, Dir, WriteError as ProtoWriteError};
use roundhouse_base::Monotonic;

use super::budget::Budget;
use super::staging::{Blocked, Staging};
use crate::quic::options::Limits;
use crate::quic::transport::window;
use crate::quic::values::StreamId;

/// A connection with what the machine knows about it beside the protocol.
pub(super) struct Entry {
    pub(super) handle: ConnectionHandle,
    pub(super) proto: quinn_proto::Connection,
    pub(super) staging: Staging,
    /// Its entry in the machine's deadlines.
    pub(super) deadline: Option<Monotonic>,
    /// When the handshake must be done; `None` once it is.
    pub(super) handshake_deadline: Option<Monotonic>,
    pub(super) life: Life,
    pub(super) growth: Growth,
    pub(super) queued: Queued,
    /// Datagrams it sent since it was last put at the end of that queue.
    pub(super) datagrams_this_turn: usize,
    /// Bytes of small writes since it last sent, but for those that filled datagrams.
    pub(super) unsent_bytes: usize,
    pub(super) path: Path,
}

/// Where a connection's peer is.
#[derive(Debug)]
pub(super) struct Path {
    remote: SocketAddr,
    /// The connection sent nothing since it went over to this path. Until it does, the protocol library
    /// keeps a timer for packets of another path, and may not be told that it has run out: a path that
    /// waits for nothing breaks an assertion of its (quinn issue 2658).
    pub(super) is_untried: bool,
}

/// What a connection is counted as.
#[derive(Debug)]
pub(super) struct Life {
    /// A client opened it, and its handshake is not done.
    pub(super) is_client_handshake: bool,
    /// A client opened it, and the application did not accept it yet.
    pub(super) is_waiting: bool,
    /// This side closed it.
    pub(super) is_closed_here: bool,
}

/// Which of the machine's queues a connection is in.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// Those to look at.
    pub(super) is_touched: bool,
    /// Those with something to send.
    pub(super) is_sending: bool,
}

/// How many bytes a connection may hold, and whether it should be more.
#[derive(Debug)]
pub(super) struct Growth {
    /// Unread, and again as much unacknowledged.
    pub(super) window: u64,
    /// All that is promised to the connection.
    pub(super) promised: u64,
    /// Bytes read or written since the window grew last.
    moved: u64,
    since: Monotonic,
}

/// A connection that moves its window in this many round trips may be held back by it. One that is
/// not held back by it moves two windows, one each way, at most.
const ROUND_TRIPS_PER_WINDOW: u32 = 4;

impl Growth {
    pub(super) fn new(limits: &Limits, now: Monotonic) -> Growth {
        Growth {
            window: limits.connection_bytes_initial.into(),
            promised: limits.promise(),
            moved: 0,
            since: now,
        }
    }

    pub(super) fn moved(&mut self, bytes: usize) {
        self.moved += bytes as u64;
    }

    /// Whether it is time to look at the window again, and then whether it should be larger.
    fn is_due(&mut self, now: Monotonic, round_trip: Duration) -> bool {
        if self.moved < self.window {
            return false;
        }
        let was_fast = now.since(self.since) < ROUND_TRIPS_PER_WINDOW * round_trip;
        self.moved = 0;
        self.since = now;
        was_fast
    }
}

impl Entry {
    pub(super) fn new(
        handle: ConnectionHandle,
        proto: quinn_proto::Connection,
        limits: &Limits,
        now: Monotonic,
    ) -> Entry {
        let is_server = proto.side().is_server();
        let path = Path { remote: proto.remote_address(), is_untried: false };
        Entry {
            handle,
            proto,
            staging: Staging::default(),
            deadline: None,
            handshake_deadline: Some(now + limits.handshake_timeout),
            life: Life {
                is_client_handshake: is_server,
                is_waiting: is_server,
                is_closed_here: false,
            },
            growth: Growth::new(limits, now),
            queued: Queued::default(),
            datagrams_this_turn: 0,
            unsent_bytes: 0,
            path,
        }
    }

    /// Notes whether the connection has gone over to another path. True if it has.
    pub(super) fn follow_path(&mut self) -> bool {
        let remote = self.proto.remote_address();
        let has_changed = remote != self.path.remote;
        if has_changed {
            self.path = Path { remote, is_untried: true };
        }
        has_changed
    }

    /// Doubles the windows of a connection that uses them up, as far as limits and budget allow
    /// (the idea of dynamic right-sizing: Fisk, Feng, LACSI 2001).
    pub(super) fn grow(&mut self, now: Monotonic, limits: &Limits, budget: &mut Budget) {
        if !self.growth.is_due(now, self.proto.rtt()) {
            return;
        }
        let larger = (2 * self.growth.window).min(limits.connection_bytes_max.into());
        let more = 2 * (larger - self.growth.window);
        if more == 0 || !budget.try_grow(more) {
            return;
        }
        self.growth.window = larger;
        self.growth.promised += more;
        self.proto.set_receive_window(window(larger));
        self.proto.set_send_window(larger);
    }

    /// Lets the peer open four times as many streams while it uses more than half of what it may, as far
    /// as the limits allow. What it may is known a round trip later, so that a peer which keeps many
    /// requests going would else wait for those that just ended.
    pub(super) fn allow_streams(&mut self, limits: &Limits) {
        let limits = [limits.bidirectional_streams, limits.unidirectional_streams];
        for (direction, limit) in [Dir::Bi, Dir::Uni].into_iter().zip(limits) {
            let allowed = self.proto.max_concurrent_streams(direction);
            let is_scarce = 2 * self.proto.streams().remote_open_streams(direction) > allowed;
            if is_scarce && allowed < limit.into() {
                let more = (4 * allowed).min(limit.into());
                self.proto.set_max_concurrent_streams(direction, window(more));
            }
        }
    }

    /// Hands what was gathered to the protocol.
    pub(super) fn flush(&mut self) {
        if self.staging.is_empty() {
            return;
        }
        let proto = &mut self.proto;
        self.staging.take(|staging, stream, mut data| {
            // Bytes must not overtake those that wait.
            if staging.is_blocked(stream) || !give(proto, stream, &mut data) {
                staging.block(stream, data);
            }
        });
    }

    /// Hands over what was blocked on a stream. True if nothing is any more.
    pub(super) fn flush_blocked(&mut self, stream: StreamId) -> bool {
        let Some(mut blocked) = self.staging.unblock(stream) else { return true };
        while let Some(data) = blocked.data.front_mut() {
            if !give(&mut self.proto, stream, data) {
                self.staging.put_back(stream, blocked);
                return false;
            }
            blocked.data.pop_front();
        }
        self.end(stream, &blocked);
        true
    }

    fn end(&mut self, stream: StreamId, blocked: &Blocked) {
        if blocked.is_finished {
            // It fails if the peer stopped the stream meanwhile, and then nobody waits for the end.
            let _stopped = self.proto.send_stream(stream.to_wire()).finish();
        }
    }
}

/// Hands `data` to the protocol. False if it took only a part: the rest is in `data`, and the
/// protocol says when to go on. Data of a stream that was stopped or reset is dropped: its next
/// write learns it.
fn give(proto: &mut quinn_proto::Connection, stream: StreamId, data: &mut Bytes) -> bool {
    let mut to_stream = proto.send_stream(stream.to_wire());
    while !data.is_empty() {
        match to_stream.write_chunks(std::slice::from_mut(data)) {
            Ok(_) => {}
            Err(ProtoWriteError::Blocked) => return false,
            Err(ProtoWriteError::Stopped(_) | ProtoWriteError::ClosedStream) => return true,
        }
    }
    true
}
