//! The load generator, which benches rely on.

use std::time::Duration;

use broker::load::{
    ConsumeLoad, LoadError, LoadTopic, PacedLoad, ProduceLoad, consume, create_topic, paced,
    produce,
};

use crate::server::Server;

fn topic(server: &Server, name: &str) -> LoadTopic {
    let topic = LoadTopic { address: server.address(), name: name.to_owned(), partitions: 2 };
    create_topic(&topic, &[("retention.bytes", "1000000000")]).unwrap();
    topic
}

#[test]
fn everything_produced_is_consumed() {
    let server = Server::start();
    let topic = topic(&server, "t");
    let load = ProduceLoad {
        topic: topic.clone(),
        connections: 3,
        in_flight: 4,
        batch_records: 10,
        value_bytes: 100,
        messages: 995,
    };
    let produced = produce(&load).unwrap();
    assert_eq!((produced.messages, produced.latencies.len()), (1000, 100), "whole requests");
    let load = ConsumeLoad { topic, connections: 2, fetch_bytes: 20_000, messages: 1000 };
    let consumed = consume(&load).unwrap();
    assert_eq!(consumed.messages, 1000);
    assert!(consumed.bytes > 100_000, "{}", consumed.bytes);
    server.stop();
}

#[test]
fn every_message_that_is_due_is_timed_from_end_to_end() {
    let server = Server::start();
    let load = PacedLoad {
        topic: topic(&server, "t"),
        rate: 5000,
        interval: Duration::from_millis(2),
        value_bytes: 100,
        duration: Duration::from_millis(300),
    };
    let timed = paced(&load).unwrap();
    assert_eq!(timed.messages, 1500);
    assert_eq!((timed.acknowledged.len(), timed.delivered.len()), (1500, 1500));
    server.stop();
}

#[test]
fn a_refusal_is_the_answer() {
    let server = Server::start();
    let address = server.address();
    let topic = LoadTopic { address, name: "no/such/name".to_owned(), partitions: 1 };
    let refused = create_topic(&topic, &[]).unwrap_err();
    assert!(matches!(refused, LoadError::Refused(17)), "{refused}");
    server.stop();
}
