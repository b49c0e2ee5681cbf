//! UDP through the ring.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::super::BufferOptions;
use super::sockets::{on_loopback, open_socket};
use super::*;
use crate::socket::{Arrival, Ecn, Received, SocketId, SocketKind, SocketOp, Transmit};

fn transmit(to: SocketAddr, data: impl Into<Bytes>) -> Transmit {
    let data: Bytes = data.into();
    Transmit {
        destination: to,
        source: None,
        ecn: Ecn::NotCapable,
        data: data.into(),
        segment_bytes: None,
    }
}

fn send(driver: &mut UringDriver, socket: SocketId, transmit: Transmit) -> OpId {
    driver.submit(Op::Socket(SocketOp::SendDatagrams { socket, transmit }))
}

fn listen(driver: &mut UringDriver, socket: SocketId) -> OpId {
    driver.submit(Op::Socket(SocketOp::ReceiveDatagrams { socket }))
}

/// Reaps until `count` datagrams have arrived at `receiver`; other completions must be good.
fn arrivals(driver: &mut UringDriver, receiver: OpId, count: usize) -> Vec<Arrival> {
    let mut found = Vec::new();
    let mut datagrams = 0;
    while datagrams < count {
        for completion in reap_some(driver) {
            if completion.id != receiver {
                completion.result.expect("a send succeeds");
                continue;
            }
            match completion.received {
                Some(Received::Datagrams(arrival)) => {
                    datagrams += arrival.data.len().div_ceil(arrival.segment_bytes).max(1);
                    found.push(arrival);
                }
                other => panic!("{other:?}, {:?}", completion.result),
            }
        }
    }
    assert_eq!(datagrams, count);
    found
}

#[test]
fn a_datagram_arrives_with_its_addresses_and_mark() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let mut driver = driver(DriveMode::Thread);
        let local: SocketAddr = local.parse().unwrap();
        let options = SocketOptions { local, ..on_loopback(SocketKind::Datagram) };
        let a = driver.open_socket(&options).unwrap();
        let b = driver.open_socket(&options).unwrap();
        let (from, to) = (driver.local_address(a).unwrap(), driver.local_address(b).unwrap());
        let receiver = listen(&mut driver, b);

        let data = vec![Bytes::from_static(b"head"), Bytes::from_static(b"body")];
        let source = Some(local.ip());
        let marked =
            Transmit { source, ecn: Ecn::Ect0, data: data.into(), ..transmit(to, Bytes::new()) };
        send(&mut driver, a, marked);

        let arrival = arrivals(&mut driver, receiver, 1).remove(0);
        assert_eq!((arrival.source, arrival.destination), (from, source));
        assert_eq!((arrival.ecn, &arrival.data[..]), (Ecn::Ect0, &b"headbody"[..]));
    }
}

#[test]
fn a_train_leaves_and_arrives_in_one_piece() {
    let mut driver = driver(DriveMode::Thread);
    let (a, _) = open_socket(&mut driver, SocketKind::Datagram);
    let (b, to) = open_socket(&mut driver, SocketKind::Datagram);
    let receiver = listen(&mut driver, b);

    let content: Vec<u8> = (0..40 * 1200 + 7).map(|n| (n / 1200) as u8).collect();
    let train = Transmit { segment_bytes: Some(1200), ..transmit(to, content.clone()) };
    send(&mut driver, a, train);

    let arrived = arrivals(&mut driver, receiver, 41);
    assert_eq!(arrived.len(), 1, "coalesced again");
    assert_eq!((arrived[0].segment_bytes, &arrived[0].data[..]), (1200, &content[..]));
}

#[test]
fn an_empty_datagram_is_one() {
    let mut driver = driver(DriveMode::Thread);
    let (a, _) = open_socket(&mut driver, SocketKind::Datagram);
    let (b, to) = open_socket(&mut driver, SocketKind::Datagram);
    let receiver = listen(&mut driver, b);
    send(&mut driver, a, transmit(to, Bytes::new()));
    assert!(arrivals(&mut driver, receiver, 1)[0].data.is_empty());
}

#[test]
fn errors_are_those_of_one_datagram() {
    let mut driver = driver(DriveMode::Thread);
    let (a, to) = open_socket(&mut driver, SocketKind::Datagram);
    let foreign = Some(IpAddr::from([192, 0, 2, 1]));
    let mut result = |transmit| {
        run(&mut driver, Op::Socket(SocketOp::SendDatagrams { socket: a, transmit })).result
    };
    assert_eq!(result(transmit(to, vec![0; 65_508])), Err(Errno::MSGSIZE));
    let too_many = Transmit { segment_bytes: Some(1), ..transmit(to, vec![0; 200]) };
    assert_eq!(result(too_many), Err(Errno::INVAL));
    // Which error depends on the machine's routes.
    assert!(result(Transmit { source: foreign, ..transmit(to, vec![0; 1]) }).is_err());
    assert_eq!(result(transmit(to, vec![0; 65_507])), Ok(65_507));
}

#[test]
fn receiving_goes_on_while_everything_received_is_kept() {
    // The buffers used to be the bound: a program that held on to them would hear nothing more.
    const DATAGRAMS: usize = 100;
    let buffers = BufferOptions { bytes: 2048, buffers: 8, buffers_max: 16 };
    let options = UringOptions { datagram_buffers: buffers, ..UringOptions::default() };
    let mut driver = UringDriver::new(&options).unwrap();
    let (a, _) = open_socket(&mut driver, SocketKind::Datagram);
    let (b, to) = open_socket(&mut driver, SocketKind::Datagram);
    let receiver = listen(&mut driver, b);

    let mut kept = Vec::new();
    for n in 0..DATAGRAMS {
        send(&mut driver, a, transmit(to, vec![n as u8; 1000]));
        kept.extend(arrivals(&mut driver, receiver, 1));
    }
    let expected: Vec<Vec<u8>> = (0..DATAGRAMS).map(|n| vec![n as u8; 1000]).collect();
    let content: Vec<Vec<u8>> = kept.iter().map(|arrival| arrival.data.to_vec()).collect();
    assert_eq!(content, expected);
    assert!(driver.counters().buffers_copied.load() > 0);

    let copied = driver.counters().buffers_copied.load();
    kept.clear();
    for _ in 0..DATAGRAMS {
        send(&mut driver, a, transmit(to, vec![1; 1000]));
        arrivals(&mut driver, receiver, 1);
    }
    assert_eq!(driver.counters().buffers_copied.load(), copied, "what was dropped is used again");
}

#[test]
fn a_burst_beyond_all_buffers_and_completions_loses_nothing() {
    const DATAGRAMS: usize = 200;
    let buffers = BufferOptions { bytes: 2048, buffers: 8, buffers_max: 64 };
    let options = UringOptions {
        entries: 16,
        completions: 16,
        datagram_buffers: buffers,
        ..UringOptions::default()
    };
    let mut driver = UringDriver::new(&options).unwrap();
    let (b, to) = open_socket(&mut driver, SocketKind::Datagram);
    let receiver = listen(&mut driver, b);
    driver.reap(&mut Vec::new(), Wait::No).unwrap();
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..DATAGRAMS {
        sender.send_to(&[n as u8; 100], to).unwrap();
    }

    let arrived = arrivals(&mut driver, receiver, DATAGRAMS);
    let firsts: Vec<u8> =
        arrived.into_iter().flat_map(Arrival::into_segments).map(|s| s[0]).collect();
    assert_eq!(firsts, (0..DATAGRAMS).map(|n| n as u8).collect::<Vec<_>>());
    let counters = driver.counters();
    assert!(counters.buffers_missed.load() + counters.receives_restarted.load() > 0);
}

#[test]
fn a_datagram_longer_than_a_buffer_is_dropped_and_counted() {
    let buffers = BufferOptions { bytes: 512, buffers: 8, buffers_max: 8 };
    let options = UringOptions { datagram_buffers: buffers, ..UringOptions::default() };
    let mut driver = UringDriver::new(&options).unwrap();
    let (a, _) = open_socket(&mut driver, SocketKind::Datagram);
    let (b, to) = open_socket(&mut driver, SocketKind::Datagram);
    let receiver = listen(&mut driver, b);
    send(&mut driver, a, transmit(to, vec![0; 513]));
    send(&mut driver, a, transmit(to, vec![0; 512]));
    assert_eq!(arrivals(&mut driver, receiver, 1)[0].data.len(), 512);
    assert_eq!(driver.counters().datagrams_cut.load(), 1);
}

#[test]
fn a_cancelled_receive_ends_once_and_leaves_what_comes_later() {
    let mut driver = driver(DriveMode::Thread);
    let (a, _) = open_socket(&mut driver, SocketKind::Datagram);
    let (b, to) = open_socket(&mut driver, SocketKind::Datagram);
    let receiver = listen(&mut driver, b);
    driver.reap(&mut Vec::new(), Wait::No).unwrap();
    driver.cancel(receiver);
    let end = reap(&mut driver, 1).remove(0);
    assert!(end.id == receiver && end.result == Err(Errno::CANCELED) && end.op.is_some());

    send(&mut driver, a, transmit(to, vec![5; 3]));
    reap(&mut driver, 1);
    let receiver = listen(&mut driver, b);
    assert_eq!(arrivals(&mut driver, receiver, 1)[0].data.len(), 3);
}
