//! What topics' settings do to their records.

use std::time::Duration;

use broker::Config;
use broker::load::{LoadTopic, create_topic};
use kafka_protocol::ResponseError;

use crate::client::{Client, Sender, batch, values};
use crate::server::Server;

fn create(server: &Server, settings: &[(&str, &str)]) -> Client {
    let topic = LoadTopic { address: server.address(), name: "t".to_owned(), partitions: 1 };
    create_topic(&topic, settings).unwrap();
    Client::connect(server.address())
}

/// Produces more than a segment's worth until the first record is gone, and then reads what is left.
fn oldest_go(settings: &[(&str, &str)]) {
    let server = Server::with_options(Config::default(), &[("slot_size", "1MiB")]);
    let mut client = create(&server, settings);
    let large = "x".repeat(100_000);
    let is_gone = (0..ATTEMPTS_MAX).any(|attempt| {
        if attempt < BATCHES {
            assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &[&large])).error_code, 0);
        } else {
            wait();
        }
        client.fetch("t", 0, 0).error_code == ResponseError::OffsetOutOfRange.code()
    });
    assert!(is_gone, "{settings:?}: the first record is still there");
    let start = client.fetch("t", 0, 0).log_start_offset;
    assert!(start > 0 && client.fetch("t", 0, start).error_code == 0, "it begins at {start}");
    assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &["new"])).error_code, 0);
    server.stop();
}

#[test]
fn records_older_than_retention_ms_go() {
    // The batches' times are long ago.
    oldest_go(&[("retention.ms", "1000")]);
}

#[test]
fn records_beyond_retention_bytes_go() {
    oldest_go(&[("retention.ms", "-1"), ("retention.bytes", "1000000")]);
}

#[test]
fn records_have_the_time_of_their_arrival_where_a_topic_says_so() {
    let server = Server::start();
    let mut client = create(&server, &[("message.timestamp.type", "LogAppendTime")]);
    let answer = client.produce("t", 0, batch(Sender::NOBODY, &["a"]));
    let long_after = 1_000_000;
    assert!(answer.log_append_time_ms > long_after, "{}", answer.log_append_time_ms);
    let fetched = client.fetch("t", 0, 0);
    assert_eq!(values(&fetched), [(0, "a".to_owned())], "its checksum holds");
    let mut bytes = fetched.records.unwrap();
    let set = kafka_protocol::records::RecordBatchDecoder::decode(&mut bytes).unwrap();
    assert_eq!(set.records[0].timestamp_type, kafka_protocol::records::TimestampType::LogAppend);
    server.stop();
}

#[expect(clippy::disallowed_methods, reason = "the test is no shard")]
fn wait() {
    std::thread::sleep(Duration::from_millis(20));
}

/// Several segments' worth.
const BATCHES: u32 = 40;
const ATTEMPTS_MAX: u32 = 1000;
