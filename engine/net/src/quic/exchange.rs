//! What the endpoints of an engine's shards hand each other.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roundhouse_base::ShardId;
use roundhouse_runtime::Shard;
use roundhouse_runtime::mailbox::{HostReceiver, HostSender, host_mailbox};
use roundhouse_runtime::socket::Arrival;

use super::hub::Hub;
use super::machine::Misfit;
use crate::limits::QUIC_MISFITS;

/// Carries datagrams from the shard they arrived at to the shard whose connection they belong to,
/// between endpoints that share an address ([`UdpSocket::bind_shared`]). Clones are the same.
///
/// A datagram goes astray when the kernel chooses the socket by addresses and the client's has
/// changed: by a NAT that forgot it, or on the way from one network to another.
///
/// [`UdpSocket::bind_shared`]: crate::udp::UdpSocket::bind_shared
#[derive(Clone, Default)]
pub struct Exchange(Arc<Mutex<Lines>>);

/// The ways to the endpoints, by the address they share and their shard.
#[derive(Default)]
struct Lines {
    by_place: HashMap<(SocketAddr, ShardId), (Ticket, HostSender<Arrival>)>,
    next: Ticket,
}

/// Tells an endpoint from one that took its place.
type Ticket = u64;

/// An endpoint's part in an exchange; given up when it is dropped.
pub(super) struct Membership {
    exchange: Exchange,
    shard: Shard,
    local: SocketAddr,
    ticket: Ticket,
    /// Ways to others that were used before.
    known: HashMap<ShardId, HostSender<Arrival>>,
}

impl Exchange {
    /// Nobody takes part yet.
    pub fn new() -> Exchange {
        Exchange::default()
    }

    /// Makes the endpoint of `hub`, at `local`, one that is reached, and reaches others. Of two on
    /// one shard with the same address, the later one is reached.
    pub(super) fn join(&self, hub: &Rc<Hub>, local: SocketAddr) -> Membership {
        let shard = hub.shard.clone();
        let (sender, receiver) = host_mailbox(QUIC_MISFITS, shard.parking());
        let ticket = self.lock().add((local, shard.id()), sender);
        let taking = take(shard.clone(), Rc::downgrade(hub), receiver);
        shard.spawn(taking).detach();
        Membership { exchange: self.clone(), shard, local, ticket, known: HashMap::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Every change is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn add(&mut self, place: (SocketAddr, ShardId), line: HostSender<Arrival>) -> Ticket {
        self.next += 1;
        self.by_place.insert(place, (self.next, line));
        self.next
    }

    fn remove(&mut self, place: (SocketAddr, ShardId), ticket: Ticket) {
        if self.by_place.get(&place).is_some_and(|(held, _)| *held == ticket) {
            self.by_place.remove(&place);
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({} endpoints)", self.lock().by_place.len())
    }
}

impl Membership {
    /// Hands a datagram on. False: nobody is there, or [`QUIC_MISFITS`] wait there already.
    pub(super) fn forward(&mut self, misfit: Misfit) -> bool {
        let Misfit { shard, arrival } = misfit;
        let Some(line) = self.line(shard) else { return false };
        let sent = line.try_send(arrival);
        if sent.is_err() {
            // It may be full, or gone and followed by another: the next one looks again.
            self.known.remove(&shard);
        }
        sent.is_ok()
    }

    fn line(&mut self, shard: ShardId) -> Option<&HostSender<Arrival>> {
        if !self.known.contains_key(&shard) {
            let (_, line) = self.exchange.lock().by_place.get(&(self.local, shard)).cloned()?;
            self.known.insert(shard, line);
        }
        self.known.get(&shard)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.exchange.lock().remove((self.local, self.shard.id()), self.ticket);
        // The task that takes datagrams for it sees the end.
        self.shard.parking().notify();
    }
}

/// Takes in what other shards forward, until the endpoint is gone.
async fn take(shard: Shard, hub: Weak<Hub>, forwarded: HostReceiver<Arrival>) {
    while let Some(hub) = hub.upgrade() {
        while forwarded.drain(QUIC_MISFITS, |it| hub.receive_forwarded(it)) == QUIC_MISFITS {}
        let is_over = forwarded.is_closed();
        drop(hub);
        if is_over {
            return;
        }
        shard.notified().await;
    }
}
