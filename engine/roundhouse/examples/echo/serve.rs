//! The server: sends back what comes.

use std::net::SocketAddr;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{join, join_all};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use roundhouse::net::quic::{Connecting, EndpointOptions, ServerConfig, Shared};
use roundhouse::net::udp::{Arrival, Transmit};
use roundhouse::net::{ListenerOptions, TcpStream, TlsAcceptor, TlsStream, UdpOptions};
use roundhouse::{Engine, Errno, ShardHandle, ShardId};

use super::arguments::{Proto, Serve};
use super::{Failure, identity, open_engine, shared};

/// What the shards need to know to serve.
#[derive(Clone)]
enum Service {
    Udp,
    Tcp,
    Tls(TlsAcceptor),
    Quic(Box<Shared>, ServerConfig),
}

/// Serves on all shards until it is dropped, or one of them cannot. `ready` is told the address.
pub(super) async fn run(arguments: &Serve, ready: impl FnOnce(SocketAddr)) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let engine = open_engine(&scratch.path().join("data"), &arguments.engine).await?;
    let service = service(&engine, arguments).await?;
    // The first shard finds the port that the others join.
    let (found, address) = oneshot::channel();
    let (first, listen) = (service.clone(), arguments.listen);
    let first = engine.spawn_on(ShardId(0), async move |shard| {
        // Nobody waits for it any more when the whole is dropped.
        let found = |address| _ = found.send(address);
        serve(&shard, first, listen, found).await
    });
    let others = async {
        let Ok(address) = address.await else { return Vec::new() };
        ready(address);
        let others = (1..engine.shards()).map(|shard| {
            let service = service.clone();
            engine.spawn_on(ShardId(shard), async move |shard| {
                serve(&shard, service, address, |_| ()).await
            })
        });
        join_all(others).await
    };
    let (first, others) = join(first, others).await;
    for ended in others.into_iter().chain([first]) {
        ended??;
    }
    Ok(())
}

async fn service(engine: &Engine, arguments: &Serve) -> Result<Service, Failure> {
    Ok(match arguments.proto {
        Proto::Udp => Service::Udp,
        Proto::Tcp => Service::Tcp,
        Proto::Tls => {
            let tls = identity::server(arguments)?;
            Service::Tls(TlsAcceptor::new(&tls, &shared(engine).await?.secrets)?)
        }
        Proto::Quic => {
            let shared = shared(engine).await?;
            let config = ServerConfig::new(&identity::server(arguments)?, &shared)?;
            Service::Quic(Box::new(shared), config)
        }
    })
}

/// Serves on one shard; `bound` is told where.
async fn serve(
    shard: &ShardHandle,
    service: Service,
    listen: SocketAddr,
    bound: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    match service {
        Service::Udp => echo_datagrams(shard, listen, bound).await?,
        Service::Tcp => {
            accept(shard, listen, bound, |stream, shard| {
                shard.spawn(echo_stream(stream)).detach();
            })
            .await?;
        }
        Service::Tls(acceptor) => {
            accept(shard, listen, bound, move |stream, shard| {
                let acceptor = acceptor.clone();
                // A handshake that fails is the client's loss; it was told why.
                let serve = async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        echo_tls(stream).await;
                    }
                };
                shard.spawn(serve).detach();
            })
            .await?;
        }
        Service::Quic(shared, config) => {
            let options = UdpOptions { reuse_port: true, ..UdpOptions::new(listen) };
            let socket = shard.udp_socket(&options)?;
            bound(socket.local_address());
            let endpoint =
                shard.quic_endpoint(socket, EndpointOptions::new(shard.id(), *shared))?;
            let listener = endpoint.listen(&config);
            while let Some(connecting) = listener.accept().await {
                shard.spawn(echo_connection(shard.clone(), connecting)).detach();
            }
        }
    }
    Ok(())
}

async fn echo_datagrams(
    shard: &ShardHandle,
    listen: SocketAddr,
    bound: impl FnOnce(SocketAddr),
) -> Result<(), Errno> {
    let options = UdpOptions { reuse_port: true, ..UdpOptions::new(listen) };
    let socket = shard.udp_socket(&options)?;
    bound(socket.local_address());
    loop {
        let Arrival { source, destination, ecn, data, segment_bytes } = socket.receive().await?;
        let is_train = data.len() > segment_bytes;
        let answer = Transmit {
            destination: source,
            source: destination,
            ecn,
            data: data.freeze().into(),
            segment_bytes: u16::try_from(segment_bytes).ok().filter(|_| is_train),
        };
        socket.send(answer).await;
    }
}

async fn accept(
    shard: &ShardHandle,
    listen: SocketAddr,
    bound: impl FnOnce(SocketAddr),
    serve: impl Fn(TcpStream, &ShardHandle),
) -> Result<(), Errno> {
    let mut options = ListenerOptions { reuse_port: true, ..ListenerOptions::new(listen) };
    options.stream.idle_timeout = Some(IDLE_TIMEOUT);
    options.stream.write_timeout = Some(IDLE_TIMEOUT);
    let listener = shard.tcp_listener(&options)?;
    bound(listener.local_address());
    loop {
        serve(listener.accept().await, shard);
    }
}

/// What ends a stream is the client's business.
async fn echo_stream(mut stream: TcpStream) {
    while let Ok(Some(data)) = stream.read().await {
        if stream.write(data.freeze()).await.is_err() {
            break;
        }
    }
}

async fn echo_tls(mut stream: TlsStream) {
    let mut buffer = vec![0; TLS_READ_BYTES];
    loop {
        match AsyncReadExt::read(&mut stream, &mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(bytes) if stream.write_all(&buffer[..bytes]).await.is_err() => break,
            Ok(_) => (),
        }
    }
}

async fn echo_connection(shard: ShardHandle, connecting: Connecting) {
    let Ok(connection) = connecting.await else { return };
    while let Ok((mut sending, receiving)) = connection.accept_bidirectional().await {
        let echo = async move {
            if futures_util::io::copy(receiving, &mut sending).await.is_ok() {
                // It fails only if the connection is gone.
                drop(sending.finish());
            }
        };
        shard.spawn(echo).detach();
    }
}

/// A client that says nothing, or takes nothing, for so long is gone.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// What one TLS record holds.
const TLS_READ_BYTES: usize = 16 * 1024;
