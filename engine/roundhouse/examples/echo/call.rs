//! The caller: messages over many connections, answers measured.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join_all, select, try_join_all};
use futures_util::io::AsyncReadExt;
use roundhouse::net::quic::{
    ClientConfig, Code, Connection, Endpoint, EndpointOptions, RecvStream, SendStream, Shared,
};
use roundhouse::net::{TcpConnector, TcpOptions, TcpStream};
use roundhouse::net::{TlsConnector, TlsStream, UdpOptions, UdpSocket};
use roundhouse::{Monotonic, ShardHandle, ShardId};

use super::arguments::{Call, Proto};
use super::datagram_caller::DatagramCaller;
use super::report::Report;
use super::stream_caller::StreamCaller;
use super::{Failure, identity, open_engine, shared};

/// What each connection carries.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Bytes of a message.
    pub(super) size: usize,
    /// Messages on their way.
    pub(super) outstanding: usize,
}

/// How a shard connects.
#[derive(Clone)]
enum Dial {
    Udp,
    Tcp,
    Tls(TlsConnector, String),
    Quic(Box<Shared>, ClientConfig, String),
}

/// The same with what it needs on the shard.
enum Dialler {
    Udp,
    Tcp(TcpConnector),
    Tls(TcpConnector, TlsConnector, String),
    Quic(Endpoint, ClientConfig, String),
}

/// A connection that stands.
enum Connected {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<TlsStream>),
    Quic(Connection, SendStream, RecvStream),
}

/// How long answers may take after the end before the server counts as gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest datagram over IPv4.
const UDP_BYTES_MAX: usize = 65_507;

/// Makes all the calls.
pub(super) async fn run(arguments: &Call) -> Result<Report, Failure> {
    if arguments.proto == Proto::Udp && arguments.size > UDP_BYTES_MAX {
        return Err(format!("--size: a datagram holds at most {UDP_BYTES_MAX} bytes").into());
    }
    let scratch = tempfile::tempdir()?;
    let engine = open_engine(&scratch.path().join("data"), &arguments.engine).await?;
    let shards = usize::from(engine.shards());
    let name = arguments.name.clone();
    let dial = match arguments.proto {
        Proto::Udp => Dial::Udp,
        Proto::Tcp => Dial::Tcp,
        Proto::Tls => Dial::Tls(TlsConnector::new(&identity::client(arguments)?)?, name),
        Proto::Quic => {
            let shared = shared(&engine).await?;
            let config = ClientConfig::new(&identity::client(arguments)?, &shared)?;
            Dial::Quic(Box::new(shared), config, name)
        }
    };
    let load = Load { size: arguments.size, outstanding: arguments.outstanding };
    let (to, time) = (arguments.to, arguments.seconds);
    let calls = (0..shards).map(|shard| {
        // What does not divide goes to the first shards.
        let connections = (arguments.connections + shards - 1 - shard) / shards;
        let dial = dial.clone();
        engine.spawn_on(ShardId(shard as u16), async move |shard: ShardHandle| {
            call(&shard, dial, to, connections, load, time).await
        })
    });
    let mut total = Report::new();
    for report in join_all(calls).await {
        total.merge(&report??);
    }
    engine.close().await?;
    Ok(total)
}

/// The calls of one shard: all of its connections, then all of their messages.
async fn call(
    shard: &ShardHandle,
    dial: Dial,
    to: SocketAddr,
    connections: usize,
    load: Load,
    time: Duration,
) -> Result<Report, Failure> {
    let dialler = Dialler::new(shard, dial, to)?;
    let mut connected = Vec::with_capacity(connections);
    for _ in 0..connections {
        connected.push(dialler.connect(shard, to).await?);
    }
    let until = shard.runtime().now() + time;
    let callers = connected.into_iter().map(|connected| connected.call(shard, to, load, until));
    let patience = pin!(shard.runtime().sleep(time + PATIENCE));
    let reports = match select(pin!(try_join_all(callers)), patience).await {
        Either::Left((reports, _)) => reports?,
        Either::Right(_) => return Err("the server has stopped answering".into()),
    };
    if let Dialler::Quic(endpoint, ..) = dialler {
        endpoint.close(Code::default(), &Bytes::new());
        endpoint.drained().await;
    }
    let mut total = Report::new();
    for report in &reports {
        total.merge(report);
    }
    Ok(total)
}

impl Dialler {
    fn new(shard: &ShardHandle, dial: Dial, to: SocketAddr) -> Result<Dialler, Failure> {
        let tcp = || shard.tcp_connector(TcpOptions::default());
        Ok(match dial {
            Dial::Udp => Dialler::Udp,
            Dial::Tcp => Dialler::Tcp(tcp()),
            Dial::Tls(tls, name) => Dialler::Tls(tcp(), tls, name),
            Dial::Quic(shared, config, name) => {
                let socket = shard.udp_socket(&UdpOptions::new(anywhere(to)))?;
                let options = EndpointOptions::new(shard.id(), *shared);
                Dialler::Quic(shard.quic_endpoint(socket, options)?, config, name)
            }
        })
    }

    async fn connect(&self, shard: &ShardHandle, to: SocketAddr) -> Result<Connected, Failure> {
        Ok(match self {
            Dialler::Udp => Connected::Udp(shard.udp_socket(&UdpOptions::new(anywhere(to)))?),
            Dialler::Tcp(tcp) => Connected::Tcp(tcp.connect(to).await?),
            Dialler::Tls(tcp, tls, name) => {
                Connected::Tls(Box::new(tls.connect(tcp.connect(to).await?, name).await?))
            }
            Dialler::Quic(endpoint, config, name) => {
                let connection = endpoint.connect(config, to, name)?.await?;
                let (sending, receiving) = connection.open_bidirectional().await?;
                Connected::Quic(connection, sending, receiving)
            }
        })
    }
}

impl Connected {
    async fn call(
        self,
        shard: &ShardHandle,
        to: SocketAddr,
        load: Load,
        until: Monotonic,
    ) -> Result<Report, Failure> {
        let shard = shard.runtime();
        match self {
            Connected::Udp(socket) => {
                DatagramCaller::new(shard, socket, to, load).run(until).await.map_err(Failure::from)
            }
            Connected::Tcp(stream) => {
                let (reader, writer) = stream.split();
                StreamCaller::new(shard, reader, writer, load).run(until).await
            }
            Connected::Tls(stream) => {
                let (reader, writer) = stream.split();
                StreamCaller::new(shard, reader, writer, load).run(until).await
            }
            Connected::Quic(_connection, sending, receiving) => {
                StreamCaller::new(shard, receiving, sending, load).run(until).await
            }
        }
    }
}

/// Any free port of the family that `to` is of.
fn anywhere(to: SocketAddr) -> SocketAddr {
    match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    }
}
