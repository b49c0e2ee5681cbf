//! What an operator sees.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use broker::Config;

use crate::client::{Client, Sender, batch};
use crate::server::Server;

/// The answer to a GET: head and body.
fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn metrics_and_health_are_served() {
    let http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::with(Config { http, ..Config::default() });
    let address = server.http_address();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 0, batch(Sender::NOBODY, &["a", "b", "c"]));

    let (head, metrics) = get(address, "/metrics");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    let total = |name: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    };
    assert_eq!(total("broker_records_produced_total"), 3);
    assert_eq!(total("broker_partitions{"), 4);
    assert_eq!(total("broker_connections{"), 1);
    assert!(total("roundhouse_records_appended_total") >= 1, "the engine's are there, too");
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
