//! Too much of everything: what it is refused with, that the others go on, and that it ends well.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use broker::Config;
use broker::limits::{FETCH_BYTES_MAX, UNSENT_BYTES};
use kafka_protocol::messages::{FetchRequest, ProduceRequest};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::{Client, Sender, batch, fetch_request, produce_request};
use crate::operations::{get, total};
use crate::server::Server;

#[test]
fn a_client_that_reads_nothing_costs_bounded_memory_and_gets_all_in_the_end() {
    let http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::with(Config { http, ..Config::default() });
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let large = "x".repeat(500_000);
    for _ in 0..4 {
        assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &[&large])).error_code, 0);
    }
    let mut slow = Client::connect(server.address());
    let requests = 60;
    for _ in 0..requests {
        slow.send(12, &fetch_request("t", 0, 0));
    }
    // The neighbours are served while its answers, more than the kernel takes, wait.
    for number in 0..50 {
        client.produce("t", 1, batch(Sender::NOBODY, &["a"]));
        assert_eq!(client.fetch("t", 1, number).high_watermark, number + 1);
    }
    let held = total(&get(server.http_address(), "/metrics").1, "roundhouse_tcp_held_bytes{");
    let bound = (UNSENT_BYTES + FETCH_BYTES_MAX) as u64;
    assert!(held <= bound, "{held} bytes are held");
    for number in 1..=requests {
        let answer = slow.receive_frame().expect("it is answered in its own time");
        assert_eq!(answer[..4], i32::to_be_bytes(number), "in order");
        assert!(answer.len() > 1_000_000, "two batches fit");
    }
    // Nothing is left over: the connection goes on as if nothing had been.
    slow.send(12, &fetch_request("t", 0, 3));
    assert_eq!(slow.receive::<FetchRequest>(12).error_code, 0);
    server.stop();
}

/// Sends 20 Produce requests in one write, takes their answers, and says how often connections were
/// held back.
fn flood(config: Config) -> u64 {
    let http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::with(Config { http, ..config });
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    let request = produce_request("t", 0, batch(Sender::NOBODY, &["a"]));
    let requests: Vec<u8> = (0..20).flat_map(|_| client.encode(9, &request)).collect();
    client.send_bytes(&requests);
    (0..19).for_each(|_| drop(client.receive_frame().expect("each is answered")));
    let last = &client.receive::<ProduceRequest>(9).responses[0].partition_responses[0];
    assert_eq!((last.error_code, last.base_offset), (0, 19), "all are there, in order");
    let held_back = "broker_connections_held_back_total";
    let held_back = total(&get(server.http_address(), "/metrics").1, held_back);
    server.stop();
    held_back
}

#[test]
fn a_connection_with_too_much_in_flight_is_not_read_from_until_some_is_answered() {
    assert_eq!(flood(Config::default()), 0, "far below the bounds");
    assert!(flood(Config { in_flight_requests: 3, ..Config::default() }) > 0, "requests");
    assert!(flood(Config { in_flight_bytes: 300, ..Config::default() }) > 0, "bytes");
}

#[test]
fn two_thousand_connections_are_served_at_once() {
    // Both ends are in this process, and other tests have some.
    let wanted = 2000;
    if !may_open(2 * wanted + 500) {
        let missing = "fewer than 4,500 files may be open";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("NOT TESTED: {missing}");
        return;
    }
    let server = Server::start();
    let mut held = broker::load::hold(server.address(), wanted).unwrap();
    held.ask_all().unwrap();
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &["a"])).error_code, 0);
    held.ask_all().unwrap();
    drop(held);
    server.stop();
}

/// Raises the limit of open files as far as this user may, and says whether that is enough.
fn may_open(files: usize) -> bool {
    let limit = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_err() {
        return false;
    }
    limit.maximum.is_none_or(|maximum| maximum >= files as u64)
}

#[test]
fn a_silent_connection_is_ended() {
    let idle_timeout = Duration::from_millis(300);
    let server = Server::with(Config { idle_timeout, ..Config::default() });
    let mut silent = Client::connect(server.address());
    assert!(silent.is_ended(), "it was not ended");
    server.stop();
}

/// The shards of two brokers would share the port, and the connections.
#[test]
fn a_second_broker_on_the_same_port_is_refused() {
    let server = Server::start();
    let taken = broker::doors::check_free(server.address()).unwrap_err();
    assert!(taken.to_string().contains("cannot listen on"), "{taken}");
    let data = tempfile::tempdir().unwrap();
    let listen = server.address().to_string();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_broker"))
        .args(["--listen", &listen, "--data"])
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains("cannot listen on"), "{said}");
    TcpStream::connect(server.address()).expect("the first goes on");
    server.stop();
}
