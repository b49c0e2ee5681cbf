//! What one writes with tokio-uring: a task that takes what has gathered in a channel, writes it as
//! one block-aligned piece, and answers.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};
use futures_channel::oneshot;
use roundhouse::{Durability, block_on};
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_measure::store::{AppendLoad, AppendTarget};
use roundhouse_measure::{MeasureError, Stage};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::PeerLog;
use super::std_fs::written_before;

pub(super) struct TokioUring {
    requests: Option<Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

struct Request {
    bodies: Vec<Bytes>,
    reply: oneshot::Sender<Result<(), String>>,
}

impl PeerLog for TokioUring {
    const NAME: &'static str = "tokio-uring";
    const ABOUT: &'static str =
        "0.5; a task writes what gathered, O_DIRECT and O_DSYNC, into a file written before";

    fn carries(durability: Durability) -> bool {
        durability == Durability::Always
    }

    fn create(path: &Path, _: &AppendLoad, stage: &Stage) -> Result<TokioUring, MeasureError> {
        let path = path.join("log");
        let (_, file_bytes) = written_before(&path, stage)?;
        let (sender, requests) = channel(REQUESTS_MAX);
        let writer =
            std::thread::spawn(move || tokio_uring::start(serve(path, file_bytes, requests)));
        Ok(TokioUring { requests: Some(sender), writer: Some(writer) })
    }

    fn sync(&self) -> Result<(), MeasureError> {
        // Everything is durable already.
        Ok(())
    }
}

impl AppendTarget for TokioUring {
    fn append(&self, bodies: &[Bytes]) -> Result<(), MeasureError> {
        let (reply, answer) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or("the log is closed")?;
        requests.blocking_send(Request { bodies: bodies.to_vec(), reply })?;
        Ok(block_on(answer)??)
    }
}

impl Drop for TokioUring {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // Its requests were all answered, or their writers heard that they were not.
            drop(writer.join());
        }
    }
}

async fn serve(path: PathBuf, file_bytes: u64, mut requests: Receiver<Request>) {
    let flags = rustix::fs::OFlags::DIRECT | rustix::fs::OFlags::DSYNC;
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(flags.bits().cast_signed());
    // Without a file nobody is served, which every writer hears.
    let Ok(file) = options.open(path) else { return };
    let file = tokio_uring::fs::File::from_std(file);
    let mut buffer = roundhouse_base::aligned_buffer(BUFFER_BYTES);
    let (mut waiting, mut at) = (Vec::new(), 0);
    while let Some(request) = requests.recv().await {
        waiting.push(request);
        while waiting.len() < REQUESTS_MAX
            && let Ok(request) = requests.try_recv()
        {
            waiting.push(request);
        }
        fill(&mut buffer, &waiting);
        let bytes = buffer.len() as u64;
        if at + bytes > file_bytes {
            at = 0;
        }
        let (written, same) = file.write_all_at(buffer, at).await;
        (buffer, at) = (same, at + bytes);
        for Request { reply, .. } in waiting.drain(..) {
            // A writer that is gone needs no answer.
            drop(reply.send(written.as_ref().map(drop).map_err(ToString::to_string)));
        }
    }
}

/// Puts all bodies into the buffer, each after its length, up to a whole number of blocks.
fn fill(buffer: &mut BytesMut, requests: &[Request]) {
    buffer.clear();
    for body in requests.iter().flat_map(|request| &request.bodies) {
        buffer.extend_from_slice(&(body.len() as u32).to_le_bytes());
        buffer.extend_from_slice(body);
    }
    buffer.resize(buffer.len().next_multiple_of(BLOCK_BYTES), 0);
}

/// Requests on their way and in one write; a writer waits when the queue is full.
const REQUESTS_MAX: usize = 64;

/// Room for that many requests of the largest load, so that the buffer never moves: it would lose
/// its alignment.
const BUFFER_BYTES: usize = 4 << 20;
