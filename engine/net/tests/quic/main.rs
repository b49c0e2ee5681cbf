//! QUIC: machines against each other in memory with virtual time, and endpoints on a ring,
//! also against those of others.

mod against_quinn;
mod attack;
mod handshake;
mod identities;
mod loopback;
mod pair;
mod path;
#[path = "../sockets/shard.rs"]
mod shard;
mod shards;
mod streams;
mod world;
