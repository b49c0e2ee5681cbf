//! Sockets over the real ring and the loopback interface.

mod shard;
mod tcp;
mod tcp_attacks;
mod udp;
