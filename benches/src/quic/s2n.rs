//! s2n-quic, on a runtime of tokio with one thread at each end.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};
use s2n_quic::client::Connect;
use s2n_quic::connection::Handle;
use s2n_quic::provider::tls::rustls;
use s2n_quic::stream::{BidirectionalStream, ReceiveStream, SendStream};
use s2n_quic::{Connection, Server};

use super::client::{Client, Done, run};
use super::identity::{Identity, NAME, PROTOCOL};
use super::load::{Load, Shape};
use super::pair::{Ends, measure};
use super::quinn::on_tokio;
use crate::cores::Start;

pub(super) struct S2n {
    pub(super) load: Load,
}

impl Subject for S2n {
    fn name(&self) -> &'static str {
        "s2n-quic"
    }

    fn about(&self) -> String {
        "1; tokio with one thread at each end, rustls with aws-lc-rs, default options".to_owned()
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
        let tls = rustls::Server::builder()
            .with_certificate(&identity.certificate[..], &identity.key[..])?
            .with_application_protocols([PROTOCOL].into_iter())?
            .build()?;
        on_tokio(async move {
            let server = Server::builder().with_tls(tls)?.with_io("127.0.0.1:0")?.start()?;
            address.send(server.local_addr()?)?;
            let accepting = tokio::spawn(accept(server, load));
            let _asked = stop.await;
            accepting.abort();
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
        let tls = rustls::Client::builder()
            .with_certificate(&identity.certificate[..])?
            .with_application_protocols([PROTOCOL].into_iter())?
            .build()?;
        on_tokio(async move {
            let client =
                s2n_quic::Client::builder().with_tls(tls)?.with_io("127.0.0.1:0")?.start()?;
            // A connection ends when the last of it is dropped, so the handles are not all there is.
            let (mut handles, mut connections) = (Vec::new(), Vec::new());
            for _ in 0..load.connections {
                let connection =
                    client.connect(Connect::new(server).with_server_name(NAME)).await?;
                handles.push(connection.handle());
                connections.push(connection);
            }
            run(&handles, load, start.warm_up).await?;
            run(&handles, load, start.wait()?).await
        })
    }
}

impl Client for Handle {
    type Sending = SendStream;
    type Receiving = ReceiveStream;

    async fn open(&self) -> Result<(SendStream, ReceiveStream), MeasureError> {
        let (receiving, sending) = self.clone().open_bidirectional_stream().await?.split();
        Ok((sending, receiving))
    }

    async fn write(sending: &mut SendStream, data: &[u8]) -> Result<(), MeasureError> {
        Ok(sending.send(Bytes::copy_from_slice(data)).await?)
    }

    fn finish(sending: &mut SendStream) -> Result<(), MeasureError> {
        Ok(sending.finish()?)
    }

    async fn finished(sending: &mut SendStream) -> Result<(), MeasureError> {
        Ok(sending.close().await?)
    }

    async fn read(receiving: &mut ReceiveStream) -> Result<Option<Bytes>, MeasureError> {
        Ok(receiving.receive().await?)
    }
}

async fn accept(mut server: Server, load: Load) {
    while let Some(connection) = server.accept().await {
        tokio::spawn(serve(connection, load));
    }
}

async fn serve(mut connection: Connection, load: Load) {
    // A connection that fails says why at its other end.
    while let Ok(Some(stream)) = connection.accept_bidirectional_stream().await {
        tokio::spawn(answer(stream, load).map(drop));
    }
}

async fn answer(stream: BidirectionalStream, load: Load) -> Result<(), MeasureError> {
    let (mut receiving, mut sending) = stream.split();
    while let Some(data) = receiving.receive().await? {
        if load.shape != Shape::Bulk {
            sending.send(data).await?;
        }
    }
    Ok(sending.finish()?)
}
