//! Streams between friends.

use std::io::{Read, Write};
use std::time::Duration;

use bytes::Bytes;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use roundhouse_net::tcp::{ListenerOptions, TcpConnector, TcpListener, TcpOptions, TcpStream};
use roundhouse_runtime::Shard;

use crate::shard::{loopback, on_shard};

pub(crate) fn listen(shard: &Shard, stream: TcpOptions) -> TcpListener {
    let options = ListenerOptions { stream, ..ListenerOptions::new(loopback()) };
    TcpListener::bind(shard, &options).unwrap()
}

/// Both ends of a connection: the client's, the server's.
pub(crate) async fn pair(shard: &Shard, options: TcpOptions) -> (TcpStream, TcpStream) {
    let listener = listen(shard, options.clone());
    let connector = TcpConnector::new(shard, options);
    let connect = connector.connect(listener.local_address());
    let (client, server) = futures_util::join!(connect, listener.accept());
    (client.unwrap(), server)
}

#[test]
fn what_is_written_is_read_on_the_other_side_until_the_end() {
    on_shard(|shard| async move {
        let (mut client, mut server) = pair(&shard, TcpOptions::default()).await;
        assert_eq!(client.peer_address().unwrap(), server.local_address().unwrap());

        let request = vec![Bytes::from_static(b"re"), Bytes::from_static(b"quest")];
        client.write(request).await.unwrap();
        client.shut_down().await.unwrap();
        assert_eq!(&server.read().await.unwrap().unwrap()[..], b"request");
        assert!(server.read().await.unwrap().is_none());

        // The other direction is still open.
        server.write(Bytes::from_static(b"answer")).await.unwrap();
        drop(server);
        assert_eq!(&client.read().await.unwrap().unwrap()[..], b"answer");
        assert!(client.read().await.unwrap().is_none());
        let late = client.write(Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(late.kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_traits_of_futures_io_carry_a_long_transfer_both_ways() {
    const BYTES: usize = 8 << 20;
    on_shard(|shard| async move {
        let (client, server) = pair(&shard, TcpOptions::default()).await;
        let echo = shard.spawn(async move {
            let (reader, mut writer) = server.split();
            futures_util::io::copy_buf(futures_util::io::BufReader::new(reader), &mut writer)
                .await
                .unwrap();
            writer.close().await.unwrap();
        });
        let content: Vec<u8> = (0..BYTES).map(|n| (n / 251) as u8).collect();
        let (mut reader, mut writer) = client.split();
        let sent = content.clone();
        let sending = shard.spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer.close().await.unwrap();
        });
        let mut arrived = Vec::new();
        reader.read_to_end(&mut arrived).await.unwrap();
        assert!(arrived == content);
        futures_util::join!(echo, sending);
    });
}

#[test]
fn a_dropped_stream_still_delivers_what_was_written() {
    const BYTES: usize = 4 << 20;
    on_shard(|shard| async move {
        let options = TcpOptions { write_bytes: BYTES, ..TcpOptions::default() };
        let (mut client, mut server) = pair(&shard, options).await;
        client.write(Bytes::from(vec![7; BYTES])).await.unwrap();
        drop(client);
        let mut arrived = 0;
        while let Some(data) = server.read().await.unwrap() {
            arrived += data.len();
        }
        assert_eq!(arrived, BYTES);
    });
}

#[test]
fn a_dropped_stream_gives_up_on_a_peer_that_takes_nothing() {
    const BYTES: usize = 16 << 20;
    on_shard(|shard| async move {
        let linger = Duration::from_millis(30);
        let options = TcpOptions { write_bytes: BYTES, linger, ..TcpOptions::default() };
        let listener = listen(&shard, options);
        let mut peer = std::net::TcpStream::connect(listener.local_address()).unwrap();
        let mut server = listener.accept().await;
        server.write(Bytes::from(vec![7; BYTES])).await.unwrap();
        drop(server);
        while listener.counters().open.load() > 0 {
            shard.sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(listener.counters().linger_expired.load(), 1);
        // Beside the shard, which has yet to close the socket: it did not once, and waited for ever.
        let reading = std::thread::spawn(move || {
            let mut rest = Vec::new();
            (peer.read_to_end(&mut rest).is_err(), rest.len())
        });
        while !reading.is_finished() {
            shard.sleep(Duration::from_millis(1)).await;
        }
        let (is_reset, bytes) = reading.join().unwrap();
        assert!(is_reset && bytes < BYTES);
    });
}

#[test]
fn many_connections_come_and_go_and_none_is_left() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let to = listener.local_address();
        let counters = listener.counters();
        let server = shard.clone();
        let accepting = shard.spawn(async move {
            loop {
                let mut stream = listener.accept().await;
                let serve = async move {
                    while let Ok(Some(data)) = stream.read().await {
                        stream.write(data.freeze()).await.unwrap();
                    }
                };
                server.spawn(serve).detach();
            }
        });
        for round in 0..20u8 {
            let clients = (0..32).map(|_| async {
                let connector = TcpConnector::new(&shard, TcpOptions::default());
                let mut client = connector.connect(to).await.unwrap();
                client.write(Bytes::from(vec![round])).await.unwrap();
                assert_eq!(&client.read().await.unwrap().unwrap()[..], [round]);
            });
            futures_util::future::join_all(clients).await;
        }
        while counters.open.load() > 0 {
            shard.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(counters.opened.load(), 20 * 32);
        drop(accepting);
    });
}

#[test]
fn a_blocking_program_talks_to_a_shard() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let to = listener.local_address();
        let peer = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(to).unwrap();
            stream.write_all(b"hello").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let mut stream = listener.accept().await;
        let mut request = String::new();
        stream.read_to_string(&mut request).await.unwrap();
        stream.write(Bytes::from(request.to_uppercase())).await.unwrap();
        drop(stream);
        while !peer.is_finished() {
            shard.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(peer.join().unwrap(), "HELLO");
    });
}
