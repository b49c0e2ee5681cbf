//! A client and a server of QUIC, and somebody between them who changes, drops, doubles, delays and
//! forges their datagrams.
//!
//! Keys and handshake messages come from the system's random numbers, so an input goes the same way
//! each time only as far as no change hits what is encrypted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use roundhouse_base::{Monotonic, Random, ShardId, WallTime};
use roundhouse_net::quic::machine::{ConnectionKey, Event, Machine, ReadOutcome};
use roundhouse_net::quic::tls::{Certificates, ClientTls, Identity, ServerTls};
use roundhouse_net::quic::{ClientConfig, Direction, EndpointOptions, ServerConfig, Shared};
use roundhouse_net::tls::trust_anchors;
use roundhouse_runtime::socket::{Arrival, Ecn};

/// A script: for each thing that is done, one byte for what, one for a length, and as many bytes.
///
/// Whatever it is, neither end panics, holds more connections than it may, or talks without end.
pub(super) fn quic(data: &[u8]) {
    let mut link = Link::new();
    link.exchange();
    let mut script = data;
    for _ in 0..STEPS_MAX {
        let Some((&[what, length], rest)) = script.split_first_chunk() else { break };
        let (bytes, rest) = rest.split_at(usize::from(length).min(rest.len()));
        script = rest;
        link.step(what, bytes);
        link.exchange();
        for end in &link.ends {
            assert!(end.machine.connections() <= CONNECTIONS_MAX);
        }
    }
}

/// Two machines and what is on the way between them.
struct Link {
    now: Monotonic,
    ends: [End; 2],
    /// To which end, and what.
    on_the_way: VecDeque<(usize, Vec<u8>)>,
}

struct End {
    machine: Machine,
    connections: Vec<ConnectionKey>,
}

impl Link {
    fn new() -> Link {
        let identity = identity();
        let shared = Shared::new(&[7; 32], WallTime::from_millis(VALID_AT_MS), 1);
        let mut options = EndpointOptions::new(ShardId(0), shared);
        options.limits.connections = CONNECTIONS_MAX;
        let end = |random| {
            let machine = Machine::new(options.clone(), Random::new(random));
            let machine = machine.expect("the options are in range");
            End { machine, connections: Vec::new() }
        };
        let mut ends = [end(1), end(2)];
        let tls = ServerTls::new(Certificates::new(identity.identity.clone()), protocols());
        let server = ServerConfig::new(&tls, &options.shared).expect("the identity is right");
        ends[SERVER].machine.listen(Some(&server));
        let roots = trust_anchors(identity.pem.as_bytes()).expect("it is a certificate");
        let tls = ClientTls::new(roots, protocols());
        let client = ClientConfig::new(&tls, &options.shared).expect("nothing can be wrong");
        let now = Monotonic(1_000_000);
        let begun = ends[CLIENT].machine.connect(now, &client, address(SERVER), NAME);
        ends[CLIENT].connections.extend(begun.ok());
        Link { now, ends, on_the_way: VecDeque::new() }
    }

    fn step(&mut self, what: u8, bytes: &[u8]) {
        match what % 7 {
            0 => {
                for _ in 0..self.on_the_way.len() {
                    self.deliver_next(&[]);
                }
            }
            1 => self.deliver_next(bytes),
            2 => drop(self.on_the_way.pop_front()),
            3 => {
                if let Some((to, datagram)) = self.on_the_way.front().cloned() {
                    self.carry(to, datagram);
                }
            }
            4 => self.arrive(SERVER, bytes),
            5 => self.arrive(CLIENT, bytes),
            _ => {
                let tens_of_ms = u64::from(bytes.first().copied().unwrap_or(1));
                self.now = self.now + Duration::from_millis(10 * tens_of_ms);
                self.ends.iter_mut().for_each(|end| end.machine.expire(self.now));
            }
        }
    }

    /// Delivers what was sent first; `change` says from which byte on it is changed, and how.
    fn deliver_next(&mut self, change: &[u8]) {
        let Some((to, mut datagram)) = self.on_the_way.pop_front() else { return };
        if let Some((at, changes)) = change.split_first_chunk() {
            let at = usize::from(u16::from_le_bytes(*at)) % datagram.len().max(1);
            datagram[at..].iter_mut().zip(changes).for_each(|(byte, change)| *byte ^= change);
        }
        self.arrive(to, &datagram);
    }

    fn arrive(&mut self, to: usize, datagram: &[u8]) {
        let arrival = Arrival {
            source: address(1 - to),
            destination: None,
            ecn: Ecn::NotCapable,
            segment_bytes: datagram.len().max(1),
            data: BytesMut::from(datagram),
        };
        self.ends[to].machine.receive(self.now, arrival);
    }

    /// Lets both ends act on what they got, and takes what they send.
    fn exchange(&mut self) {
        for index in [CLIENT, SERVER] {
            let mut buffer = Vec::new();
            let mut trains = 0;
            loop {
                let end = &mut self.ends[index];
                end.act(self.now);
                let Some(train) = end.machine.transmit(self.now, &mut buffer) else { break };
                trains += 1;
                assert!(trains <= TRAINS_MAX, "an end talks without end");
                let segment = train.segment_bytes.map_or(buffer.len(), usize::from).max(1);
                let datagrams: Vec<Vec<u8>> = buffer.chunks(segment).map(<[u8]>::to_vec).collect();
                for datagram in datagrams {
                    self.carry(1 - index, datagram);
                }
            }
        }
    }

    fn carry(&mut self, to: usize, datagram: Vec<u8>) {
        if self.on_the_way.len() < ON_THE_WAY_MAX {
            self.on_the_way.push_back((to, datagram));
        }
    }
}

impl End {
    /// What an application does: it accepts what comes, reads all, and answers once.
    fn act(&mut self, now: Monotonic) {
        let machine = &mut self.machine;
        machine.settle(now);
        while let Some((key, event)) = machine.next_event() {
            match event {
                Event::Incoming => {
                    machine.accepted(key);
                    self.connections.push(key);
                }
                Event::Connected => talk(machine, key),
                Event::Opened(direction) => {
                    while machine.accept_stream(key, direction).is_some() {}
                }
                Event::Readable(stream) => {
                    while let Ok(ReadOutcome::Data(_)) = machine.read(key, stream, usize::MAX) {}
                }
                Event::DatagramReceived => while machine.receive_datagram_of(key).is_some() {},
                Event::Gone => self.connections.retain(|open| *open != key),
                _ => {}
            }
        }
    }
}

/// One stream of each direction, and a datagram.
fn talk(machine: &mut Machine, key: ConnectionKey) {
    for direction in [Direction::Bidirectional, Direction::Unidirectional] {
        let Some(stream) = machine.open_stream(key, direction) else { continue };
        // A peer may have stopped it, or allow nothing; then there is nothing to say.
        let _written = machine.write(key, stream, &[7; 3000]);
        let _finished = machine.finish(key, stream);
    }
    let _sent = machine.send_datagram(key, Bytes::from_static(b"datagram"), true);
}

/// Who the server is, made once for each process.
struct Server {
    identity: Identity,
    pem: String,
}

fn identity() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let made = generate_simple_self_signed([NAME.to_owned()]);
        let CertifiedKey { cert, signing_key } = made.expect("the name is one");
        let (pem, key) = (cert.pem(), signing_key.serialize_pem());
        let identity = Identity::from_pem(pem.as_bytes(), key.as_bytes());
        Server { identity: identity.expect("they belong together"), pem }
    })
}

fn protocols() -> Vec<Vec<u8>> {
    vec![b"test".to_vec()]
}

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, end as u8 + 1], 4433))
}

const CLIENT: usize = 0;
const SERVER: usize = 1;
const NAME: &str = "server.test";
/// 2030-01-01, when the certificate is valid.
const VALID_AT_MS: u64 = 1_893_456_000_000;
const CONNECTIONS_MAX: usize = 4;
/// Things done in one script.
const STEPS_MAX: usize = 200;
/// Datagrams on the way; more are lost.
const ON_THE_WAY_MAX: usize = 256;
/// Trains that an end may send before it is its peer's turn: more than its windows allow.
const TRAINS_MAX: usize = 1000;
