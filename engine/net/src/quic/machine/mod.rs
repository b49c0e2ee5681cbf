//! One shard's QUIC endpoint without I/O.
//!
//! A pass over it goes like this; the order is what makes it fast, since every connection that was
//! touched is looked at once and sends once:
//!
//! 1. [`Machine::receive`] for everything that arrived, [`Machine::expire`] if a deadline came;
//! 2. [`Machine::settle`], then [`Machine::next_event`] until there is none, and let the
//!    application do what it will with its connections and streams;
//! 3. [`Machine::transmit`] until there is nothing to send, or no room to send from;
//! 4. wait for datagrams, or for [`Machine::next_deadline`].
//!
//! Everything is bounded: what a connection may hold by [`Limits`], what it may send before others
//! have their turn by [`QUIC_DATAGRAMS_PER_TURN`], what new clients cost in a pass by
//! [`QUIC_INITIALS_PER_PASS`].
//!
//! [`QUIC_DATAGRAMS_PER_TURN`]: crate::limits::QUIC_DATAGRAMS_PER_TURN
//! [`QUIC_INITIALS_PER_PASS`]: crate::limits::QUIC_INITIALS_PER_PASS
//!
//! | file | what is decided there |
//! |---|---|
//! | `receive` | which connection, or shard, a datagram belongs to |
//! | `admission` | whether a new client is let in |
//! | `settle` | what happened, and when to look again |
//! | `transmit` | who sends next, and how much |
//! | `streams`, `datagrams`, `connections` | what the application does |
//! | `budget`, `entry` | how many bytes a connection may hold |
//! | `staging` | how small writes become few |

mod admission;
mod budget;
mod connections;
mod datagrams;
mod deadlines;
mod entry;
mod event;
mod metrics;
mod receive;
mod settle;
mod staging;
mod streams;
mod transmit;

use std::collections::VecDeque;
use std::sync::Arc;

use quinn_proto::TransportConfig;
use roundhouse_base::{Monotonic, Random, ShardId, WallTime};

use super::clock::MonotonicClock;
use super::config::ServerConfig;
use super::connection_id::IdScheme;
use super::error::OptionsError;
use super::options::{EndpointOptions, Limits};
use super::transport;
use budget::Budget;
use deadlines::Deadlines;
use entry::Entry;
pub use event::{ConnectionKey, Event};
pub use metrics::Metrics;
pub use receive::Misfit;
pub use streams::ReadOutcome;
use transmit::Answers;
pub use transmit::Train;

/// The endpoint of one shard: all its connections, as client and as server.
///
/// Time and randomness come from the caller alone; the same inputs give the same outputs, but for
/// the contents of keys and handshake messages, which the TLS library draws from the system, and
/// whose lengths do not depend on it with Ed25519 certificates.
pub struct Machine {
    options: EndpointOptions,
    clock: MonotonicClock,
    scheme: IdScheme,
    random: Random,
    proto: quinn_proto::Endpoint,
    transport: Arc<TransportConfig>,
    /// By the protocol's handle.
    entries: Vec<Slot>,
    deadlines: Deadlines,
    budget: Budget,
    counts: Counts,
    /// Connections to look at in this pass.
    touched: Vec<u32>,
    /// Connections with something to send, in the order of their turns.
    sending: VecDeque<u32>,
    events: VecDeque<(ConnectionKey, Event)>,
    answers: Answers,
    misfits: VecDeque<Misfit>,
    initials_this_pass: usize,
    metrics: Arc<Metrics>,
}

/// A place for a connection.
#[derive(Default)]
struct Slot {
    generation: u32,
    /// Boxed: a connection is a few KiB, and most places of a machine that once was busy are empty.
    entry: Option<Box<Entry>>,
}

/// How many connections there are in which state.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    connections: usize,
    handshakes: usize,
    waiting: usize,
}

impl Machine {
    /// An endpoint without connections, which lets no clients in until [`Machine::listen`].
    ///
    /// # Errors
    /// [`OptionsError`] names the option that is out of its range.
    pub fn new(options: EndpointOptions, mut random: Random) -> Result<Machine, OptionsError> {
        transport::check(&options)?;
        let clock = MonotonicClock::new();
        let key = options.shared.secrets.connection_id.clone();
        let scheme = IdScheme::new(key, options.shared.shards);
        let endpoint = transport::endpoint_config(&options, &scheme, random.split());
        let config = transport::transport_config(&options.limits, &options.transport, clock)?;
        Ok(Machine {
            clock,
            scheme,
            random,
            // The sockets below never fragment.
            proto: quinn_proto::Endpoint::new(Arc::new(endpoint), None, true, None),
            transport: Arc::new(config),
            entries: Vec::new(),
            deadlines: Deadlines::default(),
            budget: Budget::new(options.limits.shard_bytes),
            counts: Counts::default(),
            touched: Vec::new(),
            sending: VecDeque::new(),
            events: VecDeque::new(),
            answers: Answers::default(),
            misfits: VecDeque::new(),
            initials_this_pass: 0,
            metrics: Arc::default(),
            options,
        })
    }

    /// Lets clients in from now on, with `config`; replaces the one before, which stays in force for
    /// connections that began under it. `None`: refuses to know new clients.
    pub fn listen(&mut self, config: Option<&ServerConfig>) {
        let transport = self.transport.clone();
        let config = config.map(|config| config.to_proto(&self.options, transport));
        self.proto.set_server_config(config);
    }

    /// Sets the time for certificates, tickets and tokens, for all shards that share it.
    pub fn set_wall(&self, now: WallTime) {
        self.options.shared.wall.set(now);
    }

    /// The shard whose endpoint this is.
    pub fn shard(&self) -> ShardId {
        self.options.shard
    }

    /// How many shards there are, and whether the kernel should choose among them.
    pub fn steering(&self) -> (u16, bool) {
        let shards = self.options.shared.shards;
        (shards, self.options.steering && shards > 1)
    }

    /// What it may use.
    pub fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// Connections of every state, closing ones included.
    pub fn connections(&self) -> usize {
        self.counts.connections
    }

    /// When to call [`Machine::expire`] at the latest. Later than now, unless that is due already.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.next()
    }

    /// Takes out the next thing that happened.
    pub fn next_event(&mut self) -> Option<(ConnectionKey, Event)> {
        self.events.pop_front()
    }

    /// Takes out a datagram that belongs to another shard. Forward it to that shard's
    /// [`Machine::receive`].
    pub fn next_misfit(&mut self) -> Option<Misfit> {
        self.misfits.pop_front()
    }

    /// Whether [`Machine::transmit`] may have something to send.
    pub fn has_to_send(&self) -> bool {
        !self.sending.is_empty() || !self.answers.is_empty()
    }

    fn key(&self, index: u32) -> ConnectionKey {
        ConnectionKey { index, generation: self.entries[index as usize].generation }
    }

    /// The connection of a key, unless it is gone.
    fn entry(&mut self, key: ConnectionKey) -> Option<&mut Entry> {
        let slot = self.entries.get_mut(key.index as usize)?;
        if slot.generation == key.generation { slot.entry.as_deref_mut() } else { None }
    }

    fn touch(&mut self, index: u32) {
        let Some(entry) = self.entries[index as usize].entry.as_deref_mut() else { return };
        if !std::mem::replace(&mut entry.queued.is_touched, true) {
            self.touched.push(index);
        }
    }

    fn send_soon(&mut self, index: u32) {
        let Some(entry) = self.entries[index as usize].entry.as_deref_mut() else { return };
        if !std::mem::replace(&mut entry.queued.is_sending, true) {
            self.sending.push_back(index);
        }
    }

    fn show_counts(&self) {
        self.metrics.connections.set(self.counts.connections as u64);
        self.metrics.handshakes.set(self.counts.handshakes as u64);
        self.metrics.promised_bytes.set(self.budget.promised());
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({}, {:?})", self.options.shard, self.counts)
    }
}
