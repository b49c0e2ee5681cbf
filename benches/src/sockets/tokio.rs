//! Tokio on one thread.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use roundhouse_measure::MeasureError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::echo::EchoServer;
use super::tcp::Tcp;
use super::udp::Udp;
use super::{ANY_PORT, CONNECTIONS, END_BYTES, MESSAGE_BYTES};

#[derive(Clone, Copy)]
pub(super) struct Tokio;

fn runtime() -> Result<Runtime, MeasureError> {
    Ok(Builder::new_current_thread().enable_io().build()?)
}

impl EchoServer<Udp> for Tokio {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        runtime()?.block_on(async {
            let socket = UdpSocket::bind(ANY_PORT).await?;
            address.send(socket.local_addr()?)?;
            let mut buffer = [0; 2 * MESSAGE_BYTES];
            loop {
                let (bytes, from) = socket.recv_from(&mut buffer).await?;
                if bytes == END_BYTES {
                    return Ok(());
                }
                socket.send_to(&buffer[..bytes], from).await?;
            }
        })
    }
}

impl EchoServer<Tcp> for Tokio {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        runtime()?.block_on(async {
            let listener = TcpListener::bind(ANY_PORT).await?;
            address.send(listener.local_addr()?)?;
            let mut serving = JoinSet::new();
            for _ in 0..CONNECTIONS {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                serving.spawn(echo(stream));
            }
            serving.join_all().await;
            Ok(())
        })
    }
}

/// Sends back what comes, until the client ends the stream in whatever way.
async fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 2 * MESSAGE_BYTES];
    while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}

const NAME: &str = "tokio";
const ABOUT: &str = "1; the current-thread runtime";
