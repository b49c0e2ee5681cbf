//! hyper on a shard, both sides, both versions.

#[allow(dead_code, reason = "shared with the tests of sockets")]
#[path = "sockets/shard.rs"]
mod shard;

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use roundhouse_net::hyper::{HyperStream, ShardExecutor, ShardTimer};
use roundhouse_net::{ListenerOptions, TcpConnector, TcpListener, TcpOptions, TcpStream};
use roundhouse_runtime::Shard;

use shard::{loopback, on_shard};

/// Answers with the body in capitals and how many requests came so far.
async fn shout(
    count: Rc<Cell<u32>>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    count.set(count.get() + 1);
    let response = Response::builder().header("count", count.get());
    let body = Full::new(Bytes::from(body.to_ascii_uppercase()));
    Ok(response.body(body).expect("a number is a header's value"))
}

async fn connection(shard: &Shard) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(shard, &ListenerOptions::new(loopback())).unwrap();
    let connector = TcpConnector::new(shard, TcpOptions::default());
    let connect = connector.connect(listener.local_address());
    let (client, server) = futures_util::join!(connect, listener.accept());
    (client.unwrap(), server)
}

#[test]
fn http_1_keeps_its_connection_and_carries_long_bodies() {
    on_shard(|shard| async move {
        let (client, server) = connection(&shard).await;
        // A service that could not be sent to another thread.
        let count = Rc::new(Cell::new(0));
        let service = service_fn(move |request| shout(count.clone(), request));
        let serving = hyper::server::conn::http1::Builder::new()
            .timer(ShardTimer::new())
            .serve_connection(HyperStream(server), service);
        shard.spawn(async move { serving.await.unwrap() }).detach();

        let (mut sender, driving) =
            hyper::client::conn::http1::handshake(HyperStream(client)).await.unwrap();
        shard.spawn(async move { driving.await.unwrap() }).detach();
        for (round, length) in [5, 3 << 20, 0].into_iter().enumerate() {
            let request = Request::post("/").body(Full::new(Bytes::from(vec![b'a'; length])));
            let response = sender.send_request(request.unwrap()).await.unwrap();
            assert_eq!(response.headers()["count"], (round + 1).to_string());
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(body.len() == length && body.iter().all(|byte| *byte == b'A'));
        }
    });
}

#[test]
fn http_2_answers_many_requests_at_once() {
    on_shard(|shard| async move {
        let (client, server) = connection(&shard).await;
        let count = Rc::new(Cell::new(0));
        let service = service_fn(move |request| shout(count.clone(), request));
        let serving = hyper::server::conn::http2::Builder::new(ShardExecutor(shard.clone()))
            .timer(ShardTimer::new())
            .keep_alive_interval(Duration::from_millis(5))
            .serve_connection(HyperStream(server), service);
        shard.spawn(async move { drop(serving.await) }).detach();

        let executor = ShardExecutor(shard.clone());
        let (sender, driving) =
            hyper::client::conn::http2::handshake(executor, HyperStream(client)).await.unwrap();
        let driving = shard.spawn(async move { driving.await.unwrap() });
        let requests = (0..100).map(|n| {
            let mut sender = sender.clone();
            async move {
                let request = Request::post("/").body(Full::new(Bytes::from(format!("n{n}"))));
                let response = sender.send_request(request.unwrap()).await.unwrap();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(body, format!("N{n}"));
            }
        });
        futures_util::future::join_all(requests).await;
        drop(sender);
        driving.await;
    });
}

#[test]
fn a_client_that_never_finishes_its_head_is_dropped() {
    on_shard(|shard| async move {
        let (mut client, server) = connection(&shard).await;
        let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(String::new())) });
        let serving = hyper::server::conn::http1::Builder::new()
            .timer(ShardTimer::new())
            .header_read_timeout(Duration::from_millis(20))
            .serve_connection(HyperStream(server), service);
        client.write(Bytes::from_static(b"GET / HT")).await.unwrap();
        assert!(serving.await.unwrap_err().is_timeout());
    });
}
