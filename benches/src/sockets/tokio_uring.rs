//! tokio-uring.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use roundhouse_measure::MeasureError;
use tokio_uring::buf::BoundedBuf;
use tokio_uring::net::{TcpListener, TcpStream, UdpSocket};

use super::echo::EchoServer;
use super::tcp::Tcp;
use super::udp::Udp;
use super::{ANY_PORT, CONNECTIONS, END_BYTES, MESSAGE_BYTES};

#[derive(Clone, Copy)]
pub(super) struct TokioUring;

impl EchoServer<Udp> for TokioUring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        tokio_uring::start(async {
            let socket = UdpSocket::bind(ANY_PORT).await?;
            address.send(socket.local_addr()?)?;
            let mut buffer = vec![0; 2 * MESSAGE_BYTES];
            loop {
                let (received, same) = socket.recv_from(buffer).await;
                let (bytes, from) = received?;
                if bytes == END_BYTES {
                    return Ok(());
                }
                let (sent, slice) = socket.send_to(same.slice(..bytes), from).await;
                sent?;
                buffer = slice.into_inner();
            }
        })
    }
}

impl EchoServer<Tcp> for TokioUring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        tokio_uring::start(async {
            let listener = TcpListener::bind(ANY_PORT)?;
            address.send(listener.local_addr()?)?;
            let mut serving = Vec::new();
            for _ in 0..CONNECTIONS {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                serving.push(tokio_uring::spawn(echo(stream)));
            }
            for connection in serving {
                connection.await?;
            }
            Ok(())
        })
    }
}

/// Sends back what comes, until the client ends the stream in whatever way.
async fn echo(stream: TcpStream) {
    let mut buffer = vec![0; 2 * MESSAGE_BYTES];
    loop {
        let (read, same) = stream.read(buffer).await;
        let Ok(bytes @ 1..) = read else { return };
        let (written, slice) = stream.write_all(same.slice(..bytes)).await;
        if written.is_err() {
            return;
        }
        buffer = slice.into_inner();
    }
}

const NAME: &str = "tokio-uring";
const ABOUT: &str = "0.5";
