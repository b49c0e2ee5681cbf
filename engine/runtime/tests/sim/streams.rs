//! Streams between nodes, operation by operation.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use roundhouse_runtime::sim::{NetworkLoad, World, WorldOptions};
use roundhouse_runtime::socket::{KeepAlive, Received, Side, SocketKind, SocketOption};
use roundhouse_runtime::{Completion, Driver, Errno, Op, SocketId, SocketOp, Wait};

use crate::datagrams::options;
use crate::process::Process;

const PORT: u16 = 80;

/// A process that listens, one that connects, and the two ends of their connection.
struct Pair {
    world: World,
    server: Process,
    client: Process,
    listener: SocketId,
    there: SocketId,
    here: SocketId,
    to: SocketAddr,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let world = World::new(seed, WorldOptions::default());
        let node = world.node("server");
        let to = SocketAddr::new(node.address(), PORT);
        let mut server = Process::on(&node);
        let mut client = Process::on(&world.node("client"));
        let listening = options(SocketKind::Listener { backlog: 4 }, to);
        let listener = server.driver.open_socket(&listening).unwrap();
        let there = stream(&mut client);
        let connecting = client.driver.submit(Op::Socket(SocketOp::Connect { socket: there, to }));
        server.driver.submit(Op::Socket(SocketOp::Accept { listener }));
        assert_eq!(client.finish(connecting).result, Ok(0));
        world.pass(Duration::from_millis(5));
        let here = accepted(&mut server);
        Pair { world, server, client, listener, there, here, to }
    }

    /// Closes everything but what the other end of it is to see first.
    fn end(mut self) {
        for (process, sockets) in [
            (&mut self.client, vec![self.there]),
            (&mut self.server, vec![self.here, self.listener]),
        ] {
            for socket in sockets {
                assert_eq!(call(process, SocketOp::Close { socket }), Ok(0));
            }
        }
        self.world.pass(Duration::from_mins(3));
        assert_eq!(self.world.network_load(), NetworkLoad::default());
    }
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}

fn stream(process: &mut Process) -> SocketId {
    process.driver.open_socket(&options(SocketKind::Stream, anywhere())).unwrap()
}

fn accepted(process: &mut Process) -> SocketId {
    let mut completions = Vec::new();
    process.driver.reap(&mut completions, Wait::No).unwrap();
    let received = completions.into_iter().find_map(|completion| completion.received);
    match received {
        Some(Received::Connection(socket)) => socket,
        other => panic!("{other:?}"),
    }
}

fn call(process: &mut Process, op: SocketOp) -> Result<u32, Errno> {
    process.call(Op::Socket(op))
}

fn send(process: &mut Process, socket: SocketId, data: &[u8]) -> Result<u32, Errno> {
    call(process, SocketOp::Send { socket, data: Bytes::copy_from_slice(data).into() })
}

fn receive(process: &mut Process, socket: SocketId) -> Completion {
    let id = process.driver.submit(Op::Socket(SocketOp::Receive { socket }));
    process.finish(id)
}

/// Everything that comes until the end.
fn receive_all(process: &mut Process, socket: SocketId) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let completion = receive(process, socket);
        match completion.received {
            Some(Received::Bytes(bytes)) => all.extend_from_slice(&bytes),
            _ => break assert_eq!(completion.result, Ok(0)),
        }
    }
    all
}

#[test]
fn bytes_arrive_in_order_and_each_direction_ends_by_itself() {
    let mut pair = Pair::new(1);
    assert_eq!(pair.client.driver.peer_address(pair.there), Ok(pair.to));
    let local = pair.client.driver.local_address(pair.there);
    assert_eq!(pair.server.driver.peer_address(pair.here), local);

    let sent: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    assert_eq!(send(&mut pair.client, pair.there, &sent), Ok(100_000));
    let end = SocketOp::Shutdown { socket: pair.there, side: Side::Sending };
    assert_eq!(call(&mut pair.client, end), Ok(0));
    assert_eq!(send(&mut pair.client, pair.there, b"more"), Err(Errno::PIPE));
    assert_eq!(receive_all(&mut pair.server, pair.here), sent);
    assert_eq!(send(&mut pair.server, pair.here, b"bye"), Ok(3));
    let end = SocketOp::Shutdown { socket: pair.here, side: Side::Sending };
    assert_eq!(call(&mut pair.server, end), Ok(0));
    assert_eq!(receive_all(&mut pair.client, pair.there), b"bye");
    pair.end();
}

#[test]
fn a_send_waits_for_room_and_a_cancelled_one_tells_how_far_it_came() {
    let mut pair = Pair::new(1);
    let data = Bytes::from(vec![1; 2 << 20]).into();
    let sending = Op::Socket(SocketOp::Send { socket: pair.there, data });
    let sending = pair.client.driver.submit(sending);
    pair.world.pass(Duration::from_secs(10));
    assert!(!pair.client.driver.is_ready(), "nobody reads");
    pair.client.driver.cancel(sending);
    let taken = pair.client.finish(sending).result.unwrap() as usize;
    assert_eq!(taken, 2 * (256 << 10), "what both sides hold");
    let end = SocketOp::Shutdown { socket: pair.there, side: Side::Sending };
    assert_eq!(call(&mut pair.client, end), Ok(0));
    assert_eq!(receive_all(&mut pair.server, pair.here).len(), taken);
    pair.end();
}

#[test]
fn what_was_not_read_is_a_reset_and_so_is_what_was_asked_to_be_one() {
    for is_asked_for in [false, true] {
        let mut pair = Pair::new(1);
        if is_asked_for {
            let option = SocketOption::ResetOnClose(true);
            pair.server.driver.set_socket_option(pair.here, option).unwrap();
        } else {
            send(&mut pair.client, pair.there, b"unread").unwrap();
            pair.world.pass(Duration::from_millis(5));
        }
        assert_eq!(call(&mut pair.server, SocketOp::Close { socket: pair.here }), Ok(0));
        let broken = receive(&mut pair.client, pair.there);
        assert_eq!(broken.result, Err(Errno::CONNRESET));
        assert_eq!(send(&mut pair.client, pair.there, b"x"), Err(Errno::PIPE));
        assert_eq!(pair.client.driver.peer_address(pair.there), Err(Errno::NOTCONN));
        assert_eq!(pair.world.network_load().sockets, 2);
    }
}

#[test]
fn closing_ends_what_is_in_flight() {
    let mut pair = Pair::new(1);
    let receiving = Op::Socket(SocketOp::Receive { socket: pair.here });
    let receiving = pair.server.driver.submit(receiving);
    let accepting = Op::Socket(SocketOp::Accept { listener: pair.listener });
    let (here, listener) = (pair.here, pair.listener);
    let close = pair.server.driver.submit(Op::Socket(SocketOp::Close { socket: here }));
    assert_eq!(pair.server.finish(receiving).result, Err(Errno::CANCELED));
    assert_eq!(pair.server.finish(close).result, Ok(0));
    assert_eq!(receive(&mut pair.client, pair.there).result, Ok(0), "the end");
    assert_eq!(call(&mut pair.server, SocketOp::Close { socket: listener }), Ok(0));
    let accepting = pair.server.driver.submit(accepting);
    assert_eq!(pair.server.finish(accepting).result, Err(Errno::BADF));
}

#[test]
fn whoever_waits_in_the_backlog_of_a_listener_that_closes_is_reset() {
    let mut pair = Pair::new(1);
    let listener = pair.listener;
    assert_eq!(call(&mut pair.server, SocketOp::Close { socket: listener }), Ok(0));
    let again = options(SocketKind::Listener { backlog: 4 }, pair.to);
    let again = pair.server.driver.open_socket(&again).expect("the address is free");
    let (waiting, to) = (stream(&mut pair.client), pair.to);
    assert_eq!(call(&mut pair.client, SocketOp::Connect { socket: waiting, to }), Ok(0));
    let connecting = SocketOp::Connect { socket: waiting, to };
    assert_eq!(call(&mut pair.client, connecting), Err(Errno::ISCONN));
    pair.world.pass(Duration::from_millis(5));
    assert_eq!(call(&mut pair.server, SocketOp::Close { socket: again }), Ok(0));
    assert_eq!(receive(&mut pair.client, waiting).result, Err(Errno::CONNRESET));
    let late = stream(&mut pair.client);
    let refused = call(&mut pair.client, SocketOp::Connect { socket: late, to });
    assert_eq!(refused, Err(Errno::CONNREFUSED));
}

#[test]
fn a_peer_that_is_gone_without_a_word_is_missed_in_time() {
    let mut pair = Pair::new(1);
    let keep_alive =
        KeepAlive { idle: Duration::from_secs(10), interval: Duration::from_secs(5), probes: 3 };
    let option = SocketOption::KeepAlive(Some(keep_alive));
    pair.client.driver.set_socket_option(pair.there, option).unwrap();
    pair.world.pass(Duration::from_mins(10));
    assert!(!pair.client.driver.is_ready() && pair.world.network_load().connections == 2);

    pair.world.node("server").crash();
    pair.world.cut(&pair.world.node("server"), &pair.world.node("client"));
    let began = pair.world.now();
    assert_eq!(receive(&mut pair.client, pair.there).result, Err(Errno::TIMEDOUT));
    let waited = pair.world.now().since(began);
    assert!(waited <= Duration::from_secs(10 + 3 * 5), "{waited:?}");
    assert_eq!(receive(&mut pair.client, pair.there).result, Ok(0), "it is told once");
}

#[test]
fn unacknowledged_data_is_given_up_after_the_user_timeout() {
    let mut pair = Pair::new(1);
    let option = SocketOption::UserTimeout(Some(Duration::from_secs(5)));
    pair.client.driver.set_socket_option(pair.there, option).unwrap();
    pair.world.cut(&pair.world.node("server"), &pair.world.node("client"));
    assert_eq!(send(&mut pair.client, pair.there, b"never"), Ok(5));
    let began = pair.world.now();
    assert_eq!(receive(&mut pair.client, pair.there).result, Err(Errno::TIMEDOUT));
    let waited = pair.world.now().since(began);
    assert!((5..15).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn a_process_that_is_killed_ends_its_connections() {
    let mut pair = Pair::new(1);
    drop(pair.server);
    assert_eq!(receive(&mut pair.client, pair.there).result, Ok(0));
    assert_eq!(call(&mut pair.client, SocketOp::Close { socket: pair.there }), Ok(0));
    pair.world.pass(Duration::from_mins(3));
    assert_eq!(pair.world.network_load(), NetworkLoad::default());
}

#[test]
fn an_attempt_that_is_given_up_leaves_nothing() {
    let world = World::new(1, WorldOptions::default());
    let mut client = Process::on(&world.node("client"));
    let to = SocketAddr::new(world.node("server").address(), PORT);
    world.cut(&world.node("server"), &world.node("client"));
    let socket = stream(&mut client);
    let connecting = client.driver.submit(Op::Socket(SocketOp::Connect { socket, to }));
    assert_eq!(call(&mut client, SocketOp::Connect { socket, to }), Err(Errno::ALREADY));
    client.driver.cancel(connecting);
    assert_eq!(client.finish(connecting).result, Err(Errno::CANCELED));
    assert_eq!(call(&mut client, SocketOp::Close { socket }), Ok(0));

    let socket = stream(&mut client);
    let began = world.now();
    let timed_out = call(&mut client, SocketOp::Connect { socket, to });
    assert_eq!(timed_out, Err(Errno::TIMEDOUT));
    assert_eq!(world.now().since(began).as_secs(), 127, "seven packets, each after twice the time");
    assert_eq!(call(&mut client, SocketOp::Close { socket }), Ok(0));
    assert_eq!(world.network_load(), NetworkLoad::default());
}
