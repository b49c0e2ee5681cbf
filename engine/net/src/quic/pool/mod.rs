//! Connections that clients share and keep.

mod options;
mod roster;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;

use roundhouse_base::Monotonic;
use roundhouse_runtime::{Shard, Task};

use super::config::ClientConfig;
use super::connection::Connection;
use super::endpoint::Endpoint;
pub use options::{PoolCounters, PoolError, PoolOptions};
use roster::{Choice, Roster};

/// Connections to servers, opened when they are needed, shared by whoever asks for the same server,
/// and closed when nobody did for a while. Clones are the same pool; dropping the last one closes
/// the connections that are not in use.
///
/// A connection that ended is never handed out, and one that was silent for
/// [`PoolOptions::probe_after`] only after the server answered a probe.
#[derive(Clone)]
pub struct Pool(Rc<Inner>);

struct Inner {
    shard: Shard,
    endpoint: Endpoint,
    config: ClientConfig,
    options: PoolOptions,
    hosts: RefCell<BTreeMap<Host, Roster>>,
    counters: Arc<PoolCounters>,
    /// Closes what was not used for long; there while anything is unused.
    reaper: RefCell<Option<Task<()>>>,
}

/// A server: where it is, and the name in its certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Host {
    address: SocketAddr,
    name: String,
}

impl Pool {
    /// A pool without connections, which opens them from `endpoint` with `config`.
    pub fn new(
        shard: &Shard,
        endpoint: Endpoint,
        config: ClientConfig,
        options: PoolOptions,
    ) -> Pool {
        Pool(Rc::new(Inner {
            shard: shard.clone(),
            endpoint,
            config,
            options,
            hosts: RefCell::default(),
            counters: Arc::default(),
            reaper: RefCell::default(),
        }))
    }

    /// What the pool counts; stays readable after it is gone.
    pub fn counters(&self) -> Arc<PoolCounters> {
        self.0.counters.clone()
    }

    /// A connection to the server at `address` that has a certificate for `name`: one that nobody
    /// uses, else a new one, or, with as many as the options allow, the one with the fewest users.
    /// Waits for a handshake or a probe if it must. Cancelled, it leaves nothing behind.
    ///
    /// # Errors
    /// [`PoolError`] says who is in the way. Nothing is tried again; the next call begins anew.
    pub async fn connection(&self, address: SocketAddr, name: &str) -> Result<Pooled, PoolError> {
        let host = Host { address, name: name.to_owned() };
        loop {
            match self.0.choose(&host)? {
                Choice::Use(id, connection, used_at) => {
                    let pooled = Pooled::new(&self.0, host.clone(), id, connection);
                    if self.is_alive(&pooled, used_at).await {
                        self.0.counters.reused.add(1);
                        return Ok(pooled);
                    }
                    self.0.counters.unresponsive.add(1);
                    pooled.discard();
                }
                Choice::Open => return self.open(host).await,
                Choice::Wait => self.0.changed(&host).await,
            }
        }
    }

    /// Opens connections to a server, one after the other, until `count` stand, or as many as the
    /// options allow, so that who needs one later need not wait for a handshake.
    ///
    /// # Errors
    /// [`PoolError`]: fewer stand.
    pub async fn warm_up(
        &self,
        address: SocketAddr,
        name: &str,
        count: usize,
    ) -> Result<(), PoolError> {
        let host = Host { address, name: name.to_owned() };
        let count = count.min(self.0.options.connections_per_host);
        while self.0.begin_opening_below(&host, count)? {
            drop(self.open(host.clone()).await?);
        }
        Ok(())
    }

    /// Opens a connection whose place is reserved.
    async fn open(&self, host: Host) -> Result<Pooled, PoolError> {
        let inner = &self.0;
        let opening = Opening { inner: inner.clone(), host: host.clone() };
        let connected = inner.connect(&host).await;
        drop(opening);
        match connected {
            Ok(connection) => {
                inner.counters.opened.add(1);
                let now = inner.shard.now();
                let id = inner.roster(&host, |roster| roster.add(connection.clone(), now));
                Ok(Pooled::new(inner, host, id, connection))
            }
            Err(error) => {
                inner.counters.failed.add(1);
                inner.forget_if_empty(&host);
                Err(error)
            }
        }
    }

    /// Whether the server still answers, as far as anyone asked.
    async fn is_alive(&self, connection: &Connection, used_at: Monotonic) -> bool {
        let Inner { shard, options, .. } = &*self.0;
        let now = shard.now();
        if now.since(used_at) < options.probe_after {
            return true;
        }
        let heard = || connection.stats().map(|stats| stats.datagrams_received);
        let before = heard();
        connection.ping();
        let until = now + options.probe_time;
        while shard.now() < until {
            shard.sleep(options.probe_time / PROBE_LOOKS).await;
            if heard().is_none() || connection.error().is_some() {
                return false;
            }
            if heard() > before {
                return true;
            }
        }
        false
    }
}

impl Inner {
    async fn connect(&self, host: &Host) -> Result<Connection, PoolError> {
        let connecting = self.endpoint.connect(&self.config, host.address, &host.name)?;
        Ok(connecting.await?)
    }

    fn choose(&self, host: &Host) -> Result<Choice, PoolError> {
        self.make_room(host)?;
        let ended = &self.counters.ended;
        let max = self.options.connections_per_host;
        Ok(self.roster(host, |roster| {
            ended.add(roster.remove_ended() as u64);
            roster.choose(max)
        }))
    }

    /// Reserves a place for one more if fewer than `count` stand or are being opened.
    fn begin_opening_below(&self, host: &Host, count: usize) -> Result<bool, PoolError> {
        self.make_room(host)?;
        Ok(self.roster(host, |roster| {
            self.counters.ended.add(roster.remove_ended() as u64);
            roster.begin_opening_below(count)
        }))
    }

    fn make_room(&self, host: &Host) -> Result<(), PoolError> {
        let limit = self.options.hosts;
        let mut hosts = self.hosts.borrow_mut();
        if hosts.len() >= limit && !hosts.contains_key(host) {
            hosts.retain(|_, roster| {
                self.counters.ended.add(roster.remove_ended() as u64);
                !roster.is_empty()
            });
        }
        if hosts.len() >= limit && !hosts.contains_key(host) {
            return Err(PoolError::TooManyHosts { limit });
        }
        Ok(())
    }

    fn roster<R>(&self, host: &Host, f: impl FnOnce(&mut Roster) -> R) -> R {
        f(self.hosts.borrow_mut().entry(host.clone()).or_default())
    }

    fn forget_if_empty(&self, host: &Host) {
        let mut hosts = self.hosts.borrow_mut();
        if hosts.get(host).is_some_and(Roster::is_empty) {
            hosts.remove(host);
        }
    }

    /// Waits until something about a server's connections is different.
    async fn changed(&self, host: &Host) {
        let mut has_waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            self.roster(host, |roster| roster.wait(context.waker()));
            Poll::Pending
        })
        .await;
    }

    /// One user fewer.
    fn release(self: &Rc<Self>, host: &Host, id: u64) {
        let now = self.shard.now();
        let is_unused = match self.hosts.borrow_mut().get_mut(host) {
            Some(roster) => roster.release(id, now),
            None => false,
        };
        let mut reaper = self.reaper.borrow_mut();
        if is_unused && reaper.as_ref().is_none_or(Task::is_finished) {
            *reaper = Some(self.shard.spawn(reap(self.shard.clone(), Rc::downgrade(self))));
        }
    }

    /// Closes what was not used for long; says when to look again, if anything is unused.
    fn close_unused(&self) -> Option<Monotonic> {
        let (now, idle) = (self.shard.now(), self.options.idle_time);
        let mut hosts = self.hosts.borrow_mut();
        let mut next = None;
        for roster in hosts.values_mut() {
            let (closed, due) = roster.close_unused(now, idle);
            self.counters.idled_out.add(closed as u64);
            next = next.into_iter().chain(due).min();
        }
        hosts.retain(|_, roster| !roster.is_empty());
        next
    }
}

/// Closes unused connections as long as there are any.
async fn reap(shard: Shard, pool: Weak<Inner>) {
    while let Some(next) = pool.upgrade().and_then(|pool| pool.close_unused()) {
        shard.sleep_until(next).await;
    }
}

/// A place that is reserved while a connection is being opened.
struct Opening {
    inner: Rc<Inner>,
    host: Host,
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.inner.roster(&self.host, Roster::end_opening);
    }
}

/// A connection of a pool, for as long as this is held. It is the connection itself; others may use
/// it, too.
pub struct Pooled {
    pool: Weak<Inner>,
    host: Host,
    id: u64,
    connection: Connection,
}

impl Pooled {
    fn new(pool: &Rc<Inner>, host: Host, id: u64, connection: Connection) -> Pooled {
        Pooled { pool: Rc::downgrade(pool), host, id, connection }
    }

    /// Takes the connection out of the pool, so that nobody else gets it any more: it misbehaves,
    /// or its server said that it is going away. Whoever uses it may go on.
    pub fn discard(self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.roster(&self.host, |roster| roster.remove(self.id));
        }
    }
}

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.release(&self.host, self.id);
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({:?})", self.0.endpoint)
    }
}

impl std::fmt::Debug for Pooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pooled({:?})", self.connection)
    }
}

/// Times an answer to a probe is looked for before the server is given up.
const PROBE_LOOKS: u32 = 50;
