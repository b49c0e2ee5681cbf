//! HTTP/3 served on a shard by the `h3` crate, and fetched by aioquic.

use bytes::{Buf, Bytes};
use h3::server::RequestResolver;
use hyper::Response;
use roundhouse_net::quic::tls::{Certificates, ServerTls};
use roundhouse_net::quic::{Listener, ServerConfig};
use roundhouse_runtime::Shard;

use crate::aioquic::Aioquic;
use crate::echo::serve_while;
use crate::h3_streams::Http;
use crate::identities::{Authority, NAME};
use crate::world::options;

#[test]
fn a_client_of_aioquic_fetches_pages_of_a_shard() {
    let authority = Authority::new();
    let Some(aioquic) = Aioquic::find(&authority) else { return };
    let certificates = Certificates::new(authority.identity(NAME));
    let tls = ServerTls::new(certificates, vec![b"h3".to_vec()]);
    let mut options = options();
    // RFC 9114 section 6.1.
    options.limits.bidirectional_streams_initial = 100;
    let identity = ServerConfig::new(&tls, &options.shared).unwrap();
    serve_while(options, identity, serve, move |server| aioquic.call("http3", server));
}

async fn serve(shard: Shard, listener: Listener) {
    while let Some(connecting) = listener.accept().await {
        let connection = Http(connecting.await.unwrap());
        let mut http = h3::server::Connection::<_, Bytes>::new(connection).await.unwrap();
        // Ends with an error, too, when the client closes the connection.
        while let Ok(Some(request)) = http.accept().await {
            shard.spawn(answer(request)).detach();
        }
    }
}

/// Says what was asked for, or sends back what came with it.
async fn answer(request: RequestResolver<Http, Bytes>) {
    let (request, mut stream) = request.resolve_request().await.unwrap();
    let mut body = Vec::new();
    while let Some(mut data) = stream.recv_data().await.unwrap() {
        body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    if body.is_empty() {
        body = format!("{} {}", request.method(), request.uri().path()).into_bytes();
    }
    stream.send_response(Response::new(())).await.unwrap();
    stream.send_data(Bytes::from(body)).await.unwrap();
    stream.finish().await.unwrap();
}
