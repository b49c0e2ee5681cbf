//! What all handles of an engine share.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_channel::oneshot;
use roundhouse_base::{LogId, ShardId, StoreId};

use crate::error::Error;
use crate::options::Options;
use crate::request::Request;
use crate::request_line::RequestSender;
use crate::server::{EngineToken, ShardServer};

/// The far side of every handle.
pub(crate) struct Shared {
    pub(crate) token: Arc<EngineToken>,
    pub(crate) directory: PathBuf,
    pub(crate) options: Options,
    pub(crate) store: StoreId,
    pub(crate) shards: Vec<RequestSender>,
    pub(crate) names: Mutex<Names>,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Which log is where. Copied from the shards' catalogues when the engine is opened and kept in
/// step.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) logs: HashMap<Arc<str>, Place>,
    /// Dropped, which their other ends notice, when a creation ends.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Names {
    pub(crate) fn new(logs: impl IntoIterator<Item = (Arc<str>, Place)>) -> Names {
        Names { logs: logs.into_iter().collect(), waiting: Vec::new() }
    }

    /// Is cancelled when the next creation ends, whichever it is.
    pub(crate) fn creation_ended(&mut self) -> oneshot::Receiver<()> {
        let (ended, receiver) = oneshot::channel();
        self.waiting.push(ended);
        receiver
    }

    /// Ends the creation of a log. Returns who waits for that, to be dropped without the lock.
    #[must_use = "dropping it wakes those who wait"]
    pub(crate) fn settle(
        &mut self,
        name: &Arc<str>,
        place: Option<Place>,
    ) -> Vec<oneshot::Sender<()>> {
        match place {
            Some(place) => drop(self.logs.insert(name.clone(), place)),
            None => drop(self.logs.remove(name)),
        }
        std::mem::take(&mut self.waiting)
    }
}

/// Where a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is being created; nobody else may use the name.
    Creating,
    /// It exists.
    At(ShardId, LogId),
}

impl Shared {
    /// The line to a shard.
    pub(crate) fn sender(&self, shard: ShardId) -> &RequestSender {
        &self.shards[usize::from(shard.0)]
    }

    /// The names, also if a thread panicked while it held them: every change to them is one step.
    pub(crate) fn names(&self) -> std::sync::MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shard that logs of a name are created on unless another is asked for: the same for a
    /// name in every process, spread over the shards.
    pub(crate) fn home_of(&self, name: &str) -> ShardId {
        let hash = roundhouse_base::checksum::crc64(0, name.as_bytes());
        ShardId((hash % self.shards.len() as u64) as u16)
    }

    /// Keeps the threads to wait for when the engine is closed.
    pub(crate) fn keep_threads(&self, threads: Vec<JoinHandle<()>>) {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).extend(threads);
    }

    /// The threads to wait for, once.
    pub(crate) fn take_threads(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `job` on a shard and returns what it comes to. Cancelling stops waiting, not the job.
    pub(crate) fn call<T, F, Fut>(
        &self,
        shard: ShardId,
        job: F,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<T, F, Fut>
    where
        T: Send + 'static,
        F: FnOnce(Rc<ShardServer>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        call_on(self.sender(shard).clone(), job)
    }
}

/// Runs `job` on the shard at the end of a line and returns what it comes to.
pub(crate) async fn call_on<T, F, Fut>(sender: RequestSender, job: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(Rc<ShardServer>) -> Fut + Send + 'static,
    Fut: Future<Output = T> + 'static,
{
    let (reply, answer) = oneshot::channel();
    let request = Request::Run(Box::new(move |server| {
        let panic_flag = server.engine.panic_flag.clone();
        let reply = JobReply { reply: Some(reply), panic_flag };
        let future = job(server);
        Box::pin(async move { reply.send(future.await) })
    }));
    sender.post(request).map_err(|_| Error::Closed)?;
    answer.await.map_err(|_| Error::Closed)?
}

/// Where the outcome of a job goes, also if that is a panic.
struct JobReply<T> {
    reply: Option<oneshot::Sender<Result<T, Error>>>,
    /// Set before a panic is told, so that whoever is told finds it set.
    panic_flag: Arc<AtomicBool>,
}

impl<T> JobReply<T> {
    fn send(mut self, outcome: T) {
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have gone away.
            drop(reply.send(Ok(outcome)));
        }
    }
}

impl<T> Drop for JobReply<T> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(reply) = self.reply.take()
        {
            self.panic_flag.store(true, Ordering::Release);
            drop(reply.send(Err(Error::Panicked)));
        }
    }
}
