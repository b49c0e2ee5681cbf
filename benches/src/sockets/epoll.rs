//! A loop around epoll.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;

use roundhouse_measure::{CEILING, MeasureError};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::echo::EchoServer;
use super::tcp::Tcp;
use super::{ANY_PORT, CONNECTIONS, MESSAGE_BYTES};

#[derive(Clone, Copy)]
pub(super) struct Epoll;

impl EchoServer<Tcp> for Epoll {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "a bare loop of epoll_wait, read and write".to_owned()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        let listener = TcpListener::bind(ANY_PORT)?;
        address.send(listener.local_addr()?)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut streams = Vec::new();
        for number in 0..CONNECTIONS {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, EventData::new_u64(number as u64), EventFlags::IN)?;
            streams.push(stream);
        }
        let mut ended = 0;
        let mut events = Vec::with_capacity(CONNECTIONS);
        while ended < CONNECTIONS {
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), None)?;
            for event in &events {
                let stream = &mut streams[event.data.u64() as usize];
                if !echo(stream)? {
                    epoll::delete(&epoll, &*stream)?;
                    ended += 1;
                }
            }
        }
        Ok(())
    }
}

/// Sends back what there is; false at the end.
fn echo(stream: &mut TcpStream) -> Result<bool, MeasureError> {
    let mut buffer = [0; 2 * MESSAGE_BYTES];
    match stream.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(bytes) => {
            stream.write_all(&buffer[..bytes])?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
        Err(error) => Err(error.into()),
    }
}
