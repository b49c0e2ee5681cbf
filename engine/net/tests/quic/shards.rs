//! What the shards of an engine share, and what they forward to each other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roundhouse_base::{Random, ShardId};
use roundhouse_net::quic::machine::{Event, Machine};
use roundhouse_net::quic::tls::{Certificates, KeyLog, Resumption};
use roundhouse_net::quic::{EndpointOptions, ServerConfig, Shared};

use crate::identities::Authority;
use crate::pair::{CLIENT, Pair, SERVER};
use crate::streams::{data, exchange, open};
use crate::world::{options, shared};

fn on_shard(shard: u16, shared: &Shared) -> EndpointOptions {
    EndpointOptions::new(ShardId(shard), shared.clone())
}

#[test]
fn datagrams_that_reach_the_wrong_shard_are_handed_on_to_the_right_one() {
    let four = shared(4);
    let mut pair = Pair::with_options(1, options(), on_shard(2, &four));
    let (here, _) = pair.connect();
    let stream = open(&mut pair, CLIENT, here);
    pair.machine(CLIENT).write(here, stream, b"hello").unwrap();
    pair.world.recorded = Some(Vec::new());
    pair.world.is_cut = true;
    pair.world.run_for(Duration::from_millis(1));
    let sent = pair.world.recorded.take().unwrap();

    let mut wrong = Machine::new(on_shard(0, &four), Random::new(5)).unwrap();
    let mut forwarded = 0;
    for (from, to, datagram) in sent {
        wrong.receive(pair.world.now, crate::world::arrival(from, &datagram));
        let misfit = wrong.next_misfit().expect("it belongs elsewhere");
        assert_eq!(misfit.shard, ShardId(2));
        pair.world.is_cut = false;
        pair.world.inject(misfit.arrival.source, to, &misfit.arrival.data);
        forwarded += 1;
    }
    assert!(forwarded > 0);
    assert_eq!(wrong.metrics().misfits.load(), forwarded);
    let opened = Event::Opened(roundhouse_net::quic::Direction::Bidirectional);
    pair.world.run(|world| world.saw(SERVER, &opened));
}

#[test]
fn a_session_of_one_shard_is_resumed_on_another() {
    for resumption in [Resumption::Tickets, Resumption::Sessions { count: 10, early_data: false }] {
        let two = shared(2);
        let authority = Authority::new();
        let mut server = authority.server();
        server.certificates = Certificates::new(authority.long_identity());
        server.resumption = resumption;
        let mut pair =
            Pair::with(1, (options(), &authority.client()), (on_shard(0, &two), &server));
        let server = ServerConfig::new(&server, &two).unwrap();
        pair.machine(SERVER).listen(Some(&server));
        pair.connect();
        let full = pair.world.hosts[SERVER].bytes_sent;
        pair.world.run_for(Duration::from_secs(1));
        let before = pair.world.hosts[SERVER].bytes_sent;
        pair.world.hosts[SERVER].machine = Machine::new(on_shard(1, &two), Random::new(5)).unwrap();
        pair.machine(SERVER).listen(Some(&server));
        pair.world.hosts[SERVER].events.clear();
        pair.connect();
        let resumed = pair.world.hosts[SERVER].bytes_sent - before;
        assert!(resumed + 1000 < full, "{resumed} bytes are no shorter handshake than {full}");
    }
}

#[test]
fn a_token_of_one_shard_is_good_on_another_after_a_restart() {
    let two = shared(2);
    let mut wary = on_shard(0, &two);
    wary.retry = roundhouse_net::quic::Retry::Always;
    let mut pair = Pair::with_options(1, options(), wary.clone());
    pair.connect();
    pair.world.run_for(Duration::from_secs(1));
    wary.shard = ShardId(1);
    let authority = Authority::new();
    let server = ServerConfig::new(&authority.server(), &two).unwrap();
    let mut second = Machine::new(wary, Random::new(5)).unwrap();
    second.listen(Some(&server));
    pair.world.hosts[SERVER].machine = second;
    pair.begin();
    pair.world.run_for(Duration::from_secs(1));
    assert_eq!(pair.machine(SERVER).metrics().retries.load(), 0);
}

#[test]
fn secrets_are_logged_where_the_embedder_wants_them_in_the_known_format() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let authority = Authority::new();
    let mut client = authority.client();
    let sink = lines.clone();
    client.key_log = Some(KeyLog::new(move |line| sink.lock().unwrap().push(line.to_owned())));
    let mut pair = Pair::with(1, (options(), &client), (options(), &authority.server()));
    pair.connect();
    let lines = lines.lock().unwrap();
    let labels: Vec<_> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    let is_hex = |word: &str| word.len() >= 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(lines.iter().all(|line| line.split(' ').skip(1).filter(|w| is_hex(w)).count() == 2));
}

#[cfg(feature = "qlog")]
#[test]
fn traces_go_where_the_embedder_wants_them() {
    use std::io::{self, Write};

    use roundhouse_net::quic::QlogSink;

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let written = Arc::new(Mutex::new(Vec::new()));
    let mut traced = options();
    traced.transport.qlog = Some(QlogSink::new(Lines(written.clone())));
    let mut pair = Pair::with_options(1, traced, options());
    let (here, there) = pair.connect();
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(1, 1000), data(2, 1000)]);
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert!(text.contains("packet_sent") && text.contains("packet_received"), "{text}");
}

#[test]
fn a_server_on_the_last_of_many_shards_is_reached_by_clients_of_another_engine() {
    let many = shared(256);
    let mut pair = Pair::with_options(1, on_shard(17, &shared(100)), on_shard(255, &many));
    let from = SocketAddr::from(([10, 0, 0, 50], 1));
    pair.world.hosts[CLIENT].address = from;
    let (here, there) = pair.connect();
    let stream = open(&mut pair, CLIENT, here);
    exchange(&mut pair, (here, there), stream, [data(1, 1000), data(2, 1000)]);
}
