//! TLS over streams.

use std::net::SocketAddr;

use futures_util::{AsyncReadExt, AsyncWriteExt, future};
use roundhouse_net::quic::Secrets;
use roundhouse_net::tcp::{TcpConnector, TcpOptions};
use roundhouse_net::tls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::identities::{Authority, NAME};
use crate::quic::data;
use crate::tcp::{PORT, listen};
use crate::town::{Host, Town, for_seeds};
use crate::weather;

/// Echoes every connection.
fn serve(host: &Host, authority: &Authority) -> roundhouse_runtime::Task<()> {
    let listener = listen(host, TcpOptions::default());
    let acceptor = TlsAcceptor::new(&authority.server(), &Secrets::new(&[7; 32])).unwrap();
    let (acceptor, shard) = (std::rc::Rc::new(acceptor), host.shard.clone());
    host.start(async move {
        loop {
            let (stream, acceptor) = (listener.accept().await, acceptor.clone());
            let echo = async move {
                let (reading, mut writing) = acceptor.accept(stream).await.unwrap().split();
                futures_util::io::copy(reading, &mut writing).await.unwrap();
                writing.close().await.unwrap();
            };
            shard.spawn(echo).detach();
        }
    })
}

async fn echo(stream: TlsStream, sent: Vec<u8>) {
    let (mut reading, mut writing) = stream.split();
    let mut back = Vec::new();
    let write = async {
        writing.write_all(&sent).await.unwrap();
        writing.close().await.unwrap();
    };
    let ((), read) = future::join(write, reading.read_to_end(&mut back)).await;
    read.unwrap();
    assert!(back == sent, "{} bytes came back as other {}", sent.len(), back.len());
}

#[test]
fn what_is_sent_comes_back_in_any_weather() {
    let authority = Authority::new();
    for weather in weather::ALL {
        for_seeds(0..2, |seed| {
            let mut town = Town::new(seed);
            town.world.change_links(weather.set);
            let server = town.host("server");
            let serving = serve(&server, &authority);
            let to = SocketAddr::new(server.node.address(), PORT);
            let clients: Vec<_> = (0..3)
                .map(|n| {
                    let host = town.host(&format!("client {n}"));
                    let tcp = TcpConnector::new(&host.shard, TcpOptions::default());
                    let tls = TlsConnector::new(&authority.client()).unwrap();
                    host.start(async move {
                        for bytes in [1, 1000, 50_000] {
                            let stream = tcp.connect(to).await.unwrap();
                            let stream = tls.connect(stream, NAME).await.unwrap();
                            echo(stream, data(seed + n, bytes)).await;
                        }
                    })
                })
                .collect();
            for client in clients {
                town.finish(client);
            }
            drop(serving);
            town.expect_nothing_left();
        });
    }
}
