//! QUIC: machines against each other in memory with virtual time, and endpoints on a ring.

mod handshake;
mod identities;
mod loopback;
mod pair;
#[path = "../sockets/shard.rs"]
mod shard;
mod streams;
mod world;
