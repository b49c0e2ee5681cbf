//! Where an endpoint's trains leave.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use roundhouse_runtime::socket::{Pieces, Transmit};

use super::machine::Train;
use crate::limits::QUIC_TRAINS_KEPT;
use crate::udp::UdpSocket;

/// The socket that trains go to, and the memory they are written in.
pub(super) struct Outlet {
    pub(super) socket: Rc<UdpSocket>,
    /// Datagrams are written here first.
    pub(super) buffer: Vec<u8>,
    /// Long trains on their way, oldest first, at most [`QUIC_TRAINS_KEPT`], whose memory serves again
    /// when they have left. Freed and asked for again, it came back as fresh pages.
    sent: VecDeque<Bytes>,
}

/// Trains up to this are copied into memory of their size, so that the buffer, which is as large as
/// the longest train, serves the next one; longer ones take it with them.
const COPIED_BYTES_MAX: usize = 8 * 1024;

impl Outlet {
    pub(super) fn new(socket: Rc<UdpSocket>) -> Outlet {
        Outlet { socket, buffer: Vec::new(), sent: VecDeque::new() }
    }

    /// Queues the train that is in the buffer. False: there is no room.
    pub(super) fn send(&mut self, train: Train) -> bool {
        let data = if self.buffer.len() <= COPIED_BYTES_MAX {
            Bytes::copy_from_slice(&self.buffer)
        } else {
            self.take_buffer()
        };
        let Train { destination, source, ecn, segment_bytes } = train;
        let data = Pieces::from(data);
        self.socket.try_send(Transmit { destination, source, ecn, data, segment_bytes }).is_ok()
    }

    /// What is in the buffer, which is another one afterwards.
    fn take_buffer(&mut self) -> Bytes {
        let next = match self.sent.pop_front_if(|oldest| oldest.is_unique()) {
            Some(left) => Vec::from(left),
            // It grows to the same size, and growing copies.
            None => Vec::with_capacity(self.buffer.capacity()),
        };
        let data = Bytes::from(std::mem::replace(&mut self.buffer, next));
        if self.sent.len() < QUIC_TRAINS_KEPT {
            self.sent.push_back(data.clone());
        }
        data
    }
}
