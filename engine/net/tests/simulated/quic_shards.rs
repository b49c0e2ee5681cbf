//! A QUIC server on several shards that share an address, while its clients' addresses change.

use std::net::SocketAddr;

use bytes::Bytes;
use roundhouse_base::{ShardId, WallTime};
use roundhouse_net::quic::{
    ClientConfig, Code, Endpoint, EndpointOptions, Exchange, ServerConfig, Shared,
};
use roundhouse_net::udp::{SharedAddresses, UdpOptions, UdpSocket};

use crate::identities::{Authority, NAME, VALID_AT_MS};
use crate::quic::{PORT, data, echo, serve};
use crate::town::{Host, Town, for_seeds};

const SHARDS: u16 = 3;
const CLIENTS: u64 = 4;
/// How often each client's address changes.
const MOVES: u64 = 4;

/// What the server's shards counted, together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    steered: u64,
    misfits: u64,
    forwarded: u64,
    dropped: u64,
}

/// How datagrams come to the right shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The kernel gives them to it.
    Steered,
    /// It was asked to, and refused.
    Refused,
    /// It is not asked.
    Unasked,
}

/// An endpoint with the shard it runs on.
type Member = (Host, Endpoint);

fn endpoint_options(shard: u16) -> EndpointOptions {
    let shared = Shared::new(&[7; 32], WallTime::from_millis(VALID_AT_MS), SHARDS);
    EndpointOptions::new(ShardId(shard), shared)
}

/// A server on all shards.
fn start(town: &mut Town, authority: &Authority, way: Way) -> Vec<Member> {
    let (addresses, exchange) = (SharedAddresses::new(), Exchange::new());
    let config = ServerConfig::new(&authority.server(), &endpoint_options(0).shared).unwrap();
    // Not in the order of their numbers, so that a socket's place is not its shard's.
    let shards = [2, 0, 1].map(|shard| {
        let host = town.host_of("server", ShardId(shard));
        host.node.set_steering(way != Way::Refused);
        let local = UdpOptions::new(SocketAddr::new(host.node.address(), PORT));
        let socket = UdpSocket::bind_shared(&host.shard, &local, &addresses).unwrap();
        let mut options = endpoint_options(shard);
        options.steering = way != Way::Unasked;
        let endpoint = Endpoint::open(&host.shard, socket, options).unwrap();
        endpoint.join(&exchange);
        host.start(serve(host.shard.clone(), endpoint.listen(&config))).detach();
        (host, endpoint)
    });
    shards.into()
}

/// Sends and expects echoes from behind a NAT that forgets it again and again.
fn call(town: &mut Town, authority: &Authority, to: SocketAddr, seed: u64, number: u64) {
    let host = town.host(&format!("client {number}"));
    host.node.set_nat(true);
    let shared = Shared::new(&[8; 32], WallTime::from_millis(VALID_AT_MS), 1);
    let trust = ClientConfig::new(&authority.client(), &shared).unwrap();
    let local = UdpOptions::new(SocketAddr::new(host.node.address(), 0));
    let socket = UdpSocket::bind(&host.shard, &local).unwrap();
    let options = EndpointOptions::new(ShardId(0), shared);
    let endpoint = Endpoint::open(&host.shard, socket, options).unwrap();
    let node = host.node.clone();
    let calls = async move {
        let connection = endpoint.connect(&trust, to, NAME).unwrap().await.unwrap();
        for bytes in [1, 1000, 20_000, 300] {
            echo(&connection, &data(seed + number, bytes)).await;
            node.rebind_nat();
        }
        endpoint.close(Code::default(), &Bytes::new());
        endpoint.drained().await;
    };
    town.run(&host, calls);
}

/// What the server counted while its clients moved; all is over when it returns.
fn counted(seed: u64, way: Way) -> (Counted, u64) {
    let mut town = Town::new(seed);
    let authority = Authority::new();
    let members = start(&mut town, &authority, way);
    let to = members[0].1.local_address();
    for number in 0..CLIENTS {
        call(&mut town, &authority, to, seed, number);
    }
    let mut counted = Counted::default();
    for (_, endpoint) in &members {
        let metrics = endpoint.metrics();
        counted.steered += metrics.steered.load();
        counted.misfits += metrics.misfits.load();
        counted.forwarded += metrics.forwarded.load();
        counted.dropped += metrics.misfits_dropped.load();
    }
    for (host, endpoint) in members {
        endpoint.close(Code::default(), &Bytes::new());
        town.run(&host, async move { endpoint.drained().await });
    }
    town.expect_nothing_left();
    (counted, town.world.trace_hash())
}

#[test]
fn steered_datagrams_reach_their_shard_wherever_they_come_from() {
    for_seeds(0..3, |seed| {
        let (counted, _) = counted(seed, Way::Steered);
        assert_eq!(counted, Counted { steered: SHARDS.into(), ..Counted::default() });
    });
}

#[test]
fn where_nobody_steers_what_goes_astray_is_forwarded_and_nothing_is_lost() {
    for way in [Way::Refused, Way::Unasked] {
        for_seeds(0..3, |seed| {
            let (counted, _) = counted(seed, way);
            let moves = CLIENTS * MOVES;
            assert!(
                counted.forwarded >= moves / 2,
                "of {moves} moves two in three go astray: {counted:?}"
            );
            assert_eq!(
                counted,
                Counted {
                    misfits: counted.forwarded,
                    forwarded: counted.forwarded,
                    ..Counted::default()
                }
            );
        });
    }
}

#[test]
fn what_shards_hand_each_other_follows_from_the_seed() {
    let run = || counted(5, Way::Refused);
    assert_eq!(run(), run());
}
