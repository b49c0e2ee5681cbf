//! One request and its answer: the length in four bytes, then that many, and the same back once they
//! are durable.

use std::io;

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use roundhouse::{Log, Offset};

/// Longest request, so that nobody reserves what a wrong length says.
pub(super) const BODY_BYTES_MAX: usize = 32 * 1024;
/// Records that a log keeps.
const RECORDS_KEPT: u64 = 500;

/// Answers requests until the stream ends.
pub(super) async fn answer(
    mut reading: impl AsyncRead + Unpin,
    mut writing: impl AsyncWrite + Unpin,
    log: &Log,
) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        match reading.read_exact(&mut length).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            result => result?,
        }
        let bytes = u32::from_be_bytes(length) as usize;
        if bytes > BODY_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut message = vec![0; 4 + bytes];
        message[..4].copy_from_slice(&length);
        reading.read_exact(&mut message[4..]).await?;
        append(log, &message[4..]).await?;
        writing.write_all(&message).await?;
        writing.flush().await?;
    }
    writing.close().await
}

/// Asks once and checks the answer.
pub(super) async fn ask(
    mut reading: impl AsyncRead + Unpin,
    mut writing: impl AsyncWrite + Unpin,
    body: &[u8],
) -> io::Result<()> {
    let mut message = (body.len() as u32).to_be_bytes().to_vec();
    message.extend_from_slice(body);
    writing.write_all(&message).await?;
    writing.flush().await?;
    let mut back = vec![0; message.len()];
    reading.read_exact(&mut back).await?;
    if back == message { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Appends durably, and now and then lets go of what is old, so that the store stays as large as it
/// is.
pub(super) async fn append(log: &Log, body: &[u8]) -> io::Result<()> {
    let offset = log.append(body.to_vec()).await.map_err(io::Error::other)?;
    if offset.0 % RECORDS_KEPT == 0 {
        let start = Offset(offset.0.saturating_sub(RECORDS_KEPT));
        log.trim_to(start).await.map_err(io::Error::other)?;
    }
    Ok(())
}
