//! The suites of bare sockets over the loopback address, client and server on a core each.
//!
//! A case's client is the same for all servers, so that what differs is the server.

mod blocking;
mod echo;
mod epoll;
mod shards;
mod tcp;
#[cfg(feature = "peers")]
mod tokio;
#[cfg(feature = "peers")]
mod tokio_uring;
#[cfg(feature = "peers")]
mod trains;
mod udp;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use roundhouse_measure::{Case, ROUNDHOUSE, Subject, Suite};
use roundhouse_runtime::SpinOptions;

use echo::Echo;
use tcp::Tcp;
use udp::Udp;

/// Datagrams.
pub(crate) fn udp() -> Suite {
    let about = "Datagrams over the loopback address, client and server on a core each.";
    Suite { name: "udp", about, cases: vec![udp_echo(), udp_one_way()] }
}

/// Streams.
pub(crate) fn tcp() -> Suite {
    let about = "Streams over the loopback address, client and server on a core each.";
    Suite { name: "tcp", about, cases: vec![tcp_echo()] }
}

fn udp_echo() -> Case {
    let mut subjects: Vec<Box<dyn Subject>> = vec![Echo::<Udp, _>::of(blocking::Blocking)];
    for (name, spin) in SPINS {
        subjects.push(Echo::<Udp, _>::of(shards::Shards { name, spin }));
    }
    #[cfg(feature = "peers")]
    {
        subjects.push(Echo::<Udp, _>::of(tokio::Tokio));
        subjects.push(Echo::<Udp, _>::of(tokio_uring::TokioUring));
    }
    let about = "64 bytes and their echo, one at a time; a blocking client.";
    Case { name: "udp-echo-1", about, subjects }
}

fn udp_one_way() -> Case {
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    #[cfg(feature = "peers")]
    subjects.push(Box::new(udp::OneWay(trains::Trains)));
    for (name, spin) in SPINS {
        subjects.push(Box::new(udp::OneWay(shards::Shards { name, spin })));
    }
    let about = "Datagrams of 1200 bytes one way, as many as go; what arrives counts.";
    Case { name: "udp-one-way-1200", about, subjects }
}

fn tcp_echo() -> Case {
    let mut subjects: Vec<Box<dyn Subject>> = vec![Echo::<Tcp, _>::of(epoll::Epoll)];
    for (name, spin) in SPINS {
        subjects.push(Echo::<Tcp, _>::of(shards::Shards { name, spin }));
    }
    #[cfg(feature = "peers")]
    {
        subjects.push(Echo::<Tcp, _>::of(tokio::Tokio));
        subjects.push(Echo::<Tcp, _>::of(tokio_uring::TokioUring));
    }
    let about =
        "64 connections, 64 bytes and their echo on each, one at a time; a shard as client.";
    Case { name: "tcp-echo-64", about, subjects }
}

/// How the engine's shards wait for the kernel.
const SPINS: [(&str, SpinOptions); 2] = [
    (ROUNDHOUSE, SpinOptions::Adaptive(Duration::from_micros(50))),
    ("roundhouse-no-spin", SpinOptions::Never),
];

/// Bytes of a message that comes back.
const MESSAGE_BYTES: usize = 64;
/// A datagram of so many bytes ends a server.
const END_BYTES: usize = 1;
/// Connections of the case with streams.
const CONNECTIONS: usize = 64;
/// Any port of the loopback address.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
