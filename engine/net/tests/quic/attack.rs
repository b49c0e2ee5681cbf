//! What strangers and bad peers can do, and what it costs.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use roundhouse_base::Random;
use roundhouse_net::limits::QUIC_INITIALS_PER_PASS;
use roundhouse_net::quic::machine::{Event, Machine, ReadOutcome};
use roundhouse_net::quic::{Code, ConnectionError, Direction, Retry};

use crate::identities::NAME;
use crate::pair::{CLIENT, Pair, SERVER};
use crate::streams::{data, exchange, open};
use crate::world::{for_seeds, options};

/// Someone who never sent anything.
fn victim(number: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1024 + number))
}

/// First flights of `count` clients of their own.
fn first_flights(pair: &Pair, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut wide = options();
    wide.limits.connections = count;
    let mut machine = Machine::new(wide, Random::new(seed)).unwrap();
    let (to, now) = (pair.world.hosts[SERVER].address, pair.world.now);
    let mut flights = Vec::new();
    for _ in 0..count {
        machine.connect(now, &pair.client, to, NAME).unwrap();
        let mut buffer = Vec::new();
        let train = machine.transmit(now, &mut buffer).expect("a client speaks first");
        assert_eq!(train.segment_bytes, None, "a first flight is one datagram");
        flights.push(buffer);
    }
    flights
}

#[test]
fn a_forged_address_is_sent_three_times_what_came_from_it_at_most() {
    let mut pair = Pair::new(1);
    let flights = first_flights(&pair, 1, 20);
    let to = pair.world.hosts[SERVER].address;
    for (number, flight) in flights.iter().enumerate() {
        pair.world.inject(victim(number as u16), to, flight);
    }
    pair.world.run_for(Duration::from_mins(1));
    for (number, flight) in flights.iter().enumerate() {
        let sent = pair.world.trace().iter().filter(|sent| sent.to == victim(number as u16));
        let bytes: usize = sent.map(|sent| sent.bytes).sum();
        assert!((1..=3 * flight.len()).contains(&bytes), "{bytes} for {}", flight.len());
    }
    assert_eq!(pair.machine(SERVER).connections(), 0, "nothing is left of them");
    assert_eq!(pair.machine(SERVER).metrics().promised_bytes.load(), 0);
    let timed_out = pair.machine(SERVER).metrics().handshakes_timed_out.load();
    assert_eq!(timed_out, flights.len() as u64);
}

#[test]
fn a_flood_of_first_packets_costs_a_bounded_amount_and_no_connection() {
    let mut busy = options();
    busy.limits.handshakes = 20;
    let mut pair = Pair::with_options(1, options(), busy);
    let (here, there) = pair.connect();
    let to = pair.world.hosts[SERVER].address;
    let flights = first_flights(&pair, 2, 4 * QUIC_INITIALS_PER_PASS);
    for (number, flight) in flights.iter().enumerate() {
        pair.world.inject(victim(number as u16), to, flight);
    }
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(1, 100_000), data(2, 100_000)]);

    let metrics = pair.machine(SERVER).metrics();
    assert_eq!(metrics.handshakes.load(), 10, "beyond half of the limit addresses are proven");
    assert_eq!(metrics.retries.load(), QUIC_INITIALS_PER_PASS as u64 - 10);
    assert_eq!(metrics.initials_dropped.load(), 3 * QUIC_INITIALS_PER_PASS as u64);
    // An honest client proves its address and gets in meanwhile.
    pair.connect();
    pair.world.run_for(Duration::from_secs(25));
    assert_eq!(pair.machine(SERVER).metrics().handshakes.load(), 0);
    assert_eq!(pair.machine(SERVER).connections(), 2);
}

#[test]
fn garbage_and_cut_datagrams_disturb_nobody() {
    for_seeds(0..5, |seed| {
        let mut pair = Pair::new(seed);
        pair.world.recorded = Some(Vec::new());
        let (here, there) = pair.connect();
        let recorded = pair.world.recorded.take().unwrap();
        let mut random = Random::new(seed);
        for (from, to, datagram) in &recorded {
            let cut = random.below(datagram.len() as u64) as usize;
            pair.world.inject(*from, *to, &datagram[..cut]);
            let mut noise = vec![0; 1 + random.below(1400) as usize];
            random.fill(&mut noise);
            pair.world.inject(*from, *to, &noise);
            pair.world.inject(victim(1), *to, &noise);
        }
        let stream = open(&mut pair, CLIENT, here);
        exchange(&mut pair, (here, there), stream, [data(1, 50_000), data(2, 50_000)]);
        assert_eq!(pair.machine(SERVER).connections(), 1);
    });
}

#[test]
fn replayed_datagrams_change_nothing() {
    let mut pair = Pair::new(1);
    pair.world.recorded = Some(Vec::new());
    let (here, there) = pair.connect();
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(1, 50_000), data(2, 50_000)]);
    for (from, to, datagram) in pair.world.recorded.take().unwrap() {
        pair.world.inject(from, to, &datagram);
    }
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(3, 50_000), data(4, 50_000)]);
    assert_eq!(pair.machine(SERVER).connections(), 1, "a replayed first flight begins nothing");
}

#[test]
fn streams_that_are_opened_and_abandoned_hold_what_one_connection_may_and_no_more() {
    let mut pair = Pair::new(1);
    let limits = options().limits;
    let (neighbour, neighbours) = pair.connect();
    let (here, there) = pair.connect();
    let mut opened = Vec::new();
    for _ in 0..10 {
        let machine = pair.machine(CLIENT);
        while let Some(stream) = machine.open_stream(here, Direction::Bidirectional) {
            machine.write(here, stream, b"half a quest").unwrap();
            opened.push(stream);
        }
        pair.world.run_for(Duration::from_millis(50));
    }
    assert_eq!(opened.len(), limits.bidirectional_streams as usize, "the application takes none");
    for stream in opened {
        pair.machine(CLIENT).write(here, stream, &[7; 4000]).unwrap();
    }
    pair.world.run_for(Duration::from_secs(1));
    let received = pair.machine(SERVER).stats(there).unwrap().bytes_received;
    // Their headers, the handshake, and what was sent again.
    let overhead = 100_000;
    assert!(received < u64::from(limits.connection_bytes_initial) + overhead, "{received} bytes");
    let stream = open(&mut pair, CLIENT, neighbour);
    exchange(&mut pair, (neighbour, neighbours), stream, [data(1, 100_000), data(2, 100_000)]);

    let promised = pair.machine(SERVER).metrics().promised_bytes.load();
    let now = pair.world.now;
    pair.machine(SERVER).close(now, there, Code::from(1), Bytes::new());
    pair.world.run_for(Duration::from_secs(10));
    assert_eq!(pair.machine(SERVER).connections(), 1);
    assert!(pair.machine(SERVER).metrics().promised_bytes.load() < promised);
}

#[test]
fn streams_that_are_abandoned_one_after_the_other_leave_nothing() {
    let mut pair = Pair::new(1);
    let (here, there) = pair.connect();
    for round in 0..20 {
        let mut taken = 0;
        let machine = pair.machine(CLIENT);
        let mut streams = Vec::new();
        while let Some(stream) = machine.open_stream(here, Direction::Bidirectional) {
            machine.write(here, stream, b"half a quest").unwrap();
            streams.push(stream);
        }
        // What the first streams of the round before gave back may be known a little later.
        assert!(!streams.is_empty(), "round {round}: none is allowed");
        pair.world.run_for(Duration::from_millis(50));
        for stream in &streams {
            pair.machine(CLIENT).reset(here, *stream, Code::from(2));
            pair.machine(CLIENT).stop(here, *stream, Code::from(2));
        }
        pair.world.run_for(Duration::from_millis(50));
        // What a server's handles do that learn of it.
        let machine = pair.machine(SERVER);
        while let Some(stream) = machine.accept_stream(there, Direction::Bidirectional) {
            while let Ok(ReadOutcome::Data(_)) = machine.read(there, stream, usize::MAX) {}
            machine.reset(there, stream, Code::from(2));
            taken += 1;
        }
        assert_eq!(taken, streams.len(), "round {round}");
        pair.world.run_for(Duration::from_millis(50));
    }
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(1, 1000), data(2, 1000)]);
}

#[test]
fn a_full_server_refuses_and_the_connections_it_has_go_on() {
    let mut one = options();
    one.limits.connections = 1;
    let mut pair = Pair::with_options(1, options(), one);
    let (here, there) = pair.connect();
    assert_eq!(loss_of_next(&mut pair), ConnectionError::Refused);
    assert_eq!(pair.machine(SERVER).metrics().refused.load(), 1);
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(1, 1000), data(2, 1000)]);
}

#[test]
fn a_server_whose_application_does_not_accept_refuses_after_its_backlog() {
    let mut short = options();
    short.limits.accept_backlog = 2;
    let mut pair = Pair::with_options(1, options(), short);
    for _ in 0..2 {
        pair.begin();
        pair.world.run_for(Duration::from_millis(100));
    }
    assert_eq!(loss_of_next(&mut pair), ConnectionError::Refused);
    let waiting = pair.world.incoming(SERVER)[0];
    pair.machine(SERVER).accepted(waiting);
    pair.begin();
    pair.world.run_for(Duration::from_millis(100));
    assert_eq!(pair.machine(SERVER).metrics().refused.load(), 1, "there is room again");
}

#[test]
fn a_server_without_buffers_to_promise_refuses() {
    let mut small = options();
    small.limits.shard_bytes = small.limits.shard_bytes.min(300 * 1024);
    let mut pair = Pair::with_options(1, options(), small);
    pair.connect();
    assert_eq!(loss_of_next(&mut pair), ConnectionError::Refused);
}

#[test]
fn every_client_proves_its_address_once_where_that_is_wanted() {
    let mut wary = options();
    wary.retry = Retry::Always;
    let mut pair = Pair::with_options(1, options(), wary);
    pair.connect();
    pair.world.run_for(Duration::from_secs(1));
    pair.connect();
    let retries = pair.machine(SERVER).metrics().retries.load();
    assert_eq!(retries, 1, "the second time it has a token");
}

#[test]
fn a_client_forgotten_by_a_restart_is_told() {
    let mut pair = Pair::new(1);
    let (here, _) = pair.connect();
    pair.world.run_for(Duration::from_secs(1));
    pair.world.hosts[SERVER].machine = Machine::new(options(), Random::new(99)).unwrap();
    let stream = open(&mut pair, CLIENT, here);
    pair.machine(CLIENT).write(here, stream, &[0; 1000]).unwrap();
    pair.world.run(|world| world.saw(CLIENT, &Event::Lost(ConnectionError::Reset)));
}

#[test]
fn a_stranger_with_an_unknown_version_is_told_the_known_ones() {
    let mut pair = Pair::new(1);
    let to = pair.world.hosts[SERVER].address;
    let mut flight = first_flights(&pair, 1, 1).remove(0);
    flight[1..5].copy_from_slice(&[0xfa, 0xce, 0xb0, 0x0c]);
    pair.world.recorded = Some(Vec::new());
    pair.world.inject(victim(0), to, &flight);
    pair.world.inject(victim(1), to, &flight[..600]);
    pair.world.run_for(Duration::from_secs(1));
    let answers = pair.world.recorded.take().unwrap();
    let [(_, answered, answer)] = &answers[..] else { panic!("{} answers", answers.len()) };
    assert_eq!(*answered, victim(0), "a short one could be answered by more than it has");
    assert_eq!(answer[1..5], [0; 4], "version negotiation has version 0");
    assert!(answer.len() < flight.len());
}

#[test]
fn a_client_whose_version_nobody_speaks_gives_up() {
    let mut pair = Pair::new(1);
    pair.world.is_cut = true;
    pair.world.recorded = Some(Vec::new());
    pair.begin();
    pair.world.run_for(Duration::from_millis(1));
    pair.world.is_cut = false;
    let (client, server, flight) = pair.world.recorded.take().unwrap().remove(0);
    pair.world.inject(server, client, &version_negotiation(&flight));
    let error = Event::Lost(ConnectionError::VersionMismatch);
    pair.world.run(|world| world.saw(CLIENT, &error));
}

/// An answer that offers a version nobody speaks: RFC 9000 section 17.2.1.
fn version_negotiation(flight: &Bytes) -> Vec<u8> {
    let server_id_end = 6 + usize::from(flight[5]);
    let (server_id, rest) = (&flight[6..server_id_end], &flight[server_id_end..]);
    let client_id = &rest[1..=usize::from(rest[0])];
    let lengths = [client_id.len() as u8, server_id.len() as u8];
    let head = [&[0x80, 0, 0, 0, 0, lengths[0]], client_id, &lengths[1..], server_id].concat();
    [&head[..], &[0xfa, 0xce, 0xb0, 0x0c]].concat()
}

/// Begins another connection, and says why it was lost.
fn loss_of_next(pair: &mut Pair) -> ConnectionError {
    let key = pair.begin();
    let mut lost = None;
    pair.world.run(|world| {
        lost = world.hosts[CLIENT].events.iter().find_map(|(concerned, event)| match event {
            Event::Lost(error) if *concerned == key => Some(error.clone()),
            _ => None,
        });
        lost.is_some()
    });
    lost.expect("the run ends with one")
}
