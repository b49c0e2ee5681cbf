//! The sockets of a program that runs on a shard.

use roundhouse_net::quic::{Endpoint, EndpointOptions, OptionsError};
use roundhouse_net::{
    ListenerOptions, TcpConnector, TcpListener, TcpOptions, UdpOptions, UdpSocket,
};
use roundhouse_runtime::Errno;

use crate::engine::ShardHandle;

/// Sockets opened here are driven by the shard's ring and counted in its
/// [`ShardMetrics`](crate::metrics::ShardMetrics), also after they are gone.
impl ShardHandle {
    /// Opens a datagram socket.
    ///
    /// # Errors
    /// As [`UdpSocket::bind`].
    pub fn udp_socket(&self, options: &UdpOptions) -> Result<UdpSocket, Errno> {
        let socket = if options.reuse_port {
            UdpSocket::bind_shared(self.runtime(), options, &self.server.engine.addresses)?
        } else {
            UdpSocket::bind(self.runtime(), options)?
        };
        self.server.sockets.borrow_mut().udp.watch(socket.counters());
        Ok(socket)
    }

    /// Opens a listener for streams. [`TlsAcceptor`](roundhouse_net::TlsAcceptor) makes TLS streams
    /// of what it accepts.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    pub fn tcp_listener(&self, options: &ListenerOptions) -> Result<TcpListener, Errno> {
        let listener = TcpListener::bind(self.runtime(), options)?;
        self.server.sockets.borrow_mut().tcp.watch(listener.counters());
        Ok(listener)
    }

    /// Something to connect streams with. Make one and keep it: its streams are bounded and counted
    /// together. [`TlsConnector`](roundhouse_net::TlsConnector) makes TLS streams of them.
    pub fn tcp_connector(&self, options: TcpOptions) -> TcpConnector {
        let connector = TcpConnector::new(self.runtime(), options);
        self.server.sockets.borrow_mut().tcp.watch(connector.counters());
        connector
    }

    /// Starts a QUIC endpoint, of clients, servers or both, on a datagram socket. Those of several
    /// shards on one address ([`UdpOptions::reuse_port`]) that have the same
    /// [`Shared`](roundhouse_net::quic::Shared) hand each other what the kernel gave to the wrong one.
    ///
    /// # Errors
    /// As [`Endpoint::open`].
    pub fn quic_endpoint(
        &self,
        socket: UdpSocket,
        options: EndpointOptions,
    ) -> Result<Endpoint, OptionsError> {
        let endpoint = Endpoint::open(self.runtime(), socket, options)?;
        self.server.sockets.borrow_mut().quic.watch(endpoint.metrics());
        if endpoint.is_shared() {
            endpoint.join(&self.server.engine.exchange);
        }
        Ok(endpoint)
    }
}
