//! Connections whose other end is not there any more, or never says anything.

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::Duration;

use bytes::Bytes;
use roundhouse_net::tcp::{KeepAlive, ListenerOptions, TcpConnector, TcpListener, TcpOptions};
use roundhouse_runtime::Shard;

use crate::patience::until;
use crate::shard::{loopback, on_shard};
use crate::tcp::listen;

#[test]
fn a_peer_that_is_gone_without_a_word_is_found_out_by_keep_alive() {
    on_shard(|shard| async move {
        let second = Duration::from_secs(1);
        let keep_alive = Some(KeepAlive { idle: second, interval: second, probes: 1 });
        let listener = listen(&shard, TcpOptions { keep_alive, ..TcpOptions::default() });
        let peer = vanishing_peer(listener.local_address());
        let mut stream = listener.accept().await;
        if !has_vanished(&shard, peer).await {
            return;
        }
        let error = stream.read().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::TimedOut));
        assert_eq!(listener.counters().broken.load(), 1);
    });
}

#[test]
fn a_peer_that_is_gone_without_a_word_is_found_out_by_writing() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let peer = vanishing_peer(listener.local_address());
        let mut stream = listener.accept().await;
        if !has_vanished(&shard, peer).await {
            return;
        }
        stream.write(Bytes::from_static(b"anybody there?")).await.unwrap();
        assert_eq!(stream.read().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn silent_connections_keep_their_places_only_until_they_have_idled() {
    const PLACES: usize = 4;
    on_shard(|shard| async move {
        let mut options =
            ListenerOptions { connections: PLACES, ..ListenerOptions::new(loopback()) };
        options.stream.idle_timeout = Some(Duration::from_millis(200));
        let listener = TcpListener::bind(&shard, &options).unwrap();
        let (to, counters) = (listener.local_address(), listener.counters());
        let spawner = shard.clone();
        let serving = shard.spawn(async move {
            loop {
                let mut stream = listener.accept().await;
                let answer = async move {
                    while let Ok(Some(data)) = stream.read().await {
                        stream.write(data.freeze()).await.ok();
                    }
                };
                spawner.spawn(answer).detach();
            }
        });
        let connect = |_| std::net::TcpStream::connect(to).unwrap();
        let _silent: Vec<_> = (0..PLACES).map(connect).collect();
        until(&shard, || counters.opened.load() == PLACES as u64).await;
        // Whoever tries again is let in when their time is over.
        let connector = TcpConnector::new(&shard, TcpOptions::default());
        for _ in 0..1000 {
            let mut client = connector.connect(to).await.unwrap();
            client.write(Bytes::from_static(b"hello")).await.ok();
            if let Ok(Some(answer)) = client.read().await {
                assert_eq!(&answer[..], b"hello");
                break;
            }
            shard.sleep(Duration::from_millis(10)).await;
        }
        until(&shard, || counters.timed_out.load() >= PLACES as u64).await;
        until(&shard, || counters.opened.load() > PLACES as u64).await;
        drop(serving);
    });
}

/// Connects, and then has its kernel forget the connection: no FIN, no RST. That needs the right to
/// administer the network; without it the exit status is 77.
fn vanishing_peer(to: SocketAddr) -> Child {
    const PROGRAM: &str = "
import socket, sys
TCP_REPAIR = 19
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
try:
    peer.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
except PermissionError:
    sys.exit(77)
peer.close()
";
    let (address, port) = (to.ip().to_string(), to.port().to_string());
    let python = Command::new("python3").args(["-c", PROGRAM, &address, &port]).spawn();
    python.expect("python3 is installed by .ci/install-tools")
}

/// Waits for the peer to have gone. False, and said so, where it may not; for the superuser in CI
/// that is a failure.
async fn has_vanished(shard: &Shard, mut peer: Child) -> bool {
    let status = loop {
        if let Some(status) = peer.try_wait().unwrap() {
            break status;
        }
        shard.sleep(Duration::from_millis(5)).await;
    };
    match status.code() {
        Some(0) => true,
        Some(77) => {
            const REASON: &str =
                "NOT TESTED HERE: only who administers the network can make a peer vanish";
            let is_ours = std::env::var_os("CI").is_some() && rustix::process::geteuid().is_root();
            assert!(!is_ours, "{REASON}");
            // Not by a macro, whose output a test that passes does not show.
            writeln!(std::io::stderr().lock(), "{REASON}").expect("standard error takes a line");
            false
        }
        code => panic!("the peer ended with {code:?}"),
    }
}
