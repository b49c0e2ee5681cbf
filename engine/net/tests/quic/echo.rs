//! An endpoint of ours on a shard whose other end is somebody else's program: what is sent comes
//! back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::join;
use roundhouse_net::quic::machine::Metrics;
use roundhouse_net::quic::{Connection, Endpoint, EndpointOptions, Listener, ServerConfig};
use roundhouse_net::udp::{UdpOptions, UdpSocket};
use roundhouse_runtime::Shard;

use crate::shard::{loopback, on_shard};

/// Most bytes that come back of a stream that only one side sends on.
const ONE_WAY_BYTES_MAX: usize = 1024 * 1024;

/// An endpoint at a port of its own.
pub(crate) fn open(shard: &Shard, options: EndpointOptions) -> Endpoint {
    let socket = UdpSocket::bind(shard, &UdpOptions::new(loopback())).unwrap();
    Endpoint::open(shard, socket, options).unwrap()
}

/// Sends on a new stream and returns what comes back.
pub(crate) async fn call(connection: &Connection, data: &[u8]) -> Bytes {
    let (mut sending, mut receiving) = connection.open_bidirectional().await.unwrap();
    let write = async {
        sending.write_all(data).await.unwrap();
        sending.finish().unwrap();
    };
    let ((), back) = join(write, receiving.read_to_end(data.len())).await;
    back.unwrap().expect("not more than was sent")
}

/// Runs `program` on a thread of its own while `serve` has a listener of ours on a shard; returns
/// what the endpoint counted. The threads end together, also by a panic of `program`.
pub(crate) fn serve_while<F: Future<Output = ()> + 'static>(
    options: EndpointOptions,
    identity: ServerConfig,
    serve: impl FnOnce(Shard, Listener) -> F + 'static,
    program: impl FnOnce(SocketAddr) + Send + 'static,
) -> Arc<Metrics> {
    let (give, metrics) = std::sync::mpsc::channel();
    on_shard(|shard| async move {
        let endpoint = open(&shard, options);
        let listener = endpoint.listen(&identity);
        let address = endpoint.local_address();
        let (tell, done) = oneshot::channel::<()>();
        let other = thread::spawn(move || {
            let _tell = tell;
            program(address);
        });
        let serving = shard.spawn(serve(shard.clone(), listener));
        let _ended = done.await;
        drop(serving);
        other.join().unwrap();
        endpoint.drained().await;
        give.send(endpoint.metrics()).unwrap();
    });
    metrics.recv().unwrap()
}

/// Echoes what the connections of a listener send, also before their handshake is done.
pub(crate) async fn echo_all(shard: Shard, listener: Listener) {
    while let Some(connecting) = listener.accept().await {
        let connection = connecting.into_early().expect("a server can always go on");
        shard.spawn(echo_streams(shard.clone(), connection.clone())).detach();
        shard.spawn(echo_one_way(shard.clone(), connection.clone())).detach();
        shard.spawn(echo_datagrams(connection)).detach();
    }
}

async fn echo_streams(shard: Shard, connection: Connection) {
    while let Ok((mut sending, receiving)) = connection.accept_bidirectional().await {
        let answer = async move {
            futures_util::io::copy(receiving, &mut sending).await.unwrap();
            sending.finish().unwrap();
            sending.finished().await.unwrap();
        };
        shard.spawn(answer).detach();
    }
}

/// What comes on a stream of the peer's goes back whole on one of ours.
async fn echo_one_way(shard: Shard, connection: Connection) {
    while let Ok(mut receiving) = connection.accept_unidirectional().await {
        let connection = connection.clone();
        let answer = async move {
            let data = receiving.read_to_end(ONE_WAY_BYTES_MAX).await.unwrap();
            let mut sending = connection.open_unidirectional().await.unwrap();
            sending.write_all(&data.expect("tests send less")).await.unwrap();
            sending.finish().unwrap();
            sending.finished().await.unwrap();
        };
        shard.spawn(answer).detach();
    }
}

async fn echo_datagrams(connection: Connection) {
    while let Ok(datagram) = connection.receive_datagram().await {
        connection.send_datagram(datagram).unwrap();
    }
}
