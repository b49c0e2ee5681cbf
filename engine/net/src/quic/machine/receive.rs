//! From datagrams to connections.

use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use quinn_proto::{ConnectionHandle, DatagramEvent, EcnCodepoint, Incoming};
use roundhouse_base::{Monotonic, ShardId};
use roundhouse_runtime::socket::{Arrival, Ecn};

use super::admission::{Admission, Load, admit};
use super::entry::Entry;
use super::event::Event;
use super::{Machine, Slot};
use crate::limits::{QUIC_INITIALS_PER_PASS, QUIC_MISFITS};
use crate::quic::connection_id::Owner;

/// Trains at least this long are kept in the memory they came in. Data of shorter ones, which may
/// stay unread for long, would hold much more memory than it has bytes.
const KEPT_BYTES_MIN: usize = 16 * 1024;

/// A datagram that another shard's connection is waiting for.
#[derive(Debug)]
pub struct Misfit {
    /// Where it belongs.
    pub shard: ShardId,
    /// The datagram, for [`Machine::receive`] there.
    pub arrival: Arrival,
}

/// What the datagrams of a train have in common.
struct Origin {
    remote: SocketAddr,
    local: Option<IpAddr>,
    ecn: Ecn,
    now: Monotonic,
}

impl Machine {
    /// Takes in datagrams that arrived.
    pub fn receive(&mut self, now: Monotonic, arrival: Arrival) {
        let Arrival { source, destination, ecn, data, segment_bytes } = arrival;
        let origin = Origin { remote: source, local: destination, ecn, now };
        let data = if data.len() >= KEPT_BYTES_MIN { data } else { BytesMut::from(&data[..]) };
        let whole = Arrival { source, destination, ecn, data, segment_bytes };
        for datagram in whole.into_segments() {
            self.metrics.datagrams_received.add(1);
            self.receive_datagram(&origin, datagram);
        }
    }

    fn receive_datagram(&mut self, origin: &Origin, datagram: BytesMut) {
        match self.scheme.owner(&datagram, self.options.shard) {
            Owner::Here => {}
            Owner::Other(shard) => return self.put_aside(shard, origin, datagram),
            Owner::NewClient if self.initials_this_pass >= QUIC_INITIALS_PER_PASS => {
                return self.metrics.initials_dropped.add(1);
            }
            Owner::NewClient => self.initials_this_pass += 1,
        }
        let at = self.clock.instant(origin.now);
        let ecn = EcnCodepoint::from_bits(origin.ecn.bits());
        let mut answer = self.answers.buffer();
        let event = self.proto.handle(at, origin.remote, origin.local, ecn, datagram, &mut answer);
        match event {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                self.answers.give_back(answer);
                let index = handle.0 as u32;
                let slot = self.entries.get_mut(handle.0);
                if let Some(entry) = slot.and_then(|slot| slot.entry.as_deref_mut()) {
                    entry.proto.handle_event(event);
                    entry.follow_path();
                    self.touch(index);
                    self.send_soon(index);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                self.knock(origin.now, incoming, answer);
            }
            Some(DatagramEvent::Response(transmit)) => {
                self.answers.push(&transmit, answer, &self.metrics);
            }
            None => {
                self.answers.give_back(answer);
                self.metrics.datagrams_ignored.add(1);
            }
        }
    }

    fn put_aside(&mut self, shard: ShardId, origin: &Origin, data: BytesMut) {
        if self.misfits.len() >= QUIC_MISFITS {
            return self.metrics.misfits_dropped.add(1);
        }
        self.metrics.misfits.add(1);
        let Origin { remote: source, local: destination, ecn, .. } = *origin;
        let segment_bytes = data.len().max(1);
        let arrival = Arrival { source, destination, ecn, data, segment_bytes };
        self.misfits.push_back(Misfit { shard, arrival });
    }

    /// Decides about a client's first packet.
    fn knock(&mut self, now: Monotonic, incoming: Incoming, mut answer: Vec<u8>) {
        let limits = &self.options.limits;
        let load = Load {
            connections: self.counts.connections,
            handshakes: self.counts.handshakes,
            waiting: self.counts.waiting,
            has_buffers: self.budget.has(limits.promise()),
        };
        let is_proven = !incoming.may_retry() || incoming.remote_address_validated();
        match admit(load, limits, self.options.retry, is_proven) {
            Admission::Accept => self.let_in(now, incoming, answer),
            Admission::Refuse => {
                self.metrics.refused.add(1);
                let transmit = self.proto.refuse(incoming, &mut answer);
                self.answers.push(&transmit, answer, &self.metrics);
            }
            Admission::Retry => match self.proto.retry(incoming, &mut answer) {
                Ok(transmit) => {
                    self.metrics.retries.add(1);
                    self.answers.push(&transmit, answer, &self.metrics);
                }
                Err(error) => self.proto.ignore(error.into_incoming()),
            },
        }
    }

    fn let_in(&mut self, now: Monotonic, incoming: Incoming, mut answer: Vec<u8>) {
        let at = self.clock.instant(now);
        match self.proto.accept(incoming, at, &mut answer, None) {
            Ok((handle, connection)) => {
                self.answers.give_back(answer);
                self.counts.handshakes += 1;
                self.counts.waiting += 1;
                let index = self.add(now, handle, connection);
                self.events.push_back((self.key(index), Event::Incoming));
            }
            Err(error) => match error.response {
                Some(transmit) => self.answers.push(&transmit, answer, &self.metrics),
                None => self.answers.give_back(answer),
            },
        }
    }

    /// Gives a new connection its place.
    pub(super) fn add(
        &mut self,
        now: Monotonic,
        handle: ConnectionHandle,
        connection: quinn_proto::Connection,
    ) -> u32 {
        let index = handle.0 as u32;
        if self.entries.len() <= handle.0 {
            self.entries.resize_with(handle.0 + 1, Slot::default);
        }
        let entry = Entry::new(handle, connection, &self.options.limits, now);
        self.entries[handle.0].entry = Some(Box::new(entry));
        self.counts.connections += 1;
        self.budget.promise(self.options.limits.promise());
        self.touch(index);
        self.send_soon(index);
        index
    }
}
