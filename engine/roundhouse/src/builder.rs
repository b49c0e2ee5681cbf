//! Opening an engine.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use roundhouse_base::ShardId;
use roundhouse_runtime::allowed_cpus;
use roundhouse_store::{Identity, LogInfo, Store, StoreInfo, StoreOptions, shard_directory};

use crate::engine::Engine;
use crate::error::Error;
use crate::host::ShardSeed;
use crate::options::Options;
use crate::request_line::RequestSender;
use crate::server::EngineToken;
use crate::shard_thread::start_thread;
use crate::shared::{Names, Place, Shared, call_on};
use crate::{directory, server};

/// How to open an engine; from [`Engine::builder`].
#[derive(Debug, Clone)]
pub struct EngineBuilder {
    directory: PathBuf,
    options: Options,
    new_store: NewStore,
    panic_flag: Arc<AtomicBool>,
}

/// What to do when there is no store yet.
#[derive(Debug, Clone, Copy)]
enum NewStore {
    /// Create one, with this many shards if the options leave it open.
    Create { shards: Option<u16> },
    /// Refuse.
    Refuse,
}

impl EngineBuilder {
    pub(crate) fn new(directory: PathBuf) -> EngineBuilder {
        let new_store = NewStore::Create { shards: None };
        let (options, panic_flag) = (Options::default(), Arc::default());
        EngineBuilder { directory, options, new_store, panic_flag }
    }

    /// Replaces all options.
    #[must_use]
    pub fn options(mut self, options: Options) -> EngineBuilder {
        self.options = options;
        self
    }

    /// Sets one option by its key; `docs/options.md` lists them.
    ///
    /// # Errors
    /// An unknown key or an impossible value.
    pub fn option(mut self, key: &str, value: &str) -> Result<EngineBuilder, Error> {
        self.options.set(key, value)?;
        Ok(self)
    }

    /// Opens a store that is there and creates none: without one, opening fails with
    /// [`OpenError::Missing`](crate::OpenError::Missing) and the directory stays as it is.
    #[must_use]
    pub fn existing_only(mut self) -> EngineBuilder {
        self.new_store = NewStore::Refuse;
        self
    }

    /// Shards of a store that is created, if the option `shards` leaves it open; without this, one
    /// per CPU. A store that is there keeps its own number.
    #[must_use]
    pub fn new_store_shards(mut self, shards: u16) -> EngineBuilder {
        self.new_store = NewStore::Create { shards: Some(shards) };
        self
    }

    /// Has `flag` set when a task on one of the shards panics. The panic ends that task, and whoever waits for
    /// it gets [`Error::Panicked`]; the others go on. This is for a program that does not want them to.
    #[must_use]
    pub fn panic_flag(mut self, flag: Arc<AtomicBool>) -> EngineBuilder {
        self.panic_flag = flag;
        self
    }

    /// Opens the engine with threads of its own, one per shard. The directory is created if it is
    /// missing; of a store that is there, the number of shards must be the one asked for, if one
    /// is.
    ///
    /// # Errors
    /// See [`Error`]; nothing is left running.
    pub async fn open(self) -> Result<Engine, Error> {
        self.options.check()?;
        let cpus = allowed_cpus();
        let mut starter = Starter { builder: &self, cpus: &cpus, threads: Vec::new() };
        let opened = starter.open().await;
        let threads = starter.threads;
        match opened {
            Ok(shared) => {
                shared.keep_threads(threads);
                Ok(Engine::new(shared))
            }
            Err(error) => {
                // Every sender is gone, so the shards end by themselves, and give the lock back.
                for thread in threads {
                    drop(thread.join());
                }
                Err(error)
            }
        }
    }

    /// The same for programs without an executor.
    ///
    /// # Errors
    /// As [`EngineBuilder::open`].
    pub fn open_blocking(self) -> Result<crate::blocking::Engine, Error> {
        roundhouse_runtime::block_on(self.open()).map(crate::blocking::Engine::new)
    }

    /// Opens the engine on threads of the host: each [`ShardSeed`] is started and then turned by
    /// the program. The [`Opening`] completes while they are being turned. The number of shards is
    /// the one asked for, or one per allowed CPU.
    ///
    /// # Errors
    /// Options that do not fit one another.
    pub fn seeds(self) -> Result<(Opening, Vec<ShardSeed>), Error> {
        self.options.check()?;
        let shards = self.options.shards_on(allowed_cpus().len());
        let token = self.token();
        let (seeds, answers): (Vec<_>, Vec<_>) =
            (0..shards).map(|shard| ShardSeed::new(ShardId(shard), &self.options, &token)).unzip();
        let opening = async move {
            let mut senders = Vec::new();
            for answer in answers {
                senders.push(answer.await.map_err(|_| Error::Closed)??);
            }
            let first = senders.first().cloned().ok_or(Error::Closed)?;
            let found = claim(&first, &self).await?;
            open_stores(&self, token, senders, found.is_none()).await.map(Engine::new)
        };
        Ok((Opening(Box::pin(opening)), seeds))
    }

    fn token(&self) -> Arc<EngineToken> {
        Arc::new(EngineToken { panic_flag: self.panic_flag.clone(), ..EngineToken::default() })
    }

    fn store_options(&self, shards: u16) -> StoreOptions {
        StoreOptions {
            slot_bytes: self.options.slot_size.0,
            capacity_bytes: self.options.capacity_per_shard(shards).map(|size| size.0),
            memory_bytes: self.options.memory_per_shard(shards).0,
            sync_method: self.options.sync_method,
            anchor_delay: self.options.anchor_delay,
            zero_slots: self.options.zero_slots,
        }
    }
}

/// An engine being opened on the host's threads; completes while its shards are turned.
#[must_use = "an engine is open when this completes"]
pub struct Opening(Pin<Box<dyn Future<Output = Result<Engine, Error>> + Send>>);

impl Future for Opening {
    type Output = Result<Engine, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening")
    }
}

/// Starts the engine's own threads.
struct Starter<'a> {
    builder: &'a EngineBuilder,
    cpus: &'a [usize],
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Starter<'_> {
    /// The first shard claims the directory and says how many there are to be.
    async fn open(&mut self) -> Result<Arc<Shared>, Error> {
        let options = &self.builder.options;
        let token = self.builder.token();
        let first = self.start(ShardId(0), &token).await?;
        let found = claim(&first, self.builder).await?;
        let preferred = match self.builder.new_store {
            NewStore::Create { shards } => shards,
            NewStore::Refuse => None,
        };
        let shards = match (options.shards, found) {
            (0, Some(found)) => found,
            (0, None) => preferred.unwrap_or_else(|| options.shards_on(self.cpus.len())),
            (wanted, _) => wanted,
        };
        let mut senders = vec![first];
        for shard in (1..shards).map(ShardId) {
            senders.push(self.start(shard, &token).await?);
        }
        open_stores(self.builder, token, senders, found.is_none()).await
    }

    /// Starts the thread of a shard and waits until it can be reached.
    async fn start(
        &mut self,
        shard: ShardId,
        token: &Arc<EngineToken>,
    ) -> Result<RequestSender, Error> {
        let options = &self.builder.options;
        let cpu = options.pin.then(|| self.cpus[usize::from(shard.0) % self.cpus.len()]);
        let (seed, answer) = ShardSeed::new(shard, options, token);
        let thread =
            start_thread(seed, cpu).map_err(|error| Error::Thread { shard: shard.0, error })?;
        self.threads.push(thread);
        answer.await.map_err(|_| Error::Closed)?
    }
}

async fn claim(first: &RequestSender, builder: &EngineBuilder) -> Result<Option<u16>, Error> {
    let directory = builder.directory.clone();
    let may_create = matches!(builder.new_store, NewStore::Create { .. });
    call_on(first.clone(), move |server| async move {
        directory::claim(&server, &directory, may_create).await
    })
    .await?
}

/// What opening one store tells.
struct OpenedStore {
    info: StoreInfo,
    logs: Vec<LogInfo>,
}

/// Opens the store of every shard. Of a new store, the first shard is created last: where it is,
/// creation was finished, and a shard without a directory has lost it.
async fn open_stores(
    builder: &EngineBuilder,
    token: Arc<EngineToken>,
    senders: Vec<RequestSender>,
    is_new: bool,
) -> Result<Arc<Shared>, Error> {
    let shards = senders.len() as u16;
    builder.options.check_for(shards)?;
    let open = |shard: u16, store| {
        let shard = ShardId(shard);
        let identity = Identity { store, shard, shards, may_create: is_new };
        let path = shard_directory(&builder.directory, shard);
        let options = builder.store_options(shards);
        let sender = senders[usize::from(shard.0)].clone();
        let opening = call_on(sender, move |server| async move {
            open_store(server, path, identity, options).await
        });
        Box::pin(async move { opening.await.and_then(|opened| opened) })
    };
    let leader = u16::from(is_new && shards > 1);
    let first = open(leader, None).await?;
    let store = first.info.superblock.store;
    let followers: Vec<u16> = (1..shards).filter(|shard| *shard != leader).collect();
    let others = join_all(followers.iter().map(|shard| open(*shard, Some(store))).collect()).await;
    let mut opened = others.into_iter().collect::<Result<Vec<_>, _>>()?;
    opened.push(first);
    if leader != 0 {
        opened.push(open(0, Some(store)).await?);
    }
    opened.sort_unstable_by_key(|opened| opened.info.superblock.shard);
    report(builder, &opened);
    let logs = opened.iter().zip(0..).flat_map(|(opened, shard)| {
        opened
            .logs
            .iter()
            .map(move |log| (log.name.as_str().into(), Place::At(ShardId(shard), log.id)))
    });
    Ok(Arc::new(Shared {
        token,
        directory: builder.directory.clone(),
        options: builder.options.clone(),
        store,
        names: Mutex::new(Names::new(logs)),
        shards: senders,
        threads: Mutex::default(),
    }))
}

async fn open_store(
    server: std::rc::Rc<server::ShardServer>,
    path: PathBuf,
    identity: Identity,
    options: StoreOptions,
) -> Result<OpenedStore, Error> {
    let store = Store::open(&server.shard, &path, identity, &options).await?;
    let opened = OpenedStore { info: store.info(), logs: store.logs() };
    server.set_store(Some(store));
    Ok(opened)
}

/// Polls all of them until each is done.
pub(crate) async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut results: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(output) = Pin::new(future).poll(context)
            {
                *result = Some(output);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// Says what an engine made of its options.
fn report(builder: &EngineBuilder, opened: &[OpenedStore]) {
    let Some(first) = opened.first() else { return };
    let shards = opened.len() as u16;
    tracing::info!(
        directory = %builder.directory.display(),
        store = %first.info.superblock.store,
        shards,
        logs = opened.iter().map(|opened| opened.logs.len()).sum::<usize>(),
        memory = %builder.options.memory,
        memory_per_shard = %builder.options.memory_per_shard(shards),
        sync_method = ?first.info.superblock.sync_method,
        "engine open"
    );
}
