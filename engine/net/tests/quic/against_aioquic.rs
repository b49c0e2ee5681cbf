//! Endpoints on a ring against aioquic, which shares no code with them, in both roles.

use std::rc::Rc;

use futures_util::future::join_all;
use roundhouse_net::quic::machine::Metrics;
use roundhouse_net::quic::tls::Resumption;
use roundhouse_net::quic::{
    ClientConfig, Code, Connection, Endpoint, EndpointOptions, Retry, ServerConfig,
};

use crate::aioquic::Aioquic;
use crate::echo::{call, echo_all, open, serve_while};
use crate::identities::{Authority, NAME};
use crate::shard::on_shard;
use crate::streams::data;
use crate::world::options;

const TRANSFER_BYTES: usize = 10 * 1024 * 1024;

#[test]
fn a_client_of_aioquic_gets_back_what_it_sends_on_streams_both_ways() {
    serve("streams", options());
}

#[test]
fn a_client_of_aioquic_gets_back_ten_mebibytes() {
    serve("transfer", options());
}

#[test]
fn a_client_of_aioquic_gets_back_its_datagrams() {
    serve("datagrams", options());
}

#[test]
fn a_client_of_aioquic_resumes_its_session_with_early_data() {
    serve("resumption", options());
}

#[test]
fn a_client_of_aioquic_proves_its_address() {
    let wary = EndpointOptions { retry: Retry::Always, ..options() };
    if let Some(metrics) = serve("retry", wary) {
        assert_eq!(metrics.retries.load(), 1);
    }
}

#[test]
fn a_client_of_aioquic_that_overruns_what_it_is_allowed_is_told_and_the_next_is_served() {
    for case in ["overrun-window", "overrun-streams"] {
        if let Some(metrics) = serve(case, options()) {
            assert_eq!((metrics.connected.load(), metrics.lost.load()), (1, 1), "{case}");
        }
    }
}

#[test]
fn a_client_of_aioquic_changes_its_keys() {
    serve("key-update", options());
}

#[test]
fn a_client_of_aioquic_is_followed_to_other_ports() {
    serve("rebinding", options());
}

#[test]
fn a_client_of_aioquic_moves_with_another_connection_id() {
    serve("migration", options());
}

#[test]
fn streams_both_ways_come_back_from_a_server_of_aioquic() {
    with_server(&[], |client| async move {
        let connection = client.connect().await;
        let calls = (1..=60).map(|n| {
            let connection = connection.clone();
            async move {
                let sent = data(n, 1000 * n as usize);
                assert!(call(&connection, &sent).await == sent, "call {n} came back damaged");
            }
        });
        join_all(calls).await;
        let sent = data(0, 100_000);
        let mut sending = connection.open_unidirectional().await.unwrap();
        sending.write_all(&sent).await.unwrap();
        sending.finish().unwrap();
        let mut receiving = connection.accept_unidirectional().await.unwrap();
        let back = receiving.read_to_end(sent.len()).await.unwrap();
        assert!(back.is_some_and(|back| back == sent), "it came back damaged");
        client.end(&connection).await;
    });
}

#[test]
fn ten_mebibytes_come_back_from_a_server_of_aioquic_and_then_with_new_keys() {
    with_server(&[], |client| async move {
        let connection = client.connect().await;
        let sent = data(1, TRANSFER_BYTES);
        assert!(call(&connection, &sent).await == sent, "it came back damaged");
        for _ in 0..3 {
            connection.update_keys();
            let sent = &sent[..100_000];
            assert!(call(&connection, sent).await == sent, "it came back damaged");
        }
        client.end(&connection).await;
    });
}

#[test]
fn datagrams_come_back_from_a_server_of_aioquic() {
    with_server(&[], |client| async move {
        let connection = client.connect().await;
        for n in 1..=100 {
            let sent = data(n, n as usize);
            connection.send_datagram(sent.clone()).unwrap();
            assert_eq!(connection.receive_datagram().await.unwrap(), sent);
        }
        client.end(&connection).await;
    });
}

#[test]
fn a_server_of_aioquic_has_an_address_proven_and_takes_early_data() {
    with_server(&["--retry"], |client| async move {
        let first = client.connect().await;
        assert_eq!(call(&first, b"first").await, "first");
        first.close(Code::default(), "");
        let again = client.endpoint.connect(&client.trust, client.server, NAME).unwrap();
        let second = again.into_early().expect("the client knows the server");
        assert_eq!(call(&second, b"early").await, "early");
        assert_eq!(second.handshaken().await, Ok(true));
        client.end(&second).await;
    });
}

#[test]
fn a_server_of_aioquic_follows_us_through_a_nat_that_forgets() {
    with_server(&["--nat"], |client| async move {
        let connection = client.connect().await;
        for n in 0..3 {
            let sent = data(n, 200_000);
            assert!(call(&connection, &sent).await == sent, "it came back damaged");
        }
        client.end(&connection).await;
    });
}

/// Echoes on a shard what a client of aioquic sends in `case`. `None` if there is no aioquic.
fn serve(case: &'static str, options: EndpointOptions) -> Option<std::sync::Arc<Metrics>> {
    let authority = Authority::new();
    let aioquic = Aioquic::find(&authority)?;
    let mut tls = authority.server();
    tls.resumption = Resumption::Sessions { count: 10, early_data: true };
    let identity = ServerConfig::new(&tls, &options.shared).unwrap();
    Some(serve_while(options, identity, echo_all, move |server| aioquic.call(case, server)))
}

/// Our end of the tests with a server of aioquic.
struct Client {
    endpoint: Endpoint,
    trust: ClientConfig,
    server: std::net::SocketAddr,
}

impl Client {
    async fn connect(&self) -> Connection {
        self.endpoint.connect(&self.trust, self.server, NAME).unwrap().await.unwrap()
    }

    async fn end(&self, connection: &Connection) {
        connection.close(Code::from(7), "enough");
        self.endpoint.drained().await;
    }
}

/// Runs `program` on a shard while a server of aioquic echoes streams and datagrams.
fn with_server<F: Future<Output = ()> + 'static>(
    arguments: &[&str],
    program: impl FnOnce(Rc<Client>) -> F,
) {
    let authority = Authority::new();
    let Some(aioquic) = Aioquic::find(&authority) else { return };
    let server = aioquic.serve(&authority, arguments);
    on_shard(|shard| {
        let options = options();
        let trust = ClientConfig::new(&authority.client(), &options.shared).unwrap();
        let endpoint = open(&shard, options);
        program(Rc::new(Client { endpoint, trust, server: server.address }))
    });
}
