//! Standard output, for data, and standard error, for people.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde_json::Value;

/// Standard output in large pieces. What is in the buffer is lost unless it is flushed, so that
/// errors are seen.
pub(crate) fn buffered() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())
}

/// Writes a line for people. Nobody may be there to read it, which is fine.
pub(crate) fn say(message: &str) {
    drop(writeln!(io::stderr().lock(), "roundhouse: {message}"));
}

/// Writes a JSON document over several lines.
///
/// # Errors
/// Standard output's.
pub(crate) fn print_json(value: &Value) -> io::Result<()> {
    let mut out = buffered();
    writeln!(out, "{value:#}")?;
    out.flush()
}

const BUFFER_BYTES: usize = 256 * 1024;
