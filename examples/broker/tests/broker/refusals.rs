//! What is wrong gets the protocol's answer, and hurts nobody else.

use broker::Config;
use bytes::{BufMut, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages as m;
use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::messages::{ApiKey, FetchRequest, MetadataRequest};
use kafka_protocol::protocol::{Request, StrBytes};

use crate::client::{Client, Sender, batch, fetch_request, produce_request};
use crate::server::Server;

fn code(error: ResponseError) -> i16 {
    error.code()
}

#[test]
fn versions_are_told_also_to_those_who_ask_in_a_newer_one() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let named = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("test"))
        .with_client_software_version(StrBytes::from_static_str("1.0"));
    let versions = client.call(3, &named);
    let produce = versions.api_keys.iter().find(|api| api.api_key == ApiKey::Produce as i16);
    assert_eq!(produce.unwrap().min_version, 0, "or older clients do not compress");
    let unnamed = client.call(3, &ApiVersionsRequest::default());
    assert_eq!(unnamed.error_code, code(ResponseError::InvalidRequest));

    let mut newer = BytesMut::new();
    newer.put_i16(ApiKey::ApiVersions as i16);
    newer.put_i16(99);
    newer.put_i32(5);
    client.send_frame(&newer);
    let answer = client.receive_frame().unwrap();
    assert_eq!(answer[..6], [0, 0, 0, 5, 0, 35], "version 0 of the answer");
    server.stop();
}

/// What is not known used to end the connection, and with it all that waited on it.
#[test]
fn unknown_kinds_and_versions_are_refused_and_the_connection_goes_on() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    // A kind nobody has, one that only controllers have, a version to come, versions long gone.
    let unknown = [(999, 0), (52, 1), (ApiKey::Metadata as i16, 99), (ApiKey::Fetch as i16, 0)];
    for (key, version) in unknown {
        let mut request = BytesMut::new();
        request.put_i16(key);
        request.put_i16(version);
        request.put_i32(7);
        request.put_slice(b"whatever");
        client.send_frame(&request);
        let answer = client.receive_frame().expect("it is answered");
        assert_eq!(answer[..], [0, 0, 0, 7, 0, 35], "{key} {version}");
    }
    assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &["a"])).error_code, 0);
    server.stop();
}

/// Asks for nothing in particular, and returns the error that `code` finds in the answer.
fn refusal<Q: Request + Default>(
    client: &mut Client,
    version: i16,
    code: impl Fn(Q::Response) -> i16,
) -> i16 {
    code(client.call(version, &Q::default()))
}

/// A client that understands the answer can tell its user more than that the connection is gone.
#[test]
fn what_other_brokers_have_is_refused_in_the_shape_that_clients_expect() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let client = &mut client;
    let errors = [
        refusal::<m::SaslHandshakeRequest>(client, 1, |answer| answer.error_code),
        refusal::<m::AddOffsetsToTxnRequest>(client, 0, |answer| answer.error_code),
        refusal::<m::EndTxnRequest>(client, 3, |answer| answer.error_code),
        refusal::<m::DescribeAclsRequest>(client, 2, |answer| answer.error_code),
        refusal::<m::DescribeLogDirsRequest>(client, 4, |answer| answer.error_code),
        refusal::<m::ListTransactionsRequest>(client, 0, |answer| answer.error_code),
        refusal::<m::ConsumerGroupHeartbeatRequest>(client, 0, |answer| answer.error_code),
        refusal::<m::GetTelemetrySubscriptionsRequest>(client, 0, |answer| answer.error_code),
    ];
    assert_eq!(errors, [code(ResponseError::UnsupportedVersion); 8]);
    server.stop();
}

/// Old clients compress only if version 0 is advertised, so somebody may use it.
#[test]
fn produce_requests_of_old_formats_are_refused_in_their_own_shape() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    for version in 0..=2 {
        let mut request = BytesMut::new();
        request.put_i16(ApiKey::Produce as i16);
        request.put_i16(version);
        request.put_i32(9);
        request.put_i16(-1); // no client id
        request.put_slice(&[0, 1, 0, 0, 0, 9]); // acks, timeout
        request.put_slice(&[0, 0, 0, 1, 0, 1, b't']);
        request.put_slice(&[0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2]); // partition 3, two bytes
        client.send_frame(&request);
        let answer = client.receive_frame().expect("it is answered");
        let refused = [0, 0, 0, 9, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 3, 0, 35];
        assert_eq!(answer[..refused.len()], refused, "{version}");
        let offset_and_more = [8, 8 + 4, 8 + 8 + 4][version as usize];
        assert_eq!(answer.len(), refused.len() + offset_and_more, "{version}");
    }
    assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &["a"])).base_offset, 0);
    server.stop();
}

#[test]
fn damaged_batches_are_refused_and_the_connection_goes_on() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let good = batch(Sender::NOBODY, &["a"]);
    let mut damaged = BytesMut::from(&good[..]);
    *damaged.last_mut().unwrap() ^= 1;
    let mut old = BytesMut::from(&good[..]);
    old[16] = 0;
    let twice = [&good[..], &good[..]].concat();
    let cases = [
        (damaged.freeze(), ResponseError::CorruptMessage),
        (good.slice(..good.len() - 1), ResponseError::CorruptMessage),
        (old.freeze(), ResponseError::UnsupportedForMessageFormat),
        (twice.into(), ResponseError::InvalidRecord),
        (vec![0; 2 << 20].into(), ResponseError::MessageTooLarge),
    ];
    for (bytes, error) in cases {
        assert_eq!(client.produce("t", 0, bytes).error_code, code(error), "{error}");
    }
    assert_eq!(client.produce("t", 0, good).base_offset, 0, "nothing of that was stored");
    server.stop();
}

#[test]
fn places_that_do_not_exist_are_refused() {
    let server = Server::with(Config { auto_create_topics: false, ..Config::default() });
    let mut client = Client::connect(server.address());
    let unknown = code(ResponseError::UnknownTopicOrPartition);
    assert_eq!(client.metadata(&["t"]).topics[0].error_code, unknown);
    let good = batch(Sender::NOBODY, &["a"]);
    assert_eq!(client.produce("t", 0, good.clone()).error_code, unknown);
    assert_eq!(client.fetch("t", 0, 0).error_code, unknown);
    let request = produce_request("t", 0, good).with_acks(7);
    let refused = client.call(9, &request);
    let wanted = code(ResponseError::InvalidRequiredAcks);
    assert_eq!(refused.responses[0].partition_responses[0].error_code, wanted);
    server.stop();
}

#[test]
fn a_name_that_is_a_path_creates_nothing() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    for name in ["../etc", "a/b", "", "."] {
        let topic = &client.metadata(&[name]).topics[0];
        assert_eq!(topic.error_code, code(ResponseError::InvalidTopicException), "{name}");
    }
    let all = client.call(9, &MetadataRequest::default().with_topics(None));
    assert!(all.topics.is_empty());
    server.stop();
}

#[test]
fn sessions_are_refused() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let opening = client.call(12, &fetch_request("t", 0, 0).with_session_epoch(0));
    assert_eq!((opening.error_code, opening.session_id), (0, 0));
    let request: FetchRequest = fetch_request("t", 0, 0).with_session_id(5).with_session_epoch(2);
    let response = client.call(12, &request);
    assert_eq!(response.error_code, code(ResponseError::FetchSessionIdNotFound));
    server.stop();
}

#[test]
fn what_cannot_be_followed_ends_its_connection_and_no_other() {
    let server = Server::start();
    let mut neighbour = Client::connect(server.address());
    neighbour.metadata(&["t"]);
    // A wild length; a negative one; a request cut short; an array of two billion topics.
    let wild: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 2, 0, 3],
        &[0, 0, 0, 15, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0],
    ];
    for bytes in wild {
        let mut client = Client::connect(server.address());
        client.send_bytes(bytes);
        assert!(client.is_ended(), "{bytes:?}");
    }
    assert_eq!(neighbour.produce("t", 0, batch(Sender::NOBODY, &["a"])).error_code, 0);
    server.stop();
}
