//! QUIC: machines against each other in memory with virtual time, and endpoints on a ring,
//! also against those of others.

mod against_aioquic;
mod against_quinn;
mod aioquic;
mod attack;
mod echo;
mod h3_streams;
mod handshake;
mod http3;
mod identities;
mod loopback;
mod pair;
mod path;
#[path = "../sockets/shard.rs"]
mod shard;
mod shards;
mod streams;
mod world;
