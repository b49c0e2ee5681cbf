//! Internet addresses as the kernel lays them out: `struct sockaddr_in` and `sockaddr_in6` of
//! ip(7) and ipv6(7).
//!
//! ```text
//!  0        2      4                8                          24         28
//!  | family | port | address                                              |  sockaddr_in, 16 in all
//!  | family | port | flow label     | address                  | scope    |  sockaddr_in6
//! ```
//! Port, flow label and address are in network order, family and scope in the machine's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for an address of either family.
pub(super) const ADDRESS_BYTES: usize = 28;
const V4_BYTES: usize = 16;

/// Writes `address` and returns how long it is.
pub(super) fn encode(address: SocketAddr, into: &mut [u8; ADDRESS_BYTES]) -> usize {
    into.fill(0);
    into[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(address) => {
            into[0..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            into[4..8].copy_from_slice(&address.ip().octets());
            V4_BYTES
        }
        SocketAddr::V6(address) => {
            into[0..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            into[4..8].copy_from_slice(&address.flowinfo().to_be_bytes());
            into[8..24].copy_from_slice(&address.ip().octets());
            into[24..28].copy_from_slice(&address.scope_id().to_ne_bytes());
            ADDRESS_BYTES
        }
    }
}

/// Reads an address; `None` if it is of another family, or cut off.
pub(super) fn decode(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match i32::from(family) {
        libc::AF_INET => {
            let octets: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(octets), port).into())
        }
        libc::AF_INET6 => {
            let flow = u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?);
            let octets: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            let scope = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, flow, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernels_layout() {
        for text in ["127.0.0.1:4433", "[::1]:1", "[fe80::1%3]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut bytes = [0xff; ADDRESS_BYTES];
            let length = encode(address, &mut bytes);
            assert_eq!(decode(&bytes[..length]), Some(address));
            assert_eq!(decode(&bytes[..length - 9]), None, "cut off");
        }
        assert_eq!(decode(&[0; ADDRESS_BYTES]), None, "no family");
    }
}
