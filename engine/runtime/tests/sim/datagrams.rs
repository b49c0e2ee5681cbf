//! Datagrams between nodes: what arrives, and what becomes of the rest.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use roundhouse_runtime::sim::{LinkOptions, Node, SimDriver, World, WorldOptions};
use roundhouse_runtime::socket::{Arrival, Ecn, Received, SocketKind, SocketOptions, Transmit};
use roundhouse_runtime::{Driver, Errno, Op, OpId, SocketId, SocketOp, Wait};

use crate::process::Process;

pub(crate) fn options(kind: SocketKind, local: SocketAddr) -> SocketOptions {
    SocketOptions {
        kind,
        local,
        reuse_port: false,
        receive_buffer_bytes: None,
        send_buffer_bytes: None,
    }
}

/// A process with one datagram socket and what it heard.
struct Host {
    node: Node,
    process: Process,
    socket: SocketId,
    receiving: OpId,
    address: SocketAddr,
}

impl Host {
    fn new(world: &World, name: &str) -> Host {
        let node = world.node(name);
        Host::at(&node, SocketAddr::new(node.address(), 0))
    }

    fn at(node: &Node, local: SocketAddr) -> Host {
        let mut process = Process::on(node);
        let socket = process.driver.open_socket(&options(SocketKind::Datagram, local)).unwrap();
        let address = process.driver.local_address(socket).unwrap();
        let receiving = process.driver.submit(Op::Socket(SocketOp::ReceiveDatagrams { socket }));
        Host { node: node.clone(), process, socket, receiving, address }
    }

    fn send(&mut self, transmit: Transmit) -> Result<u32, Errno> {
        let socket = self.socket;
        self.process.call(Op::Socket(SocketOp::SendDatagrams { socket, transmit }))
    }

    /// Sends a byte and expects it to leave.
    fn send_byte(&mut self, to: SocketAddr, byte: u8) {
        assert_eq!(self.send(transmit(to, vec![byte])), Ok(1));
    }

    /// What arrived by now.
    fn arrivals(&mut self) -> Vec<Arrival> {
        let mut completions = Vec::new();
        self.process.driver.reap(&mut completions, Wait::No).unwrap();
        let received = completions.into_iter().map(|completion| {
            assert_eq!(completion.id, self.receiving);
            match completion.received {
                Some(Received::Datagrams(arrival)) => arrival,
                other => panic!("{other:?}"),
            }
        });
        received.collect()
    }

    /// The first byte of each datagram that arrived.
    fn bytes(&mut self) -> Vec<u8> {
        let datagrams = self.arrivals().into_iter().flat_map(Arrival::into_segments);
        datagrams.map(|datagram| datagram[0]).collect()
    }

    fn driver(&mut self) -> &mut SimDriver {
        &mut self.process.driver
    }
}

fn transmit(to: SocketAddr, data: impl Into<Bytes>) -> Transmit {
    let (data, ecn): (Bytes, _) = (data.into(), Ecn::Ect0);
    Transmit { destination: to, source: None, ecn, data: data.into(), segment_bytes: None }
}

fn pair(seed: u64, link: LinkOptions) -> (World, Host, Host) {
    let world = World::new(seed, WorldOptions { link, ..WorldOptions::default() });
    let (a, b) = (Host::new(&world, "a"), Host::new(&world, "b"));
    (world, a, b)
}

#[test]
fn a_train_arrives_with_addresses_and_mark_after_its_time() {
    let (world, mut a, mut b) = pair(1, LinkOptions::default());
    let content: Vec<u8> = (0..=7 * 1000).map(|n| (n / 1000) as u8).collect();
    let train = Transmit { segment_bytes: Some(1000), ..transmit(b.address, content.clone()) };
    assert_eq!(a.send(train), Ok(7001));

    world.pass(Duration::from_micros(999));
    assert!(b.arrivals().is_empty(), "a millisecond away");
    world.pass(Duration::from_micros(101));
    let arrivals = b.arrivals();
    assert!(arrivals.iter().all(|it| (it.source, it.ecn) == (a.address, Ecn::Ect0)));
    assert!(arrivals.iter().all(|it| it.destination == Some(b.address.ip())));
    let arrived: Vec<u8> = arrivals.iter().flat_map(|it| it.data.to_vec()).collect();
    assert_eq!(arrived, content);
    assert!(arrivals.len() < 8 && arrivals[0].segment_bytes == 1000, "some came together");
}

#[test]
fn loopback_and_ipv6_lead_there_as_well() {
    let world = World::new(1, WorldOptions::default());
    let node = world.node("a");
    let anywhere: SocketAddr = "[::]:0".parse().unwrap();
    let (mut a, mut b) = (Host::at(&node, anywhere), Host::at(&world.node("b"), anywhere));
    let to = |ip: IpAddr, host: &Host| SocketAddr::new(ip, host.address.port());
    a.send_byte(to(b.node.address_v6(), &b), 1);
    b.send_byte(to(b.node.address_v6(), &b), 2);
    b.send_byte(to("::1".parse().unwrap(), &b), 3);
    world.pass(Duration::from_millis(2));
    assert_eq!(b.bytes(), [2, 3, 1]);
}

#[test]
fn what_the_device_or_the_address_forbids_is_an_error_of_that_datagram() {
    let (_, mut a, b) = pair(1, LinkOptions::default());
    let to = b.address;
    assert_eq!(a.send(transmit(to, vec![0; 1473])), Err(Errno::MSGSIZE));
    assert_eq!(a.send(transmit(to, vec![0; 1472])), Ok(1472));
    let train =
        |bytes, segment| Transmit { segment_bytes: Some(segment), ..transmit(to, vec![0; bytes]) };
    assert_eq!(a.send(train(3000, 1473)), Err(Errno::INVAL), "a segment too long");
    assert_eq!(a.send(train(65, 1)), Err(Errno::INVAL), "too many segments");
    assert_eq!(a.send(train(10, 0)), Err(Errno::INVAL));
    let foreign = Transmit { source: Some(b.address.ip()), ..transmit(to, vec![0]) };
    assert_eq!(a.send(foreign), Err(Errno::INVAL));
    assert_eq!(a.send(transmit("[fd00::1]:1".parse().unwrap(), vec![0])), Err(Errno::AFNOSUPPORT));
    let taken = options(SocketKind::Datagram, a.address);
    assert_eq!(a.driver().open_socket(&taken), Err(Errno::ADDRINUSE));
    let foreign = options(SocketKind::Datagram, b.address);
    assert_eq!(a.driver().open_socket(&foreign), Err(Errno::ADDRNOTAVAIL));
}

#[test]
fn each_way_is_cut_and_healed_by_itself() {
    let (world, mut a, mut b) = pair(1, LinkOptions::default());
    world.change_link(&a.node, &b.node, |link| link.is_cut = true);
    a.send_byte(b.address, 1);
    b.send_byte(a.address, 2);
    world.pass(Duration::from_millis(2));
    assert_eq!((a.bytes(), b.bytes()), (vec![2], vec![]));

    world.heal(&a.node, &b.node);
    a.send_byte(b.address, 3);
    world.pass(Duration::from_millis(2));
    assert_eq!(b.bytes(), [3]);
    assert_eq!(world.network_counts().cut, 1);
}

#[test]
fn every_fault_does_what_it_says() {
    const DATAGRAMS: usize = 200;
    let heard = |change: fn(&mut LinkOptions)| {
        let (world, mut a, mut b) = pair(7, LinkOptions::default());
        world.change_links(change);
        for n in 0..DATAGRAMS {
            a.send_byte(b.address, n as u8);
        }
        world.pass(Duration::from_secs(1));
        (b.bytes(), world.network_counts())
    };
    let whole: Vec<u8> = (0..DATAGRAMS).map(|n| n as u8).collect();
    assert_eq!(heard(|_| ()).0, whole);
    let (bytes, counts) = heard(|link| link.loss = 0.2);
    assert!(bytes.is_sorted() && bytes.len() as u64 == DATAGRAMS as u64 - counts.lost);
    let (bytes, counts) = heard(|link| link.duplication = 0.2);
    assert!(counts.duplicated > 0 && bytes.len() as u64 == DATAGRAMS as u64 + counts.duplicated);
    let (bytes, counts) = heard(|link| link.reordering = 0.2);
    assert!(counts.reordered > 0 && bytes.len() == DATAGRAMS && !bytes.is_sorted());
    let (bytes, counts) = heard(|link| link.corruption = 0.2);
    let wrong = bytes.iter().zip(&whole).filter(|(came, sent)| came != sent).count();
    assert!(wrong as u64 == counts.corrupted && wrong > 0);
    let (bytes, _) = heard(|link| link.path_mtu_bytes = 28);
    assert!(bytes.is_empty(), "one byte and 28 of headers");
}

#[test]
fn a_socket_holds_so_much_and_no_more_while_nobody_receives() {
    let world = World::new(1, WorldOptions::default());
    let node = world.node("b");
    let mut process = Process::on(&node);
    let local = SocketAddr::new(node.address(), 5);
    let small =
        SocketOptions { receive_buffer_bytes: Some(3000), ..options(SocketKind::Datagram, local) };
    let socket = process.driver.open_socket(&small).unwrap();
    let mut a = Host::new(&world, "a");
    for n in 0..10 {
        let datagram = transmit(local, vec![n; 500]);
        a.send(datagram).unwrap();
        world.pass(Duration::from_millis(1));
    }
    world.pass(Duration::from_millis(1));
    assert_eq!(world.network_counts().socket_full, 7);
    let receiving = process.driver.submit(Op::Socket(SocketOp::ReceiveDatagrams { socket }));
    let mut completions = Vec::new();
    process.driver.reap(&mut completions, Wait::No).unwrap();
    assert_eq!(completions.len(), 3, "the oldest, and none after the end of the memory");

    process.driver.cancel(receiving);
    let end = process.finish(receiving);
    assert!(end.result == Err(Errno::CANCELED) && end.op.is_some());
    let close = process.driver.submit(Op::Socket(SocketOp::Close { socket }));
    assert_eq!(process.driver.local_address(socket), Err(Errno::BADF));
    assert_eq!(process.finish(close).result, Ok(0));
    let load = world.network_load();
    assert_eq!((load.sockets, load.buffered_bytes, load.packets), (1, 0, 0));
}

#[test]
fn behind_a_nat_only_who_spoke_first_is_answered_and_a_rebinding_moves_it() {
    let (world, mut a, mut b) = pair(1, LinkOptions::default());
    a.node.set_nat(true);
    b.send_byte(a.address, 1);
    a.send_byte(b.address, 2);
    world.pass(Duration::from_millis(2));
    assert!(a.bytes().is_empty(), "its own address is not known outside");
    let seen = b.arrivals()[0].source;
    assert_eq!(seen.ip(), a.node.address_behind_nat());
    b.send_byte(seen, 3);
    world.pass(Duration::from_millis(2));
    assert_eq!(a.bytes(), [3]);

    a.node.rebind_nat();
    b.send_byte(seen, 4);
    a.send_byte(b.address, 5);
    world.pass(Duration::from_millis(2));
    assert!(a.bytes().is_empty());
    let moved = b.arrivals()[0].source;
    assert!(moved.ip() == seen.ip() && moved.port() != seen.port());
}

#[test]
fn members_of_a_group_share_the_senders() {
    let world = World::new(3, WorldOptions::default());
    let node = world.node("b");
    let local = SocketAddr::new(node.address(), 5);
    let mut process = Process::on(&node);
    let shared = SocketOptions { reuse_port: true, ..options(SocketKind::Datagram, local) };
    for _ in 0..2 {
        let socket = process.driver.open_socket(&shared).unwrap();
        process.driver.submit(Op::Socket(SocketOp::ReceiveDatagrams { socket }));
    }
    let alone = options(SocketKind::Datagram, local);
    assert_eq!(process.driver.open_socket(&alone), Err(Errno::ADDRINUSE));
    for n in 0..20 {
        Host::new(&world, &format!("client-{n}")).send_byte(local, n);
    }
    world.pass(Duration::from_millis(2));
    let mut completions = Vec::new();
    process.driver.reap(&mut completions, Wait::No).unwrap();
    let first = completions.iter().filter(|completion| completion.id.index == 0).count();
    assert!(completions.len() == 20 && (1..20).contains(&first));
}

/// Sockets of one process that share an address, in the order in which they were bound.
fn group(process: &mut Process, local: SocketAddr, count: usize) -> Vec<(SocketId, OpId)> {
    let shared = SocketOptions { reuse_port: true, ..options(SocketKind::Datagram, local) };
    let open = |_| {
        let socket = process.driver.open_socket(&shared).unwrap();
        (socket, process.driver.submit(Op::Socket(SocketOp::ReceiveDatagrams { socket })))
    };
    (0..count).map(open).collect()
}

/// Which receives got something.
fn receivers(process: &mut Process) -> Vec<OpId> {
    let mut completions = Vec::new();
    process.driver.reap(&mut completions, Wait::No).unwrap();
    completions.iter().filter(|it| it.received.is_some()).map(|it| it.id).collect()
}

#[test]
fn datagrams_are_steered_to_the_place_of_their_shard_by_the_first_byte_of_their_id() {
    let world = World::new(3, WorldOptions::default());
    let node = world.node("b");
    let local = SocketAddr::new(node.address(), 5);
    let mut process = Process::on(&node);
    let sockets = group(&mut process, local, 3);
    // Of shards 0 to 3, the last one has no socket.
    let places = [Some(2), Some(0), Some(1), None];
    process.driver.steer_datagrams(sockets[1].0, &places).unwrap();
    let mut client = Host::new(&world, "client");
    let mut expect = |process: &mut Process, datagram: Vec<u8>, receiver: OpId| {
        client.send(transmit(local, datagram.clone())).unwrap();
        world.pass(Duration::from_millis(2));
        assert_eq!(receivers(process), [receiver], "{datagram:?}");
    };
    for id in 0..=255_u8 {
        let Some(place) = places[usize::from(id) % places.len()] else { continue };
        for datagram in [vec![0x40, id, 9], vec![0xc0, 0, 0, 0, 1, 8, id, 9]] {
            expect(&mut process, datagram, sockets[usize::from(place)].1);
        }
    }
    // The program ends where it would read beyond the end, and gives 0.
    expect(&mut process, vec![0x40], sockets[0].1);

    // Who is bound last takes the place of who goes.
    let socket = sockets[0].0;
    assert_eq!(process.call(Op::Socket(SocketOp::Close { socket })), Ok(0));
    expect(&mut process, vec![0x40, 1, 9], sockets[2].1);
}

#[test]
fn a_kernel_that_may_not_steer_says_so_and_spreads_senders_as_before() {
    let world = World::new(3, WorldOptions::default());
    let node = world.node("b");
    node.set_steering(false);
    let local = SocketAddr::new(node.address(), 5);
    let mut process = Process::on(&node);
    let sockets = group(&mut process, local, 2);
    let places = [Some(0), Some(1)];
    assert_eq!(process.driver.steer_datagrams(sockets[0].0, &places), Err(Errno::OPNOTSUPP));
    let mut client = Host::new(&world, "client");
    let reached = [0, 1].map(|id| {
        client.send(transmit(local, vec![0x40, id, 9])).unwrap();
        world.pass(Duration::from_millis(2));
        receivers(&mut process)
    });
    assert_eq!(reached[0], reached[1], "by the sender alone");

    let alone = Host::new(&world, "alone").socket;
    let mut other = Host::new(&world, "other");
    assert_eq!(other.driver().steer_datagrams(alone, &places), Err(Errno::INVAL), "not shared");
}

#[test]
fn a_node_without_power_says_nothing_and_hears_nothing() {
    let (world, mut a, b) = pair(1, LinkOptions::default());
    b.node.crash();
    a.send_byte(b.address, 1);
    world.pass(Duration::from_millis(2));
    assert_eq!(world.network_counts().unreachable, 1);
    assert_eq!((world.network_load().sockets, world.operations()), (1, 1));
    let mut again = Host::at(&b.node, b.address);
    a.send_byte(again.address, 2);
    world.pass(Duration::from_millis(2));
    assert_eq!(again.bytes(), [2]);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let faults = LinkOptions { loss: 0.1, reordering: 0.1, ..LinkOptions::default() };
        let (world, mut a, mut b) = pair(seed, faults);
        for n in 0..50 {
            a.send_byte(b.address, n);
        }
        world.pass(Duration::from_secs(1));
        (b.bytes(), world.trace_hash())
    };
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}
