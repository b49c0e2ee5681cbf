//! Sockets over the real ring and the loopback interface.

mod half_open;
#[path = "../quic/identities.rs"]
#[allow(dead_code, reason = "the tests of QUIC, which have a clock of their own, use all of it")]
mod identities;
mod patience;
mod shard;
mod tcp;
mod tcp_attacks;
mod tcp_memory;
mod tls;
mod tls_attacks;
mod udp;
mod udp_attacks;
