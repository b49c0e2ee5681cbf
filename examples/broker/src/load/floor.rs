//! What no broker gets under: a socket, a durable write, the socket again.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::stopwatch::{Stopwatch, latencies, note};

/// Times of an echo over TCP that writes 4 KiB durably before it answers, in ns: one request every
/// `interval` for `duration`, counted from when it was due. `scratch` is a file that is overwritten.
///
/// # Errors
/// The system's.
///
/// # Panics
/// If the thread that echoes panics.
pub fn floor(
    scratch: &Path,
    interval: Duration,
    duration: Duration,
) -> std::io::Result<Histogram<u64>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // Written extents: the same that a store which recycles its files writes into.
    std::fs::write(scratch, vec![0; FILE_BYTES])?;
    let file = OpenOptions::new().write(true).custom_flags(libc::O_DSYNC).open(scratch)?;
    file.sync_all()?;
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let (mut block, mut at) = (vec![0; BLOCK_BYTES], 0);
        while stream.read_exact(&mut block).is_ok() {
            file.write_all_at(&block, at as u64)?;
            at = (at + BLOCK_BYTES) % FILE_BYTES;
            stream.write_all(&block[..ANSWER_BYTES])?;
        }
        Ok::<_, std::io::Error>(())
    });
    let measured = ask(TcpStream::connect(address)?, interval, duration)?;
    echo.join().expect("an echo returns its errors")?;
    std::fs::remove_file(scratch)?;
    Ok(measured)
}

#[expect(clippy::disallowed_methods, reason = "a load generator is on no shard")]
fn ask(
    mut stream: TcpStream,
    interval: Duration,
    duration: Duration,
) -> std::io::Result<Histogram<u64>> {
    stream.set_nodelay(true)?;
    let (block, mut answer) = (vec![7; BLOCK_BYTES], [0; ANSWER_BYTES]);
    let (clock, mut measured) = (Stopwatch::start(), latencies());
    for number in 0.. {
        let due = interval * number;
        if due >= duration {
            break;
        }
        if let Some(early) = due.checked_sub(clock.elapsed()) {
            std::thread::sleep(early);
        }
        stream.write_all(&block)?;
        stream.read_exact(&mut answer)?;
        note(&mut measured, clock.nanos() - due.as_nanos() as u64);
    }
    Ok(measured)
}

/// Bytes of one write.
const BLOCK_BYTES: usize = 4096;
/// Bytes of one answer.
const ANSWER_BYTES: usize = 64;
/// Bytes of the file that is written round and round.
const FILE_BYTES: usize = 16 << 20;
