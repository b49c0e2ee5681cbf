//! What travels.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use roundhouse_base::Monotonic;

use super::super::port::NodeNo;
use super::link::Passage;
use super::socket::Protocol;
use super::stream::Segment;
use crate::socket::{Ecn, Pieces};

/// A packet, or a few datagrams that travel together.
#[derive(Debug)]
pub(super) struct Packet {
    /// Whose it was.
    pub(super) sender: NodeNo,
    /// Where it goes.
    pub(super) node: NodeNo,
    /// Whom the receiver takes for the sender.
    pub(super) from: SocketAddr,
    /// Whom the sender meant.
    pub(super) to: SocketAddr,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Datagrams(Train),
    Segment(Segment),
}

impl Body {
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Body::Datagrams(_) => Protocol::Datagram,
            Body::Segment(_) => Protocol::Stream,
        }
    }
}

/// Datagrams of the same length, but for the last, which may be shorter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Train {
    pub(super) ecn: Ecn,
    pub(super) data: BytesMut,
    pub(super) segment_bytes: usize,
    pub(super) datagrams: usize,
}

/// A train under construction, out of what arrives close together.
#[derive(Debug)]
pub(super) struct Gathering {
    first_at: Monotonic,
    /// When it arrives: with the last of its datagrams.
    pub(super) at: Monotonic,
    pub(super) train: Train,
}

impl Gathering {
    /// A train of one so far.
    pub(super) fn new(passage: Passage, ecn: Ecn, content: &[u8]) -> Gathering {
        let train = Train {
            ecn,
            data: BytesMut::from(content),
            segment_bytes: content.len().max(1),
            datagrams: 1,
        };
        Gathering { first_at: passage.at, at: passage.at, train }
    }

    /// Adds a datagram if the receiver's device would coalesce it with those before.
    pub(super) fn join(&mut self, passage: Passage, ecn: Ecn, content: &[u8]) -> bool {
        let train = &mut self.train;
        let is_close = passage.at >= self.at && passage.at.since(self.first_at) <= COALESCED;
        let is_last_whole = train.data.len() == train.datagrams * train.segment_bytes;
        let fits = (1..=train.segment_bytes).contains(&content.len());
        let has_room = train.data.len() + content.len() <= TRAIN_BYTES_MAX;
        let joins = is_close && is_last_whole && fits && has_room && ecn == train.ecn;
        if joins {
            self.at = passage.at;
            train.data.extend_from_slice(content);
            train.datagrams += 1;
        }
        joins
    }
}

/// The datagrams of a transmission, one by one; an empty transmission is one empty datagram.
pub(super) fn cut(data: &Pieces, segment_bytes: Option<u16>) -> Vec<Bytes> {
    let mut whole = match data {
        Pieces::One(piece) => piece.clone(),
        Pieces::Many(pieces) => pieces.concat().into(),
    };
    let bytes = segment_bytes.map_or(usize::MAX, usize::from).max(1);
    let mut datagrams = Vec::with_capacity(whole.len().div_ceil(bytes).max(1));
    while whole.len() > bytes {
        datagrams.push(whole.split_to(bytes));
    }
    datagrams.push(whole);
    datagrams
}

/// Datagrams that arrive within this time may be handed over together.
const COALESCED: Duration = Duration::from_micros(50);
/// The most the kernel coalesces.
const TRAIN_BYTES_MAX: usize = 65_535 - 40 - 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: u64) -> Passage {
        Passage { at: Monotonic(time), is_corrupt: false, is_marked: false }
    }

    #[test]
    fn only_equal_neighbours_travel_together_and_a_shorter_one_ends_the_train() {
        let mut gathering = Gathering::new(at(0), Ecn::Ect0, b"ab");
        assert!(!gathering.join(at(0), Ecn::NotCapable, b"cd"), "another mark");
        assert!(!gathering.join(at(0), Ecn::Ect0, b"cde"), "longer");
        assert!(!gathering.join(at(60_000), Ecn::Ect0, b"cd"), "much later");
        assert!(gathering.join(at(10), Ecn::Ect0, b"cd"));
        assert!(!gathering.join(at(9), Ecn::Ect0, b"ef"), "earlier");
        assert!(gathering.join(at(10), Ecn::Ect0, b"e"));
        assert!(!gathering.join(at(10), Ecn::Ect0, b"f"), "behind a shorter one");
        assert_eq!((&gathering.train.data[..], gathering.train.datagrams), (&b"abcde"[..], 3));
    }

    #[test]
    fn a_transmission_is_cut_across_its_pieces() {
        let data = Pieces::Many(vec![Bytes::from_static(b"abc"), Bytes::from_static(b"de")]);
        assert_eq!(cut(&data, Some(2)), [&b"ab"[..], b"cd", b"e"]);
        assert_eq!(cut(&data, None), [&b"abcde"[..]]);
        assert_eq!(cut(&Bytes::new().into(), Some(2)), [&b""[..]]);
    }
}
