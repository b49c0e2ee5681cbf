//! The servers of one shard.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::AsyncReadExt;
use roundhouse::net::quic::{Code, Connection, Endpoint, EndpointOptions, Listener, Secrets};
use roundhouse::net::udp::Transmit;
use roundhouse::net::{ListenerOptions, TcpListener, TlsAcceptor, UdpOptions, UdpSocket};
use roundhouse::{Log, ShardHandle, ShardId, Task};

use super::Failure;
use super::exchange;
use super::identity::{Pem, SECRET, shared};

/// Where they listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) udp: SocketAddr,
    pub(super) tcp: SocketAddr,
    pub(super) tls: SocketAddr,
    pub(super) quic: SocketAddr,
}

/// What runs. Streams that are open go on until their clients end them.
pub(super) struct Servers {
    tasks: Vec<Task<()>>,
    endpoint: Endpoint,
}

impl Servers {
    /// Opens one server of each kind; every request is appended to `log`.
    pub(super) fn start(
        shard: &ShardHandle,
        ip: IpAddr,
        log: &Log,
        pem: &Pem,
    ) -> Result<(Servers, Addresses), Failure> {
        let local = SocketAddr::new(ip, 0);
        let datagrams = shard.udp_socket(&UdpOptions::new(local))?;
        let plain = shard.tcp_listener(&ListenerOptions::new(local))?;
        let encrypted = shard.tcp_listener(&ListenerOptions::new(local))?;
        let acceptor = Rc::new(TlsAcceptor::new(&pem.server()?, &Secrets::new(&SECRET))?);
        let (endpoint, shared) = (open_endpoint(shard, ip)?, shared(shard));
        let listener = endpoint.listen(&pem.quic_server(&shared)?);
        let addresses = Addresses {
            udp: datagrams.local_address(),
            tcp: plain.local_address(),
            tls: encrypted.local_address(),
            quic: endpoint.local_address(),
        };
        let tasks = vec![
            shard.spawn(serve_datagrams(datagrams, log.clone())),
            shard.spawn(serve_plain(shard.clone(), plain, log.clone())),
            shard.spawn(serve_encrypted(shard.clone(), encrypted, acceptor, log.clone())),
            shard.spawn(serve_quic(shard.clone(), listener, log.clone())),
        ];
        Ok((Servers { tasks, endpoint }, addresses))
    }

    /// Lets nobody in any more and waits until nothing is left. The clients must have ended.
    pub(super) async fn stop(self, shard: &ShardHandle) {
        drop(self.tasks);
        self.endpoint.close(Code::default(), &Bytes::new());
        self.endpoint.drained().await;
        drop(self.endpoint);
        // The other end's last packets are on their way, and answers to them.
        shard.runtime().sleep(LAST_WORDS).await;
    }
}

/// An endpoint with a socket of its own.
pub(super) fn open_endpoint(shard: &ShardHandle, ip: IpAddr) -> Result<Endpoint, Failure> {
    let socket = shard.udp_socket(&UdpOptions::new(SocketAddr::new(ip, 0)))?;
    // The only one that shares its keys with itself, whatever the number of its shard.
    Ok(shard.quic_endpoint(socket, EndpointOptions::new(ShardId(0), shared(shard)))?)
}

async fn serve_datagrams(socket: UdpSocket, log: Log) {
    while let Ok(arrival) = socket.receive().await {
        let (destination, source, ecn) = (arrival.source, arrival.destination, arrival.ecn);
        for datagram in arrival.into_segments() {
            if exchange::append(&log, &datagram).await.is_err() {
                return;
            }
            let data = datagram.freeze().into();
            socket.send(Transmit { destination, source, ecn, data, segment_bytes: None }).await;
        }
    }
}

async fn serve_plain(shard: ShardHandle, listener: TcpListener, log: Log) {
    loop {
        let (reading, writing) = listener.accept().await.split();
        let log = log.clone();
        // The client notices what goes wrong, and says so.
        shard.spawn(async move { exchange::answer(reading, writing, &log).await }).detach();
    }
}

async fn serve_encrypted(
    shard: ShardHandle,
    listener: TcpListener,
    acceptor: Rc<TlsAcceptor>,
    log: Log,
) {
    loop {
        let (stream, acceptor, log) = (listener.accept().await, acceptor.clone(), log.clone());
        let answer = async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let (reading, writing) = stream.split();
            // The same here.
            let _ = exchange::answer(reading, writing, &log).await;
        };
        shard.spawn(answer).detach();
    }
}

async fn serve_quic(shard: ShardHandle, listener: Listener, log: Log) {
    while let Some(connecting) = listener.accept().await {
        let (spawner, log) = (shard.clone(), log.clone());
        let connection = async move {
            if let Ok(connection) = connecting.await {
                serve_connection(&spawner, &connection, &log).await;
            }
        };
        shard.spawn(connection).detach();
    }
}

async fn serve_connection(shard: &ShardHandle, connection: &Connection, log: &Log) {
    while let Ok((sending, receiving)) = connection.accept_bidirectional().await {
        let log = log.clone();
        shard.spawn(async move { exchange::answer(receiving, sending, &log).await }).detach();
    }
}

const LAST_WORDS: Duration = Duration::from_millis(200);
