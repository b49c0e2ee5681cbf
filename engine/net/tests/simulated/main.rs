//! Sockets on simulated nodes: the code that runs on a ring, over networks that lose, double, mix
//! up, corrupt, cut and move. Everything about a run follows from its seed, but for key material.

#[path = "../quic/identities.rs"]
#[allow(dead_code, reason = "the tests of QUIC, which have a clock of their own, use all of it")]
mod identities;
mod quic;
mod quic_paths;
mod quic_patience;
mod quic_pool;
mod quic_shards;
mod tcp;
mod tls;
mod town;
mod udp;
mod weather;
