//! Sockets, links and packets together.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use roundhouse_base::random::mix;
use roundhouse_base::{Monotonic, Random};

use super::addresses;
use super::counts::{NetworkCounts, NetworkLoad};
use super::events::{Event, EventQueue};
use super::link::{Link, Passage};
use super::nat::Nat;
use super::options::LinkOptions;
use super::packet::{Body, Packet};
use super::socket::{Protocol, Socket, SocketNo, SocketTable};
use super::steering::Steering;
use crate::op::{Errno, OpId};
use crate::sim::port::{Ended, NodeNo, PortNo};
use crate::sim::trace::Trace;
use crate::socket::{Received, SocketId};

/// The network of a world. It does no more than move data and note who is to hear of it: what ended
/// waits in [`Network::take_ended`].
#[derive(Debug)]
pub(in crate::sim) struct Network {
    pub(super) now: Monotonic,
    /// The network's own, so that its draws shift nobody else's.
    pub(super) random: Random,
    pub(in crate::sim) counts: NetworkCounts,
    pub(in crate::sim) trace: Trace,
    /// Links that nobody has used or changed yet are like this.
    default_link: LinkOptions,
    links: BTreeMap<(NodeNo, NodeNo), Link>,
    nats: BTreeMap<NodeNo, Nat>,
    pub(super) sockets: BTreeMap<SocketNo, Socket>,
    /// The ends of connections, by node and addresses as the node sees them.
    pub(super) streams: BTreeMap<(NodeNo, Ends), SocketNo>,
    /// Who has a port number of a node, in the order in which they were bound; who goes leaves its
    /// place to the last one at the same address, as in Linux.
    pub(super) bound: BTreeMap<(NodeNo, Protocol, u16), Vec<SocketNo>>,
    pub(super) steering: Steering,
    pub(super) tables: BTreeMap<PortNo, SocketTable>,
    pub(super) events: EventQueue,
    ended: Vec<(PortNo, Ended)>,
    sockets_ever: u64,
}

/// What tells the network's random numbers from the disks'.
const SEED_MASK: u64 = 0x006e_6574_776f_726b;

impl Network {
    pub(in crate::sim) fn new(seed: u64, default_link: LinkOptions) -> Network {
        Network {
            now: Monotonic(0),
            random: Random::new(mix(seed ^ SEED_MASK)),
            counts: NetworkCounts::default(),
            trace: Trace::default(),
            default_link,
            links: BTreeMap::new(),
            nats: BTreeMap::new(),
            sockets: BTreeMap::new(),
            streams: BTreeMap::new(),
            bound: BTreeMap::new(),
            steering: Steering::default(),
            tables: BTreeMap::new(),
            events: EventQueue::default(),
            ended: Vec::new(),
            sockets_ever: 0,
        }
    }

    /// The network at a time not before that of the last call.
    pub(in crate::sim) fn at(&mut self, now: Monotonic) -> &mut Network {
        self.now = now;
        self
    }

    /// What ended since the last time, in order.
    pub(in crate::sim) fn take_ended(&mut self) -> Vec<(PortNo, Ended)> {
        std::mem::take(&mut self.ended)
    }

    /// When something happens next.
    pub(in crate::sim) fn next_event_time(&self) -> Option<Monotonic> {
        self.events.next_time()
    }

    /// Lets the next thing happen, which must be due.
    pub(in crate::sim) fn fire_next(&mut self) {
        match self.events.pop() {
            Some(Event::Arrival(packet)) => self.arrive(packet),
            Some(Event::Timer(socket)) => self.stream_timer(socket),
            Some(Event::Resume(socket)) => self.resume(socket),
            Some(Event::Cancel { port, id, socket }) => self.cancel_now(port, id, socket),
            Some(Event::Closed { port, id, socket }) => self.finish_close(port, id, socket),
            None => {}
        }
    }

    /// What it holds now.
    pub(in crate::sim) fn load(&self) -> NetworkLoad {
        NetworkLoad {
            sockets: self.tables.values().map(|table| table.open().count()).sum(),
            connections: self.streams.len(),
            buffered_bytes: self.sockets.values().map(Socket::buffered_bytes).sum(),
            packets: self.events.packets(),
        }
    }

    /// The link from one node to another, or to itself.
    pub(in crate::sim) fn link_options(&mut self, from: NodeNo, to: NodeNo) -> &mut LinkOptions {
        &mut self.link(from, to).options
    }

    /// Changes every link between different nodes, also those that are not there yet.
    pub(in crate::sim) fn change_links(&mut self, mut change: impl FnMut(&mut LinkOptions)) {
        change(&mut self.default_link);
        let between = self.links.iter_mut().filter(|((from, to), _)| from != to);
        between.for_each(|(_, link)| change(&mut link.options));
    }

    /// Puts a node behind a router that translates addresses, or takes it from there.
    pub(in crate::sim) fn set_nat(&mut self, node: NodeNo, is_on: bool) {
        let nat = || Nat::new(addresses::outer(node, true), addresses::outer(node, false));
        if is_on {
            self.nats.entry(node).or_insert_with(nat);
        } else {
            self.nats.remove(&node);
        }
    }

    /// Lets a node's router forget its mappings.
    pub(in crate::sim) fn rebind_nat(&mut self, node: NodeNo) {
        if let Some(nat) = self.nats.get_mut(&node) {
            nat.rebind();
        }
    }

    /// Whether a node's kernel steers datagrams to those who ask for it from now on.
    pub(in crate::sim) fn set_steering(&mut self, node: NodeNo, is_on: bool) {
        self.steering.set(node, is_on);
    }

    /// Whether a node has this address.
    pub(super) fn has_address(node: NodeNo, address: IpAddr) -> bool {
        address.is_loopback() || address == addresses::own(node, address.is_ipv4())
    }

    /// Where a packet of `node` to `to` goes: to the node itself, or to who owns the address. That
    /// node may not exist, or not be reachable there.
    pub(super) fn destination(node: NodeNo, to: IpAddr) -> Option<NodeNo> {
        if Network::has_address(node, to) { Some(node) } else { addresses::owner(to) }
    }

    /// The largest packet a node's device takes for a destination.
    pub(super) fn device_mtu_bytes(&mut self, node: NodeNo, to: IpAddr) -> usize {
        match Network::destination(node, to) {
            Some(destination) => self.link(node, destination).options.device_mtu_bytes,
            None => self.default_link.device_mtu_bytes,
        }
    }

    /// Sends one packet of `bytes`, headers included, on its way. It arrives once, twice or never.
    pub(super) fn carry(
        &mut self,
        node: NodeNo,
        to: SocketAddr,
        bytes: usize,
        is_markable: bool,
    ) -> impl Iterator<Item = Passage> + use<> {
        let destination = Network::destination(node, to.ip());
        if destination.is_none() {
            self.counts.unreachable += 1;
        }
        let passages = destination.map(|destination| {
            self.link(node, destination);
            let link = self.links.get_mut(&(node, destination)).expect("it was just made");
            link.carry(self.now, bytes, is_markable, &mut self.random, &mut self.counts)
        });
        self.trace.note(&[self.now.0, node.0 as u64, to.port().into(), bytes as u64]);
        passages.into_iter().flatten()
    }

    /// Lets a packet that gets through arrive at its time.
    pub(super) fn deliver(&mut self, at: Monotonic, node: NodeNo, ends: Ends, body: Body) {
        let Some(destination) = Network::destination(node, ends.to.ip()) else { return };
        let from = match self.nats.get_mut(&node) {
            Some(nat) if destination != node => nat.translate_out(body.protocol(), ends.from),
            _ => ends.from,
        };
        let packet = Packet { sender: node, node: destination, from, to: ends.to, body };
        self.trace.note(&[at.0, destination.0 as u64]);
        self.events.add(at, Event::Arrival(packet));
    }

    /// Whom a packet that arrived at a node is for, as the node itself sees it. `None` if there is
    /// nobody behind that address.
    fn translate_in(&self, packet: &Packet) -> Option<SocketAddr> {
        let is_own = Network::has_address(packet.node, packet.to.ip());
        match self.nats.get(&packet.node) {
            _ if packet.sender == packet.node => is_own.then_some(packet.to),
            Some(nat) if nat.has(packet.to.ip()) => {
                nat.translate_in(packet.body.protocol(), packet.to)
            }
            Some(_) => None,
            None => is_own.then_some(packet.to),
        }
    }

    fn arrive(&mut self, packet: Packet) {
        let Some(to) = self.translate_in(&packet) else {
            self.counts.unreachable += 1;
            return;
        };
        let ends = Ends { from: packet.from, to };
        match packet.body {
            Body::Datagrams(train) => self.datagrams_arrive(packet.node, ends, train),
            Body::Segment(segment) => self.segment_arrives(packet.node, ends, segment),
        }
    }

    /// The socket that hears what comes from `from` to `to`: of several that share the address, the one
    /// that a hash of the sender chooses (`SO_REUSEPORT`).
    pub(super) fn listening(
        &self,
        node: NodeNo,
        protocol: Protocol,
        ends: Ends,
    ) -> Option<SocketNo> {
        choose(&self.sharing(node, protocol, ends.to), ends.from)
    }

    /// The same for a datagram, or a train, where the kernel may have been told which one gets it.
    pub(super) fn listening_for(
        &self,
        node: NodeNo,
        ends: Ends,
        datagram: &[u8],
    ) -> Option<SocketNo> {
        let group = self.sharing(node, Protocol::Datagram, ends.to);
        self.steered(&group, datagram).or_else(|| choose(&group, ends.from))
    }

    /// All sockets that hear what is sent to `to`, in the order in which they were bound: those at just
    /// that address, or else those at any.
    fn sharing(&self, node: NodeNo, protocol: Protocol, to: SocketAddr) -> Vec<SocketNo> {
        let candidates = self.bound.get(&(node, protocol, to.port())).into_iter().flatten();
        let local = |socket: &&SocketNo| self.sockets[socket].local;
        let exact: Vec<_> = candidates.clone().filter(|it| local(it) == to).copied().collect();
        if !exact.is_empty() {
            return exact;
        }
        candidates.filter(|it| addresses::hears(local(it), to)).copied().collect()
    }

    pub(super) fn insert_socket(&mut self, socket: Socket) -> SocketNo {
        self.sockets_ever += 1;
        let number = SocketNo(self.sockets_ever);
        self.sockets.insert(number, socket);
        number
    }

    /// The socket behind a process's number.
    pub(super) fn find(&self, port: PortNo, socket: SocketId) -> Result<SocketNo, Errno> {
        self.tables.get(&port).ok_or(Errno::BADF)?.get(socket)
    }

    /// Ends an operation.
    pub(super) fn end(&mut self, port: PortNo, id: OpId, result: Result<u32, Errno>) {
        self.ended.push((port, Ended { id, result, received: None, is_last: true }));
    }

    /// Ends an operation that received something, or goes on with it.
    pub(super) fn hand_over(&mut self, port: PortNo, id: OpId, received: Received, is_last: bool) {
        let bytes = match &received {
            Received::Connection(socket) => socket.0,
            Received::Bytes(data) => data.len() as u32,
            Received::Datagrams(arrival) => arrival.data.len() as u32,
        };
        let received = Some(received);
        self.ended.push((port, Ended { id, result: Ok(bytes), received, is_last }));
    }

    fn link(&mut self, from: NodeNo, to: NodeNo) -> &mut Link {
        let default = &self.default_link;
        self.links.entry((from, to)).or_insert_with(|| {
            Link::new(if from == to { LinkOptions::loopback() } else { default.clone() })
        })
    }
}

/// The two ends of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// Bytes of the headers before a datagram's content: IP and UDP.
pub(super) fn header_bytes(to: SocketAddr) -> usize {
    if to.is_ipv4() { 20 + 8 } else { 40 + 8 }
}

/// One of the sockets that share an address, always the same for a sender.
fn choose(group: &[SocketNo], sender: SocketAddr) -> Option<SocketNo> {
    let chosen = hash(sender).checked_rem(group.len() as u64)?;
    Some(group[chosen as usize])
}

fn hash(address: SocketAddr) -> u64 {
    let of_ip = match address.ip() {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip) as u64,
    };
    mix(of_ip ^ (u64::from(address.port()) << 40))
}
