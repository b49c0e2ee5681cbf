//! What processes ask of their sockets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::addresses::{self, overlap};
use super::datagram_socket::DatagramSocket;
use super::events::Event;
use super::listener::Listener;
use super::network::{Ends, Network};
use super::socket::{Kind, Protocol, Socket, SocketNo};
use super::stream::StreamOptions;
use crate::op::{Errno, OpId};
use crate::sim::port::{NodeNo, PortNo};
use crate::socket::{SocketId, SocketKind, SocketOp, SocketOption, SocketOptions};

/// A process with the node it runs on.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Caller {
    pub(in crate::sim) port: PortNo,
    pub(in crate::sim) node: NodeNo,
}

impl Network {
    /// Opens a socket and binds it.
    pub(in crate::sim) fn open_socket(
        &mut self,
        caller: Caller,
        options: &SocketOptions,
    ) -> Result<SocketId, Errno> {
        let ip = options.local.ip();
        if !ip.is_unspecified() && !Network::has_address(caller.node, ip) {
            return Err(Errno::ADDRNOTAVAIL);
        }
        let kind = match options.kind {
            SocketKind::Datagram => {
                let bytes = options.receive_buffer_bytes.unwrap_or(RECEIVE_BYTES);
                Kind::Datagram(DatagramSocket::new(bytes as usize))
            }
            SocketKind::Stream => Kind::Unconnected(StreamOptions::new(options)),
            SocketKind::Listener { backlog } => {
                Kind::Listener(Listener::new(backlog, StreamOptions::new(options)))
            }
        };
        let mut socket = Socket {
            owner: caller.port,
            node: caller.node,
            local: options.local,
            reuse_port: options.reuse_port,
            kind,
        };
        // A stream gets its port when it connects, unless it asks for one.
        let is_bound = options.kind != SocketKind::Stream || options.local.port() != 0;
        if is_bound {
            self.choose_port(&mut socket)?;
        }
        let (key, number) = (bound_key(&socket), self.insert_socket(socket));
        if is_bound {
            self.bound.entry(key).or_default().push(number);
        }
        Ok(self.tables.entry(caller.port).or_default().insert(number))
    }

    /// The address of a socket's own end.
    pub(in crate::sim) fn local_address(
        &self,
        port: PortNo,
        socket: SocketId,
    ) -> Result<SocketAddr, Errno> {
        Ok(self.sockets[&self.find(port, socket)?].local)
    }

    /// The address of the other end of a connected stream.
    pub(in crate::sim) fn peer_address(
        &self,
        port: PortNo,
        socket: SocketId,
    ) -> Result<SocketAddr, Errno> {
        match &self.sockets[&self.find(port, socket)?].kind {
            Kind::Stream(connection) if connection.is_connected() => Ok(connection.remote),
            _ => Err(Errno::NOTCONN),
        }
    }

    /// Changes an option of a socket.
    pub(in crate::sim) fn set_socket_option(
        &mut self,
        port: PortNo,
        socket: SocketId,
        option: SocketOption,
    ) -> Result<(), Errno> {
        let number = self.find(port, socket)?;
        let socket = self.sockets.get_mut(&number).ok_or(Errno::BADF)?;
        match &mut socket.kind {
            Kind::Datagram(_) => return Err(Errno::OPNOTSUPP),
            Kind::Listener(listener) => listener.options.set(option)?,
            Kind::Unconnected(options) => options.set(option)?,
            Kind::Stream(connection) => connection.options.set(option)?,
        }
        // What was set may be due earlier than what was waited for.
        self.set_timer(number);
        Ok(())
    }

    /// Starts an operation. What ends at once is noted like everything that ends.
    pub(in crate::sim) fn submit(&mut self, caller: Caller, id: OpId, op: &SocketOp) {
        match self.start(caller, id, op) {
            Ok(None) => {}
            Ok(Some(result)) => self.end(caller.port, id, Ok(result)),
            Err(errno) => self.end(caller.port, id, Err(errno)),
        }
    }

    /// Starts a race between the end of an operation and its cancellation.
    pub(in crate::sim) fn cancel(&mut self, port: PortNo, id: OpId, socket: SocketId) {
        let at = self.soon(CANCEL_MAX);
        self.events.add(at, Event::Cancel { port, id, socket });
    }

    /// Closes everything a process that was killed has open, as its kernel does.
    pub(in crate::sim) fn disconnect(&mut self, port: PortNo) {
        let Some(table) = self.tables.remove(&port) else { return };
        for socket in table.open() {
            self.close(socket);
        }
    }

    /// Forgets everything on a node that lost its power.
    pub(in crate::sim) fn crash(&mut self, node: NodeNo) {
        let gone = self.sockets.iter().filter(|(_, socket)| socket.node == node);
        let gone: Vec<SocketNo> = gone.map(|(number, _)| *number).collect();
        for number in gone {
            if let Some(socket) = self.forget(number) {
                self.tables.remove(&socket.owner);
            }
        }
    }

    /// The result of an operation that ends at once, `None` for one that goes on.
    fn start(&mut self, caller: Caller, id: OpId, op: &SocketOp) -> Result<Option<u32>, Errno> {
        let number = self.find(caller.port, op.socket())?;
        match op {
            SocketOp::SendDatagrams { transmit, .. } => {
                self.send_datagrams(number, transmit).map(Some)
            }
            SocketOp::ReceiveDatagrams { .. } => {
                self.receive_datagrams(number, id)?;
                Ok(None)
            }
            SocketOp::Close { socket } => {
                self.begin_close(caller.port, id, *socket, number);
                Ok(None)
            }
            SocketOp::Accept { .. } => self.accept(number, id).map(|()| None),
            SocketOp::Connect { to, .. } => self.connect(number, id, *to).map(|()| None),
            SocketOp::Receive { .. } => self.receive(number, id).map(|()| None),
            SocketOp::Send { data, .. } => self.send(number, id, data.clone()).map(|()| None),
            SocketOp::Shutdown { side, .. } => self.shut_down(number, *side).map(|()| Some(0)),
        }
    }

    pub(super) fn cancel_now(&mut self, port: PortNo, id: OpId, socket: SocketId) {
        // Who closed the socket has ended the operation, too.
        let Ok(number) = self.find(port, socket) else { return };
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let operation = match &mut socket.kind {
            Kind::Datagram(datagrams) => &mut datagrams.receiving,
            Kind::Listener(listener) => &mut listener.accepting,
            Kind::Unconnected(_) => return,
            Kind::Stream(_) => {
                return self.act(number, |connection, _, actions| {
                    connection.cancel(id, actions);
                });
            }
        };
        if operation.take_if(|operation| *operation == id).is_some() {
            self.end(port, id, Err(Errno::CANCELED));
        }
    }

    /// A socket is gone at once; its number a little later, so that an operation that comes too
    /// late does not meet another socket.
    fn begin_close(&mut self, port: PortNo, id: OpId, socket: SocketId, number: SocketNo) {
        if let Some(table) = self.tables.get_mut(&port) {
            table.begin_close(socket);
        }
        self.close(number);
        let at = self.soon(CLOSE_MAX);
        self.events.add(at, Event::Closed { port, id, socket });
    }

    pub(super) fn finish_close(&mut self, port: PortNo, id: OpId, socket: SocketId) {
        // The process may be gone meanwhile.
        if let Some(table) = self.tables.get_mut(&port) {
            table.finish_close(socket);
            self.end(port, id, Ok(0));
        }
    }

    fn close(&mut self, number: SocketNo) {
        let kind = self.sockets.get(&number).map(|socket| &socket.kind);
        if let Some(Kind::Stream(_)) = kind {
            // It may go on by itself for a while.
            return self.act(number, |connection, context, actions| {
                connection.close(context.now, actions);
            });
        }
        let Some(socket) = self.forget(number) else { return };
        let operation = match socket.kind {
            Kind::Datagram(datagrams) => datagrams.receiving,
            Kind::Listener(listener) => {
                self.reset_unaccepted(&listener);
                listener.accepting
            }
            Kind::Unconnected(_) | Kind::Stream(_) => None,
        };
        if let Some(operation) = operation {
            self.end(socket.owner, operation, Err(Errno::CANCELED));
        }
    }

    /// Takes a socket out of the world, with its address.
    pub(super) fn forget(&mut self, number: SocketNo) -> Option<Socket> {
        let socket = self.sockets.remove(&number)?;
        if let Kind::Stream(connection) = &socket.kind {
            let ends = Ends { from: connection.remote, to: socket.local };
            self.streams.remove(&(socket.node, ends));
        }
        self.unbind(number, &socket);
        Some(socket)
    }

    /// Gives up a socket's address, if it has one. The last socket at the same address takes its place.
    fn unbind(&mut self, number: SocketNo, socket: &Socket) {
        let key = bound_key(socket);
        let Some(bound) = self.bound.get_mut(&key) else { return };
        let Some(gap) = bound.iter().position(|other| *other == number) else { return };
        let shares = |other: &SocketNo| {
            self.sockets.get(other).is_some_and(|other| other.local == socket.local)
        };
        match bound.iter().rposition(shares) {
            Some(last) if last > gap => bound[gap] = bound.remove(last),
            Some(_) => drop(bound.remove(gap)),
            None => {
                bound.remove(gap);
                self.steering.forget(socket.node, socket.local);
            }
        }
        if bound.is_empty() {
            self.bound.remove(&key);
        }
    }

    /// Gives a socket a port number if it has none, and makes sure that it may have the one it has.
    fn choose_port(&mut self, socket: &mut Socket) -> Result<(), Errno> {
        if socket.local.port() != 0 {
            return if self.is_free(socket) { Ok(()) } else { Err(Errno::ADDRINUSE) };
        }
        let reuse_port = std::mem::replace(&mut socket.reuse_port, false);
        let found = self.ephemeral_ports().any(|candidate| {
            socket.local.set_port(candidate);
            self.is_free(socket)
        });
        socket.reuse_port = reuse_port;
        if found { Ok(()) } else { Err(Errno::ADDRINUSE) }
    }

    /// Every port number for who asks for any, from a random one on.
    pub(super) fn ephemeral_ports(&mut self) -> impl Iterator<Item = u16> + use<> {
        let count = EPHEMERAL.len() as u64;
        let first = self.random.below(count);
        (0..count).map(move |n| EPHEMERAL.start + ((first + n) % count) as u16)
    }

    fn is_free(&self, socket: &Socket) -> bool {
        let others = self.bound.get(&bound_key(socket)).into_iter().flatten();
        let mut others = others.map(|other| &self.sockets[other]);
        others.all(|other| {
            let shares = socket.reuse_port && other.reuse_port;
            shares || !overlap(socket.local, other.local)
        })
    }

    /// A time up to `most` from now, never now.
    fn soon(&mut self, most: Duration) -> roundhouse_base::Monotonic {
        let nanos = 1 + self.random.below(most.as_nanos() as u64);
        self.now + Duration::from_nanos(nanos)
    }

    /// The address a packet of a socket comes from, unless the sender chose one.
    pub(super) fn source(node: NodeNo, local: SocketAddr, to: IpAddr) -> SocketAddr {
        let ip = match local.ip() {
            ip if !ip.is_unspecified() => ip,
            _ if to.is_loopback() => to,
            _ => addresses::own(node, to.is_ipv4()),
        };
        SocketAddr::new(ip, local.port())
    }
}

/// Where a socket stands among those that have a port number.
fn bound_key(socket: &Socket) -> (NodeNo, Protocol, u16) {
    (socket.node, socket.protocol(), socket.local.port())
}

/// Port numbers for who asks for any; Linux's.
const EPHEMERAL: std::ops::Range<u16> = 32_768..61_000;
/// What a socket holds of what arrived if it was opened without saying; Linux's.
const RECEIVE_BYTES: u32 = 212_992;
/// Longest time a cancellation takes.
const CANCEL_MAX: Duration = Duration::from_micros(60);
/// Longest time a close takes.
const CLOSE_MAX: Duration = Duration::from_micros(20);
