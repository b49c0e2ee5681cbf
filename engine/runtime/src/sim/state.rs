//! Everything a world consists of, and how time passes in it.

use std::collections::BTreeMap;

use roundhouse_base::{Monotonic, Random, ShardId};

use super::contract;
use super::events::{Event, EventQueue, Plan, Stamp};
use super::machine::{Machine, Span};
use super::net::{Caller, Network};
use super::port::{Ended, NodeNo, Port, PortNo, handle};
use super::trace::{Brief, Trace};
use super::world::WorldOptions;
use crate::op::{Errno, Op, OpId};
use crate::socket::SocketOp;

/// Longest time a cancellation takes, in nanoseconds: about as long as a short write, so that
/// either may win.
const CANCEL_NS_MAX: u64 = 60_000;

/// The id of an operation that a crashed process submitted: no table grows that long.
const NOWHERE: OpId = OpId { index: u32::MAX, generation: 0 };

/// The state behind a [`World`](super::World).
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: WorldOptions,
    pub(super) now: Monotonic,
    pub(super) random: Random,
    pub(super) trace: Trace,
    pub(super) machines: Vec<Machine>,
    pub(super) ports: BTreeMap<PortNo, Port>,
    pub(super) network: Network,
    events: EventQueue,
    ports_ever: u64,
    stamp: Stamp,
}

impl State {
    pub(super) fn new(seed: u64, options: WorldOptions) -> State {
        let network = Network::new(seed, options.link.clone());
        State {
            options,
            now: Monotonic(0),
            random: Random::new(seed),
            trace: Trace::default(),
            machines: Vec::new(),
            ports: BTreeMap::new(),
            network,
            events: EventQueue::default(),
            ports_ever: 0,
            stamp: Stamp(0),
        }
    }

    /// The node called `name`, new with an empty disk if there is none yet.
    pub(super) fn node(&mut self, name: &str) -> NodeNo {
        let known = self.machines.iter().position(|machine| machine.name == name);
        NodeNo(known.unwrap_or_else(|| {
            let WorldOptions { capacity_bytes, faults, latencies, .. } = &self.options;
            let machine = Machine::new(name, *capacity_bytes, faults.clone(), latencies.clone());
            self.machines.push(machine);
            self.machines.len() - 1
        }))
    }

    pub(super) fn machine(&mut self, node: NodeNo) -> &mut Machine {
        &mut self.machines[node.0]
    }

    /// A moment after all earlier ones.
    pub(super) fn tick(&mut self) -> Stamp {
        self.stamp.0 += 1;
        self.stamp
    }

    /// Connects a new process.
    pub(super) fn connect(&mut self, node: NodeNo, shard: ShardId) -> PortNo {
        let port_no = PortNo(self.ports_ever);
        self.ports_ever += 1;
        self.ports.insert(port_no, Port::new(node, shard, self.random.split()));
        port_no
    }

    /// Starts an operation.
    pub(super) fn submit(&mut self, port_no: PortNo, op: Op) -> OpId {
        contract::check_alignment(&op);
        let stamp = self.tick();
        let Some(port) = self.ports.get_mut(&port_no) else { return NOWHERE };
        if let Op::Socket(_) = op {
            return self.submit_to_network(port_no, op);
        }
        let plan = match handle(&op) {
            Some(file) if !port.files.accepts(file) => Plan::Fail(Errno::BADF),
            _ => Plan::Perform,
        };
        if let (Op::Close { file }, Plan::Perform) = (&op, plan) {
            contract::check_idle(*file, port_no, port, &self.events);
            port.files.begin_close(*file);
        }
        let latency = self.machines[port.node.0].latency_ns(&op, &mut self.random);
        let id = port.table.insert(op);
        let at = Monotonic(self.now.0 + latency);
        self.events.push(Event { at, stamp, port: port_no, id, plan });
        id
    }

    /// Starts a race between the operation's effect and its cancellation.
    pub(super) fn cancel(&mut self, port_no: PortNo, id: OpId) {
        let stamp = self.tick();
        let in_flight = self.ports.get(&port_no).and_then(|port| port.table.get(id));
        if let Some(Op::Socket(op)) = in_flight {
            if !matches!(op, SocketOp::Close { .. }) {
                self.network.at(self.now).cancel(port_no, id, op.socket());
            }
            return;
        }
        // A close is beyond recall once it was asked for, as with the kernel's.
        if in_flight.is_some_and(|op| !matches!(op, Op::Close { .. })) {
            let at = Monotonic(self.now.0 + 1 + self.random.below(CANCEL_NS_MAX));
            let plan = Plan::Fail(Errno::CANCELED);
            self.events.push(Event { at, stamp, port: port_no, id, plan });
        }
    }

    /// When something happens next: an operation ends, or a packet arrives.
    pub(super) fn next_event_time(&mut self) -> Option<Monotonic> {
        self.next_end_time().into_iter().chain(self.network.next_event_time()).min()
    }

    /// When the next operation on a disk ends.
    fn next_end_time(&mut self) -> Option<Monotonic> {
        while let Some(event) = self.events.peek() {
            if self.is_in_flight(event) {
                return Some(event.at);
            }
            self.events.pop();
        }
        None
    }

    /// The earliest time at which a process asked to be woken.
    pub(super) fn next_deadline(&self) -> Option<Monotonic> {
        self.ports.values().filter_map(|port| port.deadline).min()
    }

    /// Lets time pass until `time`, with all that happens meanwhile.
    pub(super) fn advance_to(&mut self, time: Monotonic) {
        while let Some(at) = self.next_event_time().filter(|at| *at <= time) {
            self.now = self.now.max(at);
            self.fire_next(at);
        }
        self.now = self.now.max(time);
        for port in self.ports.values_mut() {
            port.deadline = port.deadline.filter(|deadline| *deadline > self.now);
        }
    }

    /// Cuts the power of a node: processes, operations and locks are gone.
    pub(super) fn crash(&mut self, node: NodeNo) {
        let mut in_flight = Vec::new();
        let ports: Vec<PortNo> = self.ports_of(node);
        for port in &ports {
            in_flight.extend(self.events.take_port(*port));
        }
        self.shuffle(&mut in_flight);
        for event in in_flight {
            let now = self.tick();
            if let Plan::Perform = event.plan
                && let Some(port) = self.ports.get(&event.port)
                && let Some(op) = port.table.get(event.id)
            {
                let machine = &mut self.machines[node.0];
                // Nobody is left to hear of an error.
                let _ = machine.perform_unnoticed(op, &port.files, now, &mut self.random);
            }
        }
        for port in ports {
            self.ports.remove(&port);
        }
        self.network.at(self.now).crash(node);
        self.machines[node.0].crash(&mut self.random);
        self.trace.note(&[self.now.0, node.0 as u64, u64::MAX]);
    }

    /// Ends one process as the kernel does: each operation in flight may still take effect, then
    /// its files are closed. The disk keeps its cache.
    pub(super) fn disconnect(&mut self, port_no: PortNo) {
        let mut in_flight = self.events.take_port(port_no);
        self.shuffle(&mut in_flight);
        for event in in_flight {
            if self.random.chance(0.5) {
                self.fire(event);
            }
        }
        self.network.at(self.now).disconnect(port_no);
        self.collect_from_network();
        if let Some(mut port) = self.ports.remove(&port_no) {
            for open in port.files.drain() {
                self.machines[port.node.0].disk.close(open.entry, open.locked);
            }
        }
    }

    fn ports_of(&self, node: NodeNo) -> Vec<PortNo> {
        self.ports.iter().filter(|(_, port)| port.node == node).map(|(no, _)| *no).collect()
    }

    fn is_in_flight(&self, event: &Event) -> bool {
        self.ports.get(&event.port).is_some_and(|port| port.is_in_flight(event.id))
    }

    fn shuffle(&mut self, events: &mut [Event]) {
        for last in (1..events.len()).rev() {
            events.swap(last, self.random.below(last as u64 + 1) as usize);
        }
    }

    /// Starts an operation on a socket.
    fn submit_to_network(&mut self, port_no: PortNo, op: Op) -> OpId {
        let Some(port) = self.ports.get_mut(&port_no) else { return NOWHERE };
        let id = port.table.insert(op);
        if let Some(Op::Socket(op)) = port.table.get(id) {
            let caller = Caller { port: port_no, node: port.node };
            self.network.at(self.now).submit(caller, id, op);
        }
        self.collect_from_network();
        id
    }

    /// Lets happen what is due at `at`, which is now or was missed.
    fn fire_next(&mut self, at: Monotonic) {
        if self.network.next_event_time() == Some(at) {
            self.network.at(self.now).fire_next();
            self.collect_from_network();
        } else if let Some(event) = self.events.pop() {
            self.fire(event);
        }
    }

    /// Takes over what ended in the network.
    fn collect_from_network(&mut self) {
        for (port_no, ended) in self.network.take_ended() {
            let Some(port) = self.ports.get_mut(&port_no) else { continue };
            let Some(op) = port.table.get(ended.id) else { continue };
            let Ended { result, .. } = ended;
            let (node, shard) = (port.node.0, port.shard.0);
            tracing::trace!(node, shard, at_ns = self.now.0, op = %Brief(op), ?result, "completed");
            self.trace.note(&[self.now.0, node as u64, u64::from(shard)]);
            self.trace.note_completion(op, result);
            port.ready.push(ended);
        }
    }

    /// Ends an operation, unless it ended before.
    fn fire(&mut self, event: Event) {
        let now = self.tick();
        let Some(port) = self.ports.get_mut(&event.port) else { return };
        let Some(op) = port.table.get_mut(event.id) else { return };
        let span = Span { submitted: event.stamp, now };
        let machine = &mut self.machines[port.node.0];
        let earlier = self.events.of_port(event.port).any(|other| other.stamp < event.stamp);
        machine.faults.counts.overtaken += u64::from(earlier);
        let result = match event.plan {
            Plan::Perform => machine.perform(op, &mut port.files, span, &mut self.random),
            Plan::Fail(errno) => Err(errno),
        };
        let (node, shard) = (machine.name.as_str(), port.shard.0);
        tracing::trace!(node, shard, at_ns = self.now.0, op = %Brief(op), ?result, "completed");
        self.trace.note(&[self.now.0, port.node.0 as u64, u64::from(port.shard.0)]);
        self.trace.note_completion(op, result);
        port.ready.push(Ended { id: event.id, result, received: None, is_last: true });
    }
}
