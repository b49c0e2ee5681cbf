//! Pools of connections, and servers that go away.

use std::time::Duration;

use futures_util::future::join_all;
use roundhouse_net::quic::ConnectionError;
use roundhouse_net::quic::pool::{Pool, PoolError, PoolOptions};

use crate::identities::NAME;
use crate::quic::{Client, Server, echo};
use crate::town::Town;

/// A town with a server, a client, and a pool on it.
fn town(options: PoolOptions) -> (Town, Server, Client, Pool) {
    let mut town = Town::new(1);
    let server = Server::start(&mut town);
    let client = server.client(&mut town, "client");
    let pool = client.pool(options);
    (town, server, client, pool)
}

fn end(mut town: Town, server: Server, client: Client, pool: Pool) {
    drop(pool);
    let host = client.host.clone();
    town.run(&host, async move { client.end().await });
    server.end(&mut town);
}

#[test]
fn many_requests_share_a_few_connections() {
    let (mut town, server, client, pool) = town(PoolOptions::default());
    let counters = pool.counters();
    let (users, to) = (pool.clone(), client.to);
    town.run(&client.host, async move {
        let requests = (0..20).map(|n| {
            let users = users.clone();
            async move {
                let connection = users.connection(to, NAME).await.unwrap();
                echo(&connection, &vec![n; 1000]).await;
            }
        });
        join_all(requests).await;
        echo(&users.connection(to, NAME).await.unwrap(), b"once more").await;
    });
    assert_eq!((counters.opened.load(), counters.reused.load()), (2, 19));
    assert_eq!(server.endpoint.connections(), 2);
    end(town, server, client, pool);
}

#[test]
fn an_unused_connection_is_closed_after_a_while_and_the_next_is_a_new_one() {
    let idle_time = Duration::from_secs(20);
    let (mut town, server, client, pool) =
        town(PoolOptions { idle_time, ..PoolOptions::default() });
    let counters = pool.counters();
    for round in 1..=2 {
        let (user, to) = (pool.clone(), client.to);
        town.run(&client.host, async move {
            user.warm_up(to, NAME, 1).await.unwrap();
            echo(&user.connection(to, NAME).await.unwrap(), b"warm").await;
        });
        town.pass(Duration::from_secs(19));
        assert_eq!(server.endpoint.connections(), 1, "it is kept");
        assert_eq!(counters.idled_out.load(), round - 1);
        town.pass(Duration::from_secs(3));
        assert_eq!(server.endpoint.connections(), 0, "it is closed");
        assert_eq!((counters.opened.load(), counters.idled_out.load()), (round, round));
    }
    assert_eq!(counters.reused.load(), 2);
    end(town, server, client, pool);
}

#[test]
fn a_connection_whose_server_does_not_answer_a_probe_is_given_up() {
    let (mut town, server, client, pool) = town(PoolOptions::default());
    let counters = pool.counters();
    let (user, to) = (pool.clone(), client.to);
    let use_once = move || {
        let user = user.clone();
        async move { user.connection(to, NAME).await.map(drop) }
    };
    assert_eq!(town.run(&client.host, use_once()), Ok(()));
    town.pass(Duration::from_secs(6));
    assert_eq!(town.run(&client.host, use_once()), Ok(()), "it answers the probe");
    assert_eq!((counters.opened.load(), counters.reused.load()), (1, 1));

    town.pass(Duration::from_secs(6));
    town.world.cut(&client.host.node, &server.host.node);
    let timed_out = PoolError::Connection(ConnectionError::HandshakeTimedOut);
    assert_eq!(town.run(&client.host, use_once()), Err(timed_out));
    assert_eq!((counters.unresponsive.load(), counters.failed.load()), (1, 1));

    town.world.heal(&client.host.node, &server.host.node);
    town.pass(Duration::from_mins(1));
    assert_eq!(town.run(&client.host, use_once()), Ok(()), "the next request begins anew");
    assert_eq!((counters.opened.load(), counters.reused.load()), (2, 1));
    drop(use_once);
    end(town, server, client, pool);
}

#[test]
fn a_pool_that_knows_enough_servers_refuses_others() {
    let (mut town, server, client, pool) = town(PoolOptions { hosts: 1, ..PoolOptions::default() });
    let (user, to) = (pool.clone(), client.to);
    town.run(&client.host, async move {
        let _held = user.connection(to, NAME).await.unwrap();
        let other = user.connection(to, "other.test").await;
        assert_eq!(other.err(), Some(PoolError::TooManyHosts { limit: 1 }));
    });
    end(town, server, client, pool);
}
