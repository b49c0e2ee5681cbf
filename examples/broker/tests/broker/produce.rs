//! Records in and out, and what idempotent producers rely on.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{FetchRequest, ProduceRequest};
use kafka_protocol::messages::{InitProducerIdRequest, ListOffsetsRequest};

use crate::client::{Client, Sender, batch, fetch_request, produce_request, topic_name, values};
use crate::server::Server;

fn pairs(values: &[(i64, String)]) -> Vec<(i64, &str)> {
    values.iter().map(|(offset, value)| (*offset, value.as_str())).collect()
}

#[test]
fn records_come_back_at_their_offsets_also_after_a_restart() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["orders"]);
    assert_eq!(client.produce("orders", 1, batch(Sender::NOBODY, &["a", "b"])).base_offset, 0);
    assert_eq!(client.produce("orders", 1, batch(Sender::NOBODY, &["c"])).base_offset, 2);
    let server = server.restart();
    let mut client = Client::connect(server.address());
    assert_eq!(client.produce("orders", 1, batch(Sender::NOBODY, &["d"])).base_offset, 3);
    let fetched = client.fetch("orders", 1, 0);
    assert_eq!(fetched.high_watermark, 4);
    assert_eq!(pairs(&values(&fetched)), [(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    server.stop();
}

#[test]
fn an_offset_within_a_batch_gives_the_whole_batch() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 0, batch(Sender::NOBODY, &["a"]));
    client.produce("t", 0, batch(Sender::NOBODY, &["b", "c", "d"]));
    let fetched = client.fetch("t", 0, 2);
    assert_eq!(pairs(&values(&fetched)), [(1, "b"), (2, "c"), (3, "d")]);
    assert_eq!(client.fetch("t", 0, 4).error_code, 0);
    assert_eq!(client.fetch("t", 0, 5).error_code, ResponseError::OffsetOutOfRange.code());
    server.stop();
}

#[test]
fn a_fetch_at_the_end_waits_for_records() {
    let server = Server::start();
    let mut waiting = Client::connect(server.address());
    waiting.metadata(&["t"]);
    // Long enough that only the record can be what ends it.
    waiting.send(12, &fetch_request("t", 0, 0).with_max_wait_ms(50_000));
    let mut client = Client::connect(server.address());
    client.produce("t", 0, batch(Sender::NOBODY, &["at last"]));
    let response = waiting.receive::<FetchRequest>(12);
    assert_eq!(pairs(&values(&response.responses[0].partitions[0])), [(0, "at last")]);
    server.stop();
}

#[test]
fn pipelined_requests_keep_their_order() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let names: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for (number, name) in names.iter().enumerate() {
        // All but the last without an answer.
        let acks = if number == 199 { -1 } else { 0 };
        let request = produce_request("t", 3, batch(Sender::NOBODY, &[name])).with_acks(acks);
        client.send(9, &request);
    }
    let last = client.receive::<ProduceRequest>(9);
    assert_eq!(last.responses[0].partition_responses[0].base_offset, 199);
    let found: Vec<String> =
        values(&client.fetch("t", 3, 0)).into_iter().map(|(_, value)| value).collect();
    assert_eq!(found, names);
    server.stop();
}

#[test]
fn a_batch_sent_again_is_stored_once_also_across_a_restart() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    let given = client.call(4, &request);
    assert_eq!((given.error_code, given.producer_epoch), (0, 0));
    let (id, epoch) = (given.producer_id.0, given.producer_epoch);
    let of = |sequence, values: &[&str]| batch(Sender { id, epoch, sequence }, values);
    assert_eq!(client.produce("t", 0, of(0, &["a", "b"])).base_offset, 0);
    assert_eq!(client.produce("t", 0, of(2, &["c"])).base_offset, 2);
    assert_eq!(client.produce("t", 0, of(0, &["a", "b"])).base_offset, 0);

    let server = server.restart();
    let mut client = Client::connect(server.address());
    assert_ne!(client.call(4, &request).producer_id.0, id, "given twice");
    assert_eq!(client.produce("t", 0, of(2, &["c"])).base_offset, 2);
    let gap = client.produce("t", 0, of(9, &["z"]));
    assert_eq!(gap.error_code, ResponseError::OutOfOrderSequenceNumber.code());
    assert_eq!(client.produce("t", 0, of(3, &["d"])).base_offset, 3);
    let fetched = client.fetch("t", 0, 0);
    assert_eq!(pairs(&values(&fetched)), [(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    server.stop();
}

#[test]
fn offsets_are_found_by_time() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 2, batch(Sender::NOBODY, &["a", "b", "c"]));
    // Later, but of earlier times.
    client.produce("t", 2, batch(Sender::NOBODY, &["d"]));
    let mut find = |timestamp| {
        let partition = ListOffsetsPartition::default();
        let partition = partition.with_partition_index(2).with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default().with_name(topic_name("t"));
        let topic = topic.with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_replica_id((-1).into());
        let response = client.call(7, &request.with_topics(vec![topic]));
        let found = &response.topics[0].partitions[0];
        assert_eq!(found.error_code, 0);
        (found.offset, found.timestamp)
    };
    assert_eq!(find(-2), (0, -1));
    assert_eq!(find(-1), (4, -1));
    assert_eq!(find(0), (0, 1000));
    assert_eq!(find(1001), (1, 1001));
    assert_eq!(find(1003), (-1, -1));
    assert_eq!(find(-3), (2, 1002), "the latest time");
    server.stop();
}
