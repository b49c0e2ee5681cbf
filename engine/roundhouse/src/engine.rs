//! The engine and its shards.

use std::future::Future;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use roundhouse_base::{ShardId, StoreId};
use roundhouse_runtime::{Shard, Task};
use roundhouse_store::{OpenError, StoreInfo};

use crate::builder::EngineBuilder;
use crate::directory;
use crate::error::Error;
use crate::local::LocalLog;
use crate::log::Log;
use crate::log_builder::LogBuilder;
use crate::metrics::{Metrics, ShardMetrics};
use crate::server::ShardServer;
use crate::shared::{Place, Shared};

/// An open engine. A cheap handle; the engine is closed by [`Engine::close`], or, without anyone to
/// tell whether that went well, when the last handle of it or of its logs is dropped.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Describes an engine in `directory`.
    pub fn builder(directory: impl Into<PathBuf>) -> EngineBuilder {
        EngineBuilder::new(directory.into())
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Engine {
        Engine { shared }
    }

    /// The log of a name: to open, create, or either.
    pub fn log(&self, name: impl Into<String>) -> LogBuilder {
        LogBuilder::new(self.shared.clone(), name.into())
    }

    /// The names of all logs, sorted.
    pub fn log_names(&self) -> Vec<String> {
        let names = self.shared.names();
        let exists = names.logs.iter().filter(|(_, place)| matches!(place, Place::At(..)));
        let mut sorted: Vec<String> = exists.map(|(name, _)| name.to_string()).collect();
        sorted.sort_unstable();
        sorted
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        self.shared.shards.len() as u16
    }

    /// The identity of the store.
    pub fn store_id(&self) -> StoreId {
        self.shared.store
    }

    /// The directory.
    pub fn directory(&self) -> PathBuf {
        self.shared.directory.clone()
    }

    /// Starts `program` on every shard and waits until all have ended; returns what they came to, by shard.
    /// Cancelling stops waiting, not the programs.
    ///
    /// # Errors
    /// [`Error::Closed`] if a shard ended before its program, [`Error::Panicked`] if a program panicked.
    pub async fn spawn_on_each_shard<T, F, Fut>(&self, program: F) -> Result<Vec<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce(ShardHandle) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let shards = (0..self.shards()).map(ShardId);
        let running: Vec<_> = shards.map(|shard| self.start_on(shard, program.clone())).collect();
        let mut results = Vec::with_capacity(running.len());
        for result in crate::builder::join_all(running).await {
            results.push(result?);
        }
        Ok(results)
    }

    /// Starts `program` on one shard and waits until it has ended. Cancelling stops waiting, not
    /// the program.
    ///
    /// # Errors
    /// [`Error::Closed`] if the shard ended before it, or there is no such shard; [`Error::Panicked`] if it
    /// panicked.
    pub async fn spawn_on<T, F, Fut>(&self, shard: ShardId, program: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(ShardHandle) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        if shard.0 >= self.shards() {
            return Err(Error::Closed);
        }
        self.start_on(shard, program).await
    }

    /// What each shard's store is now.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn info(&self) -> Result<Vec<StoreInfo>, Error> {
        let infos = self.spawn_on_each_shard(async |shard: ShardHandle| {
            shard.server.store().map(|store| store.info())
        });
        infos.await?.into_iter().map(|info| info.ok_or(Error::Closed)).collect()
    }

    /// A snapshot of everything the shards count and measure.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn metrics(&self) -> Result<Metrics, Error> {
        let shards =
            self.spawn_on_each_shard(async |shard: ShardHandle| ShardMetrics::take(&shard.server));
        let shards = shards.await?.into_iter().map(|metrics| metrics.ok_or(Error::Closed));
        Ok(Metrics { shards: shards.collect::<Result<_, _>>()? })
    }

    /// Closes the engine: every shard accepts nothing more, makes durable what it accepted, and
    /// notes that it was closed in order. Handles that are left answer `Closed` from then on.
    ///
    /// # Errors
    /// The first shard's that could not be closed in order; all are closed nevertheless, and
    /// whatever was acknowledged is found when the directory is opened again.
    pub async fn close(self) -> Result<(), Error> {
        let shards = (0..self.shards()).rev().map(ShardId);
        let mut first_error = None;
        for shard in shards {
            let closed =
                self.shared.call(shard, async |server: Rc<ShardServer>| close(&server).await).await;
            if let Err(error) = closed.and_then(|closed| closed) {
                first_error.get_or_insert(error);
            }
        }
        let own = std::thread::current().id();
        let threads = self.shared.take_threads().into_iter();
        // A program on a shard closes it too, but cannot wait for the thread it runs on.
        for thread in threads.filter(|thread| thread.thread().id() != own) {
            drop(thread.join());
        }
        first_error.map_or(Ok(()), Err)
    }

    fn start_on<T, F, Fut>(
        &self,
        shard: ShardId,
        program: F,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>
    where
        T: Send + 'static,
        F: FnOnce(ShardHandle) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        Box::pin(self.shared.call(shard, move |server| program(ShardHandle { server })))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("directory", &self.shared.directory)
            .field("shards", &self.shards())
            .finish_non_exhaustive()
    }
}

/// Closes a shard's store and, on the shard that holds it, the lock.
async fn close(server: &Rc<ShardServer>) -> Result<(), Error> {
    let closed = match server.take_store() {
        Some(store) => store.close().await,
        None => Ok(()),
    };
    let released = directory::release(server).await;
    server.end();
    closed.map_err(|error: OpenError| Error::from(error)).and(released)
}

/// A shard, for a program that runs on it. Never leaves it.
#[derive(Clone)]
pub struct ShardHandle {
    pub(crate) server: Rc<ShardServer>,
}

impl ShardHandle {
    /// The shard's number.
    pub fn id(&self) -> ShardId {
        self.server.shard.id()
    }

    /// The shard's executor, timers and clock.
    pub fn runtime(&self) -> &Shard {
        &self.server.shard
    }

    /// Starts a task on this shard.
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.server.shard.spawn(future)
    }

    /// A log that lives on this shard, for direct use. `None` if it lives on another, or the store
    /// is closed.
    pub fn local(&self, log: &Log) -> Option<LocalLog> {
        let is_here = log.is_on(&self.server);
        is_here.then(|| self.server.store().map(|store| LocalLog::new(store, log.id()))).flatten()
    }
}

impl std::fmt::Debug for ShardHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShardHandle({})", self.id())
    }
}
