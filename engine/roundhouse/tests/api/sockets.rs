//! Sockets on the shards of an engine, used as a program that embeds it would: nothing but this
//! crate is named here, and whatever makes certificates.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use roundhouse::net::quic::{
    ClientConfig, Code, Endpoint, EndpointOptions, MASTER_SECRET_BYTES, ServerConfig, Shared,
};
use roundhouse::net::tls::{Certificates, ClientTls, Identity, ServerTls, trust_anchors};
use roundhouse::net::udp::{Ecn, Transmit};
use roundhouse::net::{ListenerOptions, TcpOptions, UdpOptions};
use roundhouse::{Log, ShardHandle, ShardId, block_on};

use crate::scratch::{Scratch, texts};

#[test]
fn a_listener_on_a_shard_appends_what_it_reads() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let log = engine.log("lines").create().await.unwrap();
        let program = {
            let log = log.clone();
            async move |shard: ShardHandle| serve_one_connection(&shard, &log).await
        };
        engine.spawn_on(ShardId(0), program).await.unwrap();
        assert_eq!(texts(&log).await, ["hello"]);

        let metrics = engine.metrics().await.unwrap();
        assert_eq!(metrics.counter("tcp_opened"), Some(1));
        assert_eq!(metrics.counter("tcp_bytes_received"), Some(5));
        assert_eq!(metrics.counter("tcp_bytes_sent"), Some(1));
        assert_eq!(metrics.shards[0].sockets.tcp_streams, 0);
        assert!(metrics.to_openmetrics().contains("roundhouse_tcp_opened_total{shard=\"0\"} 1\n"));
        engine.close().await.unwrap();
    });
}

/// Appends what a client sends, and answers with its offset.
async fn serve_one_connection(shard: &ShardHandle, log: &Log) {
    let listener = shard.tcp_listener(&ListenerOptions::new(loopback())).unwrap();
    let to = listener.local_address();
    let client = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(to).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let mut stream = listener.accept().await;
    let line = stream.read().await.unwrap().expect("the client says something");
    let offset = log.append(line.freeze()).await.unwrap();
    stream.write(Bytes::from(offset.to_string())).await.unwrap();
    stream.shut_down().await.unwrap();
    assert!(stream.read().await.unwrap().is_none());
    assert_eq!(client.join().unwrap(), "0");
}

#[test]
fn a_connector_and_datagrams_work_from_the_handle() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let program = async |shard: ShardHandle| {
            let listener = shard.tcp_listener(&ListenerOptions::new(loopback())).unwrap();
            let connector = shard.tcp_connector(TcpOptions::default());
            let mut client = connector.connect(listener.local_address()).await.unwrap();
            client.write(Bytes::from_static(b"x")).await.unwrap();
            let mut server = listener.accept().await;
            assert_eq!(&server.read().await.unwrap().unwrap()[..], b"x");

            let receiver = shard.udp_socket(&UdpOptions::new(loopback())).unwrap();
            let sender = shard.udp_socket(&UdpOptions::new(loopback())).unwrap();
            sender.send(datagram(receiver.local_address(), b"y")).await;
            assert_eq!(&receiver.receive().await.unwrap().data[..], b"y");
            // Only when it is asked for does the sender learn what became of the datagram.
            sender.send_ready().await;
        };
        engine.spawn_on(ShardId(0), program).await.unwrap();
        let metrics = engine.metrics().await.unwrap();
        assert_eq!(metrics.counter("tcp_opened"), Some(2));
        assert_eq!(metrics.counter("udp_arrivals"), Some(1));
        assert_eq!(metrics.counter("udp_bytes_sent"), Some(1));
        engine.close().await.unwrap();
    });
}

#[test]
fn quic_works_from_the_handle() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let program = async |shard: ShardHandle| {
            let shared = Shared::new(&[7; MASTER_SECRET_BYTES], shard.runtime().wall(), 1);
            let (server, client) = tls();
            let (server, client) = (
                ServerConfig::new(&server, &shared).unwrap(),
                ClientConfig::new(&client, &shared).unwrap(),
            );
            let open = || open_endpoint(&shard, shared.clone());
            let (here, there) = (open(), open());
            let listener = there.listen(&server);
            let connecting = here.connect(&client, there.local_address(), NAME).unwrap();
            let accepted = listener.accept().await.expect("it is open");
            let connected = connecting.await.unwrap();
            let accepted = accepted.await.unwrap();
            connected.send_datagram(Bytes::from_static(b"z")).unwrap();
            assert_eq!(accepted.receive_datagram().await.unwrap(), "z");
            for endpoint in [here, there] {
                endpoint.close(Code::default(), &Bytes::new());
                endpoint.drained().await;
            }
        };
        engine.spawn_on(ShardId(0), program).await.unwrap();
        let metrics = engine.metrics().await.unwrap();
        assert_eq!(metrics.counter("quic_connected"), Some(2));
        assert_eq!(metrics.shards[0].sockets.quic_connections, 0);
        engine.close().await.unwrap();
    });
}

/// Every shard has its own listener and its own datagram socket on one address; the kernel spreads
/// peers over them, and each shard counts its own.
#[test]
fn the_shards_share_an_address() {
    const PEERS: usize = 64;
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let bind = async |shard: ShardHandle| bind_both(&shard, loopback(), loopback());
        let (streams, datagrams) = engine.spawn_on(ShardId(0), bind).await.unwrap();
        let bind = async move |shard: ShardHandle| bind_both(&shard, streams, datagrams);
        assert_eq!(engine.spawn_on(ShardId(1), bind).await.unwrap(), (streams, datagrams));

        let peers = std::thread::spawn(move || {
            for _ in 0..PEERS {
                assert_eq!(call_stream(streams), *b"stream");
                assert_eq!(call_datagram(datagrams), *b"datagram");
            }
        });
        peers.join().unwrap();
        let metrics = engine.metrics().await.unwrap();
        assert_eq!(metrics.counter("tcp_opened"), Some(PEERS as u64));
        assert!(metrics.counter("udp_arrivals") >= Some(PEERS as u64));
        for shard in &metrics.shards {
            // That all of 64 peers meet one of two shards is as likely as 63 equal coins.
            assert!(shard.counter("tcp_opened") > Some(0), "{shard:?}");
            assert!(shard.counter("udp_arrivals") > Some(0), "{shard:?}");
            // It goes on accepting and receiving.
            assert!(shard.operations >= 2, "{shard:?}");
        }
        engine.close().await.unwrap();
    });
}

/// Echoes both kinds, until the engine is closed; returns where.
fn bind_both(
    shard: &ShardHandle,
    streams: SocketAddr,
    datagrams: SocketAddr,
) -> (SocketAddr, SocketAddr) {
    let options = ListenerOptions { reuse_port: true, ..ListenerOptions::new(streams) };
    let listener = shard.tcp_listener(&options).unwrap();
    let options = UdpOptions { reuse_port: true, ..UdpOptions::new(datagrams) };
    let socket = shard.udp_socket(&options).unwrap();
    let addresses = (listener.local_address(), socket.local_address());
    let spawner = shard.clone();
    let accept = async move {
        loop {
            let mut stream = listener.accept().await;
            let echo = async move {
                while let Ok(Some(data)) = stream.read().await {
                    stream.write(data.freeze()).await.ok();
                }
            };
            spawner.spawn(echo).detach();
        }
    };
    shard.spawn(accept).detach();
    let echo = async move {
        while let Ok(question) = socket.receive().await {
            let data = question.data.freeze().into();
            let Ok(()) = socket.try_send(Transmit { data, ..datagram(question.source, b"") })
            else {
                panic!("one peer asks at a time");
            };
        }
    };
    shard.spawn(echo).detach();
    addresses
}

fn call_stream(to: SocketAddr) -> [u8; 6] {
    let mut stream = std::net::TcpStream::connect(to).unwrap();
    stream.write_all(b"stream").unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// Asks again when there is no answer: datagrams may be lost.
fn call_datagram(to: SocketAddr) -> [u8; 8] {
    let socket = std::net::UdpSocket::bind(loopback()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut answer = [0; 8];
    for _ in 0..20 {
        socket.send_to(b"datagram", to).unwrap();
        if socket.recv(&mut answer).is_ok() {
            return answer;
        }
    }
    panic!("nobody answers");
}

pub(crate) const NAME: &str = "server.test";

pub(crate) fn open_endpoint(shard: &ShardHandle, shared: Shared) -> Endpoint {
    let socket = shard.udp_socket(&UdpOptions::new(loopback())).unwrap();
    shard.quic_endpoint(socket, EndpointOptions::new(shard.id(), shared)).unwrap()
}

/// A server with a certificate made on the spot, and a client that trusts it.
pub(crate) fn tls() -> (ServerTls, ClientTls) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let protocols = vec![b"test".to_vec()];
    let trust = trust_anchors(certificate.as_bytes()).unwrap();
    let server = ServerTls::new(Certificates::new(identity), protocols.clone());
    (server, ClientTls::new(trust, protocols))
}

fn datagram(destination: SocketAddr, data: &'static [u8]) -> Transmit {
    Transmit {
        destination,
        source: None,
        ecn: Ecn::NotCapable,
        data: Bytes::from_static(data).into(),
        segment_bytes: None,
    }
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
