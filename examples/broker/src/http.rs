//! `/metrics`, `/health/live` and `/health/ready` over HTTP/1, on the first shard.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use roundhouse::ShardHandle;
use roundhouse::net::hyper::{HyperStream, ShardTimer};
use roundhouse::net::{ListenerOptions, TcpListener, TcpStream};

use crate::broker::StartError;
use crate::limits::HTTP_CONNECTIONS;
use crate::metrics;
use crate::node::Node;

/// Opens the listener.
///
/// # Errors
/// [`StartError::Listen`].
pub fn bind(handle: &ShardHandle, address: SocketAddr) -> Result<TcpListener, StartError> {
    let mut options =
        ListenerOptions { connections: HTTP_CONNECTIONS, ..ListenerOptions::new(address) };
    options.stream.idle_timeout = Some(IDLE);
    options.stream.write_timeout = Some(IDLE);
    let listener = handle.tcp_listener(&options);
    listener.map_err(|errno| StartError::Listen { address, error: errno.into() })
}

/// Serves until the broker stops.
pub async fn serve(node: Rc<Node>, listener: TcpListener) {
    loop {
        let stream = futures_util::select_biased! {
            _ = node.stopping() => return,
            stream = Box::pin(listener.accept()).fuse() => stream,
        };
        node.handle.spawn(serve_one(node.clone(), stream)).detach();
    }
}

async fn serve_one(node: Rc<Node>, stream: TcpStream) {
    let service = service_fn(|request| {
        let node = node.clone();
        async move { Ok::<_, Infallible>(answer(&node, &request).await) }
    });
    let mut builder = http1::Builder::new();
    let served = builder.timer(ShardTimer::new()).serve_connection(HyperStream(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

async fn answer(node: &Rc<Node>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    match (is_read, request.uri().path()) {
        (true, "/health/live") => text(StatusCode::OK, "alive\n"),
        (true, "/health/ready") if node.stopping().peek().is_some() => {
            text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        }
        (true, "/health/ready") => text(StatusCode::OK, "ready\n"),
        (true, "/metrics") => match metrics::render(node).await {
            Ok(rendered) => {
                let mut response = Response::new(Full::new(Bytes::from(rendered)));
                let openmetrics = HeaderValue::from_static(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                );
                response.headers_mut().insert(CONTENT_TYPE, openmetrics);
                response
            }
            Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        },
        (true, _) => {
            text(StatusCode::NOT_FOUND, "there are /metrics, /health/live, /health/ready\n")
        }
        (false, _) => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

/// How long a client may be silent or slow.
const IDLE: Duration = Duration::from_secs(30);
