//! TLS over streams.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use futures_util::io::AsyncReadExt;
use roundhouse_net::quic::{MASTER_SECRET_BYTES, Secrets};
use roundhouse_net::tcp::{TcpOptions, TcpStream};
use roundhouse_net::tls::{
    Certificates, ClientCertificates, ClientTls, Resumption, ServerTls, TlsAcceptor, TlsConnector,
    TlsError, TlsStream,
};
use roundhouse_runtime::Shard;

use crate::identities::{Authority, NAME};
use crate::shard::on_shard;
use crate::tcp::pair;

fn acceptor(tls: &ServerTls) -> TlsAcceptor {
    TlsAcceptor::new(tls, &Secrets::new(&[7; MASTER_SECRET_BYTES])).unwrap()
}

/// A handshake over a new connection: the client's outcome, the server's.
async fn shake(
    shard: &Shard,
    connector: &TlsConnector,
    acceptor: &TlsAcceptor,
) -> (Result<TlsStream, TlsError>, Result<TlsStream, TlsError>) {
    let (client, server) = pair(shard, TcpOptions::default()).await;
    futures_util::join!(connector.connect(client, NAME), acceptor.accept(server))
}

/// The first bytes that arrive, or the end.
async fn read(stream: &mut TlsStream) -> std::io::Result<Vec<u8>> {
    let mut buffer = [0; 64];
    let bytes = stream.read(&mut buffer).await?;
    Ok(buffer[..bytes].to_vec())
}

#[test]
fn both_sides_agree_on_a_protocol_and_say_goodbye() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let connector = TlsConnector::new(&authority.client()).unwrap();
        let (client, server) = shake(&shard, &connector, &acceptor(&authority.server())).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!(
            (client.protocol(), server.protocol()),
            (Some(&b"test"[..]), Some(&b"test"[..]))
        );
        assert_eq!(client.peer_certificates().map(<[_]>::len), Some(1));

        client.write(Bytes::from_static(b"question")).await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), b"question");
        client.shut_down().await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), b"");
        server.write(Bytes::from_static(b"answer")).await.unwrap();
        drop(server);
        assert_eq!(read(&mut client).await.unwrap(), b"answer");
        assert_eq!(read(&mut client).await.unwrap(), b"", "the drop says goodbye, too");
    });
}

#[test]
fn a_long_transfer_arrives_whole() {
    const BYTES: usize = 4 << 20;
    on_shard(|shard| async move {
        let authority = Authority::new();
        let connector = TlsConnector::new(&authority.client()).unwrap();
        let (client, server) = shake(&shard, &connector, &acceptor(&authority.server())).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        let content: Bytes = (0..BYTES).map(|n| (n / 251) as u8).collect::<Vec<u8>>().into();
        let sent = content.clone();
        let sending = shard.spawn(async move {
            server.write(sent).await.unwrap();
            server.shut_down().await.unwrap();
        });
        let mut arrived = Vec::new();
        client.read_to_end(&mut arrived).await.unwrap();
        assert!(arrived == content);
        sending.await;
    });
}

#[test]
fn sessions_are_resumed_by_memory_and_by_tickets() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        for resumption in [Resumption::default(), Resumption::Tickets] {
            let server = ServerTls { resumption, ..authority.server() };
            let (connector, acceptor) =
                (TlsConnector::new(&authority.client()).unwrap(), acceptor(&server));
            for round in 0..2 {
                let (client, server) = shake(&shard, &connector, &acceptor).await;
                let (mut client, mut server) = (client.unwrap(), server.unwrap());
                assert_eq!((client.is_resumed(), server.is_resumed()), (round > 0, round > 0));
                // The ticket comes after the handshake, before the first data.
                server.write(Bytes::from_static(b"x")).await.unwrap();
                read(&mut client).await.unwrap();
            }
        }
    });
}

#[test]
fn a_client_shows_its_certificate_or_is_refused() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let client_certificates = ClientCertificates::Required(authority.roots.clone());
        let acceptor = acceptor(&ServerTls { client_certificates, ..authority.server() });

        let known = ClientTls { identity: Some(authority.identity("me")), ..authority.client() };
        let connector = TlsConnector::new(&known).unwrap();
        let (client, server) = shake(&shard, &connector, &acceptor).await;
        client.unwrap();
        assert_eq!(server.unwrap().peer_certificates().map(<[_]>::len), Some(1));

        let nobody = TlsConnector::new(&authority.client()).unwrap();
        let (client, server) = shake(&shard, &nobody, &acceptor).await;
        assert!(matches!(server.unwrap_err(), TlsError::Refused(_)));
        // A client is done before the server has judged: it learns when it reads.
        let error = read(&mut client.unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn a_server_that_is_not_who_it_should_be_is_refused() {
    on_shard(|shard| async move {
        let (authority, stranger) = (Authority::new(), Authority::called("a stranger"));
        let connector = TlsConnector::new(&authority.client()).unwrap();
        let wrong_name = Certificates::new(authority.identity("other.test"));
        let expired = Certificates::new(authority.identity_until(NAME, 2021));
        for server in [
            stranger.server(),
            ServerTls { certificates: wrong_name, ..authority.server() },
            ServerTls { certificates: expired, ..authority.server() },
        ] {
            let (client, server) = shake(&shard, &connector, &acceptor(&server)).await;
            let refused = client.unwrap_err();
            assert!(matches!(refused, TlsError::Refused(rustls::Error::InvalidCertificate(_))));
            assert!(matches!(server.unwrap_err(), TlsError::RefusedByPeer(_)));
        }
    });
}

#[test]
fn no_common_protocol_is_no_connection() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let client = ClientTls { protocols: vec![b"other".to_vec()], ..authority.client() };
        let connector = TlsConnector::new(&client).unwrap();
        let (client, server) = shake(&shard, &connector, &acceptor(&authority.server())).await;
        let alert = rustls::AlertDescription::NoApplicationProtocol;
        assert!(matches!(client.unwrap_err(), TlsError::RefusedByPeer(told) if told == alert));
        assert!(matches!(server.unwrap_err(), TlsError::Refused(_)));
    });
}

#[test]
fn garbage_silence_and_early_ends_cost_one_handshake_each() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let mut acceptor = acceptor(&authority.server());
        acceptor.handshake_timeout = Duration::from_millis(20);

        let (mut client, server) = pair(&shard, TcpOptions::default()).await;
        client.write(Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n")).await.unwrap();
        assert!(matches!(acceptor.accept(server).await.unwrap_err(), TlsError::Refused(_)));

        let (_client, server) = pair(&shard, TcpOptions::default()).await;
        assert!(matches!(acceptor.accept(server).await.unwrap_err(), TlsError::TimedOut));

        let (client, server) = pair(&shard, TcpOptions::default()).await;
        drop(client);
        assert!(matches!(acceptor.accept(server).await.unwrap_err(), TlsError::Broken(_)));

        acceptor.handshakes_max = 0;
        let (mut client, server) = pair(&shard, TcpOptions::default()).await;
        assert!(matches!(acceptor.accept(server).await.unwrap_err(), TlsError::Busy));
        assert_eq!(client.read().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_stream_that_is_cut_off_is_no_orderly_end() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let connector = TlsConnector::new(&authority.client()).unwrap();
        let acceptor = acceptor(&authority.server());
        // Someone in between passes everything on, and then ends the stream.
        let (client, near) = pair(&shard, TcpOptions::default()).await;
        let (far, server) = pair(&shard, TcpOptions::default()).await;
        let relay = shard.spawn(relay_until_plain(near, far));
        let (client, server) =
            futures_util::join!(connector.connect(client, NAME), acceptor.accept(server));
        let (mut client, _server) = (client.unwrap(), server.unwrap());
        drop(relay);
        let error = read(&mut client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

/// Passes bytes on both ways until it is dropped.
async fn relay_until_plain(near: TcpStream, far: TcpStream) {
    let ((near_in, mut near_out), (far_in, mut far_out)) = (near.split(), far.split());
    let buffered = futures_util::io::BufReader::new;
    let (there, back) = futures_util::join!(
        futures_util::io::copy_buf(buffered(near_in), &mut far_out),
        futures_util::io::copy_buf(buffered(far_in), &mut near_out),
    );
    drop((there, back));
}
