//! TLS on a shard and ends that nobody here wrote: the command of OpenSSL, and Python.

mod as_servers;
#[path = "../quic/identities.rs"]
#[allow(dead_code, reason = "the tests of QUIC use all of it")]
mod identities;
mod openssl;
mod process;
mod python;
mod server;
#[allow(dead_code, reason = "shared with the tests of sockets")]
#[path = "../sockets/shard.rs"]
mod shard;
