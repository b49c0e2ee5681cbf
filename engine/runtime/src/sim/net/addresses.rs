//! Which addresses nodes have.
//!
//! | node *n*, from 1 | IPv4 | IPv6 |
//! |---|---|---|
//! | its own | 10.*n* | fd00::*n* |
//! | that of the router it may be behind | 100.64.0.0 + *n* | fd01::*n* |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::sim::port::NodeNo;

/// The four first groups of what belongs to the nodes, and to their routers.
const OWN_V6: u16 = 0xfd00;
const OUTER_V6: u16 = 0xfd01;
const OWN_V4: u32 = 10 << 24;
const OUTER_V4: u32 = 100 << 24 | 64 << 16;
/// Bits of an IPv4 address that count nodes.
const NODE_BITS: u32 = 22;

/// The node's own address, of the family asked for.
pub(in crate::sim) fn own(node: NodeNo, is_ipv4: bool) -> IpAddr {
    if is_ipv4 { v4(OWN_V4, node) } else { v6(OWN_V6, node) }
}

/// The address of the router that the node may be behind.
pub(in crate::sim) fn outer(node: NodeNo, is_ipv4: bool) -> IpAddr {
    if is_ipv4 { v4(OUTER_V4, node) } else { v6(OUTER_V6, node) }
}

/// Whose address this is, its own or its router's. There may be no such node.
pub(super) fn owner(address: IpAddr) -> Option<NodeNo> {
    let number = match address {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            let count = bits & ((1 << NODE_BITS) - 1);
            [OWN_V4, OUTER_V4].contains(&(bits - count)).then_some(count as usize)
        }
        IpAddr::V6(address) => {
            let [first, 0, 0, 0, 0, 0, high, low] = address.segments() else { return None };
            let is_ours = [OWN_V6, OUTER_V6].contains(&first);
            is_ours.then_some((usize::from(high) << 16) | usize::from(low))
        }
    };
    number?.checked_sub(1).map(NodeNo)
}

/// Whether a socket at `local` hears what is sent to `to`.
pub(super) fn hears(local: SocketAddr, to: SocketAddr) -> bool {
    let is_here =
        local.ip() == to.ip() || (local.ip().is_unspecified() && local.is_ipv4() == to.is_ipv4());
    is_here && local.port() == to.port()
}

/// Whether two sockets can't be told apart by their addresses.
pub(super) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    hears(a, b) || hears(b, a)
}

fn v4(network: u32, node: NodeNo) -> IpAddr {
    assert!(node.0 + 1 < 1 << NODE_BITS, "a world has at most four million nodes");
    Ipv4Addr::from(network | (node.0 as u32 + 1)).into()
}

fn v6(network: u16, node: NodeNo) -> IpAddr {
    let number = node.0 as u32 + 1;
    Ipv6Addr::new(network, 0, 0, 0, 0, 0, (number >> 16) as u16, number as u16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_belongs_to_its_node() {
        for number in [0, 1, 255, 70_000] {
            let node = NodeNo(number);
            for is_ipv4 in [true, false] {
                let (own, outer) = (own(node, is_ipv4), outer(node, is_ipv4));
                assert_ne!(own, outer);
                assert_eq!((owner(own), owner(outer)), (Some(node), Some(node)));
            }
        }
        for foreign in ["10.0.0.0", "192.0.2.1", "fd00::", "2001:db8::1", "::1"] {
            assert_eq!(owner(foreign.parse().unwrap()), None, "{foreign}");
        }
    }

    #[test]
    fn sockets_hear_what_is_for_them_and_everything_only_in_their_family() {
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        assert!(hears(address("0.0.0.0:5"), address("10.0.0.1:5")));
        assert!(!hears(address("0.0.0.0:5"), address("10.0.0.1:6")));
        assert!(!hears(address("0.0.0.0:5"), address("[fd00::1]:5")));
        assert!(!hears(address("10.0.0.1:5"), address("127.0.0.1:5")));
        assert!(overlap(address("10.0.0.1:5"), address("0.0.0.0:5")));
        assert!(!overlap(address("10.0.0.1:5"), address("127.0.0.1:5")));
    }
}
