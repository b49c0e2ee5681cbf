//! Machines in memory, with virtual time and a network whose every fault comes from a seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use roundhouse_base::{Monotonic, Random, ShardId, WallTime};
use roundhouse_net::quic::machine::{ConnectionKey, Event, Machine};
use roundhouse_net::quic::{EndpointOptions, Shared};
use roundhouse_runtime::socket::{Arrival, Ecn};

/// What the network does to datagrams, each a probability.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost: f64,
    pub(crate) doubled: f64,
    pub(crate) late: f64,
    pub(crate) damaged: f64,
}

/// A machine at an address.
pub(crate) struct Host {
    pub(crate) machine: Machine,
    /// Where its datagrams come from; a NAT may change it at any time.
    pub(crate) address: SocketAddr,
    /// Everything that happened, in order.
    pub(crate) events: Vec<(ConnectionKey, Event)>,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
}

pub(crate) struct World {
    pub(crate) now: Monotonic,
    pub(crate) faults: Faults,
    pub(crate) latency: Duration,
    /// Longer datagrams vanish.
    pub(crate) mtu: usize,
    pub(crate) hosts: Vec<Host>,
    /// Every datagram vanishes.
    pub(crate) is_cut: bool,
    /// Routers mark datagrams instead of dropping them.
    pub(crate) is_congested: bool,
    random: Random,
    on_the_way: BTreeMap<(Monotonic, u64), (SocketAddr, Arrival)>,
    sent: u64,
    /// Passes since time went on.
    idle_passes: usize,
    trace: Vec<Sent>,
    /// Datagrams as they were sent, while a test wants them.
    pub(crate) recorded: Option<Vec<(SocketAddr, SocketAddr, Bytes)>>,
    /// Times that something happened, or a deadline came.
    pub(crate) wake_ups: u64,
}

/// A train that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Monotonic,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: usize,
}

/// A moment after which a test says that something does not end.
const PATIENCE: Duration = Duration::from_mins(10);

impl World {
    pub(crate) fn new(seed: u64) -> World {
        World {
            now: Monotonic(1_000_000),
            faults: Faults::default(),
            latency: Duration::from_millis(5),
            mtu: 1500,
            hosts: Vec::new(),
            is_cut: false,
            is_congested: false,
            random: Random::new(seed),
            on_the_way: BTreeMap::new(),
            sent: 0,
            idle_passes: 0,
            trace: Vec::new(),
            recorded: None,
            wake_ups: 0,
        }
    }

    /// Adds a machine; returns its index among the hosts.
    pub(crate) fn add(&mut self, options: EndpointOptions) -> usize {
        let random = self.random.split();
        let machine = Machine::new(options, random).expect("a test's options are in range");
        let index = self.hosts.len();
        let address = SocketAddr::from(([10, 0, 0, index as u8 + 1], 4433));
        let (events, bytes_sent, bytes_received) = (Vec::new(), 0, 0);
        self.hosts.push(Host { machine, address, events, bytes_sent, bytes_received });
        index
    }

    /// Runs until `done`; what `done` does with the machines is sent at once.
    pub(crate) fn run(&mut self, mut done: impl FnMut(&mut World) -> bool) {
        let end = self.now + PATIENCE;
        loop {
            self.pass();
            let is_done = done(self);
            self.pass();
            if is_done {
                return;
            }
            assert!(self.advance(end), "nothing more happens, or for too long");
        }
    }

    /// Runs for `duration`, whatever happens.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.pass();
        while self.advance(end) {
            self.pass();
        }
        self.now = end;
    }

    /// Puts a datagram on the way to `to` as if it came from `from`.
    pub(crate) fn inject(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let arrival = arrival(from, datagram);
        self.carry(to, arrival);
    }

    /// Everything that was sent, in order.
    pub(crate) fn trace(&self) -> &[Sent] {
        &self.trace
    }

    /// Whether something of `kind` happened to a connection of a host.
    pub(crate) fn saw(&self, host: usize, event: &Event) -> bool {
        self.hosts[host].events.iter().any(|(_, seen)| seen == event)
    }

    /// The connections that clients began at a host.
    pub(crate) fn incoming(&self, host: usize) -> Vec<ConnectionKey> {
        let events = self.hosts[host].events.iter();
        events.filter(|(_, event)| *event == Event::Incoming).map(|(key, _)| *key).collect()
    }

    fn pass(&mut self) {
        for index in 0..self.hosts.len() {
            let mut buffer = Vec::new();
            loop {
                let host = &mut self.hosts[index];
                host.machine.settle(self.now);
                while let Some(event) = host.machine.next_event() {
                    host.events.push(event);
                }
                let Some(train) = host.machine.transmit(self.now, &mut buffer) else { break };
                let (from, destination) = (host.address, train.destination);
                host.bytes_sent += buffer.len() as u64;
                self.trace.push(Sent { at: self.now, from, to: destination, bytes: buffer.len() });
                let segment = train.segment_bytes.map_or(buffer.len(), usize::from);
                for datagram in buffer.chunks(segment) {
                    let mut arrival = arrival(from, datagram);
                    arrival.ecn = if self.is_congested && train.ecn != Ecn::NotCapable {
                        Ecn::CongestionExperienced
                    } else {
                        train.ecn
                    };
                    if let Some(recorded) = &mut self.recorded {
                        recorded.push((from, destination, Bytes::copy_from_slice(datagram)));
                    }
                    self.carry(destination, arrival);
                }
            }
        }
    }

    fn carry(&mut self, to: SocketAddr, mut arrival: Arrival) {
        let faults = self.faults;
        if self.random.chance(faults.lost) || arrival.data.len() > self.mtu || self.is_cut {
            return;
        }
        if self.random.chance(faults.damaged) {
            let bit = self.random.below(8 * arrival.data.len() as u64) as usize;
            arrival.data[bit / 8] ^= 1 << (bit % 8);
        }
        if self.random.chance(faults.doubled) {
            let twin = Arrival { data: arrival.data.clone(), ..arrival };
            self.schedule(to, twin);
        }
        self.schedule(to, arrival);
    }

    fn schedule(&mut self, to: SocketAddr, arrival: Arrival) {
        let is_late = self.random.chance(self.faults.late);
        let extra = if is_late { self.random.below(20_000_000) } else { 0 };
        let at = self.now + self.latency + Duration::from_nanos(extra);
        self.sent += 1;
        self.on_the_way.insert((at, self.sent), (to, arrival));
    }

    /// Goes to the next moment at which something happens. False if that is after `end` or never.
    fn advance(&mut self, end: Monotonic) -> bool {
        let deadlines = self.hosts.iter().filter_map(|host| host.machine.next_deadline());
        let arrival = self.on_the_way.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = deadlines.chain(arrival).min().filter(|next| *next <= end) else {
            return false;
        };
        self.idle_passes = if next > self.now { 0 } else { self.idle_passes + 1 };
        assert!(self.idle_passes < 100, "time stands still");
        self.now = next.max(self.now);
        self.wake_ups += 1;
        while let Some(first) = self.on_the_way.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            let (to, arrival) = first.remove();
            self.deliver(to, arrival);
        }
        for host in &mut self.hosts {
            if host.machine.next_deadline().is_some_and(|at| at <= self.now) {
                host.machine.expire(self.now);
            }
        }
        true
    }

    fn deliver(&mut self, to: SocketAddr, mut arrival: Arrival) {
        let Some(host) = self.hosts.iter_mut().find(|host| host.address == to) else { return };
        arrival.destination = Some(to.ip());
        host.bytes_received += arrival.data.len() as u64;
        host.machine.receive(self.now, arrival);
    }
}

pub(crate) fn arrival(source: SocketAddr, datagram: &[u8]) -> Arrival {
    let data = BytesMut::from(datagram);
    let segment_bytes = data.len().max(1);
    Arrival { source, destination: None, ecn: Ecn::NotCapable, data, segment_bytes }
}

/// What one engine's shards share, with certificates' time at `CERTIFICATES_VALID_AT`.
pub(crate) fn shared(shards: u16) -> Shared {
    Shared::new(&[7; 32], WallTime::from_millis(super::identities::VALID_AT_MS), shards)
}

/// Defaults for the only shard of an engine.
pub(crate) fn options() -> EndpointOptions {
    EndpointOptions::new(ShardId(0), shared(1))
}

/// Runs a test for some seeds and says which failed.
pub(crate) fn for_seeds(seeds: std::ops::Range<u64>, test: impl Fn(u64)) {
    for seed in seeds {
        let replay = Replay(seed);
        test(seed);
        std::mem::forget(replay);
    }
}

/// Says which seed was running when a test failed.
struct Replay(u64);

impl Drop for Replay {
    #[allow(clippy::print_stderr, reason = "whoever reads the failure needs the seed")]
    fn drop(&mut self) {
        eprintln!("seed {}: run for_seeds({}..{}, ..) to replay", self.0, self.0, self.0 + 1);
    }
}
