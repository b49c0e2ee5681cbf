//! quinn, on a runtime of tokio with one thread at each end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use futures_channel::oneshot;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::client::{Client, Done, run};
use super::identity::{Identity, NAME, PROTOCOL};
use super::load::{Load, Shape};
use super::pair::{Ends, measure};
use crate::cores::Start;

pub(super) struct Quinn {
    pub(super) load: Load,
}

impl Subject for Quinn {
    fn name(&self) -> &'static str {
        "quinn"
    }

    fn about(&self) -> String {
        "0.11; tokio with one thread at each end, rustls with ring, default options".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        measure(&OnTokio, self.load, stage)
    }
}

#[derive(Clone)]
struct OnTokio;

impl Ends for OnTokio {
    fn serve(
        self,
        identity: &Identity,
        load: Load,
        address: Sender<SocketAddr>,
        stop: oneshot::Receiver<()>,
    ) -> Result<(), MeasureError> {
        let config = server_config(identity)?;
        on_tokio(async move {
            let endpoint = Endpoint::server(config, loopback())?;
            address.send(endpoint.local_addr()?)?;
            tokio::spawn(accept(endpoint.clone(), load));
            let _asked = stop.await;
            endpoint.close(0_u32.into(), b"");
            endpoint.wait_idle().await;
            Ok(())
        })
    }

    fn call(
        self,
        identity: &Identity,
        load: Load,
        server: SocketAddr,
        start: Start,
    ) -> Result<Done, MeasureError> {
        let config = client_config(identity)?;
        on_tokio(async move {
            let mut endpoint = Endpoint::client(loopback())?;
            endpoint.set_default_client_config(config);
            let mut connections = Vec::new();
            for _ in 0..load.connections {
                connections.push(endpoint.connect(server, NAME)?.await?);
            }
            run(&connections, load, start.warm_up).await?;
            run(&connections, load, start.wait()?).await
        })
    }
}

impl Client for Connection {
    type Sending = SendStream;
    type Receiving = RecvStream;

    async fn open(&self) -> Result<(SendStream, RecvStream), MeasureError> {
        Ok(self.open_bi().await?)
    }

    async fn write(sending: &mut SendStream, data: &[u8]) -> Result<(), MeasureError> {
        Ok(sending.write_all(data).await?)
    }

    fn finish(sending: &mut SendStream) -> Result<(), MeasureError> {
        Ok(sending.finish()?)
    }

    async fn finished(sending: &mut SendStream) -> Result<(), MeasureError> {
        sending.stopped().await?;
        Ok(())
    }

    async fn read(receiving: &mut RecvStream) -> Result<Option<Bytes>, MeasureError> {
        Ok(receiving.read_chunk(usize::MAX, true).await?.map(|chunk| chunk.bytes))
    }
}

async fn accept(endpoint: Endpoint, load: Load) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            // Those that fail say why at their other end.
            let Ok(connection) = incoming.await else { return };
            while let Ok((sending, receiving)) = connection.accept_bi().await {
                tokio::spawn(answer(sending, receiving, load));
            }
        });
    }
}

async fn answer(
    mut sending: SendStream,
    mut receiving: RecvStream,
    load: Load,
) -> Result<(), MeasureError> {
    while let Some(chunk) = receiving.read_chunk(usize::MAX, true).await? {
        if load.shape != Shape::Bulk {
            sending.write_all(&chunk.bytes).await?;
        }
    }
    Ok(sending.finish()?)
}

fn server_config(identity: &Identity) -> Result<quinn::ServerConfig, MeasureError> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?)))
}

fn client_config(identity: &Identity) -> Result<quinn::ClientConfig, MeasureError> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(identity.roots.clone())
        .with_no_client_auth();
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)))
}

/// The suite that the engine prefers, so that both encrypt alike.
fn provider() -> Arc<CryptoProvider> {
    let cipher_suites = vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
    Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() })
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Runs `program` on a runtime of this thread.
pub(super) fn on_tokio<R>(
    program: impl Future<Output = Result<R, MeasureError>>,
) -> Result<R, MeasureError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(program)
}
