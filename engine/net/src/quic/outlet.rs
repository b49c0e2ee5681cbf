//! Where an endpoint's trains leave.

use std::rc::Rc;

use bytes::Bytes;
use roundhouse_runtime::socket::{Pieces, Transmit};

use super::machine::Train;
use crate::udp::UdpSocket;

/// The socket that trains go to, and the memory they are written in.
pub(super) struct Outlet {
    pub(super) socket: Rc<UdpSocket>,
    /// Datagrams are written here first.
    pub(super) buffer: Vec<u8>,
}

/// Trains up to this are copied into memory of their size, so that the buffer, which is as large as
/// the longest train, serves the next one; longer ones take it with them.
const COPIED_BYTES_MAX: usize = 8 * 1024;

impl Outlet {
    pub(super) fn new(socket: Rc<UdpSocket>) -> Outlet {
        Outlet { socket, buffer: Vec::new() }
    }

    /// Queues the train that is in the buffer. False: there is no room.
    pub(super) fn send(&mut self, train: Train) -> bool {
        let data = if self.buffer.len() <= COPIED_BYTES_MAX {
            Bytes::copy_from_slice(&self.buffer)
        } else {
            // The next one grows to the same size, and growing copies.
            let next = Vec::with_capacity(self.buffer.capacity());
            Bytes::from(std::mem::replace(&mut self.buffer, next))
        };
        let Train { destination, source, ecn, segment_bytes } = train;
        let data = Pieces::from(data);
        self.socket.try_send(Transmit { destination, source, ecn, data, segment_bytes }).is_ok()
    }
}
