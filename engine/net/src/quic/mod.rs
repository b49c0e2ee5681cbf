//! QUIC (RFC 9000, 9001, 9002, 9221) on a shard.
//!
//! An [`Endpoint`] begins connections, its [`Listener`] takes those that clients begin; a
//! [`Connection`] has streams and datagrams. All of it is `!Send` and lives on its shard.
//!
//! | file | what it holds |
//! |---|---|
//! | `endpoint`, `listener`, `connecting`, `connection`, `send_stream`, `recv_stream` | what the application holds |
//! | `machine` | one shard's endpoint without I/O: datagrams and time in, trains and events out |
//! | `pump` | the task that moves datagrams between socket and machine |
//! | `hub`, `link` | who waits for what |
//! | `outlet`, `exchange` | the socket that trains leave by; datagrams that other shards hand on |
//! | `pool` | connections that clients share and keep |
//! | `options`, `config`, `tls` | what an endpoint may use, who each side is |
//! | `secrets`, `connection_id` | what the shards of an engine must agree on |
//!
//! [`machine::Machine`] gets time and random numbers from its caller alone, so the same code runs
//! on a ring and in the simulator, and everything about it can be replayed. The protocol itself is
//! `quinn-proto`, which only `machine` and the files that translate for it know of (ADR 8).

pub(crate) mod clock;
mod config;
mod congestion;
mod connecting;
mod connection;
mod connection_id;
mod endpoint;
mod error;
mod exchange;
mod hub;
mod link;
mod listener;
pub mod machine;
mod options;
mod outlet;
mod patience;
pub mod pool;
mod pump;
#[cfg(feature = "qlog")]
mod qlog;
mod recv_stream;
mod secrets;
mod send_stream;
mod stats;
pub mod tls;
mod transport;
mod values;

pub use clock::WallClock;
pub use config::{ClientConfig, ServerConfig};
pub use congestion::Congestion;
pub use connecting::Connecting;
pub use connection::Connection;
pub use connection_id::CONNECTION_ID_BYTES;
pub use endpoint::Endpoint;
pub use error::{
    ConnectError, ConnectionError, DatagramError, OptionsError, ReadError, WriteError,
};
pub use exchange::Exchange;
pub use listener::Listener;
pub use options::{EndpointOptions, Limits, Retry, Shared, TransportOptions};
#[cfg(feature = "qlog")]
pub use qlog::QlogSink;
pub use recv_stream::RecvStream;
pub use secrets::{MASTER_SECRET_BYTES, Secrets};
pub use send_stream::SendStream;
pub use stats::ConnectionStats;
pub use values::{Code, Direction, StreamId};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Where the protocol library is named, beside `machine` itself.
    const TRANSLATORS: &[&str] = &[
        "clock.rs",
        "config.rs",
        "congestion.rs",
        "connection_id.rs",
        "error.rs",
        "qlog.rs",
        "stats.rs",
        "transport.rs",
        "values.rs",
        "tls/client.rs",
        "tls/server.rs",
    ];

    /// Where the files of a folder below `quic` name the library.
    fn naming_the_library(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                naming_the_library(&path, &format!("{prefix}{name}/"), found);
            } else if fs::read_to_string(&path).unwrap().contains("quinn_proto") {
                found.push(format!("{prefix}{name}"));
            }
        }
    }

    #[test]
    fn the_protocol_library_is_known_to_the_machine_and_its_translators_only() {
        let mut found = Vec::new();
        let quic = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/quic");
        naming_the_library(&quic, "", &mut found);
        found.retain(|file| !file.starts_with("machine/") && file != "mod.rs");
        found.sort();
        let mut expected = TRANSLATORS.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}
