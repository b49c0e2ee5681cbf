//! What an operator sees.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use broker::Config;
use kafka_protocol::messages::{FetchRequest, MetadataRequest};

use crate::client::{Client, Sender, batch, fetch_request};
use crate::server::Server;

/// The answer to a GET: head and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The sum of all lines of a metric; `name` as far as the lines have it in common.
pub(crate) fn total(metrics: &str, name: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

#[test]
fn metrics_and_health_are_served() {
    let http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::with(Config { http, ..Config::default() });
    let address = server.http_address();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 0, batch(Sender::NOBODY, &["a", "b", "c"]));

    assert_eq!(client.commit("g", "t", 1), 0);

    let (head, metrics) = get(address, "/metrics");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    let total = |name| total(&metrics, name);
    assert_eq!(total("broker_records_produced_total"), 3);
    assert_eq!(total("broker_partitions{"), 4);
    assert_eq!(total("broker_connections{"), 1);
    assert_eq!(total("broker_group_lag{group=\"g\",topic=\"t\"}"), 2, "one of three");
    assert!(total("broker_stored_bytes{") > 60, "a batch has that for a header");
    assert!(total("broker_bytes_produced_total{") > 60);
    assert!(total("roundhouse_records_appended_total") >= 1, "the engine's are there, too");
    let produced = "broker_request_seconds_count{shard=";
    assert!(total(produced) >= 2, "a request each to create and to produce");
    assert_eq!(metrics.matches("# EOF").count(), 1);
    assert!(metrics.ends_with("# EOF\n"));

    assert!(get(address, "/health/live").0.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/health/ready").0.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/elsewhere").0.starts_with("HTTP/1.1 404"));
    server.stop();
}

#[test]
fn connections_beyond_the_bound_are_reset_and_the_others_served() {
    let server = Server::with(Config { connections_per_shard: 2, ..Config::default() });
    // The kernel spreads them over two shards, which take two each.
    let mut clients: Vec<Client> = (0..12).map(|_| Client::connect(server.address())).collect();
    let refused = clients.iter_mut().filter_map(|client| client.try_metadata().err()).count();
    assert!((8..=11).contains(&refused), "{refused} of 12 were refused");
    server.stop();
}

/// A connection that still had to answer when the broker was stopped asked a completed future again,
/// and panicked: the answer was lost, and stopping took its full ten seconds.
#[test]
fn a_stop_answers_who_waits_and_does_not_wait_itself() {
    let server = Server::start();
    let mut waiting = Client::connect(server.address());
    waiting.metadata(&["t"]);
    // In one write, so that the first answer says that the second request was taken, too.
    let first = waiting.encode(9, &MetadataRequest::default());
    let second = waiting.encode(12, &fetch_request("t", 0, 0).with_max_wait_ms(50_000));
    waiting.send_bytes(&[first, second].concat());
    waiting.receive_frame().expect("the first is answered at once");
    server.stop();
    let answer = waiting.receive::<FetchRequest>(12);
    assert_eq!(answer.error_code, 0);
}
