//! Connections on paths that change, fill up, or fall silent.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use roundhouse_net::quic::machine::{ConnectionKey, Event};
use roundhouse_net::quic::{Code, ConnectionError, DatagramError};

use crate::pair::{CLIENT, Pair, SERVER};
use crate::streams::{data, exchange, open};
use crate::world::{Faults, for_seeds, options};

fn exchange_some(pair: &mut Pair, keys: (ConnectionKey, ConnectionKey)) {
    let stream = open(pair, CLIENT, keys.0);
    exchange(pair, keys, stream, [data(1, 100_000), data(2, 100_000)]);
}

#[test]
fn a_connection_follows_a_client_that_a_nat_gives_a_new_address() {
    for_seeds(0..5, |seed| {
        let mut pair = Pair::new(seed);
        let keys = pair.connect();
        exchange_some(&mut pair, keys);
        for port in [5000, 6000, 7000] {
            let moved = SocketAddr::from(([10, 0, 0, 77], port));
            pair.world.hosts[CLIENT].address = moved;
            exchange_some(&mut pair, keys);
            assert_eq!(pair.machine(SERVER).remote_address(keys.1), Some(moved));
        }
    });
}

/// Gives the client a new address, from which a packet is on its way.
fn move_client(pair: &mut Pair, client: ConnectionKey) -> SocketAddr {
    let moved = SocketAddr::from(([10, 0, 0, 77], 5000));
    pair.world.hosts[CLIENT].address = moved;
    pair.machine(CLIENT).send_datagram(client, Bytes::from_static(b"from here"), true).unwrap();
    pair.world.run_for(Duration::ZERO);
    moved
}

#[test]
fn a_client_may_have_moved_when_the_time_of_a_packet_to_its_old_address_has_run_out() {
    let mut pair = Pair::new(1);
    let keys = pair.connect();
    exchange_some(&mut pair, keys);
    pair.world.run_for(Duration::from_secs(1));
    pair.world.is_cut = true;
    pair.machine(SERVER).send_datagram(keys.1, Bytes::from_static(b"lost"), true).unwrap();
    pair.world.run_for(Duration::ZERO);
    pair.world.is_cut = false;
    move_client(&mut pair, keys.0);
    // The server's shard was busy, and learns of both at once.
    pair.world.now = pair.world.now + Duration::from_secs(2);
    exchange_some(&mut pair, keys);
}

#[test]
fn a_server_returns_to_a_clients_old_address_when_the_new_one_does_not_answer() {
    let mut pair = Pair::new(1);
    let keys = pair.connect();
    exchange_some(&mut pair, keys);
    pair.world.run_for(Duration::from_secs(1));
    let before = pair.world.hosts[CLIENT].address;
    let moved = move_client(&mut pair, keys.0);
    pair.world.hosts[CLIENT].address = before;
    let is_at = |pair: &mut Pair, address| {
        pair.world.run(|world| world.hosts[SERVER].machine.remote_address(keys.1) == Some(address));
    };
    is_at(&mut pair, moved);
    pair.world.is_cut = true;
    is_at(&mut pair, before);
    pair.world.run_for(Duration::from_secs(5));
    pair.world.is_cut = false;
    exchange_some(&mut pair, keys);
}

#[test]
fn a_client_that_knows_that_it_moved_says_so() {
    let mut pair = Pair::new(1);
    let keys = pair.connect();
    pair.world.run_for(Duration::from_secs(1));
    let moved = SocketAddr::from(([10, 0, 0, 88], 4433));
    pair.world.hosts[CLIENT].address = moved;
    pair.machine(CLIENT).address_changed();
    pair.world.run(|world| world.hosts[SERVER].machine.remote_address(keys.1) == Some(moved));
}

#[test]
fn the_path_mtu_is_found_and_found_again_when_it_shrinks() {
    let mut pair = Pair::new(1);
    let keys = pair.connect();
    exchange_some(&mut pair, keys);
    pair.world.run_for(Duration::from_secs(5));
    assert_eq!(pair.machine(CLIENT).stats(keys.0).unwrap().mtu, 1452);
    pair.world.mtu = 1300;
    exchange_some(&mut pair, keys);
    let stats = pair.machine(CLIENT).stats(keys.0).unwrap();
    assert!(stats.mtu <= 1300 && stats.black_holes == 1, "{stats:?}");
}

#[test]
fn marks_of_congestion_slow_a_sender_without_any_loss() {
    let mut pair = Pair::new(1);
    let keys = pair.connect();
    pair.world.is_congested = true;
    exchange_some(&mut pair, keys);
    let stats = pair.machine(CLIENT).stats(keys.0).unwrap();
    assert!(stats.congestion_events > 0 && stats.packets_lost == 0, "{stats:?}");
}

#[test]
fn keys_change_in_both_directions_under_way() {
    for_seeds(0..5, |seed| {
        let mut pair = Pair::new(seed);
        pair.world.faults = Faults { lost: 0.02, late: 0.05, ..Faults::default() };
        let keys = pair.connect();
        for _ in 0..4 {
            pair.machine(CLIENT).update_keys(keys.0);
            exchange_some(&mut pair, keys);
            pair.machine(SERVER).update_keys(keys.1);
            exchange_some(&mut pair, keys);
        }
    });
}

#[test]
fn a_silent_connection_ends_on_both_sides() {
    let mut pair = Pair::new(1);
    pair.connect();
    pair.world.run_for(Duration::from_secs(31));
    for host in [CLIENT, SERVER] {
        assert!(pair.world.saw(host, &Event::Lost(ConnectionError::TimedOut)));
        assert_eq!(pair.machine(host).connections(), 0);
    }
}

#[test]
fn a_kept_alive_connection_does_not() {
    let mut kept = options();
    kept.transport.keep_alive = Some(Duration::from_secs(10));
    let mut pair = Pair::with_options(1, kept, options());
    let keys = pair.connect();
    pair.world.run_for(Duration::from_mins(5));
    exchange_some(&mut pair, keys);
}

#[test]
fn idle_connections_cause_no_wake_up() {
    let mut pair = Pair::new(1);
    for _ in 0..1000 {
        pair.begin();
        pair.world.run_for(Duration::from_millis(1));
        while let Some(key) = pair.world.incoming(SERVER).pop() {
            pair.machine(SERVER).accepted(key);
            pair.world.hosts[SERVER].events.clear();
        }
    }
    pair.world.run_for(Duration::from_secs(5));
    assert_eq!(pair.machine(SERVER).metrics().connected.load(), 1000);
    let before = pair.world.wake_ups;
    pair.world.run_for(Duration::from_secs(15));
    assert_eq!(pair.world.wake_ups - before, 0);
}

#[test]
fn the_end_of_a_connection_is_told_even_if_datagrams_are_lost() {
    for_seeds(0..20, |seed| {
        let mut pair = Pair::new(seed);
        let (here, there) = pair.connect();
        pair.world.faults = Faults { lost: 0.3, ..Faults::default() };
        // A peer that goes on sending is told again for each few datagrams.
        let stream = open(&mut pair, CLIENT, here);
        pair.machine(CLIENT).write(here, stream, &[0; 4000]).unwrap();
        let now = pair.world.now;
        pair.machine(SERVER).close(now, there, Code::from(3), Bytes::from_static(b"bye"));
        let told = ConnectionError::ClosedByPeer {
            code: Code::from(3),
            reason: Bytes::from_static(b"bye"),
        };
        pair.world.run(|world| world.saw(CLIENT, &Event::Lost(told.clone())));
        pair.world.run(|world| world.hosts[SERVER].machine.connections() == 0);
    });
}

#[test]
fn datagrams_arrive_once_or_not_at_all_and_know_their_limits() {
    let mut pair = Pair::new(1);
    let (here, there) = pair.connect();
    let max = pair.machine(CLIENT).datagram_bytes_max(here).unwrap();
    let too_large = pair.machine(CLIENT).send_datagram(here, vec![0; max + 1].into(), true);
    assert_eq!(too_large, Err(DatagramError::TooLarge { max }));
    pair.world.faults = Faults { lost: 0.2, doubled: 0.2, ..Faults::default() };
    for number in 0..100_u8 {
        let sent = pair.machine(CLIENT).send_datagram(here, vec![number; 100].into(), true);
        assert_eq!(sent, Ok(true));
    }
    pair.world.run_for(Duration::from_secs(1));
    let mut arrived = Vec::new();
    while let Some(datagram) = pair.machine(SERVER).receive_datagram_of(there) {
        assert!(datagram.len() == 100 && datagram.iter().all(|byte| *byte == datagram[0]));
        arrived.push(datagram[0]);
    }
    let mut distinct = arrived.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), arrived.len(), "one arrived twice");
    assert!((50..100).contains(&arrived.len()), "{} of 100 arrived", arrived.len());
}

#[test]
fn without_datagrams_none_can_be_sent() {
    let mut none = options();
    none.limits.datagram_bytes = 0;
    let mut pair = Pair::with_options(1, options(), none);
    let (here, _) = pair.connect();
    let refused = pair.machine(CLIENT).send_datagram(here, Bytes::from_static(b"x"), true);
    assert_eq!(refused, Err(DatagramError::Unsupported));
}
