//! Streams, between sockets and packets.

use std::net::SocketAddr;

use roundhouse_base::{Monotonic, Random};

use super::events::Event;
use super::listener::Listener;
use super::network::{Ends, Network};
use super::packet::Body;
use super::socket::{Kind, Protocol, Socket, SocketNo};
use super::stream::{self, Actions, Connection, Segment, StreamOptions};
use crate::op::{Errno, OpId};
use crate::sim::port::{NodeNo, PortNo};
use crate::socket::{Pieces, Received, Side};

/// What a connection is told beside what it is about.
pub(super) struct Context<'a> {
    pub(super) now: Monotonic,
    pub(super) random: &'a mut Random,
}

impl Network {
    /// Begins a connection.
    pub(super) fn connect(
        &mut self,
        number: SocketNo,
        id: OpId,
        to: SocketAddr,
    ) -> Result<(), Errno> {
        let socket = &self.sockets[&number];
        let options = match &socket.kind {
            Kind::Unconnected(options) => options.clone(),
            Kind::Stream(connection) if connection.is_connecting() => return Err(Errno::ALREADY),
            Kind::Stream(_) => return Err(Errno::ISCONN),
            Kind::Datagram(_) | Kind::Listener(_) => return Err(Errno::OPNOTSUPP),
        };
        let node = socket.node;
        if to.is_ipv4() != socket.local.is_ipv4() {
            return Err(Errno::AFNOSUPPORT);
        }
        if to.port() == 0 || Network::destination(node, to.ip()).is_none() {
            return Err(Errno::NETUNREACH);
        }
        let local = Network::source(node, socket.local, to.ip());
        let local = self.free_end(node, local, to)?;
        let segment_bytes = self.segment_bytes(node, to);
        let connection = Connection::begin(to, options, segment_bytes, id, self.now);
        let socket = self.sockets.get_mut(&number).ok_or(Errno::BADF)?;
        socket.local = local;
        socket.kind = Kind::Stream(Box::new(connection));
        self.streams.insert((node, Ends { from: to, to: local }), number);
        self.set_timer(number);
        Ok(())
    }

    /// Starts a multishot accept.
    pub(super) fn accept(&mut self, number: SocketNo, id: OpId) -> Result<(), Errno> {
        let listener = self.sockets.get_mut(&number).ok_or(Errno::BADF)?.listener()?;
        assert!(listener.accepting.is_none(), "two accepts at once on one listener");
        listener.accepting = Some(id);
        self.hand_over_connections(number);
        Ok(())
    }

    /// Starts to receive.
    pub(super) fn receive(&mut self, number: SocketNo, id: OpId) -> Result<(), Errno> {
        self.sockets.get_mut(&number).ok_or(Errno::BADF)?.connection()?;
        self.act(number, |connection, Context { now, random }, actions| {
            connection.receive(now, id, random, actions);
        });
        Ok(())
    }

    /// Starts to send.
    pub(super) fn send(&mut self, number: SocketNo, id: OpId, data: Pieces) -> Result<(), Errno> {
        self.sockets.get_mut(&number).ok_or(Errno::BADF)?.connection()?;
        let mut result = Ok(());
        self.act(number, |connection, context, actions| {
            result = connection.send(context.now, id, data, actions);
        });
        result
    }

    /// Ends one direction or both.
    pub(super) fn shut_down(&mut self, number: SocketNo, side: Side) -> Result<(), Errno> {
        self.sockets.get_mut(&number).ok_or(Errno::BADF)?.connection()?;
        let mut result = Ok(());
        self.act(number, |connection, context, actions| {
            result = connection.shut_down(context.now, side, actions);
        });
        result
    }

    /// The time has come that a connection asked for, or asked for before it asked for an earlier
    /// one: then nothing is to be done.
    pub(super) fn stream_timer(&mut self, number: SocketNo) {
        let now = self.now;
        let Some(Ok(connection)) = self.sockets.get_mut(&number).map(Socket::connection) else {
            return;
        };
        if connection.timer.take_if(|timer| *timer <= now).is_some() {
            self.act(number, |connection, context, actions| {
                connection.expire(context.now, actions);
            });
        }
    }

    pub(super) fn segment_arrives(&mut self, node: NodeNo, ends: Ends, segment: Segment) {
        if let Some(number) = self.streams.get(&(node, ends)).copied() {
            self.act(number, |connection, Context { now, random }, actions| {
                connection.arrive(now, segment, random, actions);
            });
            return;
        }
        match segment.kind {
            stream::Kind::Begin => self.connection_comes(node, ends),
            // Nobody answers a reset, or two ends would reset each other for ever.
            stream::Kind::Reset => {}
            stream::Kind::Agree | stream::Kind::Go | stream::Kind::Ask => self.refuse(node, ends),
        }
    }

    /// Lets a connection do something, and does what comes of it.
    pub(super) fn act(
        &mut self,
        number: SocketNo,
        act: impl FnOnce(&mut Connection, Context<'_>, &mut Actions),
    ) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let Ok(connection) = socket.connection() else { return };
        let mut actions = Actions::default();
        let context = Context { now: self.now, random: &mut self.random };
        act(connection, context, &mut actions);
        let remote = connection.remote;
        let (node, owner, ends) =
            (socket.node, socket.owner, Ends { from: remote, to: socket.local });
        let Actions { segments, ended, received, is_agreed, is_gone } = actions;
        for segment in segments {
            self.send_segment(node, ends, &segment);
        }
        for (id, result) in ended {
            self.end(owner, id, result);
        }
        if let Some((id, received)) = received {
            self.hand_over(owner, id, received, true);
        }
        if is_agreed {
            self.connection_agreed(node, ends, number);
        }
        if is_gone {
            self.forget_connection(node, ends, number);
        } else {
            self.set_timer(number);
        }
    }

    /// Sees to it that a connection is looked at when it wants to be, or earlier.
    pub(super) fn set_timer(&mut self, number: SocketNo) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let Ok(connection) = socket.connection() else { return };
        let Some(deadline) = connection.next_deadline() else { return };
        if connection.timer.is_none_or(|timer| timer > deadline) {
            connection.timer = Some(deadline);
            self.events.add(deadline.max(self.now), Event::Timer(number));
        }
    }

    /// Ends every connection of a listener that nobody has taken.
    pub(super) fn reset_unaccepted(&mut self, listener: &Listener) {
        for number in listener.unaccepted() {
            self.act(number, |connection, _, actions| connection.reset(actions));
        }
    }

    /// Someone begins a connection: a listener with room agrees, one without says nothing.
    fn connection_comes(&mut self, node: NodeNo, ends: Ends) {
        let listening = self.listening(node, Protocol::Stream, ends);
        let listener = listening.and_then(|number| self.sockets.get_mut(&number));
        let Some(Socket { owner, kind: Kind::Listener(listener), .. }) = listener else {
            return self.refuse(node, ends);
        };
        if !listener.has_room() {
            self.counts.socket_full += 1;
            return;
        }
        let (owner, options) = (*owner, listener.options.clone());
        let number = self.insert_connection(node, ends, owner, options);
        let listener = listening.and_then(|number| self.sockets.get_mut(&number));
        if let Some(Ok(listener)) = listener.map(Socket::listener) {
            listener.begun(number);
        }
        self.set_timer(number);
    }

    fn insert_connection(
        &mut self,
        node: NodeNo,
        ends: Ends,
        owner: PortNo,
        options: StreamOptions,
    ) -> SocketNo {
        let segment_bytes = self.segment_bytes(node, ends.from);
        let connection = Connection::agree(ends.from, options, segment_bytes, self.now);
        let kind = Kind::Stream(Box::new(connection));
        let socket = Socket { owner, node, local: ends.to, reuse_port: false, kind };
        let number = self.insert_socket(socket);
        self.streams.insert((node, ends), number);
        number
    }

    /// A handshake that the other end began is done: somebody can accept the connection.
    fn connection_agreed(&mut self, node: NodeNo, ends: Ends, number: SocketNo) {
        let Some(parent) = self.parent(node, ends, number) else {
            return self.act(number, |connection, _, actions| connection.reset(actions));
        };
        if let Some(Ok(listener)) = self.sockets.get_mut(&parent).map(Socket::listener) {
            listener.agreed(number);
        }
        self.hand_over_connections(parent);
    }

    /// The listener that a connection came to.
    fn parent(&self, node: NodeNo, ends: Ends, number: SocketNo) -> Option<SocketNo> {
        let candidates = self.bound.get(&(node, Protocol::Stream, ends.to.port()))?;
        candidates.iter().copied().find(|candidate| match &self.sockets[candidate].kind {
            Kind::Listener(listener) => listener.unaccepted().any(|other| other == number),
            _ => false,
        })
    }

    /// Gives the accept in flight what there is.
    fn hand_over_connections(&mut self, number: SocketNo) {
        loop {
            let Some(socket) = self.sockets.get_mut(&number) else { return };
            let owner = socket.owner;
            let Ok(listener) = socket.listener() else { return };
            let Some((id, connection)) = listener.take() else { return };
            let socket = self.tables.entry(owner).or_default().insert(connection);
            self.hand_over(owner, id, Received::Connection(socket), false);
        }
    }

    fn forget_connection(&mut self, node: NodeNo, ends: Ends, number: SocketNo) {
        if let Some(parent) = self.parent(node, ends, number)
            && let Some(Ok(listener)) = self.sockets.get_mut(&parent).map(Socket::listener)
        {
            listener.forget(number);
        }
        self.forget(number);
    }

    /// Tells whoever sent something that there is no such connection.
    fn refuse(&mut self, node: NodeNo, ends: Ends) {
        self.send_segment(node, ends, &Segment::bare(stream::Kind::Reset));
    }

    /// Sends a segment to the end that `ends` say packets come from.
    fn send_segment(&mut self, node: NodeNo, ends: Ends, segment: &Segment) {
        let bytes = segment.data.len() + header_bytes(ends.from);
        let back = Ends { from: ends.to, to: ends.from };
        for passage in self.carry(node, back.to, bytes, false) {
            // The checksum finds it out.
            if !passage.is_corrupt {
                self.deliver(passage.at, node, back, Body::Segment(segment.clone()));
            }
        }
    }

    /// A local address of which there is no connection to `to` yet.
    fn free_end(
        &mut self,
        node: NodeNo,
        mut local: SocketAddr,
        to: SocketAddr,
    ) -> Result<SocketAddr, Errno> {
        let streams = &self.streams;
        let is_free = |local| !streams.contains_key(&(node, Ends { from: to, to: local }));
        if local.port() != 0 {
            return if is_free(local) { Ok(local) } else { Err(Errno::ADDRNOTAVAIL) };
        }
        for port in self.ephemeral_ports() {
            local.set_port(port);
            let ends = Ends { from: to, to: local };
            let is_taken = self.streams.contains_key(&(node, ends));
            if !is_taken && !self.bound.contains_key(&(node, Protocol::Stream, port)) {
                return Ok(local);
            }
        }
        Err(Errno::ADDRNOTAVAIL)
    }

    /// What a segment can carry.
    fn segment_bytes(&mut self, node: NodeNo, to: SocketAddr) -> usize {
        let mtu = self.device_mtu_bytes(node, to.ip());
        mtu.saturating_sub(header_bytes(to)).max(SEGMENT_BYTES_MIN)
    }
}

/// Bytes of the headers before a segment's content: IP and TCP.
fn header_bytes(to: SocketAddr) -> usize {
    if to.is_ipv4() { 20 + 20 } else { 40 + 20 }
}

/// What every path carries (RFC 9293, section 3.7.1).
const SEGMENT_BYTES_MIN: usize = 536;
