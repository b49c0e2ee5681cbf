//! The sockets of a network.

use std::net::SocketAddr;

use super::datagram_socket::DatagramSocket;
use super::listener::Listener;
use super::stream::{Connection, StreamOptions};
use crate::op::Errno;
use crate::sim::port::{NodeNo, PortNo};
use crate::socket::SocketId;

/// A socket of the world; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SocketNo(pub(super) u64);

/// What a port number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Datagram,
    Stream,
}

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) owner: PortNo,
    pub(super) node: NodeNo,
    pub(super) local: SocketAddr,
    pub(super) reuse_port: bool,
    pub(super) kind: Kind,
}

/// What it is for.
#[derive(Debug)]
pub(super) enum Kind {
    Datagram(DatagramSocket),
    Listener(Listener),
    /// A stream that was never connected.
    Unconnected(StreamOptions),
    Stream(Box<Connection>),
}

impl Socket {
    pub(super) fn protocol(&self) -> Protocol {
        match self.kind {
            Kind::Datagram(_) => Protocol::Datagram,
            Kind::Listener(_) | Kind::Unconnected(_) | Kind::Stream(_) => Protocol::Stream,
        }
    }

    /// It as one for datagrams.
    pub(super) fn datagrams(&mut self) -> Result<&mut DatagramSocket, Errno> {
        match &mut self.kind {
            Kind::Datagram(socket) => Ok(socket),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    /// It as a listener.
    pub(super) fn listener(&mut self) -> Result<&mut Listener, Errno> {
        match &mut self.kind {
            Kind::Listener(listener) => Ok(listener),
            _ => Err(Errno::INVAL),
        }
    }

    /// It as an end of a connection.
    pub(super) fn connection(&mut self) -> Result<&mut Connection, Errno> {
        match &mut self.kind {
            Kind::Stream(connection) => Ok(connection),
            Kind::Datagram(_) => Err(Errno::OPNOTSUPP),
            Kind::Listener(_) | Kind::Unconnected(_) => Err(Errno::NOTCONN),
        }
    }

    /// Bytes it holds.
    pub(super) fn buffered_bytes(&self) -> usize {
        match &self.kind {
            Kind::Datagram(socket) => socket.queued_bytes(),
            Kind::Stream(connection) => connection.buffered_bytes(),
            Kind::Listener(_) | Kind::Unconnected(_) => 0,
        }
    }
}

/// The sockets one process has open, numbered like descriptors: the lowest free number comes next,
/// so that a program that keeps a closed number soon meets another socket under it.
#[derive(Debug, Default)]
pub(super) struct SocketTable {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    Open(SocketNo),
    /// No operation may start any more.
    Closing,
}

impl SocketTable {
    pub(super) fn insert(&mut self, socket: SocketNo) -> SocketId {
        let index = self.slots.iter().position(|slot| *slot == Slot::Free).unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            self.slots.len() - 1
        });
        self.slots[index] = Slot::Open(socket);
        SocketId(index as u32)
    }

    pub(super) fn get(&self, id: SocketId) -> Result<SocketNo, Errno> {
        match self.slots.get(id.0 as usize) {
            Some(Slot::Open(socket)) => Ok(*socket),
            _ => Err(Errno::BADF),
        }
    }

    /// From now on the number stands for nothing, but is not free yet.
    pub(super) fn begin_close(&mut self, id: SocketId) {
        self.slots[id.0 as usize] = Slot::Closing;
    }

    /// The number is free again.
    pub(super) fn finish_close(&mut self, id: SocketId) {
        debug_assert_eq!(self.slots[id.0 as usize], Slot::Closing, "a close is begun first");
        self.slots[id.0 as usize] = Slot::Free;
    }

    /// All that are open.
    pub(super) fn open(&self) -> impl Iterator<Item = SocketNo> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Open(socket) => Some(*socket),
            Slot::Free | Slot::Closing => None,
        })
    }
}
