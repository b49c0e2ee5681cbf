//! Where traces of connections go.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use quinn_proto::{QlogConfig, QlogStream};

use super::clock::MonotonicClock;

/// Takes traces in the qlog format (draft-ietf-quic-qlog-main-schema, JSON text sequences): all
/// connections of an endpoint in one trace, told apart by their original connection ID.
///
/// Writes happen on the shard, so the writer must not block; a memory buffer or a pipe to another
/// thread is right. What it fails to take is lost.
#[derive(Clone)]
pub struct QlogSink(Arc<Mutex<dyn Write + Send>>);

impl QlogSink {
    /// Writes every trace to `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> QlogSink {
        QlogSink(Arc::new(Mutex::new(writer)))
    }

    /// A trace whose times count from the clock's zero.
    pub(crate) fn start(&self, clock: MonotonicClock) -> Option<QlogStream> {
        let mut config = QlogConfig::default();
        config.writer(Box::new(self.clone()));
        config.title(Some("roundhouse".to_owned()));
        config.start_time(clock.instant(roundhouse_base::Monotonic(0)));
        config.into_stream()
    }
}

impl Write for QlogSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

impl fmt::Debug for QlogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QlogSink")
    }
}
