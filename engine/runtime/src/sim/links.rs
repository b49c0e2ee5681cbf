//! The network of a world as tests see it: addresses of nodes, links that can be changed at any
//! time, counts.

use std::net::IpAddr;

use super::net::{self, LinkOptions, NetworkCounts, NetworkLoad};
use super::node::Node;
use super::world::World;

impl World {
    /// Changes the way from one node to another; the way back stays as it is. What is on its way
    /// already is not affected.
    pub fn change_link(&self, from: &Node, to: &Node, change: impl FnOnce(&mut LinkOptions)) {
        change(self.state.borrow_mut().network.link_options(from.number(), to.number()));
    }

    /// Changes all links between different nodes, also those of nodes to come.
    pub fn change_links(&self, change: impl FnMut(&mut LinkOptions)) {
        self.state.borrow_mut().network.change_links(change);
    }

    /// Cuts both ways between two nodes.
    pub fn cut(&self, a: &Node, b: &Node) {
        self.set_cut(a, b, true);
    }

    /// Ends a cut.
    pub fn heal(&self, a: &Node, b: &Node) {
        self.set_cut(a, b, false);
    }

    /// What became of packets so far.
    pub fn network_counts(&self) -> NetworkCounts {
        self.state.borrow().network.counts
    }

    /// What the network holds now.
    pub fn network_load(&self) -> NetworkLoad {
        self.state.borrow().network.load()
    }

    /// Operations that processes have submitted and not been told the end of.
    pub fn operations(&self) -> usize {
        self.state.borrow().ports.values().map(|port| port.table.len()).sum()
    }

    fn set_cut(&self, a: &Node, b: &Node, is_cut: bool) {
        self.change_link(a, b, |link| link.is_cut = is_cut);
        self.change_link(b, a, |link| link.is_cut = is_cut);
    }
}

impl Node {
    /// Its own IPv4 address. It has the loopback address as well.
    pub fn address(&self) -> IpAddr {
        net::own(self.number(), true)
    }

    /// Its own IPv6 address.
    pub fn address_v6(&self) -> IpAddr {
        net::own(self.number(), false)
    }

    /// The IPv4 address from which others see it while it is behind a NAT.
    pub fn address_behind_nat(&self) -> IpAddr {
        net::outer(self.number(), true)
    }

    /// Puts it behind a router that translates addresses, or takes it from there. Behind one it can
    /// be reached only where it sent from, under the router's address and a port that the router
    /// chose.
    pub fn set_nat(&self, is_on: bool) {
        self.world().state.borrow_mut().network.set_nat(self.number(), is_on);
    }

    /// Whether its kernel chooses among sockets by connection IDs where it is asked to
    /// ([`Driver::steer_datagrams`](crate::Driver::steer_datagrams)), as it does at first. Otherwise it
    /// answers `EOPNOTSUPP` from now on, as in a sandbox; what it was told before stays.
    pub fn set_steering(&self, is_on: bool) {
        self.world().state.borrow_mut().network.set_steering(self.number(), is_on);
    }

    /// Lets the router forget who sent from where, as after a reboot: what is sent from now on comes
    /// from other ports, and what others send to the old ones is lost. Streams break by it.
    pub fn rebind_nat(&self) {
        self.world().state.borrow_mut().network.rebind_nat(self.number());
    }
}
