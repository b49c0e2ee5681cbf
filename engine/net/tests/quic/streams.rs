//! Data on streams: whole, in order, once.

use std::time::Duration;

use bytes::Bytes;
use roundhouse_base::Random;
use roundhouse_net::limits::QUIC_EARLY_DATAGRAMS;
use roundhouse_net::quic::machine::{ConnectionKey, Event, Machine, ReadOutcome};
use roundhouse_net::quic::{Code, Direction, OptionsError, ReadError, StreamId, WriteError};

use crate::pair::{CLIENT, Pair, Receiving, SERVER, Sending};
use crate::world::{Faults, for_seeds, options};

#[test]
fn streams_carry_their_data_both_ways_over_a_bad_network() {
    for_seeds(0..12, |seed| {
        let mut pair = Pair::new(seed);
        pair.world.faults = Faults { lost: 0.05, doubled: 0.05, late: 0.1, damaged: 0.05 };
        let (here, there) = pair.connect();
        let up = open(&mut pair, CLIENT, here);
        let sent = [data(seed, 300_000), data(seed + 1000, 200_000)];
        exchange(&mut pair, (here, there), up, sent);
    });
}

#[test]
fn windows_grow_while_a_connection_is_fast() {
    let mut pair = Pair::new(1);
    let (here, there) = pair.connect();
    let before = pair.machine(SERVER).stats(there).unwrap().window_bytes;
    let up = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), up, [data(1, 4_000_000), data(2, 10)]);
    let after = pair.machine(SERVER).stats(there).unwrap().window_bytes;
    assert!(after >= 8 * before, "{before} grew to {after} only");
}

#[test]
fn small_writes_of_one_pass_share_datagrams() {
    let mut pair = Pair::new(1);
    let (here, _) = pair.connect();
    pair.world.run_for(Duration::from_secs(1));
    let stream = open(&mut pair, CLIENT, here);
    let before = pair.machine(CLIENT).stats(here).unwrap().datagrams_sent;
    for _ in 0..100 {
        assert_eq!(pair.machine(CLIENT).write(here, stream, &[7; 64]), Ok(64));
    }
    pair.world.run_for(Duration::from_millis(1));
    let sent = pair.machine(CLIENT).stats(here).unwrap().datagrams_sent - before;
    assert!(sent <= 6, "6400 bytes went out in {sent} datagrams");
}

#[test]
fn a_slow_reader_holds_back_its_writer_and_nobody_else() {
    let mut pair = Pair::new(1);
    let (here, _) = pair.connect();
    let slow = open(&mut pair, CLIENT, here);
    let mut sending = Sending::new(here, slow, data(1, 10_000_000));
    for _ in 0..100 {
        assert!(!sending.step(pair.machine(CLIENT)), "everything was taken");
        pair.world.run_for(Duration::from_millis(20));
    }
    let seen = pair.world.hosts[SERVER].bytes_received;
    let limit = 4 * u64::from(options().limits.connection_bytes_initial);
    assert!(seen < limit, "{seen} bytes arrived that nobody reads");
    let (here, there) = pair.connect();
    let other = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), other, [data(3, 100_000), data(4, 100_000)]);
}

#[test]
fn a_reset_and_a_stop_tell_their_code() {
    let mut pair = Pair::new(1);
    let (here, there) = pair.connect();
    let stream = open(&mut pair, CLIENT, here);
    pair.machine(CLIENT).write(here, stream, b"begun").unwrap();
    let stream = accept(&mut pair, there);
    pair.machine(CLIENT).reset(here, stream, Code::from(7));
    pair.machine(SERVER).stop(there, stream, Code::from(8));
    pair.world
        .run(|world| world.hosts[CLIENT].machine.ending(here, stream) == Some(Some(Code::from(8))));

    let second = open(&mut pair, CLIENT, here);
    pair.machine(CLIENT).write(here, second, b"begun").unwrap();
    let second = accept(&mut pair, there);
    assert_eq!(
        pair.machine(SERVER).read(there, second, 9),
        Ok(ReadOutcome::Data(Bytes::from("begun")))
    );
    pair.machine(CLIENT).reset(here, second, Code::from(9));
    pair.world.run(|world| {
        world.hosts[SERVER].machine.read(there, second, 9) == Err(ReadError::Reset(Code::from(9)))
    });

    let third = open(&mut pair, CLIENT, here);
    pair.machine(CLIENT).write(here, third, b"begun").unwrap();
    let third = accept(&mut pair, there);
    pair.machine(SERVER).stop(there, third, Code::from(10));
    pair.world.run(|world| world.saw(CLIENT, &Event::Stopped(third)));
    let refused = pair.machine(CLIENT).write(here, third, b"more");
    assert_eq!(refused, Err(WriteError::Stopped(Code::from(10))));
}

#[test]
fn a_stream_that_ends_is_known_to_be_whole() {
    let mut pair = Pair::new(1);
    let (here, there) = pair.connect();
    let stream = open(&mut pair, CLIENT, here);
    let mut sending = Sending::new(here, stream, data(1, 1000));
    assert!(sending.step(pair.machine(CLIENT)));
    let stream = accept(&mut pair, there);
    let mut receiving = Receiving::new(there, stream);
    pair.world.run(|world| receiving.step(&mut world.hosts[SERVER].machine));
    pair.world.run(|world| world.saw(CLIENT, &Event::Finished(stream)));
}

#[test]
fn streams_beyond_the_limit_wait_for_one_to_end() {
    let mut few = options();
    few.limits.bidirectional_streams = 2;
    let mut pair = Pair::with_options(1, options(), few);
    let (here, there) = pair.connect();
    let first = open(&mut pair, CLIENT, here);
    open(&mut pair, CLIENT, here);
    assert_eq!(pair.machine(CLIENT).open_stream(here, Direction::Bidirectional), None);
    exchange(&mut pair, (here, there), first, [data(1, 10), data(2, 10)]);
    pair.world.run(|world| world.saw(CLIENT, &Event::Available(Direction::Bidirectional)));
    open(&mut pair, CLIENT, here);
}

#[test]
fn a_peer_that_uses_its_streams_is_allowed_more_up_to_the_limit() {
    let initial = options().limits.bidirectional_streams_initial as usize;
    let limit = initial + 30;
    let mut few = options();
    few.limits.bidirectional_streams = limit as u32;
    let mut pair = Pair::with_options(1, options(), few);
    let (here, _) = pair.connect();
    let mut opened = 0;
    while let Some(stream) = pair.machine(CLIENT).open_stream(here, Direction::Bidirectional) {
        pair.machine(CLIENT).write(here, stream, b"x").unwrap();
        opened += 1;
    }
    assert_eq!(opened, initial);
    pair.world.run(|world| world.saw(CLIENT, &Event::Available(Direction::Bidirectional)));
    while let Some(stream) = pair.machine(CLIENT).open_stream(here, Direction::Bidirectional) {
        pair.machine(CLIENT).write(here, stream, b"x").unwrap();
        opened += 1;
    }
    assert_eq!(opened, limit);
    pair.world.run_for(Duration::from_secs(1));
    assert_eq!(pair.machine(CLIENT).open_stream(here, Direction::Bidirectional), None);
}

#[test]
fn a_peer_may_begin_with_as_many_streams_as_the_option_says_and_no_more_than_the_limit() {
    for (initial, limit, expected) in [(100, 400, 100), (100, 20, 20)] {
        let mut server = options();
        server.limits.bidirectional_streams_initial = initial;
        server.limits.bidirectional_streams = limit;
        let mut pair = Pair::with_options(1, options(), server);
        let (here, _) = pair.connect();
        let open =
            |_: &usize| pair.machine(CLIENT).open_stream(here, Direction::Bidirectional).is_some();
        assert_eq!((0..1000).take_while(open).count(), expected);
    }
}

#[test]
fn none_at_first_would_be_none_for_ever_and_is_refused() {
    let mut none = options();
    none.limits.unidirectional_streams_initial = 0;
    let refused = Machine::new(none, Random::new(1)).err();
    assert!(
        matches!(refused, Some(OptionsError::OutOfRange { value: 0, min: 1, .. })),
        "{refused:?}"
    );
}

#[test]
fn small_writes_that_fill_datagrams_can_leave_before_the_pass_ends() {
    let mut pair = Pair::new(1);
    let (here, _) = pair.connect();
    pair.world.run_for(Duration::from_secs(1));
    let now = pair.world.now;
    let machine = pair.machine(CLIENT);
    let stream = machine.open_stream(here, Direction::Bidirectional).unwrap();
    let mut early = Vec::new();
    let mut buffer = Vec::new();
    for _ in 0..100 {
        machine.write(here, stream, &[7; 100]).unwrap();
        if machine.has_early(here) {
            let train = machine.transmit_early(now, here, &mut buffer).unwrap();
            early.push((train.datagrams(buffer.len()), buffer.len()));
        }
    }
    assert!(early.len() >= 2, "{early:?}");
    for (datagrams, bytes) in early {
        assert_eq!(datagrams, QUIC_EARLY_DATAGRAMS);
        assert!(bytes > datagrams * 1100, "{bytes} bytes are no {datagrams} full datagrams");
    }
    assert!(machine.transmit(now, &mut buffer).is_some(), "what fills none leaves with the pass");
    assert!(!machine.has_early(here));
}

#[test]
fn streams_of_higher_priority_go_first() {
    let mut pair = Pair::new(1);
    let (here, there) = pair.connect();
    let streams: Vec<_> = (0..4).map(|_| open(&mut pair, CLIENT, here)).collect();
    let mut sending: Vec<_> =
        streams.iter().map(|stream| Sending::new(here, *stream, data(1, 10_000))).collect();
    pair.machine(CLIENT).set_priority(here, streams[3], 1);
    let mut receiving: Vec<_> = streams.iter().map(|s| Receiving::new(there, *s)).collect();
    let mut order = Vec::new();
    pair.world.run(|world| {
        for one in &mut sending {
            one.step(&mut world.hosts[CLIENT].machine);
        }
        let machine = &mut world.hosts[SERVER].machine;
        while machine.accept_stream(there, Direction::Bidirectional).is_some() {}
        for (index, one) in receiving.iter_mut().enumerate() {
            if !one.is_done && one.step(machine) {
                order.push(index);
            }
        }
        order.len() == 4
    });
    assert_eq!(order[0], 3, "{order:?}");
}

pub(crate) fn open(pair: &mut Pair, host: usize, key: ConnectionKey) -> StreamId {
    let stream = pair.machine(host).open_stream(key, Direction::Bidirectional);
    stream.expect("the peer allows a stream")
}

/// The next stream that reaches the server.
pub(crate) fn accept(pair: &mut Pair, key: ConnectionKey) -> StreamId {
    let mut stream = None;
    pair.world.run(|world| {
        let machine = &mut world.hosts[SERVER].machine;
        stream = machine.accept_stream(key, Direction::Bidirectional);
        stream.is_some()
    });
    stream.expect("the run ends with one")
}

/// Sends data up a stream and other data down, and checks that both arrive.
pub(crate) fn exchange(
    pair: &mut Pair,
    (here, there): (ConnectionKey, ConnectionKey),
    stream: StreamId,
    [up, down]: [Bytes; 2],
) {
    let mut sending =
        [Sending::new(here, stream, up.clone()), Sending::new(there, stream, down.clone())];
    let mut receiving = [Receiving::new(there, stream), Receiving::new(here, stream)];
    let mut is_there = false;
    pair.world.run(|world| {
        sending[0].step(&mut world.hosts[CLIENT].machine);
        let server = &mut world.hosts[SERVER].machine;
        while let Some(accepted) = server.accept_stream(there, Direction::Bidirectional) {
            is_there |= accepted == stream;
        }
        if is_there {
            sending[1].step(server);
            receiving[0].step(server);
        }
        receiving[1].step(&mut world.hosts[CLIENT].machine);
        receiving.iter().all(|one| one.is_done)
    });
    assert!(receiving[0].data == up, "what went up arrived damaged");
    assert!(receiving[1].data == down, "what came down arrived damaged");
}

pub(crate) fn data(seed: u64, bytes: usize) -> Bytes {
    let mut data = vec![0; bytes];
    Random::new(seed).fill(&mut data);
    data.into()
}
