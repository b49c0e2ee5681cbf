//! How large groups may be, and what they leave behind.

use std::time::Duration;

use broker::Config;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, OffsetFetchRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::client::Client;
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
    assert_eq!(client.commit("g", "t", 5), 0);
    // How long it is kept is a matter of the clock, that it goes is not.
    while committed(&mut client) == 5 {}
    assert_eq!(committed(&mut client), -1);
    server.stop();
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    for offset in [3, 5] {
        assert_eq!(client.commit("g", "t", offset), 0);
    }
    let server = server.restart();
    assert_eq!(committed(&mut Client::connect(server.address())), 5);
    server.stop();
}

/// A request to join as a consumer that knows one way of assigning.
fn join_knowing(protocol: &'static str) -> JoinGroupRequest {
    let protocol =
        JoinGroupRequestProtocol::default().with_name(StrBytes::from_static_str(protocol));
    JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(60_000)
        .with_rebalance_timeout_ms(60_000)
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(vec![protocol])
}

#[test]
fn who_shares_no_protocol_with_the_group_is_refused_and_the_members_go_on() {
    let group_initial_delay = Duration::ZERO;
    let server = Server::with(Config { group_initial_delay, ..Config::default() });
    let mut member = Client::connect(server.address());
    let joined = member.call(3, &join_knowing("range"));
    let sync = SyncGroupRequest::default()
        .with_group_id(group())
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone());
    assert_eq!((joined.error_code, member.call(3, &sync).error_code), (0, 0));
    let mut stranger = Client::connect(server.address());
    let refused = stranger.call(3, &join_knowing("mine-alone")).error_code;
    assert_eq!(refused, ResponseError::InconsistentGroupProtocol.code());
    let alive = HeartbeatRequest::default()
        .with_group_id(group())
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id);
    assert_eq!(member.call(3, &alive).error_code, 0, "nobody asks it to join again");
    server.stop();
}

#[test]
fn a_group_takes_no_more_members_than_it_may_have() {
    let (members_per_group, group_initial_delay) = (1, Duration::ZERO);
    let server =
        Server::with(Config { members_per_group, group_initial_delay, ..Config::default() });
    let join = join_knowing("range");
    let mut clients = [(); 2].map(|()| Client::connect(server.address()));
    let [first, second] = clients.each_mut().map(|client| client.call(3, &join).error_code);
    assert_eq!((first, second), (0, ResponseError::GroupMaxSizeReached.code()));
    server.stop();
}
