//! Streams with peers that are slow, silent, gone or too many. Each costs a clear error and a
//! counter, and the connection beside it does not notice.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use bytes::Bytes;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use roundhouse_net::tcp::{ListenerOptions, TcpConnector, TcpListener, TcpOptions};
use roundhouse_runtime::Shard;

use crate::shard::{loopback, on_shard};
use crate::tcp::{listen, pair};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn a_peer_that_says_nothing_runs_out_of_time_to_be_read() {
    on_shard(|shard| async move {
        let options = TcpOptions { read_timeout: Some(SOON), ..TcpOptions::default() };
        let listener = listen(&shard, options);
        let _silent = std::net::TcpStream::connect(listener.local_address()).unwrap();
        let mut server = listener.accept().await;
        for _ in 0..2 {
            assert_eq!(server.read().await.unwrap_err().kind(), ErrorKind::TimedOut);
        }
        assert_eq!(listener.counters().timed_out.load(), 1);
    });
}

#[test]
fn idling_is_over_only_when_neither_direction_moves() {
    on_shard(|shard| async move {
        let idle_timeout = Some(Duration::from_millis(60));
        let (client, server) =
            pair(&shard, TcpOptions { idle_timeout, ..TcpOptions::default() }).await;
        let (mut reader, mut writer) = server.split();
        let start = shard.now();
        let clock = shard.clone();
        let reading = shard.spawn(async move {
            let read = reader.read(&mut [0; 8]).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
            clock.now().since(start)
        });
        for _ in 0..5 {
            shard.sleep(SOON).await;
            writer.write_all(b"x").await.unwrap();
        }
        assert!(reading.await > 5 * SOON, "writing kept it alive");
        drop(client);
    });
}

#[test]
fn a_peer_that_takes_nothing_runs_out_of_time_to_be_written_to() {
    const BYTES: usize = 16 << 20;
    on_shard(|shard| async move {
        let options = TcpOptions {
            write_timeout: Some(SOON),
            write_bytes: BYTES,
            linger: SOON,
            ..TcpOptions::default()
        };
        let listener = listen(&shard, options);
        let _lazy = std::net::TcpStream::connect(listener.local_address()).unwrap();
        let mut server = listener.accept().await;
        server.write(Bytes::from(vec![0; BYTES])).await.unwrap();
        assert_eq!(server.flush().await.unwrap_err().kind(), ErrorKind::TimedOut);
        let late = server.write(Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut, "the stream is done with");
    });
}

#[test]
fn connections_beyond_the_bound_are_reset_and_the_others_go_on() {
    on_shard(|shard| async move {
        let options = ListenerOptions { connections: 1, ..ListenerOptions::new(loopback()) };
        let listener = TcpListener::bind(&shard, &options).unwrap();
        let connector = TcpConnector::new(&shard, TcpOptions::default());
        let to = listener.local_address();
        let (first, mut server) = futures_util::join!(connector.connect(to), listener.accept());
        let mut first = first.unwrap();

        let counters = listener.counters();
        let accepting = shard.spawn(async move { listener.accept().await });
        let mut second = connector.connect(to).await.unwrap();
        assert_eq!(second.read().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(counters.refused.load(), 1);

        first.write(Bytes::from_static(b"still here")).await.unwrap();
        assert_eq!(&server.read().await.unwrap().unwrap()[..], b"still here");
        drop(server);
        let _third = connector.connect(to).await.unwrap();
        accepting.await;
    });
}

#[test]
fn a_reset_is_told_in_whatever_state_it_comes() {
    on_shard(|shard| async move {
        // While a read waits.
        let (client, mut server) = pair(&shard, TcpOptions::default()).await;
        let reading = shard.spawn(async move { server.read().await });
        roundhouse_runtime::yield_now().await;
        client.reset();
        assert_eq!(reading.await.unwrap_err().kind(), ErrorKind::ConnectionReset);

        // While a write waits.
        let options = TcpOptions { write_bytes: 16 << 20, ..TcpOptions::default() };
        let (client, mut server) = pair(&shard, options).await;
        server.write(Bytes::from(vec![0; 16 << 20])).await.unwrap();
        client.reset();
        assert!(is_gone(&server.flush().await.unwrap_err()));

        // After the end was sent.
        let (mut client, mut server) = pair(&shard, TcpOptions::default()).await;
        client.shut_down().await.unwrap();
        assert!(server.read().await.unwrap().is_none());
        client.reset();
        let mut outcome = Ok(());
        while outcome.is_ok() {
            server.write(Bytes::from_static(b"x")).await.ok();
            outcome = server.flush().await;
        }
        assert!(is_gone(&outcome.unwrap_err()));

        // Before anybody accepted it.
        let listener = listen(&shard, TcpOptions::default());
        let connector = TcpConnector::new(&shard, TcpOptions::default());
        connector.connect(listener.local_address()).await.unwrap().reset();
        let mut stream = listener.accept().await;
        assert_eq!(stream.read().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn nobody_there_is_an_error_that_leaves_nothing() {
    on_shard(|shard| async move {
        let gone = listen(&shard, TcpOptions::default()).local_address();
        settle(&shard).await;
        let connector = TcpConnector::new(&shard, TcpOptions::default());
        let refused = connector.connect(gone).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        // A listener whose backlog is full does not answer.
        let options = ListenerOptions { backlog: 0, ..ListenerOptions::new(loopback()) };
        let full = TcpListener::bind(&shard, &options).unwrap();
        let _occupant = std::net::TcpStream::connect(full.local_address()).unwrap();
        let hasty = TcpOptions { connect_timeout: SOON, ..TcpOptions::default() };
        let connector = TcpConnector::new(&shard, hasty);
        let late = connector.connect(full.local_address()).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        let counters = connector.counters();
        assert_eq!((counters.failed.load(), counters.open.load()), (1, 0));
    });
}

#[test]
fn a_slow_reader_makes_the_sender_wait_instead_of_the_memory_grow() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let to = listener.local_address();
        let mut reader = std::net::TcpStream::connect(to).unwrap();
        let mut server = listener.accept().await;
        // Until neither kernel takes any more.
        let mut written = 0usize;
        loop {
            let chunk = Bytes::from(vec![0; 64 << 10]);
            let write = std::pin::pin!(server.write(chunk));
            let pause = std::pin::pin!(shard.sleep(SOON * 5));
            match futures_util::future::select(write, pause).await {
                futures_util::future::Either::Left((outcome, _)) => outcome.unwrap(),
                futures_util::future::Either::Right(_) => break,
            }
            written += 64 << 10;
        }
        assert_eq!(listener.counters().open.load(), 1, "it waits, and is fine");
        let counted = usize::try_from(listener.counters().bytes_sent.load()).unwrap();
        assert!(written - counted <= 64 << 10, "one write is on its way, no more");
        // What was accepted arrives once the reader reads.
        let drain = std::thread::spawn(move || {
            let mut bytes = 0;
            let mut buffer = vec![0; 1 << 20];
            while bytes < written {
                bytes += reader.read(&mut buffer).unwrap();
            }
        });
        server.flush().await.unwrap();
        while !drain.is_finished() {
            shard.sleep(SOON).await;
        }
    });
}

/// Which of the two it is depends on whether the kernel told about the reset before.
fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// Lets what was closed be closed.
async fn settle(shard: &Shard) {
    shard.sleep(Duration::from_millis(1)).await;
}
