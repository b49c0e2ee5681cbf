//! QUIC: echoes in any weather, transfers, many clients, long lives.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{AsyncReadExt, AsyncWriteExt, future};
use roundhouse_base::{Random, ShardId, WallTime};
use roundhouse_net::quic::pool::{Pool, PoolOptions};
use roundhouse_net::quic::{
    ClientConfig, Code, Connection, Endpoint, EndpointOptions, Listener, ServerConfig, Shared,
};
use roundhouse_net::udp::{UdpOptions, UdpSocket};
use roundhouse_runtime::Shard;
use roundhouse_runtime::sim::LinkOptions;

use crate::identities::{Authority, NAME, VALID_AT_MS};
use crate::town::{Host, Town, for_seeds};
use crate::weather;

/// Where servers listen.
pub(crate) const PORT: u16 = 443;

/// A server that echoes every stream, and what clients need to know of it.
pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) endpoint: Endpoint,
    trust: ClientConfig,
}

/// A client with its endpoint.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) host: Host,
    pub(crate) endpoint: Endpoint,
    trust: ClientConfig,
    pub(crate) to: SocketAddr,
}

pub(crate) fn options() -> EndpointOptions {
    let shared = Shared::new(&[7; 32], WallTime::from_millis(VALID_AT_MS), 1);
    EndpointOptions::new(ShardId(0), shared)
}

fn open(host: &Host, port: u16, options: EndpointOptions) -> Endpoint {
    let local = SocketAddr::new(host.node.address(), port);
    let socket = UdpSocket::bind(&host.shard, &UdpOptions::new(local)).unwrap();
    Endpoint::open(&host.shard, socket, options).unwrap()
}

impl Server {
    pub(crate) fn start(town: &mut Town) -> Server {
        let host = town.host("server");
        let authority = Authority::new();
        let endpoint = open(&host, PORT, options());
        let config = ServerConfig::new(&authority.server(), &options().shared).unwrap();
        host.start(serve(host.shard.clone(), endpoint.listen(&config))).detach();
        let trust = ClientConfig::new(&authority.client(), &options().shared).unwrap();
        Server { host, endpoint, trust }
    }

    pub(crate) fn client(&self, town: &mut Town, name: &str) -> Client {
        self.client_with(town, name, options())
    }

    pub(crate) fn client_with(
        &self,
        town: &mut Town,
        name: &str,
        options: EndpointOptions,
    ) -> Client {
        let host = town.host(name);
        let endpoint = open(&host, 0, options);
        let to = SocketAddr::new(self.host.node.address(), PORT);
        Client { host, endpoint, trust: self.trust.clone(), to }
    }

    /// Ends the server and fails if anything is left anywhere.
    pub(crate) fn end(self, town: &mut Town) {
        let endpoint = self.endpoint;
        endpoint.close(Code::default(), &Bytes::new());
        town.run(&self.host, async move { endpoint.drained().await });
        town.expect_nothing_left();
    }
}

impl Client {
    pub(crate) async fn connect(&self) -> Connection {
        self.endpoint.connect(&self.trust, self.to, NAME).unwrap().await.unwrap()
    }

    /// A pool of connections from its endpoint.
    pub(crate) fn pool(&self, options: PoolOptions) -> Pool {
        Pool::new(&self.host.shard, self.endpoint.clone(), self.trust.clone(), options)
    }

    /// Closes everything and waits until it is gone.
    pub(crate) async fn end(self) {
        self.endpoint.close(Code::default(), &Bytes::new());
        self.endpoint.drained().await;
    }
}

/// Echoes every stream of every connection.
pub(crate) async fn serve(shard: Shard, listener: Listener) {
    while let Some(connecting) = listener.accept().await {
        let spawner = shard.clone();
        let connection = async move {
            let Ok(connection) = connecting.await else { return };
            while let Ok((mut sending, receiving)) = connection.accept_bidirectional().await {
                let echo = async move {
                    if futures_util::io::copy(receiving, &mut sending).await.is_ok() {
                        // The client may have ended the connection meanwhile.
                        let _ = sending.close().await;
                    }
                };
                spawner.spawn(echo).detach();
            }
        };
        shard.spawn(connection).detach();
    }
}

/// Sends `sent` on a stream of its own and expects it back.
pub(crate) async fn echo(connection: &Connection, sent: &[u8]) {
    let (mut sending, mut receiving) = connection.open_bidirectional().await.unwrap();
    let write = async {
        sending.write_all(sent).await.unwrap();
        sending.close().await.unwrap();
    };
    let mut back = Vec::new();
    let read = AsyncReadExt::read_to_end(&mut receiving, &mut back);
    let ((), read) = future::join(write, read).await;
    read.unwrap();
    assert!(back == sent, "{} bytes came back as other {}", sent.len(), back.len());
}

/// Bytes that belong to a seed.
pub(crate) fn data(seed: u64, bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    Random::new(seed).fill(&mut data);
    data
}

#[test]
fn what_is_sent_comes_back_in_any_weather() {
    for weather in weather::ALL {
        for_seeds(0..3, |seed| {
            let mut town = Town::new(seed);
            town.world.change_links(weather.set);
            let server = Server::start(&mut town);
            let clients: Vec<_> = (0..4)
                .map(|n| {
                    let client = server.client(&mut town, &format!("client {n}"));
                    client.host.clone().start(async move {
                        let connection = client.connect().await;
                        for bytes in [1, 1000, 30_000] {
                            echo(&connection, &data(seed + n, bytes)).await;
                        }
                        client.end().await;
                    })
                })
                .collect();
            for client in clients {
                town.finish(client);
            }
            server.end(&mut town);
        });
    }
}

#[test]
fn ten_mebibytes_arrive_whole_through_one_percent_of_loss() {
    for_seeds(0..1, |seed| {
        let mut town = Town::new(seed);
        town.world.change_links(|link| link.loss = 0.01);
        let server = Server::start(&mut town);
        let client = server.client(&mut town, "client");
        let host = client.host.clone();
        town.run(&host, async move {
            let connection = client.connect().await;
            echo(&connection, &data(seed, 10 << 20)).await;
            let lost = connection.stats().unwrap().packets_lost;
            assert!(lost > 50, "of some 8,000 packets, {lost} lost");
            client.end().await;
        });
        server.end(&mut town);
    });
}

#[test]
fn a_quiet_connection_lives_for_hours() {
    const HOURS: u64 = 12;
    let mut town = Town::new(3);
    town.world.change_links(|link| link.loss = 0.01);
    let server = Server::start(&mut town);
    let clients: Vec<_> = (0..3)
        .map(|n| {
            let client = server.client(&mut town, &format!("client {n}"));
            let shard = client.host.shard.clone();
            client.host.clone().start(async move {
                let connection = client.connect().await;
                for minute in 0..HOURS * 60 {
                    for _ in 0..3 {
                        shard.sleep(Duration::from_secs(20)).await;
                        connection.ping();
                    }
                    if minute % 60 == 0 {
                        echo(&connection, &data(minute, 10_000)).await;
                    }
                }
                client.end().await;
            })
        })
        .collect();
    for client in clients {
        town.finish(client);
    }
    assert!(town.world.now().since(Default::default()) >= Duration::from_hours(HOURS));
    server.end(&mut town);
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let trace = |seed| {
        let mut town = Town::new(seed);
        let bad = |link: &mut LinkOptions| {
            (link.loss, link.reordering, link.duplication) = (0.02, 0.05, 0.05);
        };
        town.world.change_links(bad);
        let server = Server::start(&mut town);
        let client = server.client(&mut town, "client");
        let host = client.host.clone();
        town.run(&host, async move {
            let connection = client.connect().await;
            echo(&connection, &data(seed, 100_000)).await;
            client.end().await;
        });
        server.end(&mut town);
        (town.world.trace_hash(), town.world.network_counts())
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
