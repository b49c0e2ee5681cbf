//! The system calls that block.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Sender;

use roundhouse_measure::{CEILING, MeasureError};

use super::echo::EchoServer;
use super::udp::Udp;
use super::{ANY_PORT, END_BYTES, MESSAGE_BYTES};

#[derive(Clone, Copy)]
pub(super) struct Blocking;

impl EchoServer<Udp> for Blocking {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "a thread in recvfrom and sendto".to_owned()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        let socket = UdpSocket::bind(ANY_PORT)?;
        address.send(socket.local_addr()?)?;
        let mut buffer = [0; 2 * MESSAGE_BYTES];
        loop {
            let (bytes, from) = socket.recv_from(&mut buffer)?;
            if bytes == END_BYTES {
                return Ok(());
            }
            socket.send_to(&buffer[..bytes], from)?;
        }
    }
}
