//! Connection IDs that say which shard a connection lives on.
//!
//! ```text
//!  0        1                             5                  8
//!  +--------+-----------------------------+------------------+
//!  | shard  | random                      | tag              |
//!  +--------+-----------------------------+------------------+
//! ```
//!
//! The first byte, modulo the number of shards, is the shard: that is what a classic BPF program on
//! a SO_REUSEPORT group can compute. The tag is a keyed hash of the rest, so that a shard can tell
//! an ID that one of them issued from one that a client made up, and need not answer noise.
//! The shard is visible to anyone on the path; nothing else about the connection is.

use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};
use ring::hmac;
use roundhouse_base::{Random, ShardId};
use std::time::Duration;

/// Bytes of every connection ID that an endpoint of ours issues.
pub const CONNECTION_ID_BYTES: usize = 8;

const TAG_AT: usize = 5;

/// Long header packets carry the length of the destination connection ID here, and then the ID
/// (RFC 8999 section 5.1).
const LONG_HEADER_ID_LENGTH_AT: usize = 5;
const LONG_HEADER_BIT: u8 = 0x80;
/// Type bits of a long header packet; all zero in an Initial of QUIC version 1 (RFC 9000 section
/// 17.2.2).
const LONG_TYPE_BITS: u8 = 0x30;

/// Reads and writes the shard in connection IDs.
#[derive(Clone, Debug)]
pub(crate) struct IdScheme {
    key: hmac::Key,
    shards: u16,
}

/// Where a datagram belongs, as its first packet's header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// To this shard, or to nobody: noise, a stateless reset, not QUIC at all.
    Here,
    /// To a connection on another shard, which issued the ID.
    Other(ShardId),
    /// To nobody yet: a client made up the ID of its first flight.
    NewClient,
}

impl IdScheme {
    /// # Panics
    /// If there are no shards or more than 256, which one byte cannot tell apart.
    pub(crate) fn new(key: hmac::Key, shards: u16) -> IdScheme {
        assert!((1..=256).contains(&shards), "one byte names up to 256 shards, not {shards}");
        IdScheme { key, shards }
    }

    /// Where the datagram that starts with `bytes` belongs when it arrives at shard `here`.
    ///
    /// The keyed hash costs as much as opening a small packet, so it is computed only when the ID
    /// speaks for another shard or may be a new client's.
    pub(crate) fn owner(&self, bytes: &[u8], here: ShardId) -> Owner {
        let Some(&first) = bytes.first() else { return Owner::Here };
        let is_long = first & LONG_HEADER_BIT != 0;
        let id = if is_long {
            let length = bytes.get(LONG_HEADER_ID_LENGTH_AT).copied().unwrap_or_default();
            bytes.get(LONG_HEADER_ID_LENGTH_AT + 1..).and_then(|rest| rest.get(..length.into()))
        } else {
            bytes.get(1..=CONNECTION_ID_BYTES)
        };
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Owner::Here };
        if is_long && first & LONG_TYPE_BITS == 0 && !self.is_issued(id) {
            return Owner::NewClient;
        }
        match self.shard(id) {
            shard if shard != here && self.is_issued(id) => Owner::Other(shard),
            _ => Owner::Here,
        }
    }

    fn is_issued(&self, id: &[u8]) -> bool {
        // Not a secret from whoever sees the ID, so no constant-time comparison is needed.
        id.len() == CONNECTION_ID_BYTES && self.tag(&id[..TAG_AT])[..] == id[TAG_AT..]
    }

    fn shard(&self, id: &[u8]) -> ShardId {
        ShardId(u16::from(id[0]) % self.shards)
    }

    fn tag(&self, bytes: &[u8]) -> [u8; CONNECTION_ID_BYTES - TAG_AT] {
        let signature = hmac::sign(&self.key, bytes);
        let (tag, _) = signature.as_ref().split_first_chunk().expect("a SHA-256 has 32 bytes");
        *tag
    }
}

/// Makes the IDs of one shard's connections.
#[derive(Debug)]
pub(crate) struct ShardIdGenerator {
    scheme: IdScheme,
    shard: ShardId,
    random: Random,
}

impl ShardIdGenerator {
    pub(crate) fn new(scheme: IdScheme, shard: ShardId, random: Random) -> ShardIdGenerator {
        ShardIdGenerator { scheme, shard, random }
    }
}

impl ConnectionIdGenerator for ShardIdGenerator {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; CONNECTION_ID_BYTES];
        self.random.fill(&mut id[..TAG_AT]);
        // The largest multiple of the shard count that leaves room for the shard in one byte.
        let strides = 256 / self.scheme.shards;
        let stride = u16::from(id[0]) % strides;
        id[0] = (stride * self.scheme.shards + self.shard.0) as u8;
        let tag = self.scheme.tag(&id[..TAG_AT]);
        id[TAG_AT..].copy_from_slice(&tag);
        ConnectionId::new(&id)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        if self.scheme.is_issued(id) { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme(shards: u16) -> IdScheme {
        IdScheme::new(hmac::Key::new(hmac::HMAC_SHA256, b"a test's key"), shards)
    }

    fn short_header(id: &[u8]) -> Vec<u8> {
        [&[0x40], id, b"payload"].concat()
    }

    fn initial(id: &[u8]) -> Vec<u8> {
        [&[0xc0, 0, 0, 0, 1, id.len() as u8], id, b"rest"].concat()
    }

    #[test]
    fn every_id_names_its_shard_in_both_header_forms() {
        for shards in [2, 3, 7, 255, 256] {
            let scheme = scheme(shards);
            for shard in [1, shards / 2, shards - 1].map(ShardId) {
                let mut generator = ShardIdGenerator::new(scheme.clone(), shard, Random::new(1));
                for _ in 0..100 {
                    let id = generator.generate_cid();
                    assert_eq!(u16::from(id[0]) % shards, shard.0, "what a BPF program computes");
                    for datagram in [short_header(&id), initial(&id)] {
                        assert_eq!(scheme.owner(&datagram, ShardId(0)), Owner::Other(shard));
                        assert_eq!(scheme.owner(&datagram, shard), Owner::Here);
                    }
                    assert!(generator.validate(&id).is_ok());
                }
            }
        }
    }

    #[test]
    fn made_up_ids_belong_to_nobody() {
        let scheme = scheme(4);
        assert_eq!(scheme.owner(&initial(b"madeup!!"), ShardId(0)), Owner::NewClient);
        assert_eq!(scheme.owner(&initial(b"longer than ours"), ShardId(0)), Owner::NewClient);
        assert_eq!(scheme.owner(&short_header(b"madeup!!"), ShardId(0)), Owner::Here);
    }

    #[test]
    fn headers_that_end_early_stay_where_they_are() {
        let scheme = scheme(4);
        let mut generator = ShardIdGenerator::new(scheme.clone(), ShardId(1), Random::new(1));
        let id = generator.generate_cid();
        for whole in [short_header(&id), initial(&id)] {
            let header = whole.iter().rposition(|byte| *byte == id[7]).expect("it holds the ID");
            for end in 0..=header {
                assert_eq!(scheme.owner(&whole[..end], ShardId(0)), Owner::Here, "cut at {end}");
            }
        }
    }
}
