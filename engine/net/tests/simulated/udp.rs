//! Datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, Either};
use roundhouse_net::udp::{Ecn, Transmit, UdpOptions, UdpSocket};
use roundhouse_runtime::Shard;

use crate::town::{Host, Town, for_seeds};
use crate::weather;

/// Where servers listen.
const PORT: u16 = 7;
/// Requests of each client.
const CALLS: u8 = 20;
/// What a client waits for an answer before it asks again.
const PATIENCE: Duration = Duration::from_millis(700);

fn bind(host: &Host, port: u16) -> UdpSocket {
    let local = SocketAddr::new(host.node.address(), port);
    UdpSocket::bind(&host.shard, &UdpOptions::new(local)).unwrap()
}

fn transmit(to: SocketAddr, data: Bytes) -> Transmit {
    Transmit {
        destination: to,
        source: None,
        ecn: Ecn::NotCapable,
        data: data.into(),
        segment_bytes: None,
    }
}

/// Sends everything back, for ever.
async fn echo(socket: UdpSocket) {
    loop {
        let arrival = socket.receive().await.unwrap();
        let from = arrival.source;
        for datagram in arrival.into_segments() {
            socket.send(transmit(from, datagram.freeze())).await;
        }
    }
}

/// Asks until the right answer comes, [`CALLS`] times.
async fn call(shard: Shard, socket: UdpSocket, to: SocketAddr) {
    for n in 0..CALLS {
        let question = vec![n; 900];
        loop {
            socket.send(transmit(to, question.clone().into())).await;
            let answer = Box::pin(socket.receive());
            let Either::Left((answer, _)) = future::select(answer, shard.sleep(PATIENCE)).await
            else {
                continue;
            };
            if answer.unwrap().into_segments().any(|datagram| datagram == question) {
                break;
            }
        }
    }
}

#[test]
fn who_asks_again_gets_an_answer_in_any_weather() {
    for weather in weather::ALL {
        for_seeds(0..3, |seed| {
            let mut town = Town::new(seed);
            town.world.change_links(weather.set);
            let server = town.host("server");
            let to = SocketAddr::new(server.node.address(), PORT);
            let echo = server.start(echo(bind(&server, PORT)));
            let clients: Vec<_> = (0..5)
                .map(|n| {
                    let host = town.host(&format!("client {n}"));
                    host.start(call(host.shard.clone(), bind(&host, 0), to))
                })
                .collect();
            for client in clients {
                town.finish(client);
            }
            let counts = town.world.network_counts();
            assert!(counts.sent >= 5 * 2 * u64::from(CALLS), "{}: {counts}", weather.name);
            drop(echo);
            town.expect_nothing_left();
        });
    }
}

#[test]
fn a_receiver_that_is_slow_loses_what_its_socket_cannot_hold_and_goes_on() {
    let mut town = Town::new(1);
    let (a, b) = (town.host("a"), town.host("b"));
    let options = UdpOptions {
        receive_bytes: 20_000,
        receive_queue: 4,
        ..UdpOptions::new(SocketAddr::new(b.node.address(), PORT))
    };
    let slow = UdpSocket::bind(&b.shard, &options).unwrap();
    let (to, counters) = (slow.local_address(), slow.counters());
    let sender = bind(&a, 0);
    // Someone begins to receive, and then does something else for a while.
    let slow = town.run(&b, async move {
        assert!(futures_util::poll!(Box::pin(slow.receive())).is_pending());
        slow
    });
    let shard = a.shard.clone();
    town.run(&a, async move {
        for n in 0..200 {
            sender.send(transmit(to, vec![n; 1000].into())).await;
            shard.sleep(Duration::from_micros(50)).await;
        }
    });
    let shard = b.shard.clone();
    let heard = town.run(&b, async move {
        let mut heard = 0;
        loop {
            let arrival = Box::pin(slow.receive());
            let end = shard.sleep(Duration::from_secs(1));
            let Either::Left((arrival, _)) = future::select(arrival, end).await else { break };
            heard += arrival.unwrap().into_segments().count();
            shard.sleep(Duration::from_millis(1)).await;
        }
        heard
    });
    assert!((5..200).contains(&heard), "{heard}");
    assert!(town.world.network_counts().socket_full > 0 && counters.arrivals.load() > 0);
    town.expect_nothing_left();
}

#[test]
fn a_datagram_the_device_refuses_is_counted_and_the_rest_goes_on() {
    let mut town = Town::new(1);
    let (a, b) = (town.host("a"), town.host("b"));
    let (sender, receiver) = (bind(&a, 0), bind(&b, 0));
    let (to, counters) = (receiver.local_address(), sender.counters());
    let shard = a.shard.clone();
    town.run(&a, async move {
        sender.send(transmit(to, vec![0; 1473].into())).await;
        let train = Transmit { segment_bytes: Some(1480), ..transmit(to, vec![0; 2000].into()) };
        sender.send(train).await;
        sender.send(transmit(to, vec![1; 5].into())).await;
        shard.sleep(Duration::from_millis(1)).await;
        sender.send_ready().await;
    });
    let heard = town.run(&b, async move { receiver.receive().await.unwrap() });
    assert_eq!(&heard.data[..], [1; 5]);
    assert_eq!(counters.lost_too_long.load(), 1);
    town.expect_nothing_left();
}
