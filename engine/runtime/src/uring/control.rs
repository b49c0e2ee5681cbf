//! Control messages: what goes with a datagram besides its content and its addresses.
//!
//! ```text
//!  0        8       12     16              16 + n, up to a multiple of 8
//!  | length | level | type | n bytes       |  next message ...
//! ```
//! The layout is cmsg(3)'s on 64-bit systems: the length counts the header, numbers are in the
//! machine's order.

use std::ffi::c_int;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::socket::{Ecn, Transmit};

/// Room for all messages of one transmission.
pub(super) const SEND_CONTROL_BYTES: usize = 96;
/// Room for all messages asked for with an arrival, and some that were not.
pub(super) const RECEIVE_CONTROL_BYTES: usize = 128;

const HEADER_BYTES: usize = 16;
const ALIGNMENT: usize = 8;

/// Writes what `transmit` asks for and returns how many bytes that took.
pub(super) fn encode(transmit: &Transmit, into: &mut [u8; SEND_CONTROL_BYTES]) -> usize {
    let mut writer = Writer { bytes: into, end: 0 };
    if let Some(segment) = transmit.segment_bytes {
        writer.put(libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes());
    }
    if transmit.ecn != Ecn::NotCapable {
        let class = c_int::from(transmit.ecn.bits()).to_ne_bytes();
        if transmit.destination.is_ipv4() {
            writer.put(libc::IPPROTO_IP, libc::IP_TOS, &class);
        } else {
            writer.put(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &class);
        }
    }
    match transmit.source {
        // `struct in_pktinfo`: interface, source, and a field that counts on arrival only.
        Some(IpAddr::V4(source)) => {
            let mut info = [0; 12];
            info[4..8].copy_from_slice(&source.octets());
            writer.put(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        // `struct in6_pktinfo`: source, interface.
        Some(IpAddr::V6(source)) => {
            let mut info = [0; 20];
            info[..16].copy_from_slice(&source.octets());
            writer.put(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
        None => (),
    }
    writer.end
}

/// What the kernel told about an arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) destination: Option<IpAddr>,
    pub(super) ecn: Ecn,
    /// Bytes of each datagram, if several were coalesced.
    pub(super) segment_bytes: Option<usize>,
}

/// Reads what the kernel wrote; unknown messages, and one that is cut off, are passed over.
pub(super) fn decode(bytes: &[u8]) -> Control {
    let mut control = Control::default();
    let mut rest = bytes;
    while let Some((level, kind, data)) = next(&mut rest) {
        match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_TOS) => {
                control.ecn = data.first().map_or(Ecn::NotCapable, |bits| Ecn::from_bits(*bits));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                control.ecn = number(data).map_or(Ecn::NotCapable, |n| Ecn::from_bits(n as u8));
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let octets = data.get(4..).and_then(<[u8]>::first_chunk::<4>);
                control.destination = octets.map(|octets| Ipv4Addr::from(*octets).into());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let octets = data.first_chunk::<16>();
                control.destination = octets.map(|octets| Ipv6Addr::from(*octets).into());
            }
            (libc::SOL_UDP, libc::UDP_GRO) => {
                control.segment_bytes = number(data).and_then(|n| usize::try_from(n).ok());
            }
            _ => (),
        }
    }
    control
}

/// Takes one message off the front: level, type and data.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(c_int, c_int, &'a [u8])> {
    let length = usize::from_ne_bytes(*rest.first_chunk()?);
    let level = number(rest.get(8..)?)?;
    let kind = number(rest.get(12..)?)?;
    let data = rest.get(HEADER_BYTES..length)?;
    *rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
    Some((level, kind, data))
}

fn number(bytes: &[u8]) -> Option<c_int> {
    bytes.first_chunk().map(|bytes| c_int::from_ne_bytes(*bytes))
}

struct Writer<'a> {
    bytes: &'a mut [u8; SEND_CONTROL_BYTES],
    end: usize,
}

impl Writer<'_> {
    fn put(&mut self, level: c_int, kind: c_int, data: &[u8]) {
        let length = HEADER_BYTES + data.len();
        let message = &mut self.bytes[self.end..self.end + length.next_multiple_of(ALIGNMENT)];
        message.fill(0);
        message[..8].copy_from_slice(&length.to_ne_bytes());
        message[8..12].copy_from_slice(&level.to_ne_bytes());
        message[12..16].copy_from_slice(&kind.to_ne_bytes());
        message[HEADER_BYTES..length].copy_from_slice(data);
        self.end += message.len();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn transmit(destination: &str, source: &str) -> Transmit {
        Transmit {
            destination: destination.parse().unwrap(),
            source: Some(source.parse().unwrap()),
            ecn: Ecn::Ect0,
            data: Bytes::new().into(),
            segment_bytes: Some(1200),
        }
    }

    #[test]
    fn what_is_sent_with_a_datagram_is_read_the_way_it_arrives() {
        for (destination, source) in [("10.0.0.1:1", "10.0.0.2"), ("[fd00::1]:1", "fd00::2")] {
            let mut bytes = [0; SEND_CONTROL_BYTES];
            let length = encode(&transmit(destination, source), &mut bytes);
            let control = decode(&bytes[..length]);
            assert_eq!(control.ecn, Ecn::Ect0);
            assert_eq!(control.destination, Some(source.parse().unwrap()));
            assert_eq!(control.segment_bytes, None, "sent and received ones differ in type");
        }
    }

    #[test]
    fn coalescing_is_told_after_messages_nobody_knows() {
        let mut bytes = [0; SEND_CONTROL_BYTES];
        let mut writer = Writer { bytes: &mut bytes, end: 0 };
        writer.put(1, 99, &[1, 2, 3]);
        writer.put(libc::SOL_UDP, libc::UDP_GRO, &1452i32.to_ne_bytes());
        let length = writer.end;
        assert_eq!(decode(&bytes[..length]).segment_bytes, Some(1452));
    }

    #[test]
    fn cut_off_or_senseless_messages_end_the_reading() {
        let mut bytes = [0; SEND_CONTROL_BYTES];
        let length = encode(&transmit("10.0.0.1:1", "10.0.0.2"), &mut bytes);
        for cut in 0..length {
            decode(&bytes[..cut]);
        }
        assert_eq!(decode(&[0; 64]), Control::default(), "a length of zero");
        assert_eq!(decode(&[0xff; 64]), Control::default(), "a length beyond the end");
    }
}
