//! TLS with peers that are broken, malicious or nobody one knows. Each costs one handshake, one
//! counter and one clear error, and the connection beside it does not notice.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use futures_util::io::AsyncReadExt;
use roundhouse_base::Random;
use roundhouse_net::quic::{MASTER_SECRET_BYTES, Secrets};
use roundhouse_net::tcp::{TcpConnector, TcpListener, TcpOptions, TcpStream};
use roundhouse_net::tls::{
    ClientCertificates, ClientTls, ServerTls, TlsAcceptor, TlsConnector, TlsError, TlsStream,
};
use roundhouse_runtime::Shard;

use crate::identities::{Authority, NAME};
use crate::patience::until;
use crate::shard::on_shard;
use crate::tcp::{listen, pair};

/// A server that counts, and someone to connect to it.
struct Server {
    shard: Shard,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    connector: TcpConnector,
}

impl Server {
    fn new(shard: &Shard, tls: &ServerTls) -> Server {
        Server {
            shard: shard.clone(),
            listener: listen(shard, TcpOptions::default()),
            acceptor: TlsAcceptor::new(tls, &Secrets::new(&[7; MASTER_SECRET_BYTES])).unwrap(),
            connector: TcpConnector::new(shard, TcpOptions::default()),
        }
    }

    async fn streams(&self) -> (TcpStream, TcpStream) {
        let connect = self.connector.connect(self.listener.local_address());
        let (client, server) = futures_util::join!(connect, self.listener.accept());
        (client.unwrap(), server)
    }

    /// What comes of a handshake with a client that sends `bytes` and then nothing more.
    async fn accept_bytes(&self, bytes: impl Into<Bytes>) -> TlsError {
        let (mut client, server) = self.streams().await;
        client.write(bytes.into()).await.unwrap();
        client.shut_down().await.unwrap();
        self.acceptor.accept(server).await.unwrap_err()
    }

    /// A whole handshake, and a word.
    async fn serve(&self, client: &ClientTls) -> Result<(TlsStream, TlsStream), TlsError> {
        let connector = TlsConnector::new(client).unwrap();
        let (client, server) = self.streams().await;
        let (client, server) =
            futures_util::join!(connector.connect(client, NAME), self.acceptor.accept(server));
        // A client is done before its certificate was judged.
        let (mut client, mut server) = (client?, server?);
        exchange(&mut client, &mut server).await;
        Ok((client, server))
    }
}

async fn exchange(client: &mut TlsStream, server: &mut TlsStream) {
    let mut word = [0; 4];
    client.write(Bytes::from_static(b"ping")).await.unwrap();
    server.read_exact(&mut word).await.unwrap();
    server.write(Bytes::from_static(b"pong")).await.unwrap();
    client.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"pong");
}

/// The first bytes that a client sends.
async fn client_hello(shard: &Shard, client: &ClientTls) -> Bytes {
    let connector = TlsConnector::new(client).unwrap();
    let (client, mut server) = pair(shard, TcpOptions::default()).await;
    let connecting = shard.spawn(async move { connector.connect(client, NAME).await.map(drop) });
    let hello = server.read().await.unwrap().expect("the client speaks first");
    drop(connecting);
    hello.freeze()
}

#[test]
fn who_is_refused_and_why_is_counted() {
    on_shard(|shard| async move {
        let (authority, stranger) = (Authority::new(), Authority::called("a stranger"));
        let client_certificates = ClientCertificates::Required(authority.roots.clone());
        let server = Server::new(&shard, &ServerTls { client_certificates, ..authority.server() });
        let with = |identity| ClientTls { identity: Some(identity), ..authority.client() };
        let (_client, _server) = server.serve(&with(authority.identity("me"))).await.unwrap();

        let unknown = with(stranger.identity("me"));
        let expired = with(authority.identity_until("me", 2021));
        for client in [unknown, expired, authority.client()] {
            let refused = server.serve(&client).await.unwrap_err();
            assert!(matches!(refused, TlsError::Refused(_)), "{refused}");
        }
        let distrusting =
            ClientTls { roots: stranger.roots.clone(), ..with(authority.identity("me")) };
        assert!(server.serve(&distrusting).await.is_err());
        let protocols = vec![b"other".to_vec()];
        let other = ClientTls { protocols, ..with(authority.identity("me")) };
        assert!(server.serve(&other).await.is_err());

        let counters = server.listener.counters();
        until(&shard, || counters.tls_handshakes.load() == 0).await;
        assert_eq!(counters.tls_established.load(), 1);
        assert_eq!(counters.tls_refused.load(), 4, "three certificates and a protocol");
        assert_eq!(counters.tls_refused_by_peer.load(), 1);
    });
}

#[test]
fn a_hello_cut_off_anywhere_is_a_broken_handshake() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::new(&shard, &authority.server());
        let hello = client_hello(&shard, &authority.client()).await;
        let cuts: Vec<usize> = (0..hello.len()).step_by(7).collect();
        for cut in &cuts {
            let error = server.accept_bytes(hello.slice(..*cut)).await;
            assert!(matches!(error, TlsError::Broken(_)), "cut at {cut}: {error}");
        }
        assert_eq!(server.listener.counters().tls_broken.load(), cuts.len() as u64);
        server.serve(&authority.client()).await.unwrap();
    });
}

#[test]
fn oversize_records_and_garbage_are_refused() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::new(&shard, &authority.server());
        let oversize = [&[22, 3, 1, 0xff, 0xff][..], &vec![0; 1 << 16]].concat();
        // A handshake message of 16 MiB, of which nobody must keep room for the rest.
        let endless = [&[22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..], &[0; 0x4000 - 4]].concat();
        let second_is_bad = [&[22, 3, 1, 0, 1, 1][..], &[99; 100]].concat();
        for attack in [oversize, endless, second_is_bad] {
            let error = server.accept_bytes(attack).await;
            assert!(matches!(error, TlsError::Refused(_) | TlsError::Broken(_)), "{error}");
        }
        let mut random = Random::new(SEED);
        for round in 0..100 {
            let mut garbage = vec![0; 1 + (random.next_u64() % 2000) as usize];
            random.fill(&mut garbage);
            let error = server.accept_bytes(garbage).await;
            let is_clear = matches!(error, TlsError::Refused(_) | TlsError::Broken(_));
            assert!(is_clear, "seed {SEED:#x}, round {round}: {error}");
        }
        let counters = server.listener.counters();
        assert_eq!(counters.tls_refused.load() + counters.tls_broken.load(), 103);
        server.serve(&authority.client()).await.unwrap();
        assert_eq!(counters.tls_handshakes.load(), 0);
    });
}

/// Of the garbage above.
const SEED: u64 = 0x7159;

#[test]
fn handshakes_that_dribble_hold_a_place_and_no_more() {
    const PLACES: usize = 4;
    on_shard(|shard| async move {
        let authority = Authority::new();
        let mut server = Server::new(&shard, &authority.server());
        server.acceptor.handshakes_max = PLACES;
        let counters = server.listener.counters();
        let (mut old, mut old_server) = server.serve(&authority.client()).await.unwrap();

        let hello = client_hello(&shard, &authority.client()).await;
        let (mut slow, mut waiting) = (Vec::new(), Vec::new());
        for _ in 0..PLACES {
            let (mut client, stream) = server.streams().await;
            let mut acceptor = server.acceptor.clone();
            acceptor.handshake_timeout = Duration::from_mins(1);
            waiting.push(shard.spawn(async move { acceptor.accept(stream).await.map(drop) }));
            client.write(hello.slice(..10)).await.unwrap();
            slow.push(client);
        }
        until(&shard, || counters.tls_handshakes.load() == PLACES as u64).await;
        let (mut late, stream) = server.streams().await;
        assert!(matches!(server.acceptor.accept(stream).await.unwrap_err(), TlsError::Busy));
        assert_eq!(late.read().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(counters.tls_busy.load(), 1);

        for at in 10..30 {
            for client in &mut slow {
                client.write(hello.slice(at..=at)).await.ok();
            }
            exchange(&mut old, &mut old_server).await;
        }
        drop(waiting);
        until(&shard, || counters.tls_handshakes.load() == 0).await;

        server.acceptor.handshake_timeout = Duration::from_millis(20);
        let (mut client, stream) = server.streams().await;
        client.write(hello.slice(..10)).await.unwrap();
        let error = server.acceptor.accept(stream).await.unwrap_err();
        assert!(matches!(error, TlsError::TimedOut), "{error}");
        assert_eq!(counters.tls_timed_out.load(), 1);
        server.acceptor.handshake_timeout = Duration::from_mins(1);
        server.serve(&authority.client()).await.unwrap();
    });
}

#[test]
fn a_reset_is_told_during_the_handshake_and_after_it() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::new(&shard, &authority.server());
        let hello = client_hello(&shard, &authority.client()).await;
        for sent in [0, 3, hello.len()] {
            let (mut client, stream) = server.streams().await;
            client.write(hello.slice(..sent)).await.unwrap();
            client.flush().await.unwrap();
            let acceptor = server.acceptor.clone();
            let accepting = shard.spawn(async move { acceptor.accept(stream).await.map(drop) });
            until(&shard, || server.listener.counters().tls_handshakes.load() == 1).await;
            client.reset();
            let error = accepting.await.unwrap_err();
            assert!(matches!(error, TlsError::Broken(_)), "after {sent} bytes: {error}");
        }
        assert_eq!(server.listener.counters().tls_broken.load(), 3);

        let connector = TlsConnector::new(&authority.client()).unwrap();
        let (near, far) = pair(&server.shard, TcpOptions::default()).await;
        let (client, stream) = server.streams().await;
        let relay = shard.spawn(relay(far, client));
        let (client, accepted) =
            futures_util::join!(connector.connect(near, NAME), server.acceptor.accept(stream));
        let (mut client, mut accepted) = (client.unwrap(), accepted.unwrap());
        exchange(&mut client, &mut accepted).await;
        drop(client);
        drop(relay);
        let mut word = [0; 4];
        let end = AsyncReadExt::read(&mut accepted, &mut word).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    });
}

#[test]
fn a_damaged_record_ends_the_connection() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::new(&shard, &authority.server());
        let connector = TlsConnector::new(&authority.client()).unwrap();
        let (near, far) = pair(&shard, TcpOptions::default()).await;
        let (onward, stream) = server.streams().await;
        let relaying = shard.spawn(relay(far, onward));
        let (client, accepted) =
            futures_util::join!(connector.connect(near, NAME), server.acceptor.accept(stream));
        let (mut client, mut accepted) = (client.unwrap(), accepted.unwrap());
        exchange(&mut client, &mut accepted).await;
        client.write(Bytes::from_static(DAMAGE_ME)).await.unwrap();
        let mut word = [0; 4];
        let error = AsyncReadExt::read(&mut accepted, &mut word).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let again = AsyncReadExt::read(&mut accepted, &mut word).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::InvalidData, "and stays ended");
        drop(relaying);
    });
}

/// Long enough to be known by its length while it is encrypted.
const DAMAGE_ME: &[u8] = &[1; 5000];

/// Passes on what comes from either side. A bit of the last byte of long chunks from the first
/// changes on the way.
async fn relay(mut near: TcpStream, mut far: TcpStream) {
    loop {
        let chunk = std::future::poll_fn(|context| {
            if let std::task::Poll::Ready(data) = near.poll_fill(context) {
                return std::task::Poll::Ready((true, data.map(std::mem::take)));
            }
            far.poll_fill(context).map(|data| (false, data.map(std::mem::take)))
        });
        match chunk.await {
            (is_near, Ok(mut data)) if !data.is_empty() => {
                if is_near && data.len() >= DAMAGE_ME.len() {
                    *data.last_mut().expect("it is long") ^= 1;
                }
                let to = if is_near { &mut far } else { &mut near };
                if to.write(data.freeze()).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
