//! What a kernel does that chooses among sockets by the connection ID of a QUIC datagram: the program
//! of [`Driver::steer_datagrams`](crate::Driver::steer_datagrams) in the words of this network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::network::Network;
use super::socket::SocketNo;
use crate::op::Errno;
use crate::sim::port::{NodeNo, PortNo};
use crate::socket::SocketId;

/// Who is steered, and how.
#[derive(Debug, Default)]
pub(super) struct Steering {
    /// For each address that several sockets of a node share, each shard's place among them.
    places: BTreeMap<(NodeNo, SocketAddr), Vec<Option<u16>>>,
    /// Nodes whose kernel does no such thing.
    refusing: BTreeSet<NodeNo>,
}

impl Steering {
    /// Whether a node's kernel steers from now on. What it was told before stays.
    pub(super) fn set(&mut self, node: NodeNo, is_on: bool) {
        if is_on {
            self.refusing.remove(&node);
        } else {
            self.refusing.insert(node);
        }
    }

    /// The last socket of an address is gone, and what was said about it with it.
    pub(super) fn forget(&mut self, node: NodeNo, local: SocketAddr) {
        self.places.remove(&(node, local));
    }

    /// The place of the socket that a datagram, or the first of a train, is for. `None`: any will do.
    fn place(&self, node: NodeNo, local: SocketAddr, datagram: &[u8]) -> Option<usize> {
        let places = self.places.get(&(node, local))?;
        // A program that reads beyond a packet's end is over and gives 0.
        let Some(id) = first_byte_of_id(datagram) else { return Some(0) };
        let shard = usize::from(id) % places.len();
        places[shard].map(usize::from)
    }
}

impl Network {
    /// Steers what comes to the address that a socket shares with others.
    pub(in crate::sim) fn steer_datagrams(
        &mut self,
        port: PortNo,
        socket: SocketId,
        places: &[Option<u16>],
    ) -> Result<(), Errno> {
        let number = self.find(port, socket)?;
        let socket = self.sockets.get_mut(&number).ok_or(Errno::BADF)?;
        socket.datagrams()?;
        let (node, local) = (socket.node, socket.local);
        if !socket.reuse_port || places.is_empty() {
            return Err(Errno::INVAL);
        }
        if self.steering.refusing.contains(&node) {
            return Err(Errno::OPNOTSUPP);
        }
        self.steering.places.insert((node, local), places.to_vec());
        Ok(())
    }

    /// Of the sockets of a node that share an address, the one a datagram is steered to, if it is.
    pub(super) fn steered(&self, group: &[SocketNo], datagram: &[u8]) -> Option<SocketNo> {
        let first = &self.sockets[group.first()?];
        let place = self.steering.place(first.node, first.local, datagram)?;
        // A place that nobody has leaves the choice to the addresses, as in the kernel.
        group.get(place).copied()
    }
}

/// The first byte of the destination connection ID, by the header's form (RFC 8999 section 5).
fn first_byte_of_id(datagram: &[u8]) -> Option<u8> {
    let is_long = datagram.first()? & LONG_HEADER_BIT != 0;
    datagram.get(if is_long { LONG_HEADER_ID_AT } else { SHORT_HEADER_ID_AT }).copied()
}

const LONG_HEADER_BIT: u8 = 0x80;
const SHORT_HEADER_ID_AT: usize = 1;
const LONG_HEADER_ID_AT: usize = 6;
