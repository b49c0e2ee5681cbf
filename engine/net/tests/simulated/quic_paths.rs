//! QUIC connections whose way changes under them.

use std::time::Duration;

use roundhouse_net::quic::{Connection, ConnectionError};
use roundhouse_runtime::Task;

use crate::quic::{Client, Server, data, echo};
use crate::town::{Town, for_seeds};

/// A town with a server and one client that is connected.
fn connected(seed: u64) -> (Town, Server, Client, Connection) {
    let mut town = Town::new(seed);
    let server = Server::start(&mut town);
    let client = server.client(&mut town, "client");
    let (host, connecting) = (client.host.clone(), client.clone());
    let connection = town.run(&host, async move { connecting.connect().await });
    (town, server, client, connection)
}

/// An echo on its way.
fn start_echo(client: &Client, connection: &Connection, bytes: usize) -> Task<()> {
    let connection = connection.clone();
    let data = data(bytes as u64, bytes);
    client.host.start(async move { echo(&connection, &data).await })
}

fn end(mut town: Town, server: Server, client: Client, connection: Connection) {
    drop(connection);
    let host = client.host.clone();
    town.run(&host, async move { client.end().await });
    server.end(&mut town);
}

#[test]
fn a_connection_outlives_the_rebinding_of_a_nat() {
    for_seeds(0..5, |seed| {
        let mut town = Town::new(seed);
        let server = Server::start(&mut town);
        let client = server.client(&mut town, "client");
        client.host.node.set_nat(true);
        let (host, connecting) = (client.host.clone(), client.clone());
        let connection = town.run(&host, async move { connecting.connect().await });
        let before = start_echo(&client, &connection, 10_000);
        town.finish(before);

        let during = start_echo(&client, &connection, 500_000);
        town.pass(Duration::from_millis(3));
        assert!(!during.is_finished(), "the router restarts in the middle of it");
        client.host.node.rebind_nat();
        town.finish(during);
        client.host.node.rebind_nat();
        let after = start_echo(&client, &connection, 10_000);
        town.finish(after);
        assert_eq!(server.endpoint.connections(), 1, "still the same one");
        end(town, server, client, connection);
    });
}

#[test]
fn a_path_that_carries_only_small_packets_all_of_a_sudden_is_found_out() {
    for_seeds(0..3, |seed| {
        let (mut town, server, client, connection) = connected(seed);
        let before = start_echo(&client, &connection, 100_000);
        town.finish(before);
        town.pass(Duration::from_secs(5));
        assert!(connection.stats().unwrap().mtu > 1400, "the probes got through");

        town.world.change_links(|link| link.path_mtu_bytes = 1280);
        let during = start_echo(&client, &connection, 100_000);
        town.finish(during);
        let stats = connection.stats().unwrap();
        assert!(stats.black_holes > 0 && stats.mtu <= 1252, "{stats:?}");
        assert!(town.world.network_counts().too_long > 0);
        end(town, server, client, connection);
    });
}

#[test]
fn a_short_cut_delays_and_a_long_one_ends_the_connection() {
    for_seeds(0..3, |seed| {
        let (mut town, server, client, connection) = connected(seed);
        let (here, there) = (client.host.node.clone(), server.host.node.clone());
        for one_way in [false, true] {
            let during = start_echo(&client, &connection, 300_000);
            town.pass(Duration::from_millis(2));
            if one_way {
                town.world.change_link(&there, &here, |link| link.is_cut = true);
            } else {
                town.world.cut(&here, &there);
            }
            town.pass(Duration::from_secs(4));
            assert!(!during.is_finished(), "nothing can come back");
            town.world.heal(&here, &there);
            town.finish(during);
        }

        town.world.cut(&here, &there);
        connection.ping();
        let waiting = connection.clone();
        let error = town.run(&client.host, async move { waiting.closed().await });
        assert_eq!(error, ConnectionError::TimedOut);
        town.world.heal(&here, &there);
        end(town, server, client, connection);
    });
}

#[test]
fn a_server_that_lost_its_power_is_missed() {
    let (mut town, server, client, connection) = connected(1);
    town.crash(&server.host);
    connection.ping();
    let waiting = connection.clone();
    let error = town.run(&client.host, async move { waiting.closed().await });
    assert_eq!(error, ConnectionError::TimedOut);
    drop(connection);
    let host = client.host.clone();
    town.run(&host, async move { client.end().await });
    drop(server);
    town.expect_nothing_left();
}
