//! What can be chosen about a datagram socket.

use std::net::SocketAddr;

use crate::limits;

/// How a [`UdpSocket`](super::UdpSocket) is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    /// Its address; port 0 for one that is free.
    pub local: SocketAddr,
    /// Whether other sockets, such as those of the other shards, may have the same address
    /// (`SO_REUSEPORT`). The kernel spreads peers over them by their addresses.
    pub reuse_port: bool,
    /// Bytes the kernel may hold of what arrived.
    pub receive_bytes: u32,
    /// Bytes the kernel may hold of what is to be sent.
    pub send_bytes: u32,
    /// Transmissions on their way to the kernel, at least 1; at this bound sending waits.
    pub send_queue: usize,
    /// Arrivals that nobody has taken yet, at least 1; at this bound they stay in the kernel.
    pub receive_queue: usize,
}

impl UdpOptions {
    /// A socket of its own at `local`, with the bounds of [`limits`].
    pub fn new(local: SocketAddr) -> UdpOptions {
        UdpOptions {
            local,
            reuse_port: false,
            receive_bytes: limits::UDP_KERNEL_BYTES,
            send_bytes: limits::UDP_KERNEL_BYTES,
            send_queue: limits::UDP_SEND_QUEUE,
            receive_queue: limits::UDP_RECEIVE_QUEUE,
        }
    }
}
