//! An HTTP server on the shards, by hyper, with a log behind it.
//!
//! `cargo run --release --example hyper_server -p roundhouse --features hyper -- [1|2] [address]`
//! serves HTTP/1 (the default) or HTTP/2 without TLS ("prior knowledge") on 127.0.0.1:8080. POST
//! appends the body to the log `http` durably and answers with its offset; GET answers `hello`.

#![allow(clippy::print_stdout, reason = "a program that talks to the person who ran it")]

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use roundhouse::net::hyper::{HyperStream, ShardExecutor, ShardTimer};
use roundhouse::net::{ListenerOptions, TcpStream};
use roundhouse::{Engine, Log, ShardHandle, block_on};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Which version of HTTP a connection speaks.
#[derive(Clone, Copy)]
enum Version {
    Http1,
    Http2,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let version = match arguments.next().as_deref() {
        None | Some("1") => Version::Http1,
        Some("2") => Version::Http2,
        Some(other) => return Err(format!("{other}: 1 or 2 is wanted").into()),
    };
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned()).parse()?;
    let directory = std::env::temp_dir().join("roundhouse-hyper-server");
    block_on(async {
        let engine = Engine::builder(&directory).open().await?;
        println!("Serving on {address} with {} shards.", engine.shards());
        run(&engine, address, version).await
    })
}

/// Serves on all shards until it is dropped, or one of them cannot.
async fn run(engine: &Engine, address: SocketAddr, version: Version) -> Result<(), Failure> {
    let log = engine.log("http").open_or_create().await?;
    let program = async move |shard: ShardHandle| listen(&shard, address, version, &log).await;
    for ended in engine.spawn_on_each_shard(program).await? {
        ended?;
    }
    Ok(())
}

/// Every shard listens on the same address; the kernel spreads connections over them.
async fn listen(
    shard: &ShardHandle,
    address: SocketAddr,
    version: Version,
    log: &Log,
) -> Result<(), Failure> {
    let mut options = ListenerOptions { reuse_port: true, ..ListenerOptions::new(address) };
    options.stream.write_timeout = Some(Duration::from_secs(10));
    options.stream.idle_timeout = Some(Duration::from_mins(1));
    let listener = shard.tcp_listener(&options)?;
    loop {
        let stream = listener.accept().await;
        shard.spawn(serve(shard.clone(), stream, version, log.clone())).detach();
    }
}

async fn serve(shard: ShardHandle, stream: TcpStream, version: Version, log: Log) {
    let service = service_fn(move |request| answer(log.clone(), request));
    let stream = HyperStream(stream);
    // A connection that breaks is the client's business.
    let _ended = match version {
        Version::Http1 => {
            let mut builder = http1::Builder::new();
            builder.timer(ShardTimer::new()).pipeline_flush(true);
            builder.serve_connection(stream, service).await
        }
        Version::Http2 => {
            let executor = ShardExecutor(shard.runtime().clone());
            let mut builder = http2::Builder::new(executor);
            builder.timer(ShardTimer::new());
            builder.serve_connection(stream, service).await
        }
    };
}

async fn answer(log: Log, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"hello\n")));
    if request.method() == Method::POST {
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
        match log.append(body).await {
            Ok(offset) => *response.body_mut() = Full::new(Bytes::from(format!("{offset}\n"))),
            Err(error) => {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                *response.body_mut() = Full::new(Bytes::from(format!("{error}\n")));
            }
        }
    }
    Ok(response)
}

/// Longest body that is appended; a longer one ends the connection.
const BODY_BYTES_MAX: usize = 1 << 20;
