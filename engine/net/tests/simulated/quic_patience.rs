//! Reads and writes of QUIC streams that wait too long.

use std::time::Duration;

use roundhouse_net::quic::{Code, EndpointOptions, ReadError, WriteError};

use crate::quic::{Server, echo, options};
use crate::town::Town;

const PATIENCE: Duration = Duration::from_secs(3);

fn impatient() -> EndpointOptions {
    let mut options = options();
    options.transport.read_timeout = Some(PATIENCE);
    options.transport.write_timeout = Some(PATIENCE);
    options
}

#[test]
fn a_read_that_waits_too_long_fails_and_stops_its_stream_only() {
    let mut town = Town::new(1);
    let server = Server::start(&mut town);
    let client = server.client_with(&mut town, "client", impatient());
    let (host, shard) = (client.host.clone(), client.host.shard.clone());
    let metrics = client.endpoint.metrics();
    town.run(&host, async move {
        let connection = client.connect().await;
        let (mut sending, mut receiving) = connection.open_bidirectional().await.unwrap();
        for _ in 0..4 {
            // Each wait has the whole time.
            shard.sleep(2 * PATIENCE / 3).await;
            sending.write_all(b"?").await.unwrap();
            assert_eq!(receiving.read_chunk(10).await.unwrap().as_deref(), Some(&b"?"[..]));
        }
        let before = shard.now();
        assert_eq!(receiving.read_chunk(10).await, Err(ReadError::TimedOut));
        let waited = shard.now().since(before);
        assert!((PATIENCE..PATIENCE + Duration::from_millis(10)).contains(&waited), "{waited:?}");
        assert_eq!(receiving.read_chunk(10).await, Err(ReadError::Finished));
        echo(&connection, b"on another stream").await;
        drop((sending, receiving, connection));
        client.end().await;
    });
    assert_eq!(metrics.streams_timed_out.load(), 1);
    server.end(&mut town);
}

#[test]
fn a_write_that_waits_too_long_fails_and_resets_its_stream_only() {
    let mut town = Town::new(1);
    let server = Server::start(&mut town);
    let client = server.client_with(&mut town, "client", impatient());
    let host = client.host.clone();
    let metrics = client.endpoint.metrics();
    town.run(&host, async move {
        let connection = client.connect().await;
        let (mut sending, mut receiving) = connection.open_bidirectional().await.unwrap();
        // The server sends back what it gets, and nobody reads it here.
        let mut written = 0;
        let error = loop {
            match sending.write(&[7; 10_000]).await {
                Ok(bytes) => written += bytes,
                Err(error) => break error,
            }
            assert!(written < 100 << 20, "flow control holds nobody back");
        };
        assert_eq!(error, WriteError::TimedOut);
        assert_eq!(sending.write(b"more").await, Err(WriteError::Finished));
        receiving.stop(Code::default());
        echo(&connection, b"on another stream").await;
        drop((sending, receiving, connection));
        client.end().await;
    });
    assert_eq!(metrics.streams_timed_out.load(), 1);
    server.end(&mut town);
}
