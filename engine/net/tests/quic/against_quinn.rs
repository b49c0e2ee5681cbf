//! Endpoints on a ring against those of `quinn` on another thread, in both roles.

use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use futures_channel::oneshot;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use roundhouse_net::quic::tls::Resumption;
use roundhouse_net::quic::{ClientConfig, Code, Connection, EndpointOptions, Retry, ServerConfig};
use roundhouse_runtime::Shard;

use crate::echo::{call, echo_all, open, serve_while};
use crate::identities::{Authority, NAME};
use crate::shard::{loopback, on_shard};
use crate::streams::data;
use crate::world::options;

const TRANSFER_BYTES: usize = 10 * 1024 * 1024;

#[test]
fn ten_mebibytes_come_back_from_a_server_of_quinn() {
    with_quinn_server(|shard, authority, server| async move {
        let connection = connect(&shard, &authority, server).await;
        let sent = data(1, TRANSFER_BYTES);
        assert!(call(&connection, &sent).await == sent, "it came back damaged");
        connection.send_datagram(Bytes::from_static(b"unreliable")).unwrap();
        assert_eq!(connection.receive_datagram().await.unwrap(), "unreliable");
        connection.update_keys();
        assert_eq!(call(&connection, b"with new keys").await, "with new keys");
        connection.close(Code::from(7), "enough");
    });
}

#[test]
fn many_streams_at_once_come_back_from_a_server_of_quinn() {
    with_quinn_server(|shard, authority, server| async move {
        let connection = connect(&shard, &authority, server).await;
        let calls = (0..200).map(|n| {
            let connection = connection.clone();
            async move {
                let sent = data(n, 1000 * (n as usize + 1));
                assert!(call(&connection, &sent).await == sent, "call {n} came back damaged");
            }
        });
        futures_util::future::join_all(calls).await;
        connection.close(Code::default(), "");
    });
}

#[test]
fn a_server_of_quinn_has_an_address_proven_once_and_then_takes_early_data() {
    with_quinn_server(|shard, authority, server| async move {
        let trust = ClientConfig::new(&authority.client(), &options().shared).unwrap();
        let endpoint = open(&shard, options());
        let first = endpoint.connect(&trust, server, NAME).unwrap().await.unwrap();
        assert_eq!(call(&first, b"first").await, "first");
        first.close(Code::default(), "");
        let connecting = endpoint.connect(&trust, server, NAME).unwrap();
        let second = connecting.into_early().expect("the client knows the server");
        assert_eq!(call(&second, b"early").await, "early");
        assert_eq!(second.handshaken().await, Ok(true));
        second.close(Code::default(), "");
        endpoint.drained().await;
    });
}

#[test]
fn a_client_of_quinn_gets_back_what_it_sends() {
    with_our_server(options(), async |client, server| {
        let connection = client.connect(server, NAME).unwrap().await.unwrap();
        let sent = data(2, TRANSFER_BYTES);
        assert!(quinn_call(&connection, &sent).await == sent, "it came back damaged");
        connection.send_datagram(Bytes::from_static(b"unreliable")).unwrap();
        assert_eq!(connection.read_datagram().await.unwrap(), "unreliable");
        connection.force_key_update();
        assert!(quinn_call(&connection, &sent[..100_000]).await == sent[..100_000]);
        connection
    });
}

#[test]
fn a_client_of_quinn_moves_to_another_port() {
    with_our_server(options(), async |client, server| {
        let connection = client.connect(server, NAME).unwrap().await.unwrap();
        let sent = data(3, 1_000_000);
        for _ in 0..3 {
            client.rebind(StdUdpSocket::bind(loopback()).unwrap()).unwrap();
            assert!(quinn_call(&connection, &sent).await == sent, "it came back damaged");
        }
        connection
    });
}

#[test]
fn a_client_of_quinn_proves_its_address_and_then_sends_early_data() {
    let mut wary = options();
    wary.retry = Retry::Always;
    with_our_server(wary, async |client, server| {
        let connection = client.connect(server, NAME).unwrap().await.unwrap();
        assert_eq!(quinn_call(&connection, b"first").await, b"first");
        connection.close(0_u32.into(), b"");
        let connecting = client.connect(server, NAME).unwrap();
        let Ok((connection, accepted)) = connecting.into_0rtt() else { panic!("no session") };
        assert_eq!(quinn_call(&connection, b"early").await, b"early");
        assert!(accepted.await, "early data was rejected");
        connection
    });
}

/// Runs `program` on a shard while a server of quinn echoes streams and datagrams. The server lets
/// clients prove their address unless they bring a token, and takes early data.
fn with_quinn_server<F: Future<Output = ()> + 'static>(
    program: impl FnOnce(Shard, Authority, SocketAddr) -> F,
) {
    let authority = Authority::new();
    let (certificate, key) = authority.plain();
    let (tell, address) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = thread::spawn(move || {
        on_tokio(async move {
            let mut tls = rustls::ServerConfig::builder_with_provider(ring())
                .with_protocol_versions(&[&rustls::version::TLS13])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
            tls.alpn_protocols = vec![b"test".to_vec()];
            tls.max_early_data_size = u32::MAX;
            let tls = QuicServerConfig::try_from(tls).unwrap();
            let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
            let endpoint = quinn::Endpoint::server(config, loopback()).unwrap();
            tell.send(endpoint.local_addr().unwrap()).unwrap();
            let accepting = endpoint.clone();
            tokio::spawn(async move {
                while let Some(incoming) = accepting.accept().await {
                    if incoming.remote_address_validated() {
                        let (connection, _) = incoming.accept().unwrap().into_0rtt().unwrap();
                        tokio::spawn(quinn_echo(connection));
                    } else {
                        incoming.retry().unwrap();
                    }
                }
            });
            // It ends when the other thread does, whether by the end of the test or a panic.
            let _ended = stopped.await;
            endpoint.close(0_u32.into(), b"");
        });
    });
    let address = address.recv().unwrap();
    on_shard(|shard| program(shard, authority, address));
    drop(stop);
    server.join().unwrap();
}

/// Runs `program` on a thread of its own with a client of quinn, while a server on a shard echoes
/// streams and datagrams. It returns its last connection.
fn with_our_server<P, F>(options: EndpointOptions, program: P)
where
    P: FnOnce(quinn::Endpoint, SocketAddr) -> F + Send + 'static,
    F: Future<Output = quinn::Connection>,
{
    let authority = Authority::new();
    let mut tls = authority.server();
    tls.resumption = Resumption::Sessions { count: 10, early_data: true };
    let identity = ServerConfig::new(&tls, &options.shared).unwrap();
    let roots = authority.roots.clone();
    serve_while(options, identity, echo_all, move |server| {
        on_tokio(async move {
            let mut tls = rustls::ClientConfig::builder_with_provider(ring())
                .with_protocol_versions(&[&rustls::version::TLS13])
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            tls.alpn_protocols = vec![b"test".to_vec()];
            tls.enable_early_data = true;
            let tls = QuicClientConfig::try_from(tls).unwrap();
            let mut endpoint = quinn::Endpoint::client(loopback()).unwrap();
            endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
            let connection = program(endpoint.clone(), server).await;
            connection.close(9_u32.into(), b"enough");
            endpoint.wait_idle().await;
        });
    });
}

async fn connect(shard: &Shard, authority: &Authority, to: SocketAddr) -> Connection {
    let trust = ClientConfig::new(&authority.client(), &options().shared).unwrap();
    open(shard, options()).connect(&trust, to, NAME).unwrap().await.unwrap()
}

async fn quinn_call(connection: &quinn::Connection, data: &[u8]) -> Vec<u8> {
    let (mut sending, mut receiving) = connection.open_bi().await.unwrap();
    let write = async {
        sending.write_all(data).await.unwrap();
        sending.finish().unwrap();
    };
    let ((), back) = futures_util::future::join(write, receiving.read_to_end(data.len())).await;
    back.unwrap()
}

async fn quinn_echo(connection: quinn::Connection) {
    let datagrams = connection.clone();
    tokio::spawn(async move {
        while let Ok(datagram) = datagrams.read_datagram().await {
            datagrams.send_datagram(datagram).unwrap();
        }
    });
    while let Ok((mut sending, mut receiving)) = connection.accept_bi().await {
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Some(length) = receiving.read(&mut buffer).await.unwrap() {
                sending.write_all(&buffer[..length]).await.unwrap();
            }
            sending.finish().unwrap();
        });
    }
}

fn on_tokio(program: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(program);
}

fn ring() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
