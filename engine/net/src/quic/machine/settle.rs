//! What became of the connections that were touched.

use quinn_proto::{Event as ProtoEvent, StreamEvent};
use roundhouse_base::Monotonic;

use super::Machine;
use super::event::{ConnectionKey, Event};
use super::staging::Staging;
use crate::quic::error::ConnectionError;
use crate::quic::values::{Direction, StreamId};

impl Machine {
    /// Looks at every connection that was touched since the last time: passes on what its parts
    /// have to tell each other, collects events, sets deadlines, and queues it for sending.
    pub fn settle(&mut self, now: Monotonic) {
        self.initials_this_pass = 0;
        let mut touched = std::mem::take(&mut self.touched);
        for index in touched.drain(..) {
            self.settle_connection(now, index);
        }
        // Its memory serves the next pass.
        debug_assert!(self.touched.is_empty(), "settling touches nothing");
        self.touched = touched;
        self.show_counts();
    }

    /// Lets the connections whose time has come do what they waited for.
    pub fn expire(&mut self, now: Monotonic) {
        let at = self.clock.instant(now);
        while let Some(index) = self.deadlines.pop_due(now) {
            let Some(entry) = self.entries[index as usize].entry.as_deref_mut() else { continue };
            entry.deadline = None;
            if !entry.path.is_untried {
                entry.proto.handle_timeout(at);
                if entry.follow_path() {
                    // Back on a path, with a packet whose timer replaces that of the path it leaves.
                    entry.proto.ping();
                }
            }
            if entry.handshake_deadline.is_some_and(|deadline| deadline <= now) {
                self.give_up_handshake(now, index);
            }
            self.touch(index);
            self.send_soon(index);
        }
    }

    fn settle_connection(&mut self, now: Monotonic, index: u32) {
        let key = self.key(index);
        let Some(entry) = self.entries[index as usize].entry.as_deref_mut() else { return };
        entry.queued.is_touched = false;
        let mut has_to_send = false;
        while let Some(event) = entry.proto.poll_endpoint_events() {
            if let Some(event) = self.proto.handle_event(entry.handle, event) {
                entry.proto.handle_event(event);
                has_to_send = true;
            }
        }
        if has_to_send {
            self.send_soon(index);
        }
        while let Some(event) = self.poll(index) {
            self.translate(key, event);
        }
        let Some(entry) = self.entries[index as usize].entry.as_deref_mut() else { return };
        if entry.proto.is_drained() {
            return self.remove(key);
        }
        entry.grow(now, &self.options.limits, &mut self.budget);
        entry.allow_streams(&self.options.limits);
        let timeout = entry.proto.poll_timeout().map(|at| self.clock.monotonic(at));
        let next = timeout.into_iter().chain(entry.handshake_deadline).min();
        match next {
            Some(next) => self.deadlines.set(index, &mut entry.deadline, next),
            None => self.deadlines.clear(index, &mut entry.deadline),
        }
    }

    fn poll(&mut self, index: u32) -> Option<ProtoEvent> {
        self.entries[index as usize].entry.as_deref_mut()?.proto.poll()
    }

    fn translate(&mut self, key: ConnectionKey, event: ProtoEvent) {
        let event = match event {
            ProtoEvent::HandshakeDataReady => return,
            ProtoEvent::Connected => return self.connected(key),
            ProtoEvent::ConnectionLost { reason } => {
                return self.lost(key, ConnectionError::from_proto(reason));
            }
            ProtoEvent::Stream(StreamEvent::Writable { id }) => {
                return self.writable(key, StreamId::from_wire(id));
            }
            ProtoEvent::Stream(StreamEvent::Opened { dir }) => {
                Event::Opened(Direction::from_wire(dir))
            }
            ProtoEvent::Stream(StreamEvent::Available { dir }) => {
                Event::Available(Direction::from_wire(dir))
            }
            ProtoEvent::Stream(StreamEvent::Readable { id }) => {
                Event::Readable(StreamId::from_wire(id))
            }
            ProtoEvent::Stream(StreamEvent::Finished { id }) => {
                Event::Finished(StreamId::from_wire(id))
            }
            ProtoEvent::Stream(StreamEvent::Stopped { id, .. }) => {
                Event::Stopped(StreamId::from_wire(id))
            }
            ProtoEvent::DatagramReceived => Event::DatagramReceived,
            ProtoEvent::DatagramsUnblocked => Event::DatagramsUnblocked,
        };
        self.events.push_back((key, event));
    }

    fn connected(&mut self, key: ConnectionKey) {
        self.end_handshake(key);
        let Some(entry) = self.entry(key) else { return };
        if entry.proto.side().is_client() && entry.proto.has_0rtt() && !entry.proto.accepted_0rtt()
        {
            // The streams it was written on are gone, and their numbers are given out again.
            entry.staging = Staging::default();
        }
        self.metrics.connected.add(1);
        self.events.push_back((key, Event::Connected));
    }

    fn lost(&mut self, key: ConnectionKey, error: ConnectionError) {
        self.end_handshake(key);
        let Some(entry) = self.entry(key) else { return };
        if entry.life.is_closed_here {
            return;
        }
        if !matches!(error, ConnectionError::ClosedByPeer { .. }) {
            self.metrics.lost.add(1);
        }
        self.events.push_back((key, Event::Lost(error)));
    }

    fn writable(&mut self, key: ConnectionKey, stream: StreamId) {
        let Some(entry) = self.entry(key) else { return };
        let is_unblocked = entry.flush_blocked(stream);
        self.send_soon(key.index);
        if is_unblocked {
            self.events.push_back((key, Event::Writable(stream)));
        }
    }

    fn give_up_handshake(&mut self, now: Monotonic, index: u32) {
        let key = self.key(index);
        self.metrics.handshakes_timed_out.add(1);
        self.lost(key, ConnectionError::HandshakeTimedOut);
        self.close_quietly(now, key);
    }

    /// The handshake no longer counts, however it ended.
    pub(super) fn end_handshake(&mut self, key: ConnectionKey) {
        let Some(entry) = self.entry(key) else { return };
        entry.handshake_deadline = None;
        if std::mem::take(&mut entry.life.is_client_handshake) {
            self.counts.handshakes -= 1;
        }
    }

    fn remove(&mut self, key: ConnectionKey) {
        self.end_handshake(key);
        self.end_waiting(key);
        let slot = &mut self.entries[key.index as usize];
        let Some(mut entry) = slot.entry.take() else { return };
        slot.generation = slot.generation.wrapping_add(1);
        self.deadlines.clear(key.index, &mut entry.deadline);
        self.budget.release(entry.growth.promised);
        self.counts.connections -= 1;
        self.events.push_back((key, Event::Gone));
    }
}
