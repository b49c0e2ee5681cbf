//! Trains of datagrams by system calls: what quinn's sockets do.

use std::io::{ErrorKind, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Sender;
use std::time::Instant;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use roundhouse_measure::{CEILING, MeasureError};
use rustix::event::{PollFd, PollFlags, poll};

use super::udp::{BETWEEN_ENDS, Carrier, DATAGRAM_BYTES, ENDS};
use super::{ANY_PORT, END_BYTES};
use crate::cores::Start;

#[derive(Clone, Copy)]
pub(super) struct Trains;

impl Carrier for Trains {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "quinn-udp 0.5: sendmsg with GSO, recvmmsg with GRO, poll".to_owned()
    }

    fn take(self, address: Sender<SocketAddr>) -> Result<u64, MeasureError> {
        let socket = UdpSocket::bind(ANY_PORT)?;
        let state = UdpSocketState::new((&socket).into())?;
        address.send(socket.local_addr()?)?;
        let mut memory = vec![vec![0; TRAIN_BYTES]; BATCH_SIZE];
        let mut arrivals = [RecvMeta::default(); BATCH_SIZE];
        let mut bytes = 0;
        loop {
            let mut buffers: Vec<_> =
                memory.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            match state.recv((&socket).into(), &mut buffers, &mut arrivals) {
                Ok(count) => {
                    for arrival in &arrivals[..count] {
                        match arrival.len {
                            END_BYTES => return Ok(bytes),
                            more => bytes += more as u64,
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    wait(&socket, PollFlags::IN)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a measurement has no shard to ask for the time")]
    fn send(self, to: SocketAddr, start: Start) -> Result<(), MeasureError> {
        let socket = UdpSocket::bind(ANY_PORT)?;
        let state = UdpSocketState::new((&socket).into())?;
        let count = state.max_gso_segments().min(TRAIN_BYTES / DATAGRAM_BYTES);
        let train = vec![0x55; count * DATAGRAM_BYTES];
        let duration = start.wait()?;
        let begin = Instant::now();
        while begin.elapsed() < duration {
            transmit(&socket, &state, to, &train)?;
        }
        for _ in 0..ENDS {
            std::thread::sleep(BETWEEN_ENDS);
            transmit(&socket, &state, to, &[0; END_BYTES])?;
        }
        Ok(())
    }
}

fn transmit(
    socket: &UdpSocket,
    state: &UdpSocketState,
    destination: SocketAddr,
    contents: &[u8],
) -> Result<(), MeasureError> {
    let segment_size = (contents.len() > DATAGRAM_BYTES).then_some(DATAGRAM_BYTES);
    let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
    loop {
        match state.try_send(socket.into(), &transmit) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(socket, PollFlags::OUT)?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn wait(socket: &UdpSocket, what: PollFlags) -> Result<(), MeasureError> {
    poll(&mut [PollFd::new(socket, what)], None)?;
    Ok(())
}

/// What one system call may carry.
const TRAIN_BYTES: usize = 65_487;
