//! How much a Fetch takes, and how long it waits.

use kafka_protocol::messages::FetchRequest;

use crate::client::{Client, Sender, batch, fetch_request, values};
use crate::server::Server;

/// A server with a topic of one batch, and a client of it.
fn with_one_batch() -> (Server, Client) {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 0, batch(Sender::NOBODY, &["a"]));
    (server, client)
}

fn fetched(client: &mut Client, request: &FetchRequest) -> Vec<String> {
    let response = client.call(12, request);
    let values = values(&response.responses[0].partitions[0]);
    values.into_iter().map(|(_, value)| value).collect()
}

/// A consumer whose bound is below a batch would never come further.
#[test]
fn however_little_a_fetch_may_take_it_is_given_a_batch() {
    let (server, mut client) = with_one_batch();
    client.produce("t", 0, batch(Sender::NOBODY, &["b"]));
    let mut request = fetch_request("t", 0, 0).with_max_bytes(1);
    assert_eq!(fetched(&mut client, &request), ["a"]);
    request.max_bytes = 1 << 20;
    request.topics[0].partitions[0].partition_max_bytes = 1;
    assert_eq!(fetched(&mut client, &request), ["a"]);
    request.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    assert_eq!(fetched(&mut client, &request), ["a", "b"]);
    server.stop();
}

#[test]
fn a_fetch_waits_until_there_are_as_many_bytes_as_it_wants() {
    let (server, mut client) = with_one_batch();
    let bytes = batch(Sender::NOBODY, &["a"]).len() as i32;
    let wanted = fetch_request("t", 0, 0).with_max_wait_ms(50_000).with_min_bytes(2 * bytes);
    let mut waiting = Client::connect(server.address());
    waiting.send(12, &wanted);
    client.produce("t", 0, batch(Sender::NOBODY, &["b"]));
    let response = waiting.receive::<FetchRequest>(12);
    let found = values(&response.responses[0].partitions[0]);
    assert_eq!(found, [(0, "a".to_owned()), (1, "b".to_owned())]);
    server.stop();
}

#[test]
fn a_fetch_that_waits_in_vain_is_given_what_there_is() {
    let (server, mut client) = with_one_batch();
    let request = fetch_request("t", 0, 0).with_max_wait_ms(50).with_min_bytes(1 << 20);
    assert_eq!(fetched(&mut client, &request), ["a"]);
    server.stop();
}
