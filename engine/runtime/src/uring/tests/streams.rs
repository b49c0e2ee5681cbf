//! TCP through the ring.

use bytes::Bytes;

use super::super::BufferOptions;
use super::sockets::open_socket;
use super::*;
use crate::socket::{Pieces, Received, Side, SocketId, SocketKind, SocketOp};

/// A listener that accepts, and both ends of one connection.
pub(super) fn connection(driver: &mut UringDriver) -> (SocketId, SocketId) {
    let (listener, to) = open_socket(driver, SocketKind::Listener { backlog: 8 });
    let (client, _) = open_socket(driver, SocketKind::Stream);
    let accept = driver.submit(Op::Socket(SocketOp::Accept { listener }));
    let connect = driver.submit(Op::Socket(SocketOp::Connect { socket: client, to }));
    let mut server = None;
    for completion in reap(driver, 2) {
        match completion.received {
            Some(Received::Connection(socket)) => {
                assert!(completion.id == accept && completion.op.is_none());
                server = Some(socket);
            }
            _ => assert_eq!((completion.id, completion.result), (connect, Ok(0))),
        }
    }
    driver.submit(Op::Socket(SocketOp::Close { socket: listener }));
    // The close, and the end of the accept that it brings.
    let ends = reap(driver, 2);
    assert!(ends.iter().any(|end| end.id == accept && end.result == Err(Errno::CANCELED)));
    (client, server.unwrap())
}

fn receive(driver: &mut UringDriver, socket: SocketId) -> Completion {
    run(driver, Op::Socket(SocketOp::Receive { socket }))
}

pub(super) fn received(completion: Completion) -> BytesMut {
    match completion.received {
        Some(Received::Bytes(bytes)) => bytes,
        other => panic!("{other:?} instead of bytes, result {:?}", completion.result),
    }
}

fn send(driver: &mut UringDriver, socket: SocketId, data: impl Into<Pieces>) -> Completion {
    run(driver, Op::Socket(SocketOp::Send { socket, data: data.into() }))
}

#[test]
fn what_is_sent_in_pieces_arrives_in_order_and_so_does_the_end() {
    let mut driver = driver(DriveMode::Thread);
    let (client, server) = connection(&mut driver);
    assert_eq!(driver.peer_address(client), driver.local_address(server));

    let pieces = vec![Bytes::from_static(b"one "), Bytes::new(), Bytes::from_static(b"two")];
    assert_eq!(send(&mut driver, client, pieces).result, Ok(7));
    assert_eq!(&received(receive(&mut driver, server))[..], b"one two");

    let end = Op::Socket(SocketOp::Shutdown { socket: client, side: Side::Sending });
    assert_eq!(run(&mut driver, end).result, Ok(0));
    let ended = receive(&mut driver, server);
    assert!(ended.result == Ok(0) && ended.received.is_none(), "{ended:?}");

    assert_eq!(send(&mut driver, server, Bytes::from_static(b"bye")).result, Ok(3));
    assert_eq!(&received(receive(&mut driver, client))[..], b"bye");
}

#[test]
fn a_send_waits_for_its_peer_and_is_whole() {
    const BYTES: usize = 16 << 20;
    let mut driver = driver(DriveMode::Thread);
    let (client, server) = connection(&mut driver);
    let data = Bytes::from(vec![7; BYTES]);
    let sending = driver.submit(Op::Socket(SocketOp::Send { socket: client, data: data.into() }));

    let (mut arrived, mut sent) = (0, None);
    while arrived < BYTES || sent.is_none() {
        if arrived < BYTES {
            driver.submit(Op::Socket(SocketOp::Receive { socket: server }));
        }
        for completion in reap_some(&mut driver) {
            if completion.id == sending {
                sent = Some(completion.result);
            } else {
                arrived += received(completion).len();
            }
        }
    }
    assert_eq!((arrived, sent), (BYTES, Some(Ok(BYTES as u32))));
}

#[test]
fn closing_ends_what_is_in_flight() {
    let mut driver = driver(DriveMode::Thread);
    let (client, server) = connection(&mut driver);
    let reading = driver.submit(Op::Socket(SocketOp::Receive { socket: server }));
    driver.reap(&mut Vec::new(), Wait::No).unwrap();

    driver.submit(Op::Socket(SocketOp::Close { socket: server }));
    let ends = reap(&mut driver, 2);

    assert!(ends.iter().any(|end| end.id == reading && end.result == Err(Errno::CANCELED)));
    assert_eq!(receive(&mut driver, client).result, Ok(0), "the peer sees the end at once");
    assert_eq!(driver.open_sockets(), 1);
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    // What is received into belongs to whoever gets something, not to whoever waits.
    const CONNECTIONS: usize = 100;
    let mut driver = driver(DriveMode::Thread);
    let pairs: Vec<_> = (0..CONNECTIONS).map(|_| connection(&mut driver)).collect();
    for (client, _) in &pairs {
        driver.submit(Op::Socket(SocketOp::Receive { socket: *client }));
    }
    driver.reap(&mut Vec::new(), Wait::No).unwrap();
    assert_eq!(driver.stream_buffers(), 64, "as many as there are at first");

    for (_, server) in &pairs {
        let data = Bytes::from_static(b"x").into();
        driver.submit(Op::Socket(SocketOp::Send { socket: *server, data }));
    }
    let completions = reap(&mut driver, 2 * CONNECTIONS);
    assert!(completions.iter().all(|completion| completion.result == Ok(1)));
}

#[test]
fn refused_and_reset_connections_say_so() {
    let mut driver = driver(DriveMode::Thread);
    let (gone, to) = open_socket(&mut driver, SocketKind::Listener { backlog: 1 });
    run(&mut driver, Op::Socket(SocketOp::Close { socket: gone }));
    let (socket, _) = open_socket(&mut driver, SocketKind::Stream);
    let refused = run(&mut driver, Op::Socket(SocketOp::Connect { socket, to }));
    assert_eq!(refused.result, Err(Errno::CONNREFUSED));

    let (client, server) = connection(&mut driver);
    driver.set_socket_option(client, SocketOption::ResetOnClose(true)).unwrap();
    run(&mut driver, Op::Socket(SocketOp::Close { socket: client }));
    assert_eq!(receive(&mut driver, server).result, Err(Errno::CONNRESET));
    let broken = send(&mut driver, server, Bytes::from_static(b"x"));
    assert_eq!(broken.result, Err(Errno::PIPE));
}

#[test]
fn more_receives_without_a_buffer_than_the_ring_has_room_for_wait_for_the_next_turn() {
    // They used to be started again within the turn, for ever, while only the next turn makes buffers.
    let buffers = BufferOptions { bytes: 512, buffers: 8, buffers_max: 256 };
    let options = UringOptions { entries: 8, stream_buffers: buffers, ..UringOptions::default() };
    let mut driver = UringDriver::new(&options).unwrap();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| connection(&mut driver)).collect();
    for (client, _) in &connections {
        assert_eq!(send(&mut driver, *client, Bytes::from_static(b"all at once")).result, Ok(11));
    }
    for (_, server) in &connections {
        driver.submit(Op::Socket(SocketOp::Receive { socket: *server }));
    }
    let kept: Vec<_> = reap(&mut driver, CONNECTIONS).into_iter().map(received).collect();
    assert!(kept.iter().all(|data| &data[..] == b"all at once"));
    assert!(driver.counters().buffers_missed.load() > 0);
}

/// More than twice what the ring and the buffers at first have room for.
const CONNECTIONS: usize = 40;
