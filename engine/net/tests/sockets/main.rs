//! Sockets over the real ring and the loopback interface.

mod shard;
mod udp;
