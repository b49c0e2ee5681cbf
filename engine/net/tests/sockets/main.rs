//! Sockets over the real ring and the loopback interface.

#[path = "../quic/identities.rs"]
#[allow(dead_code, reason = "the tests of QUIC, which have a clock of their own, use all of it")]
mod identities;
mod shard;
mod tcp;
mod tcp_attacks;
mod tls;
mod udp;
