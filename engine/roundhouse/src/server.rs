//! The shard's side: takes requests from the line and carries them out on the store.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use roundhouse_base::{LogId, ShardId};
use roundhouse_net::quic::Exchange;
use roundhouse_net::udp::SharedAddresses;
use roundhouse_runtime::uring::DriverCounters;
use roundhouse_runtime::{FileId, Shard, TurnCounters};
use roundhouse_store::{AppendError, Appended, NewRecord, Refusal, Store};

use crate::metrics::SocketRegistry;
use crate::request::{AppendReply, OwnedRecord, Payload, Request};
use crate::request_line::RequestReceiver;

/// One shard of an engine, seen from itself. Found by code on the shard as the shard's extension.
pub(crate) struct ShardServer {
    pub(crate) shard: Shard,
    /// Names the engine, so that its handles recognise their own shards.
    pub(crate) engine: Arc<EngineToken>,
    pub(crate) turns: Arc<TurnCounters>,
    pub(crate) driver: Option<Arc<DriverCounters>>,
    /// The sockets that programs on the shard opened.
    pub(crate) sockets: RefCell<SocketRegistry>,
    store: RefCell<Option<Store>>,
    /// Held by shard 0 while the engine is open.
    pub(crate) lock: Cell<Option<FileId>>,
    /// Appends of this very shard that wait in the line to it: later ones must not overtake them.
    pub(crate) queued_here: Cell<usize>,
    is_ended: Cell<bool>,
}

/// The identity of an engine within the process: handles know their own shards by it. Holds what the
/// sockets of its shards share.
#[derive(Debug, Default)]
pub(crate) struct EngineToken {
    pub(crate) addresses: SharedAddresses,
    pub(crate) exchange: Exchange,
    /// Set when a task of a shard panics.
    pub(crate) panic_flag: Arc<AtomicBool>,
}

impl ShardServer {
    pub(crate) fn new(
        shard: Shard,
        engine: Arc<EngineToken>,
        turns: Arc<TurnCounters>,
        driver: Option<Arc<DriverCounters>>,
    ) -> ShardServer {
        ShardServer {
            shard,
            engine,
            turns,
            driver,
            sockets: RefCell::default(),
            store: RefCell::default(),
            lock: Cell::default(),
            queued_here: Cell::default(),
            is_ended: Cell::default(),
        }
    }

    /// The server of shard `id` of this engine, if that is where this code runs.
    pub(crate) fn current(engine: &Arc<EngineToken>, id: ShardId) -> Option<Rc<ShardServer>> {
        let shard = Shard::current().filter(|shard| shard.id() == id)?;
        let server = shard.extension::<ShardServer>()?;
        Arc::ptr_eq(&server.engine, engine).then_some(server)
    }

    /// The store, once it is open and until it is closed.
    pub(crate) fn store(&self) -> Option<Store> {
        self.store.borrow().clone()
    }

    pub(crate) fn set_store(&self, store: Option<Store>) {
        self.store.replace(store);
    }

    pub(crate) fn take_store(&self) -> Option<Store> {
        self.store.borrow_mut().take()
    }

    /// Has the server end: requests from now on are refused.
    pub(crate) fn end(&self) {
        self.is_ended.set(true);
        self.shard.parking().notify();
    }

    /// Takes requests until the engine is closed or nobody can make any more.
    pub(crate) async fn serve(self: Rc<Self>, mut requests: RequestReceiver) {
        loop {
            while let Some(request) = requests.try_recv() {
                self.take(request).await;
            }
            if self.is_ended.get() || requests.is_closed() {
                break;
            }
            self.shard.notified().await;
        }
        self.close_abandoned().await;
        // Whoever runs the loop looks whether this has ended after a turn, not during its sleep.
        self.shard.parking().notify();
    }

    async fn take(self: &Rc<Self>, request: Request) {
        match request {
            Request::Append { log, payload, reply, is_from_here } => {
                self.append(log, &payload, reply).await;
                self.queued_here.update(|queued| queued - usize::from(is_from_here));
            }
            Request::Await { log, first, ticket, reply } => match self.store() {
                Some(store) => store.answer(log, Appended { first, ticket }, reply),
                None => drop(reply.send(Err(AppendError::Closed))),
            },
            Request::Run(job) => self.shard.spawn(job(self.clone())).detach(),
        }
    }

    /// Appends, waiting for room if there is none: everything behind it in line waits too.
    async fn append(&self, log: LogId, payload: &Payload, reply: AppendReply) {
        let Some(store) = self.store() else {
            drop(reply.send(Err(AppendError::Closed)));
            return;
        };
        loop {
            match append_payload(&store, log, payload) {
                Ok(appended) => return store.answer(log, appended, reply),
                Err(Refusal::Error(error)) => return drop(reply.send(Err(error))),
                Err(Refusal::Wait) => store.wait_for_room().await,
            }
        }
    }

    /// Nobody closed the engine before the last handle went away: what was accepted is still made
    /// durable, and whoever reopens finds it.
    async fn close_abandoned(&self) {
        if let Some(store) = self.take_store()
            && let Err(error) = store.close().await
        {
            tracing::warn!(shard = self.shard.id().0, %error, "closing an abandoned store failed");
        }
        if let Some(lock) = self.lock.take()
            && let Err(errno) = self.shard.close(lock).await
        {
            tracing::warn!(%errno, "releasing the lock of an abandoned engine failed");
        }
    }
}

/// Puts a payload in line.
fn append_payload(store: &Store, log: LogId, payload: &Payload) -> Result<Appended, Refusal> {
    match payload {
        Payload::One(record) => store.try_append(log, &[borrow(record)]),
        Payload::Batch(records) => {
            let records: Vec<NewRecord<'_>> = records.iter().map(borrow).collect();
            store.try_append(log, &records)
        }
    }
}

fn borrow(record: &OwnedRecord) -> NewRecord<'_> {
    NewRecord { body: &record.body, count: record.count, time: record.time }
}
