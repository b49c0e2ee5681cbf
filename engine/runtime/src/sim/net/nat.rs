//! Translation of addresses between a node and the rest of the world.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::socket::Protocol;

/// A router that hides a node behind an address of its own: each of the node's sockets gets one
/// port there, the same towards everyone (endpoint-independent mapping, RFC 4787 section 4.1), and
/// everyone may send to it. A mapping lasts until it is forgotten on purpose.
#[derive(Debug)]
pub(super) struct Nat {
    v4: IpAddr,
    v6: IpAddr,
    outside: BTreeMap<(Protocol, SocketAddr), SocketAddr>,
    inside: BTreeMap<(Protocol, SocketAddr), SocketAddr>,
    next_port: u16,
}

/// Ports are given out in turn, so that one that was forgotten is not soon used again.
const FIRST_PORT: u16 = 20_000;

impl Nat {
    pub(super) fn new(v4: IpAddr, v6: IpAddr) -> Nat {
        let (outside, inside) = (BTreeMap::new(), BTreeMap::new());
        Nat { v4, v6, outside, inside, next_port: FIRST_PORT }
    }

    /// Whether it answers to this address.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        address == self.v4 || address == self.v6
    }

    /// What the world sees of a packet from `inner`.
    pub(super) fn translate_out(&mut self, protocol: Protocol, inner: SocketAddr) -> SocketAddr {
        if let Some(outer) = self.outside.get(&(protocol, inner)) {
            return *outer;
        }
        let address = if inner.is_ipv4() { self.v4 } else { self.v6 };
        let outer = SocketAddr::new(address, self.next_port);
        self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT);
        self.outside.insert((protocol, inner), outer);
        self.inside.insert((protocol, outer), inner);
        outer
    }

    /// Whose packet to `outer` is; `None` if no socket has that port.
    pub(super) fn translate_in(&self, protocol: Protocol, outer: SocketAddr) -> Option<SocketAddr> {
        self.inside.get(&(protocol, outer)).copied()
    }

    /// Forgets every mapping: the next packets come from other ports, and what is sent to the old
    /// ones reaches nobody.
    pub(super) fn rebind(&mut self) {
        self.outside.clear();
        self.inside.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_holds_both_ways_until_it_is_forgotten() {
        let mut nat = Nat::new([100, 64, 0, 1].into(), [0xfd01, 0, 0, 0, 0, 0, 0, 1].into());
        let inner: SocketAddr = ([10, 0, 0, 1], 5).into();
        let outer = nat.translate_out(Protocol::Datagram, inner);
        assert!(nat.has(outer.ip()));
        assert_eq!(nat.translate_out(Protocol::Datagram, inner), outer);
        assert_eq!(nat.translate_in(Protocol::Datagram, outer), Some(inner));

        nat.rebind();
        assert_eq!(nat.translate_in(Protocol::Datagram, outer), None);
        assert_ne!(nat.translate_out(Protocol::Datagram, inner), outer);
    }
}
