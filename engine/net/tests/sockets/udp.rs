//! Datagrams.

use std::net::SocketAddr;

use bytes::Bytes;
use roundhouse_net::udp::{Ecn, Transmit, UdpOptions, UdpSocket};
use roundhouse_runtime::{Shard, yield_now};

use crate::shard::{loopback, on_shard};

fn bind(shard: &Shard) -> UdpSocket {
    UdpSocket::bind(shard, &UdpOptions::new(loopback())).unwrap()
}

fn transmit(to: SocketAddr, data: impl Into<Bytes>) -> Transmit {
    let data: Bytes = data.into();
    Transmit {
        destination: to,
        source: None,
        ecn: Ecn::NotCapable,
        data: data.into(),
        segment_bytes: None,
    }
}

#[test]
fn an_answer_goes_back_to_where_the_question_came_from() {
    on_shard(|shard| async move {
        let (client, server) = (bind(&shard), bind(&shard));
        client.send(transmit(server.local_address(), &b"question"[..])).await;
        let question = server.receive().await.unwrap();
        assert_eq!(question.source, client.local_address());

        let answer = Transmit {
            source: question.destination,
            ..transmit(question.source, question.data.freeze())
        };
        server.send(answer).await;
        assert_eq!(&client.receive().await.unwrap().data[..], b"question");
    });
}

#[test]
fn a_train_longer_than_the_kernel_takes_arrives_whole() {
    on_shard(|shard| async move {
        let (a, b) = (bind(&shard), bind(&shard));
        let content: Bytes = (0..200 * 500).map(|n| (n / 500) as u8).collect::<Vec<u8>>().into();
        let train =
            Transmit { segment_bytes: Some(500), ..transmit(b.local_address(), content.clone()) };
        a.send(train).await;

        let (mut arrived, mut arrivals) = (Vec::new(), 0);
        while arrived.len() < content.len() {
            arrivals += 1;
            for datagram in b.receive().await.unwrap().into_segments() {
                assert_eq!(datagram.len(), 500);
                arrived.extend_from_slice(&datagram);
            }
        }
        assert_eq!(arrived, content);
        assert!(arrivals < 20, "{arrivals} arrivals for 200 datagrams: no trains");
    });
}

#[test]
fn a_full_send_queue_refuses_and_room_comes_back() {
    on_shard(|shard| async move {
        let options = UdpOptions { send_queue: 4, ..UdpOptions::new(loopback()) };
        let a = UdpSocket::bind(&shard, &options).unwrap();
        let b = bind(&shard);
        let small = || transmit(b.local_address(), &b"x"[..]);
        for _ in 0..4 {
            a.try_send(small()).unwrap();
        }
        assert!(a.try_send(small()).is_err(), "nothing has left in this turn yet");
        assert_eq!(a.counters().refused.load(), 1);

        a.send(small()).await;
        for _ in 0..5 {
            b.receive().await.unwrap();
        }
        a.send_ready().await;
        assert_eq!(a.counters().lost_other.load(), 0);
    });
}

#[test]
fn a_slow_reader_pauses_and_then_gets_what_the_kernel_kept() {
    const DATAGRAMS: usize = 100;
    on_shard(|shard| async move {
        let options = UdpOptions { receive_queue: 8, ..UdpOptions::new(loopback()) };
        let b = UdpSocket::bind(&shard, &options).unwrap();
        let sender = std::net::UdpSocket::bind(loopback()).unwrap();
        let send = |n: u8| sender.send_to(&[n], b.local_address()).unwrap();
        send(0);
        assert_eq!(&b.receive().await.unwrap().data[..], [0]);
        for n in 0..DATAGRAMS {
            send(n as u8);
            // Let them arrive while nobody reads.
            shard.sleep(std::time::Duration::from_micros(50)).await;
            yield_now().await;
        }
        for n in 0..DATAGRAMS {
            assert_eq!(&b.receive().await.unwrap().data[..], [n as u8]);
        }
        assert!(b.counters().receive_pauses.load() > 0);
    });
}

#[test]
fn what_the_network_refuses_is_counted_and_the_rest_goes_on() {
    on_shard(|shard| async move {
        let (a, b) = (bind(&shard), bind(&shard));
        let to = b.local_address();
        a.send(transmit(to, vec![0; 65_508])).await;
        a.send(Transmit { source: Some([192, 0, 2, 1].into()), ..transmit(to, &b"x"[..]) }).await;
        a.send(transmit(to, &b"good"[..])).await;
        assert_eq!(&b.receive().await.unwrap().data[..], b"good");
        a.send_ready().await;
        let counters = a.counters();
        assert_eq!((counters.lost_too_long.load(), counters.lost_other.load()), (1, 1));
        assert_eq!((counters.transmits.load(), counters.bytes_sent.load()), (1, 4));
    });
}

#[test]
fn what_was_queued_before_the_drop_is_sent() {
    on_shard(|shard| async move {
        let (a, b) = (bind(&shard), bind(&shard));
        a.try_send(transmit(b.local_address(), &b"farewell"[..])).unwrap();
        let was = a.local_address();
        drop(a);
        assert_eq!(&b.receive().await.unwrap().data[..], b"farewell");
        UdpSocket::bind(&shard, &UdpOptions::new(was)).unwrap();
    });
}

#[test]
fn shards_share_a_port() {
    on_shard(|shard| async move {
        let options = UdpOptions { reuse_port: true, ..UdpOptions::new(loopback()) };
        let first = UdpSocket::bind(&shard, &options).unwrap();
        let local = first.local_address();
        let second = UdpSocket::bind(&shard, &UdpOptions { local, ..options }).unwrap();
        // Different sources meet different members; every one is heard by one of them.
        for _ in 0..20 {
            bind(&shard).send(transmit(local, &b"x"[..])).await;
        }
        for _ in 0..20 {
            futures_util::future::select(Box::pin(first.receive()), Box::pin(second.receive()))
                .await;
        }
    });
}
