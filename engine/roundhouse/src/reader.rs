//! Following a log from anywhere.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::{mpsc, oneshot};
use futures_core::Stream;
use roundhouse_base::{LogId, Offset, ShardId};
use roundhouse_store::{ReadError, Records};

use crate::error::Error;
use crate::server::ShardServer;
use crate::shared::Shared;

/// Reads a log in batches and waits for more at its end. A few batches are fetched ahead.
///
/// As a [`Stream`] it ends after its first error.
pub struct Reader {
    shared: Arc<Shared>,
    shard: ShardId,
    log: LogId,
    next: Offset,
    batch_bytes: usize,
    source: Option<Source>,
    is_done: bool,
}

/// Starts the shard's side of a reader.
type Starting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// The shard's side of a reader, and the channel from it.
struct Source {
    starting: Option<Starting>,
    batches: mpsc::Receiver<Result<Records, ReadError>>,
    /// Dropped with the reader, which tells the shard's side even while it waits for records.
    #[expect(dead_code, reason = "dropping it is the message")]
    alive: oneshot::Sender<()>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, shard: ShardId, log: LogId, from: Offset) -> Reader {
        let batch_bytes = BATCH_BYTES_DEFAULT;
        Reader { shared, shard, log, next: from, batch_bytes, source: None, is_done: false }
    }

    /// Sets how many bytes of records a batch has at most; one record is always given.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Reader {
        self.batch_bytes = bytes;
        self
    }

    /// The offset that the next batch starts at.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// The next batch; at the end of the log, waits until there is one. Cancel-safe.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Closed`] when the engine is closed.
    pub async fn next_batch(&mut self) -> Result<Records, ReadError> {
        std::future::poll_fn(|context| self.poll_batch(context)).await
    }

    fn poll_batch(&mut self, context: &mut Context<'_>) -> Poll<Result<Records, ReadError>> {
        let source = match &mut self.source {
            Some(source) => source,
            None => self.source.insert(start(
                &self.shared,
                self.shard,
                self.log,
                self.next,
                self.batch_bytes,
            )),
        };
        if let Some(starting) = &mut source.starting {
            match starting.as_mut().poll(context) {
                Poll::Ready(Ok(())) => source.starting = None,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(ReadError::Closed)),
                Poll::Pending => {}
            }
        }
        let Poll::Ready(batch) = Pin::new(&mut source.batches).poll_next(context) else {
            return Poll::Pending;
        };
        let batch = batch.unwrap_or(Err(ReadError::Closed));
        match &batch {
            Ok(records) => self.next = records.next_offset(),
            // Asked again, it starts anew from where it is.
            Err(_) => self.source = None,
        }
        Poll::Ready(batch)
    }
}

impl Stream for Reader {
    type Item = Result<Records, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let batch = self.poll_batch(context);
        self.is_done = matches!(batch, Poll::Ready(Err(_)));
        batch.map(Some)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("log", &self.log)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

fn start(
    shared: &Arc<Shared>,
    shard: ShardId,
    log: LogId,
    from: Offset,
    batch_bytes: usize,
) -> Source {
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let (alive, gone) = oneshot::channel();
    let feeding = async move |server: Rc<ShardServer>| {
        // The feeder outlives the call that starts it, until the reader is dropped.
        server.shard.spawn(feed(server.clone(), log, from, batch_bytes, sender, gone)).detach();
    };
    Source { starting: Some(Box::pin(shared.call(shard, feeding))), batches, alive }
}

/// Reads on the shard and sends batches until the reader goes away or an error ends it.
async fn feed(
    server: Rc<ShardServer>,
    log: LogId,
    from: Offset,
    batch_bytes: usize,
    mut sender: mpsc::Sender<Result<Records, ReadError>>,
    mut gone: oneshot::Receiver<()>,
) {
    let Some(store) = server.store() else { return };
    let mut reader = store.reader(log, from);
    drop(store);
    loop {
        // Room first: what is read ahead is bounded by the channel.
        if std::future::poll_fn(|context| sender.poll_ready(context)).await.is_err() {
            return;
        }
        let mut following = std::pin::pin!(reader.follow(batch_bytes));
        let batch = std::future::poll_fn(|context| match Pin::new(&mut gone).poll(context) {
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => following.as_mut().poll(context).map(Some),
        });
        let Some(batch) = batch.await else { return };
        let is_last = batch.is_err();
        if sender.start_send(batch).is_err() || is_last {
            return;
        }
    }
}

/// Batches fetched ahead of the reader.
const BATCHES_AHEAD: usize = 1;

/// Bytes of a batch unless told otherwise.
const BATCH_BYTES_DEFAULT: usize = 256 * 1024;
