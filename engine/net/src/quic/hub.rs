//! What the tasks of one shard that use an endpoint share.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

use roundhouse_base::Monotonic;
use roundhouse_runtime::Shard;
use roundhouse_runtime::socket::Arrival;

use super::exchange::Membership;
use super::link::Link;
use super::machine::{ConnectionKey, Event, Machine};
use super::outlet::Outlet;
use super::patience::StreamTimeouts;
use crate::limits::QUIC_MISFITS;

/// An endpoint's machine with everyone who waits for something to happen in it.
pub(super) struct Hub {
    pub(super) shard: Shard,
    pub(super) timeouts: StreamTimeouts,
    machine: RefCell<Machine>,
    /// Connections that someone holds, by the machine's index.
    pub(super) links: RefCell<Vec<Weak<Link>>>,
    /// Connections of clients that nobody accepted yet.
    pub(super) backlog: RefCell<VecDeque<Rc<Link>>>,
    /// Who waits for one.
    pub(super) accepting: RefCell<Vec<Waker>>,
    /// Who waits for the last connection to be gone.
    pub(super) draining: RefCell<Vec<Waker>>,
    /// Datagrams that another shard forwarded.
    pub(super) forwarded: RefCell<VecDeque<Arrival>>,
    /// Where datagrams that belong to another shard go.
    pub(super) exchange: RefCell<Option<Membership>>,
    /// Where datagrams leave.
    pub(super) outlet: RefCell<Outlet>,
    /// The task that moves datagrams, unless it was woken already.
    pump: Cell<Option<Waker>>,
    pub(super) is_listening: Cell<bool>,
    /// Nobody can begin a connection any more.
    pub(super) is_closed: Cell<bool>,
}

impl Hub {
    pub(super) fn new(
        shard: Shard,
        machine: Machine,
        outlet: Outlet,
        timeouts: StreamTimeouts,
    ) -> Hub {
        Hub {
            shard,
            timeouts,
            machine: RefCell::new(machine),
            links: RefCell::default(),
            backlog: RefCell::default(),
            accepting: RefCell::default(),
            draining: RefCell::default(),
            forwarded: RefCell::default(),
            exchange: RefCell::default(),
            outlet: RefCell::new(outlet),
            pump: Cell::new(None),
            is_listening: Cell::new(false),
            is_closed: Cell::new(false),
        }
    }

    pub(super) fn now(&self) -> Monotonic {
        self.shard.now()
    }

    /// Looks at, or changes, the machine in a way that leads to nothing to send.
    pub(super) fn look<R>(&self, f: impl FnOnce(&mut Machine) -> R) -> R {
        f(&mut self.machine.borrow_mut())
    }

    /// Changes the machine; the pump sends at the end of this pass what it led to.
    pub(super) fn change<R>(&self, f: impl FnOnce(&mut Machine) -> R) -> R {
        let result = self.look(f);
        self.wake_pump();
        result
    }

    /// Sends at once what small writes on a connection have filled datagrams with, if that is
    /// enough: the peer then works on it while this shard works on the rest.
    pub(super) fn send_early(&self, key: ConnectionKey) {
        while self.look(|machine| machine.has_early(key)) {
            let mut outlet = self.outlet.borrow_mut();
            if !outlet.socket.has_room() {
                return;
            }
            let now = self.now();
            let train = self.look(|machine| machine.transmit_early(now, key, &mut outlet.buffer));
            let Some(train) = train else { return };
            outlet.send(train);
            self.shard.start_before_others();
        }
    }

    pub(super) fn wake_pump(&self) {
        if let Some(waker) = self.pump.take() {
            waker.wake();
        }
    }

    /// For what may or may not have led to something to send.
    pub(super) fn wake_pump_if_sending(&self) {
        if self.look(|machine| machine.has_to_send()) {
            self.wake_pump();
        }
    }

    /// Wakes the task of `context` at the next change.
    pub(super) fn set_pump(&self, context: &Context<'_>) {
        self.pump.set(Some(context.waker().clone()));
    }

    /// Hands a new connection to whoever asked for it.
    pub(super) fn link(self: &Rc<Self>, key: ConnectionKey) -> Rc<Link> {
        let link = Rc::new(Link::new(self.clone(), key));
        let mut links = self.links.borrow_mut();
        let index = key.index as usize;
        if links.len() <= index {
            links.resize_with(index + 1, Weak::new);
        }
        links[index] = Rc::downgrade(&link);
        link
    }

    /// Takes in what another shard forwarded, unless [`QUIC_MISFITS`] of it wait already.
    pub(super) fn receive_forwarded(&self, arrival: Arrival) {
        let mut forwarded = self.forwarded.borrow_mut();
        if forwarded.len() >= QUIC_MISFITS {
            return self.look(|machine| machine.metrics().misfits_dropped.add(1));
        }
        self.look(|machine| machine.metrics().forwarded.add(1));
        forwarded.push_back(arrival);
        drop(forwarded);
        self.wake_pump();
    }

    /// Hands on what belongs to other shards.
    pub(super) fn forward_misfits(&self) {
        let mut exchange = self.exchange.borrow_mut();
        while let Some(misfit) = self.look(Machine::next_misfit) {
            let is_on_its_way = exchange.as_mut().is_some_and(|member| member.forward(misfit));
            if !is_on_its_way {
                self.look(|machine| machine.metrics().misfits_dropped.add(1));
            }
        }
    }

    /// Nothing more is taken from other shards, nor handed to them.
    pub(super) fn leave_exchange(&self) {
        let left = self.exchange.take();
        drop(left);
        self.look(|machine| machine.metrics().steered.set(0));
    }

    /// Tells everyone concerned what happened. True if there was anyone.
    pub(super) fn deliver(self: &Rc<Self>) -> bool {
        let mut has_woken = false;
        loop {
            let event = self.look(Machine::next_event);
            let Some((key, event)) = event else { return has_woken };
            has_woken |= self.deliver_one(key, &event);
        }
    }

    fn deliver_one(self: &Rc<Self>, key: ConnectionKey, event: &Event) -> bool {
        if *event == Event::Incoming {
            let link = self.link(key);
            self.backlog.borrow_mut().push_back(link);
            return wake(&self.accepting);
        }
        if *event == Event::Gone && self.look(|machine| machine.connections()) == 0 {
            wake(&self.draining);
        }
        let link = self.links.borrow().get(key.index as usize).and_then(Weak::upgrade);
        match link.filter(|link| link.key == key) {
            Some(link) => link.happened(event),
            None => false,
        }
    }
}

/// Wakes everyone in a list. True if there was anyone.
pub(super) fn wake(list: &RefCell<Vec<Waker>>) -> bool {
    let wakers = list.take();
    let has_any = !wakers.is_empty();
    wakers.into_iter().for_each(Waker::wake);
    has_any
}
