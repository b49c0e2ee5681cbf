//! Peers that would make memory grow: what streams hold is metered, and bounded.

use std::cell::Cell;
use std::io::{ErrorKind, Write};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use roundhouse_net::tcp::{
    ListenerOptions, TcpConnector, TcpCounters, TcpListener, TcpOptions, TcpStream,
};
use roundhouse_runtime::Shard;

use crate::patience::until;
use crate::shard::{loopback, on_shard};
use crate::tcp::{listen, pair};

const WRITE_BYTES: usize = 64 << 10;
const PEERS: usize = 8;

#[test]
fn readers_that_take_nothing_cost_one_write_each() {
    on_shard(|shard| async move {
        let options = TcpOptions { write_bytes: WRITE_BYTES, ..TcpOptions::default() };
        let listener = listen(&shard, options);
        let counters = listener.counters();
        let peak = watch(&shard, counters.clone());
        let (mut lazy, mut writers) = (Vec::new(), Vec::new());
        for _ in 0..PEERS {
            lazy.push(std::net::TcpStream::connect(listener.local_address()).unwrap());
            let mut stream = listener.accept().await;
            writers.push(shard.spawn(async move {
                let chunk = Bytes::from(vec![0; 3 * WRITE_BYTES]);
                while stream.write(chunk.clone()).await.is_ok() {}
            }));
        }
        // Until neither kernel takes any more, and each waits with one write.
        let stuck = (PEERS * WRITE_BYTES) as u64;
        let sent = Cell::new(u64::MAX);
        until(&shard, || {
            let now = counters.bytes_sent.load();
            sent.replace(now) == now && counters.held_bytes.load() == stuck
        })
        .await;
        exchange_beside(&shard).await;
        assert_eq!(peak.get(), stuck, "never more than one write for each");
        drop((writers, lazy));
        until(&shard, || counters.open.load() == 0).await;
        assert_eq!(counters.held_bytes.load(), 0);
    });
}

#[test]
fn writers_whose_words_nobody_reads_cost_one_buffer_each() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let counters = listener.counters();
        let peak = watch(&shard, counters.clone());
        let (mut eager, mut unread) = (Vec::new(), Vec::new());
        for _ in 0..PEERS {
            let mut peer = std::net::TcpStream::connect(listener.local_address()).unwrap();
            peer.set_nonblocking(true).unwrap();
            let mut stream = listener.accept().await;
            // As much as both kernels take.
            while peer.write(&vec![7; WRITE_BYTES]).is_ok() {
                shard.sleep(Duration::from_micros(100)).await;
            }
            // It waits to be looked at, and is left there.
            std::future::poll_fn(|context| stream.poll_fill(context).map_ok(drop)).await.unwrap();
            eager.push(peer);
            unread.push(stream);
        }
        exchange_beside(&shard).await;
        let held = counters.held_bytes.load();
        assert!(held >= PEERS as u64, "something waits in each");
        assert!(peak.get() <= (PEERS * RECEIVE_BYTES_MAX) as u64, "{} held", peak.get());
        for stream in &mut unread {
            let data = stream.read().await.unwrap().expect("it was there before");
            assert!(data.iter().all(|byte| *byte == 7));
        }
        assert_eq!(counters.held_bytes.load(), 0, "what was taken is held no more");
    });
}

#[test]
fn writers_that_dribble_cost_what_they_sent() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let counters = listener.counters();
        let peak = watch(&shard, counters.clone());
        let (mut slow, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..PEERS {
            slow.push(std::net::TcpStream::connect(listener.local_address()).unwrap());
            let mut stream = listener.accept().await;
            readers.push(shard.spawn(async move {
                let mut line = Vec::new();
                while let Some(data) = stream.read().await.unwrap() {
                    line.extend_from_slice(&data);
                }
                line
            }));
        }
        const LINE: &[u8] = b"a line that comes byte by byte";
        for byte in LINE {
            for peer in &mut slow {
                peer.write_all(&[*byte]).unwrap();
            }
            exchange_beside(&shard).await;
        }
        drop(slow);
        for reader in readers {
            assert_eq!(reader.await, LINE);
        }
        assert!(peak.get() <= (PEERS * LINE.len()) as u64, "{} held", peak.get());
    });
}

/// What was written stayed in memory until the next write, so that each idle connection of a server
/// kept its last answer.
#[test]
fn a_long_answer_is_held_no_longer_than_the_kernel_needs_to_take_it() {
    on_shard(|shard| async move {
        let listener = listen(&shard, TcpOptions::default());
        let (to, counters) = (listener.local_address(), listener.counters());
        let serving = shard.spawn(async move {
            let mut stream = listener.accept().await;
            while let Some(question) = stream.read().await.unwrap() {
                stream.write(Bytes::from(vec![question[0]; WRITE_BYTES])).await.unwrap();
            }
        });
        let connector = TcpConnector::new(&shard, TcpOptions::default());
        let mut client = connector.connect(to).await.unwrap();
        client.write(Bytes::from_static(b"?")).await.unwrap();
        let mut answered = 0;
        while answered < WRITE_BYTES {
            answered += client.read().await.unwrap().expect("there is more").len();
        }
        until(&shard, || counters.held_bytes.load() == 0).await;
        drop(client);
        serving.await;
    });
}

#[test]
fn while_streams_hold_too_much_new_ones_are_reset_and_old_ones_go_on() {
    on_shard(|shard| async move {
        let stream = TcpOptions { write_bytes: WRITE_BYTES, ..TcpOptions::default() };
        let held_bytes = WRITE_BYTES as u64;
        let options = ListenerOptions { held_bytes, stream, ..ListenerOptions::new(loopback()) };
        let listener = TcpListener::bind(&shard, &options).unwrap();
        let (to, counters) = (listener.local_address(), listener.counters());
        let connector = TcpConnector::new(&shard, TcpOptions::default());
        let (old, mut old_server) = futures_util::join!(connector.connect(to), listener.accept());
        let mut old = old.unwrap();

        let lazy = std::net::TcpStream::connect(to).unwrap();
        let mut greedy = listener.accept().await;
        let stuck = shard.spawn(async move {
            while greedy.write(Bytes::from(vec![0; WRITE_BYTES])).await.is_ok() {}
        });
        let sent = Cell::new(u64::MAX);
        until(&shard, || {
            let now = counters.bytes_sent.load();
            sent.replace(now) == now && counters.held_bytes.load() == held_bytes
        })
        .await;

        let accepting = shard.spawn(async move { listener.accept().await });
        let mut refused = connector.connect(to).await.unwrap();
        assert_eq!(refused.read().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(counters.refused.load(), 1);
        exchange(&mut old, &mut old_server).await;

        drop((stuck, lazy));
        old_server.flush().await.unwrap();
        until(&shard, || counters.held_bytes.load() == 0).await;
        let mut new = connector.connect(to).await.unwrap();
        exchange(&mut new, &mut accepting.await).await;
    });
}

/// What a driver lends for one receive at most.
const RECEIVE_BYTES_MAX: usize = 64 << 10;

/// The most that was held, as seen in every turn of the loop from now on.
fn watch(shard: &Shard, counters: std::sync::Arc<TcpCounters>) -> Rc<Cell<u64>> {
    let peak = Rc::new(Cell::new(0));
    let seen = peak.clone();
    let watching = async move {
        loop {
            seen.set(seen.get().max(counters.held_bytes.load()));
            roundhouse_runtime::yield_now().await;
        }
    };
    shard.spawn(watching).detach();
    peak
}

/// A connection that has nothing to do with the others does not notice them.
async fn exchange_beside(shard: &Shard) {
    let (mut client, mut server) = pair(shard, TcpOptions::default()).await;
    for _ in 0..20 {
        exchange(&mut client, &mut server).await;
    }
}

/// A word in each direction.
async fn exchange(client: &mut TcpStream, server: &mut TcpStream) {
    client.write(Bytes::from_static(b"ping")).await.unwrap();
    assert_eq!(&server.read().await.unwrap().unwrap()[..], b"ping");
    server.write(Bytes::from_static(b"pong")).await.unwrap();
    assert_eq!(&client.read().await.unwrap().unwrap()[..], b"pong");
}
