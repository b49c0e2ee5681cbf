//! Datagrams, from the sender's socket to the receiver's.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use super::events::Event;
use super::network::{Ends, Network, header_bytes};
use super::packet::{Body, Gathering, Train, cut};
use super::socket::SocketNo;
use crate::op::{Errno, OpId};
use crate::sim::port::NodeNo;
use crate::socket::{Arrival, Ecn, Received, Transmit};

/// Arrivals handed to a receive at once. What waits beyond that comes a moment later, so that a
/// receiver that wants no more can say so.
const RECEIVE_BATCH: usize = 64;
const RECEIVE_PAUSE: Duration = Duration::from_micros(1);
/// What a kernel takes at once.
const TRAIN_DATAGRAMS_MAX: usize = 64;
const TRAIN_BYTES_MAX: usize = 65_487;
/// The longest datagram, whatever the device.
const PACKET_BYTES_MAX: usize = 65_535;

impl Network {
    /// Sends a datagram or a train: each of its datagrams meets its own fate, and what arrives
    /// together is handed over together.
    pub(super) fn send_datagrams(
        &mut self,
        number: SocketNo,
        transmit: &Transmit,
    ) -> Result<u32, Errno> {
        let socket = self.sockets.get_mut(&number).ok_or(Errno::BADF)?;
        socket.datagrams()?;
        let (node, local, to) = (socket.node, socket.local, transmit.destination);
        let from = sender(node, local, transmit)?;
        self.check_length(node, transmit)?;
        let mut trains: Vec<Gathering> = Vec::new();
        for content in cut(&transmit.data, transmit.segment_bytes) {
            let is_markable = transmit.ecn != Ecn::NotCapable;
            let bytes = content.len() + header_bytes(to);
            for passage in self.carry(node, to, bytes, is_markable) {
                let ecn = if passage.is_marked { Ecn::CongestionExperienced } else { transmit.ecn };
                let content = if passage.is_corrupt {
                    Cow::Owned(self.corrupted(&content))
                } else {
                    Cow::Borrowed(&content[..])
                };
                let joins = trains.last_mut().is_some_and(|it| it.join(passage, ecn, &content));
                if !joins {
                    trains.push(Gathering::new(passage, ecn, &content));
                }
            }
        }
        for Gathering { at, train, .. } in trains {
            self.deliver(at, node, Ends { from, to }, Body::Datagrams(train));
        }
        Ok(transmit.data.bytes() as u32)
    }

    /// Starts a multishot receive.
    pub(super) fn receive_datagrams(&mut self, number: SocketNo, id: OpId) -> Result<(), Errno> {
        let datagrams = self.sockets.get_mut(&number).ok_or(Errno::BADF)?.datagrams()?;
        assert!(datagrams.receiving.is_none(), "two receives at once on one socket");
        datagrams.receiving = Some(id);
        self.resume(number);
        Ok(())
    }

    pub(super) fn datagrams_arrive(&mut self, node: NodeNo, ends: Ends, train: Train) {
        let Some(number) = self.listening_for(node, ends, &train.data) else {
            self.counts.unreachable += 1;
            return;
        };
        let arrival = Arrival {
            source: ends.from,
            destination: Some(ends.to.ip()),
            ecn: train.ecn,
            data: train.data,
            segment_bytes: train.segment_bytes,
        };
        let socket = self.sockets.get_mut(&number).expect("who is bound is there");
        let is_taken = socket.datagrams().is_ok_and(|datagrams| datagrams.push(arrival));
        self.counts.socket_full += u64::from(!is_taken);
        self.resume(number);
    }

    /// Hands over what waits, as far as somebody wants it.
    pub(super) fn resume(&mut self, number: SocketNo) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let owner = socket.owner;
        let Ok(datagrams) = socket.datagrams() else { return };
        let taken: Vec<_> = std::iter::from_fn(|| datagrams.take()).take(RECEIVE_BATCH).collect();
        let has_more = datagrams.is_ready();
        for (id, arrival) in taken {
            self.hand_over(owner, id, Received::Datagrams(arrival), false);
        }
        if has_more {
            self.events.add(self.now + RECEIVE_PAUSE, Event::Resume(number));
        }
    }

    /// Refuses what the device does not take. Segments and datagrams are refused in different ways.
    fn check_length(&mut self, node: NodeNo, transmit: &Transmit) -> Result<(), Errno> {
        let (bytes, to) = (transmit.data.bytes(), transmit.destination);
        let mtu = self.device_mtu_bytes(node, to.ip()).min(PACKET_BYTES_MAX);
        match transmit.segment_bytes.map(usize::from) {
            None if bytes + header_bytes(to) > mtu => Err(Errno::MSGSIZE),
            None => Ok(()),
            Some(0) => Err(Errno::INVAL),
            Some(segment) if segment + header_bytes(to) > mtu => Err(Errno::INVAL),
            Some(segment) if bytes.div_ceil(segment) > TRAIN_DATAGRAMS_MAX => Err(Errno::INVAL),
            Some(_) if bytes > TRAIN_BYTES_MAX => Err(Errno::MSGSIZE),
            Some(_) => Ok(()),
        }
    }

    fn corrupted(&mut self, content: &[u8]) -> Vec<u8> {
        let mut content = content.to_vec();
        if !content.is_empty() {
            let at = self.random.below(content.len() as u64) as usize;
            content[at] ^= 1 << self.random.below(8);
        }
        content
    }
}

/// Where a transmission comes from.
fn sender(node: NodeNo, local: SocketAddr, transmit: &Transmit) -> Result<SocketAddr, Errno> {
    let to = transmit.destination;
    if to.is_ipv4() != local.is_ipv4() {
        return Err(Errno::AFNOSUPPORT);
    }
    if to.port() == 0 {
        return Err(Errno::INVAL);
    }
    if Network::destination(node, to.ip()).is_none() {
        return Err(Errno::NETUNREACH);
    }
    match transmit.source {
        Some(ip) if !Network::has_address(node, ip) => Err(Errno::INVAL),
        Some(ip) => Ok(SocketAddr::new(ip, local.port())),
        None => Ok(Network::source(node, local, to.ip())),
    }
}
