//! How connections begin, and why they do not.

use std::time::Duration;

use roundhouse_base::WallTime;
use roundhouse_net::quic::machine::Event;
use roundhouse_net::quic::tls::ClientCertificates;
use roundhouse_net::quic::{Congestion, ConnectError, ConnectionError};

use crate::identities::{Authority, EXPIRED_AT_MS, NAME};
use crate::pair::{CLIENT, Pair, SERVER};
use crate::world::{Faults, for_seeds, options};

#[test]
fn a_handshake_takes_one_round_trip_and_agrees_on_a_protocol() {
    let mut pair = Pair::new(1);
    let begun = pair.world.now;
    let (here, there) = pair.connect();
    assert!(pair.world.now.since(begun) <= 3 * pair.world.latency);
    for (host, key) in [(CLIENT, here), (SERVER, there)] {
        assert_eq!(pair.machine(host).protocol(key).as_deref(), Some(&b"test"[..]));
        assert!(pair.machine(host).is_established(key));
    }
    assert_eq!(pair.machine(SERVER).server_name(there).as_deref(), Some(NAME));
    assert!(pair.machine(CLIENT).peer_certificates(here).is_some());
    assert!(pair.machine(SERVER).peer_certificates(there).is_none());
}

#[test]
fn handshakes_survive_a_bad_network() {
    for_seeds(0..40, |seed| {
        let mut pair = Pair::new(seed);
        pair.world.faults = Faults { lost: 0.2, doubled: 0.1, late: 0.2, damaged: 0.1 };
        pair.connect();
    });
}

#[test]
fn the_same_seed_sends_the_same_at_the_same_time() {
    let trace = |seed| {
        let mut pair = Pair::new(seed);
        pair.world.faults = Faults { lost: 0.1, doubled: 0.1, late: 0.1, damaged: 0.1 };
        pair.connect();
        pair.world.run_for(Duration::from_secs(5));
        pair.world.trace().to_vec()
    };
    for_seeds(0..10, |seed| assert_eq!(trace(seed), trace(seed)));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn every_congestion_controller_gets_a_connection_through() {
    for congestion in [Congestion::Cubic, Congestion::NewReno, Congestion::Bbr] {
        let mut chosen = options();
        chosen.transport.congestion = congestion;
        Pair::with_options(1, chosen.clone(), chosen).connect();
    }
}

#[test]
fn a_huge_first_datagram_is_allowed_by_the_window() {
    let mut jumbo = options();
    jumbo.transport.mtu_initial = 65_000;
    jumbo.transport.mtu_max = 65_000;
    let mut pair = Pair::with_options(1, jumbo.clone(), jumbo);
    pair.world.mtu = 65_507;
    pair.connect();
}

#[test]
fn without_a_common_protocol_there_is_no_connection() {
    let authority = Authority::new();
    let mut client = authority.client();
    client.protocols = vec![b"other".to_vec()];
    assert_alert(120, &lost(&authority, &client));
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let client = Authority::called("somebody else").client();
    assert_alert(48, &lost(&Authority::new(), &client));
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let late = options();
    late.shared.wall.set(WallTime::from_millis(EXPIRED_AT_MS));
    let mut pair = Pair::with(1, (late, &authority.client()), (options(), &authority.server()));
    assert_alert(45, &first_loss(&mut pair));
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let mut pair = Pair::new(1);
    let (to, now) = (pair.world.hosts[SERVER].address, pair.world.now);
    let config = pair.client.clone();
    pair.machine(CLIENT).connect(now, &config, to, "other.test").unwrap();
    assert_alert(42, &wait_for_loss(&mut pair));
}

#[test]
fn a_server_that_wants_a_certificate_gets_one_or_refuses() {
    let authority = Authority::new();
    let mut server = authority.server();
    server.client_certificates = ClientCertificates::Required(authority.roots.clone());
    let mut client = authority.client();
    let mut pair = Pair::with(1, (options(), &client), (options(), &server));
    assert_alert(116, &first_loss(&mut pair));

    client.identity = Some(authority.identity("client.test"));
    let mut pair = Pair::with(1, (options(), &client), (options(), &server));
    let (_, there) = pair.connect();
    assert!(pair.machine(SERVER).peer_certificates(there).is_some());
}

#[test]
fn a_replaced_certificate_is_shown_to_the_next_client() {
    let authority = Authority::new();
    let server = authority.server();
    let mut client = authority.client();
    client.sessions = 0;
    let mut pair = Pair::with(1, (options(), &client), (options(), &server));
    let (first, _) = pair.connect();
    let before = pair.machine(CLIENT).peer_certificates(first);
    server.certificates.replace(authority.identity(NAME));
    let (second, _) = pair.connect();
    assert_ne!(pair.machine(CLIENT).peer_certificates(second), before);
    assert!(pair.machine(CLIENT).is_established(first), "the first one is not disturbed");
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let mut pair = Pair::new(1);
    pair.world.is_cut = true;
    let begun = pair.world.now;
    assert_eq!(first_loss(&mut pair), ConnectionError::HandshakeTimedOut);
    let waited = pair.world.now.since(begun);
    assert_eq!(waited, options().limits.handshake_timeout);
    pair.world.run(|world| world.hosts[CLIENT].machine.connections() == 0);
}

#[test]
fn a_client_knows_when_it_has_too_many_connections() {
    let mut few = options();
    few.limits.connections = 1;
    let mut pair = Pair::with_options(1, few, options());
    pair.connect();
    let (to, now) = (pair.world.hosts[SERVER].address, pair.world.now);
    let config = pair.client.clone();
    let refused = pair.machine(CLIENT).connect(now, &config, to, NAME);
    assert_eq!(refused, Err(ConnectError::TooManyConnections { limit: 1 }));
}

fn lost(server: &Authority, client: &roundhouse_net::quic::tls::ClientTls) -> ConnectionError {
    first_loss(&mut Pair::with(1, (options(), client), (options(), &server.server())))
}

/// Begins a connection and says why the client lost it.
fn first_loss(pair: &mut Pair) -> ConnectionError {
    pair.begin();
    wait_for_loss(pair)
}

fn wait_for_loss(pair: &mut Pair) -> ConnectionError {
    let mut lost = None;
    pair.world.run(|world| {
        let mut events = world.hosts[CLIENT].events.iter();
        lost = events.find_map(|(_, event)| match event {
            Event::Lost(error) => Some(error.clone()),
            _ => None,
        });
        lost.is_some()
    });
    lost.expect("the run ends with one")
}

fn assert_alert(expected: u8, error: &ConnectionError) {
    let ConnectionError::Tls { alert, .. } = error else { panic!("not a TLS error: {error}") };
    assert_eq!(*alert, expected, "{error}");
}
