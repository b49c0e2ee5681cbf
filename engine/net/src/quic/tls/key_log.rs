//! The secrets of connections for whoever must decrypt a packet capture.

use std::fmt::{self, Write};
use std::sync::Arc;

/// Takes one line of the NSS key log format, without the line's end. Called on the shard during
/// handshakes; must not block.
pub type KeyLogSink = dyn Fn(&str) + Send + Sync;

/// Where secrets are logged: the format that packet analysers read from the file which the
/// environment variable SSLKEYLOGFILE names elsewhere. Here nobody reads the environment; whoever
/// wants such a log passes what writes it.
///
/// Whoever has the log can read the connections.
#[derive(Clone)]
pub struct KeyLog(Arc<KeyLogSink>);

impl KeyLog {
    /// Logs every secret to `sink`.
    pub fn new(sink: impl Fn(&str) + Send + Sync + 'static) -> KeyLog {
        KeyLog(Arc::new(sink))
    }
}

impl rustls::KeyLog for KeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        (self.0)(&format!("{label} {} {}", hex(client_random), hex(secret)));
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
