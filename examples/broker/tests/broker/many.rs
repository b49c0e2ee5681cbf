//! Many of everything.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{CreateTopicsRequest, MetadataRequest};

use crate::client::{Client, Sender, batch, topic_name, values};
use crate::server::Server;

fn create(client: &mut Client, names: &[String], partitions: i32) {
    let wanted = |name: &String| {
        let topic = CreatableTopic::default().with_name(topic_name(name));
        topic.with_num_partitions(partitions).with_replication_factor(1)
    };
    let topics = names.iter().map(wanted).collect();
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(60_000);
    let answer = client.call(7, &request);
    assert_eq!(answer.topics.len(), names.len());
    assert!(answer.topics.iter().all(|topic| topic.error_code == 0));
}

/// Each partition's log used to cost one durable write of its own, one after the other: 47 s.
#[test]
fn a_thousand_topics_of_ten_partitions_are_there_also_after_a_restart() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let names: Vec<String> = (0..1000).map(|number| format!("topic-{number}")).collect();
    create(&mut client, &names, 10);
    client.produce("topic-777", 9, batch(Sender::NOBODY, &["a"]));

    let server = server.restart();
    let mut client = Client::connect(server.address());
    let all = client.call(9, &MetadataRequest::default().with_topics(None)).topics;
    assert_eq!(all.iter().map(|topic| topic.partitions.len()).sum::<usize>(), 10_000);
    assert_eq!(values(&client.fetch("topic-777", 9, 0)), [(0, "a".to_owned())]);
    server.stop();
}

/// They used to be created one by one: a durable write or two for each.
#[test]
fn asking_for_many_topics_creates_them_together() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let mut names: Vec<String> = (0..300).map(|number| format!("topic-{number}")).collect();
    names.extend(["no/name".to_owned(), "topic-7".to_owned()]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let described = client.metadata(&names).topics;
    let impossible = ResponseError::InvalidTopicException.code();
    let codes: Vec<i16> = described.iter().map(|topic| topic.error_code).collect();
    let expected = (0..302).map(|place| if place == 300 { impossible } else { 0 });
    assert_eq!(codes, expected.collect::<Vec<_>>());
    assert_eq!(described[7], described[301], "twice the same");
    client.produce("topic-299", 3, batch(Sender::NOBODY, &["a"]));
    assert_eq!(values(&client.fetch("topic-299", 3, 0)), [(0, "a".to_owned())]);
    server.stop();
}
