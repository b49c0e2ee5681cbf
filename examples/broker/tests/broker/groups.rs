//! What groups leave behind.

use std::time::Duration;

use broker::Config;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, OffsetFetchRequest};
use kafka_protocol::protocol::StrBytes;

use crate::client::{Client, topic_name};
use crate::server::Server;

fn group() -> GroupId {
    GroupId(StrBytes::from_static_str("g"))
}

/// How far the group is; -1 for not at all.
fn committed(client: &mut Client) -> i64 {
    let request = OffsetFetchRequest::default().with_group_id(group()).with_topics(None);
    let answer = client.call(7, &request);
    answer.topics.first().map_or(-1, |topic| topic.partitions[0].committed_offset)
}

#[test]
fn offsets_are_given_up_after_their_time() {
    let offsets_retention = Duration::from_millis(500);
    let server = Server::with(Config { offsets_retention, ..Config::default() });
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(5);
    let topic = OffsetCommitRequestTopic::default().with_name(topic_name("t"));
    let request = OffsetCommitRequest::default()
        .with_group_id(group())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    assert_eq!(client.call(7, &request).topics[0].partitions[0].error_code, 0);
    // How long it is kept is a matter of the clock, that it goes is not.
    while committed(&mut client) == 5 {}
    assert_eq!(committed(&mut client), -1);
    server.stop();
}
