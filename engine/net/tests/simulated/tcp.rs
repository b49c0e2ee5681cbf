//! Streams.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future;
use roundhouse_net::tcp::{ListenerOptions, TcpConnector, TcpListener, TcpOptions, TcpStream};
use roundhouse_runtime::Task;

use crate::quic::data;
use crate::town::{Host, Town, for_seeds};
use crate::weather;

/// Where servers listen.
pub(crate) const PORT: u16 = 80;

pub(crate) fn listen(host: &Host, options: TcpOptions) -> TcpListener {
    let local = SocketAddr::new(host.node.address(), PORT);
    let options = ListenerOptions { stream: options, ..ListenerOptions::new(local) };
    TcpListener::bind(&host.shard, &options).unwrap()
}

/// Echoes every connection.
fn serve(host: &Host) -> Task<()> {
    let listener = listen(host, TcpOptions::default());
    let shard = host.shard.clone();
    host.start(async move {
        loop {
            let mut stream = listener.accept().await;
            let echo = async move {
                while let Ok(Some(data)) = stream.read().await {
                    if stream.write(data.freeze()).await.is_err() {
                        return;
                    }
                }
                // The client may be gone.
                let _ = stream.shut_down().await;
            };
            shard.spawn(echo).detach();
        }
    })
}

/// Sends `sent` and expects it back, then the end.
async fn echo(stream: TcpStream, sent: Vec<u8>) {
    use futures_util::{AsyncReadExt, AsyncWriteExt};
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

/// A listening server and a connected pair.
fn pair(town: &mut Town, options: &TcpOptions) -> (Host, Host, TcpStream, TcpStream) {
    let (server, client) = (town.host("server"), town.host("client"));
    let listener = listen(&server, options.clone());
    let to = listener.local_address();
    let accepting = server.start(async move { listener.accept().await });
    let connector = TcpConnector::new(&client.shard, options.clone());
    let there = town.run(&client, async move { connector.connect(to).await.unwrap() });
    let here = town.finish(accepting);
    (client, server, there, here)
}

#[test]
fn what_is_sent_comes_back_in_any_weather() {
    for weather in weather::ALL {
        for_seeds(0..3, |seed| {
            let mut town = Town::new(seed);
            town.world.change_links(weather.set);
            let server = town.host("server");
            let serving = serve(&server);
            let to = SocketAddr::new(server.node.address(), PORT);
            let clients: Vec<_> = (0..4)
                .map(|n| {
                    let host = town.host(&format!("client {n}"));
                    let connector = TcpConnector::new(&host.shard, TcpOptions::default());
                    host.start(async move {
                        for bytes in [1, 1000, 100_000] {
                            let stream = connector.connect(to).await.unwrap();
                            echo(stream, data(seed + n, bytes)).await;
                        }
                        assert_eq!(connector.counters().broken.load(), 0);
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

#[test]
fn megabytes_get_through_one_percent_of_loss() {
    let mut town = Town::new(1);
    town.world.change_links(|link| link.loss = 0.01);
    let server = town.host("server");
    let serving = serve(&server);
    let to = SocketAddr::new(server.node.address(), PORT);
    let client = town.host("client");
    let connector = TcpConnector::new(&client.shard, TcpOptions::default());
    town.run(&client, async move {
        echo(connector.connect(to).await.unwrap(), data(1, 10 << 20)).await;
    });
    assert!(town.world.now().since(Default::default()) < Duration::from_mins(2));
    drop(serving);
    town.expect_nothing_left();
}

#[test]
fn a_reader_that_does_not_read_holds_the_writer_back() {
    let mut town = Town::new(1);
    let (client, server, mut there, mut here) = pair(&mut town, &TcpOptions::default());
    let writing = client.start(async move {
        for _ in 0..64 {
            there.write(Bytes::from(vec![7; 65_536])).await.unwrap();
        }
        there.shut_down().await.unwrap();
        there
    });
    town.pass(Duration::from_mins(1));
    assert!(!writing.is_finished(), "four mebibytes are more than both sides hold");
    assert!(town.world.network_load().buffered_bytes <= 2 * (256 << 10));
    let read = town.run(&server, async move {
        let mut read = 0;
        while let Some(data) = here.read().await.unwrap() {
            read += data.len();
        }
        read
    });
    assert_eq!(read, 64 * 65_536);
    drop(town.finish(writing));
    town.expect_nothing_left();
}

#[test]
fn nobody_there_refuses_and_nothing_there_times_out() {
    let mut town = Town::new(1);
    let (server, client) = (town.host("server"), town.host("client"));
    let connect = |to: SocketAddr| {
        let connector = TcpConnector::new(&client.shard, TcpOptions::default());
        async move { connector.connect(to).await.unwrap_err().kind() }
    };
    let to = SocketAddr::new(server.node.address(), PORT);
    assert_eq!(town.run(&client, connect(to)), ErrorKind::ConnectionRefused);
    let nowhere = SocketAddr::new([192, 0, 2, 1].into(), PORT);
    assert_eq!(town.run(&client, connect(nowhere)), ErrorKind::NetworkUnreachable);
    town.world.cut(&client.node, &server.node);
    let began = town.world.now();
    assert_eq!(town.run(&client, connect(to)), ErrorKind::TimedOut);
    assert!(town.world.now().since(began) >= TcpOptions::default().connect_timeout);
    town.expect_nothing_left();
}

#[test]
fn attempts_beyond_the_backlog_wait_and_get_in_later() {
    const CLIENTS: usize = 6;
    let mut town = Town::new(1);
    let server = town.host("server");
    let local = SocketAddr::new(server.node.address(), PORT);
    let options = ListenerOptions { backlog: 2, ..ListenerOptions::new(local) };
    let listener = TcpListener::bind(&server.shard, &options).unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let host = town.host(&format!("client {n}"));
            let connector = TcpConnector::new(&host.shard, TcpOptions::default());
            host.start(async move { connector.connect(local).await.unwrap() })
        })
        .collect();
    town.pass(Duration::from_millis(500));
    assert_eq!(clients.iter().filter(|client| client.is_finished()).count(), 2);
    let accepting = server.start(async move {
        let mut accepted = Vec::new();
        while accepted.len() < CLIENTS {
            accepted.push(listener.accept().await);
        }
        accepted
    });
    let accepted = town.finish(accepting);
    let connected: Vec<_> = clients.into_iter().map(|client| town.finish(client)).collect();
    drop((accepted, connected));
    town.expect_nothing_left();
}

#[test]
fn a_short_cut_delays_and_a_long_one_is_a_timeout() {
    for_seeds(0..3, |seed| {
        let mut town = Town::new(seed);
        let (client, server, mut there, mut here) = pair(&mut town, &TcpOptions::default());
        town.world.change_link(&client.node, &server.node, |link| link.is_cut = true);
        let writing = client.start(async move {
            there.write(Bytes::from_static(b"!")).await.unwrap();
            there.flush().await.unwrap();
            there
        });
        town.pass(Duration::from_secs(30));
        town.world.heal(&client.node, &server.node);
        let (read, here) = town.run(&server, async move { (here.read().await.unwrap(), here) });
        assert_eq!(read.as_deref(), Some(&b"!"[..]));

        let mut there = town.finish(writing);
        town.world.cut(&client.node, &server.node);
        let broken = town.run(&client, async move {
            there.write(Bytes::from_static(b"never")).await.unwrap();
            there.read().await.unwrap_err().kind()
        });
        assert_eq!(broken, ErrorKind::TimedOut);
        let mut here = here;
        let missed = town.run(&server, async move { here.read().await.unwrap_err().kind() });
        assert_eq!(missed, ErrorKind::TimedOut, "by keep-alive");
        town.expect_nothing_left();
    });
}

#[test]
fn resets_reach_the_other_end_and_so_does_a_reboot() {
    let mut town = Town::new(1);
    let (_, server, there, mut here) = pair(&mut town, &TcpOptions::default());
    there.reset();
    let kind = town.run(&server, async move {
        let kind = here.read().await.unwrap_err().kind();
        assert_eq!(here.read().await.unwrap_err().kind(), kind, "the same again");
        kind
    });
    assert_eq!(kind, ErrorKind::ConnectionReset);

    let mut town = Town::new(2);
    let (client, server, mut there, here) = pair(&mut town, &TcpOptions::default());
    town.crash(&server);
    let again = town.host("server");
    let kind = town.run(&client, async move {
        there.write(Bytes::from_static(b"anybody there?")).await.unwrap();
        there.read().await.unwrap_err().kind()
    });
    assert_eq!(kind, ErrorKind::ConnectionReset, "the new one knows nothing");
    drop((here, again));
    town.expect_nothing_left();
}

#[test]
fn a_rebinding_of_a_nat_breaks_streams() {
    let mut town = Town::new(1);
    let (server, client) = (town.host("server"), town.host("client"));
    client.node.set_nat(true);
    let serving = serve(&server);
    let to = SocketAddr::new(server.node.address(), PORT);
    let connector = TcpConnector::new(&client.shard, TcpOptions::default());
    let mut stream = town.run(&client, async move { connector.connect(to).await.unwrap() });
    client.node.rebind_nat();
    let kind = town.run(&client, async move {
        stream.write(Bytes::from_static(b"still me")).await.unwrap();
        stream.read().await.unwrap_err().kind()
    });
    assert_eq!(kind, ErrorKind::ConnectionReset);
    drop(serving);
    // The server learns of it by keep-alive only.
    town.pass(Duration::from_mins(3));
    town.expect_nothing_left();
}

#[test]
fn a_path_that_carries_only_small_packets_all_of_a_sudden_is_found_out() {
    let mut town = Town::new(1);
    let server = town.host("server");
    let serving = serve(&server);
    let to = SocketAddr::new(server.node.address(), PORT);
    let client = town.host("client");
    let connector = TcpConnector::new(&client.shard, TcpOptions::default());
    let stream = town.run(&client, async move { connector.connect(to).await.unwrap() });
    town.world.change_links(|link| link.path_mtu_bytes = 1280);
    town.run(&client, echo(stream, data(1, 100_000)));
    drop(serving);
    town.expect_nothing_left();
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let trace = |seed| {
        let mut town = Town::new(seed);
        town.world.change_links(|link| (link.loss, link.corruption) = (0.03, 0.03));
        let server = town.host("server");
        let serving = serve(&server);
        let to = SocketAddr::new(server.node.address(), PORT);
        let client = town.host("client");
        let connector = TcpConnector::new(&client.shard, TcpOptions::default());
        town.run(&client, async move {
            echo(connector.connect(to).await.unwrap(), data(seed, 200_000)).await;
        });
        drop(serving);
        town.expect_nothing_left();
        (town.world.trace_hash(), town.world.network_counts())
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
