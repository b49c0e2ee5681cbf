//! Trains: datagrams between the same two ends that are handed over in one piece.

use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;

use super::Pieces;

/// The mark of explicit congestion notification in the IP header (RFC 3168, section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// The sender does not use it.
    #[default]
    NotCapable,
    /// ECT(1): the sender uses it.
    Ect1,
    /// ECT(0): the sender uses it.
    Ect0,
    /// A router on the way was congested.
    CongestionExperienced,
}

impl Ecn {
    /// The mark in the lowest two bits of a traffic class; the others don't matter.
    pub fn from_bits(bits: u8) -> Ecn {
        match bits & 0b11 {
            0b00 => Ecn::NotCapable,
            0b01 => Ecn::Ect1,
            0b10 => Ecn::Ect0,
            _ => Ecn::CongestionExperienced,
        }
    }

    /// The mark as the lowest two bits of a traffic class.
    pub fn bits(self) -> u8 {
        match self {
            Ecn::NotCapable => 0b00,
            Ecn::Ect1 => 0b01,
            Ecn::Ect0 => 0b10,
            Ecn::CongestionExperienced => 0b11,
        }
    }
}

/// One datagram to send, or a train of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// Which of the machine's addresses to send from; `None` lets the system choose. Answer from
    /// where a datagram came to ([`Arrival::destination`]), or the peer may not know who it is.
    pub source: Option<IpAddr>,
    /// The mark to send it with.
    pub ecn: Ecn,
    /// What to send.
    pub data: Pieces,
    /// Cuts `data` into datagrams of this many bytes, the last of which may be shorter; `None`
    /// sends one. At most 64 datagrams and 65,487 bytes in all; no zero.
    pub segment_bytes: Option<u16>,
}

/// One datagram that arrived, or a train of them that arrived together.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where from. Anybody can write anything here.
    pub source: SocketAddr,
    /// To which of the machine's addresses, if the system told.
    pub destination: Option<IpAddr>,
    /// The mark it came with.
    pub ecn: Ecn,
    /// The datagrams, one after the other.
    pub data: BytesMut,
    /// Bytes of each of them, but for the last, which may be shorter; never zero.
    pub segment_bytes: usize,
}

impl Arrival {
    /// The datagrams one by one, each in memory of its own that can be written to. One without
    /// content counts, too.
    pub fn into_segments(self) -> impl Iterator<Item = BytesMut> {
        let mut rest = Some(self.data);
        let bytes = self.segment_bytes.max(1);
        std::iter::from_fn(move || {
            let data = rest.as_mut()?;
            if data.len() <= bytes {
                return rest.take();
            }
            Some(data.split_to(bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(data: &[u8], segment_bytes: usize) -> Vec<usize> {
        let source = SocketAddr::from(([127, 0, 0, 1], 1));
        let data = BytesMut::from(data);
        let ecn = Ecn::NotCapable;
        let arrival = Arrival { source, destination: None, ecn, data, segment_bytes };
        arrival.into_segments().map(|segment| segment.len()).collect()
    }

    #[test]
    fn a_train_is_cut_into_its_datagrams() {
        assert_eq!(lengths(&[7; 25], 10), [10, 10, 5]);
        assert_eq!(lengths(&[7; 20], 10), [10, 10]);
        assert_eq!(lengths(&[7; 9], 10), [9]);
        assert_eq!(lengths(&[], 10), [0], "an empty datagram is one, too");
    }

    #[test]
    fn marks_survive_the_header() {
        for bits in 0..4 {
            assert_eq!(Ecn::from_bits(bits | 0b1010_1000).bits(), bits);
        }
    }
}
