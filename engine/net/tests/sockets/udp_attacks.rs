//! Datagrams nobody asked for: of any length and content, and more than anybody takes.

use std::time::Duration;

use bytes::Bytes;
use roundhouse_net::udp::{UdpOptions, UdpSocket};
use roundhouse_runtime::UringOptions;

use crate::shard::{loopback, on_shard, on_shard_with};

#[test]
fn datagrams_of_every_length_arrive_as_they_are() {
    on_shard(|shard| async move {
        let socket = UdpSocket::bind(&shard, &UdpOptions::new(loopback())).unwrap();
        let stranger = std::net::UdpSocket::bind(loopback()).unwrap();
        for bytes in [0, 1, 1199, 1200, 9000, 65_507] {
            stranger.send_to(&vec![0xff; bytes], socket.local_address()).unwrap();
            let arrival = socket.receive().await.unwrap();
            assert_eq!(arrival.source, stranger.local_addr().unwrap());
            assert_eq!(arrival.data, Bytes::from(vec![0xff; bytes]));
        }
        assert_eq!(socket.counters().arrivals.load(), 6);
    });
}

/// Whoever keeps what arrives, in a flood, makes the driver copy: its buffers do not grow beyond
/// their bound, and someone else's datagrams still come through.
#[test]
fn a_flood_that_is_kept_costs_bounded_memory() {
    const DATAGRAMS: usize = 2000;
    let mut options = UringOptions::default();
    options.datagram_buffers.limit_memory(1 << 20);
    let bound = u64::from(options.datagram_buffers.buffers_max)
        * (options.datagram_buffers.bytes as u64 + HEADER_BYTES_MAX);
    on_shard_with(&options, move |shard, driver| async move {
        let socket = UdpSocket::bind(&shard, &UdpOptions::new(loopback())).unwrap();
        let other = UdpSocket::bind(&shard, &UdpOptions::new(loopback())).unwrap();
        let flood = std::net::UdpSocket::bind(loopback()).unwrap();
        let mut kept = Vec::new();
        for n in 0..DATAGRAMS {
            flood.send_to(&[n as u8; 1000], socket.local_address()).unwrap();
            if n % 50 == 0 {
                flood.send_to(b"beside", other.local_address()).unwrap();
                assert_eq!(&other.receive().await.unwrap().data[..], b"beside");
            }
            kept.push(socket.receive().await.unwrap());
            assert!(driver.buffer_bytes.load() <= bound, "{}", driver.buffer_bytes.load());
        }
        assert!(driver.buffers_copied.load() > 0, "the bound was met");
        assert!(kept.iter().enumerate().all(|(n, arrival)| arrival.data[..] == [n as u8; 1000]));
    });
}

/// The driver's own header before each datagram.
const HEADER_BYTES_MAX: u64 = 1024;

#[test]
fn a_flood_that_nobody_takes_stays_in_the_kernel() {
    const DATAGRAMS: usize = 20_000;
    on_shard(|shard| async move {
        let options = UdpOptions {
            receive_queue: 16,
            receive_bytes: 64 << 10,
            ..UdpOptions::new(loopback())
        };
        let socket = UdpSocket::bind(&shard, &options).unwrap();
        let flood = std::net::UdpSocket::bind(loopback()).unwrap();
        flood.send_to(b"first", socket.local_address()).unwrap();
        assert_eq!(&socket.receive().await.unwrap().data[..], b"first");
        for n in 0..DATAGRAMS {
            flood.send_to(&[0; 1000], socket.local_address()).unwrap();
            if n % 1000 == 0 {
                shard.sleep(Duration::from_millis(1)).await;
            }
        }
        // What is left is what queue and kernel hold, and then the socket is as good as new.
        let mut taken = 0;
        let marker = loop {
            flood.send_to(b"marker", socket.local_address()).unwrap();
            let arrival = socket.receive().await.unwrap();
            if arrival.into_segments().any(|datagram| &datagram[..] == b"marker") {
                break true;
            }
            taken += 1;
            assert!(taken < DATAGRAMS, "the flood was held");
        };
        assert!(marker && taken < DATAGRAMS / 2, "{taken} arrivals were held");
        assert!(socket.counters().receive_pauses.load() > 0);
    });
}
