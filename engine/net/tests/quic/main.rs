//! QUIC machines against each other, in memory, with virtual time.

mod handshake;
mod identities;
mod pair;
mod streams;
mod world;
