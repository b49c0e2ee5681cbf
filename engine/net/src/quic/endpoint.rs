//! A shard's endpoint: where connections begin.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use roundhouse_base::Random;
use roundhouse_runtime::Shard;

use super::config::{ClientConfig, ServerConfig};
use super::connecting::Connecting;
use super::error::{ConnectError, OptionsError};
use super::exchange::Exchange;
use super::hub::Hub;
use super::link::Link;
use super::listener::Listener;
use super::machine::{Machine, Metrics};
use super::options::EndpointOptions;
use super::outlet::Outlet;
use super::patience::StreamTimeouts;
use super::pump::Pump;
use super::values::Code;
use crate::udp::UdpSocket;

/// QUIC over one UDP socket of a shard, for any number of connections in both roles.
///
/// Clones are the same endpoint. When all of them and its [`Listener`] are dropped, no connection
/// can begin any more; those that stand go on, and with the last of them the socket closes.
#[derive(Clone)]
pub struct Endpoint(Rc<Handle>);

/// Closes the endpoint when the last handle is dropped.
pub(super) struct Handle {
    hub: Rc<Hub>,
    socket: Rc<UdpSocket>,
}

impl Endpoint {
    /// Starts an endpoint on `socket`.
    ///
    /// # Errors
    /// [`OptionsError`] names the option that is out of its range.
    pub fn open(
        shard: &Shard,
        socket: UdpSocket,
        options: EndpointOptions,
    ) -> Result<Endpoint, OptionsError> {
        let random = Random::new(shard.random());
        let socket = Rc::new(socket);
        let outlet = Outlet::new(socket.clone());
        let timeouts = StreamTimeouts::of(&options.transport);
        let machine = Machine::new(options, random)?;
        let hub = Rc::new(Hub::new(shard.clone(), machine, outlet, timeouts));
        shard.spawn(Pump::new(hub.clone(), socket.clone())).detach();
        Ok(Endpoint(Rc::new(Handle { hub, socket })))
    }

    /// The socket's own address.
    pub fn local_address(&self) -> SocketAddr {
        self.0.socket.local_address()
    }

    /// What the endpoint counts; stays readable after it is gone.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.0.hub.look(|machine| machine.metrics())
    }

    /// Lets clients in. If it did already, `config` counts for those that come from now on.
    pub fn listen(&self, config: &ServerConfig) -> Listener {
        self.0.hub.is_listening.set(true);
        self.0.hub.look(|machine| machine.listen(Some(config)));
        Listener::new(self.0.clone())
    }

    /// Begins a connection to a server that has a certificate for `server_name`.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing was sent then.
    pub fn connect(
        &self,
        config: &ClientConfig,
        to: SocketAddr,
        server_name: &str,
    ) -> Result<Connecting, ConnectError> {
        let hub = &self.0.hub;
        if hub.is_closed.get() {
            return Err(ConnectError::Closed);
        }
        let now = hub.now();
        hub.look(|machine| machine.set_wall(hub.shard.wall()));
        let key = hub.change(|machine| machine.connect(now, config, to, server_name))?;
        Ok(Connecting::new(hub.link(key)))
    }

    /// Has datagrams that arrive at this shard for a connection of another one handed on, and takes
    /// in those that arrived elsewhere, for endpoints of [`Shared::shards`](super::Shared) shards on
    /// sockets that share an address. Without it such datagrams are dropped.
    ///
    /// Unless [`EndpointOptions::steering`] is off, the kernel is asked to choose the right socket in
    /// the first place. It may not be able to, and then [`Metrics::steered`] stays 0.
    pub fn join(&self, exchange: &Exchange) {
        let Handle { hub, socket } = &*self.0;
        let member = exchange.join(hub, socket.local_address());
        hub.exchange.replace(Some(member));
        let (shards, wants_steering) = hub.look(|machine| machine.steering());
        if !wants_steering {
            return;
        }
        match socket.steer(shards) {
            Ok(()) => self.metrics().steered.set(1),
            Err(errno) => {
                tracing::info!(local = %socket.local_address(), %errno, "datagrams are not steered");
            }
        }
    }

    /// Whether the socket's address may be that of other shards' sockets, too.
    pub fn is_shared(&self) -> bool {
        self.0.socket.is_shared()
    }

    /// Tells the peers of connections begun here that this side's address has changed, as after a
    /// change of networks, so that they need not find it out by a timeout.
    pub fn address_changed(&self) {
        self.0.hub.change(Machine::address_changed);
    }

    /// Connections of every state, closing ones included.
    pub fn connections(&self) -> usize {
        self.0.hub.look(|machine| machine.connections())
    }

    /// Ends everything: no connection begins any more, and all that stand are closed with `code`
    /// and `reason`, which their peers are told. Wait for [`Endpoint::drained`] before the shard
    /// ends, or the peers may not hear of it.
    pub fn close(&self, code: Code, reason: &Bytes) {
        self.0.hub.close(code, reason);
    }

    /// Waits until no connection is left: three probe timeouts after the last was closed (RFC 9000
    /// section 10.2), during which a peer that did not hear of the end is told again.
    pub async fn drained(&self) {
        let hub = &self.0.hub;
        poll_fn(|context| {
            if hub.look(|machine| machine.connections()) == 0 {
                return Poll::Ready(());
            }
            hub.draining.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({})", self.local_address())
    }
}

impl Handle {
    pub(super) fn hub(&self) -> &Rc<Hub> {
        &self.hub
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.hub.is_closed.set(true);
        self.hub.stop_listening();
        self.hub.wake_pump();
    }
}

impl Hub {
    /// Lets no clients in any more, and ends the connections that nobody accepted.
    pub(super) fn stop_listening(&self) {
        self.is_listening.set(false);
        self.look(|machine| machine.listen(None));
        let nobodys = self.backlog.take();
        drop(nobodys);
        super::hub::wake(&self.accepting);
    }

    fn close(&self, code: Code, reason: &Bytes) {
        self.is_closed.set(true);
        self.stop_listening();
        for link in self.links() {
            link.close(code, reason.clone());
        }
        self.wake_pump();
    }

    fn links(&self) -> Vec<Rc<Link>> {
        self.links.borrow().iter().filter_map(std::rc::Weak::upgrade).collect()
    }
}
