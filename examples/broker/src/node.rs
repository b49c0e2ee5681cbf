//! The broker on one shard: what its connections and its partitions share, and the way to the other
//! shards.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use futures_util::future::{Either, FutureExt, Shared};
use kafka_protocol::ResponseError;
use roundhouse::net::TcpListener;
use roundhouse::{AppendError, Engine, Error, Shard, ShardHandle, ShardId};

use crate::config::Config;
use crate::groups::{Coordinator, GroupLimits, Offsets};
use crate::metrics::NodeMetrics;
use crate::partition::{Partition, PartitionParts};
use crate::producer_ids::ProducerIds;
use crate::table::Table;
use crate::topics::{Catalogue, Topic, TopicSet, log_name, shard_of};

/// The broker on one shard.
pub struct Node {
    /// The engine.
    pub engine: Engine,
    /// The shard.
    pub handle: ShardHandle,
    /// The configuration.
    pub config: Arc<Config>,
    /// The topics, as this shard knows them.
    pub topics: RefCell<TopicSet>,
    /// What this shard has to remember.
    pub table: Rc<Table>,
    /// The consumer groups that belong to this shard.
    pub coordinator: Rc<Coordinator>,
    /// Numbers for producers.
    pub producer_ids: ProducerIds,
    /// Where topics are changed; on one shard only.
    pub catalogue: Option<Catalogue>,
    /// What is counted.
    pub metrics: Arc<NodeMetrics>,
    /// The address clients are told of.
    pub advertised: (String, u16),
    /// Where connections come in, until they are let in.
    pub listener: RefCell<Option<TcpListener>>,
    /// Connections there are.
    pub connections: Cell<usize>,
    peers: Vec<Peer>,
    stop: RefCell<Option<oneshot::Sender<()>>>,
    stopping: Stopping,
}

/// Completes when the broker is being shut down.
pub type Stopping = Shared<oneshot::Receiver<()>>;

/// What another shard is asked to do: called there as soon as it arrives, in the order in which this
/// shard asked; what it returns is polled there.
pub type Job = Box<dyn FnOnce(Rc<Node>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What is sent to a shard.
pub enum Message {
    /// Something to do.
    Run(Job),
    /// Nothing more will come.
    End,
}

/// The way to a shard. It has no bound of its own: a connection asks for at most as many things as
/// it may have requests in flight, and connections are limited.
pub type Peer = mpsc::UnboundedSender<Message>;

/// What a node is made of.
pub struct NodeParts {
    /// The engine.
    pub engine: Engine,
    /// The shard.
    pub handle: ShardHandle,
    /// The configuration.
    pub config: Arc<Config>,
    /// What is counted.
    pub metrics: Arc<NodeMetrics>,
    /// The address clients are told of.
    pub advertised: (String, u16),
    /// The way to every shard, by number.
    pub peers: Vec<Peer>,
    /// Where connections will come in.
    pub listener: TcpListener,
}

impl Node {
    /// Opens what the shard has to remember.
    ///
    /// # Errors
    /// The engine's.
    pub async fn open(parts: NodeParts) -> Result<Rc<Node>, Error> {
        let NodeParts { engine, handle, config, metrics, advertised, peers, listener } = parts;
        let shard = handle.id();
        let table = Rc::new(Table::open(&engine, &format!("#table/{}", shard.0), shard).await?);
        let mut catalogue = None;
        if shard == Catalogue::SHARD {
            catalogue = Some(Catalogue::open(&engine, table.clone()).await?);
        }
        let (members, initial_delay) = (config.members_per_group, config.group_initial_delay);
        let limits = GroupLimits { members, initial_delay };
        let offsets = Offsets::new(table.clone());
        let shards = engine.shards();
        let (stop, stopping) = oneshot::channel();
        Ok(Rc::new(Node {
            coordinator: Coordinator::new(handle.runtime(), offsets, limits),
            engine,
            handle,
            config,
            topics: RefCell::default(),
            producer_ids: ProducerIds::new(table.clone(), shard, shards),
            table,
            catalogue,
            metrics,
            advertised,
            listener: RefCell::new(Some(listener)),
            connections: Cell::default(),
            peers,
            stop: RefCell::new(Some(stop)),
            stopping: stopping.shared(),
        }))
    }

    /// The shard's executor, timers and clock.
    pub fn shard(&self) -> &Shard {
        self.handle.runtime()
    }

    /// Does what other shards ask for, until the broker is shut down.
    pub async fn serve_peers(self: Rc<Self>, mut inbox: mpsc::UnboundedReceiver<Message>) {
        while let Some(Message::Run(job)) = inbox.next().await {
            self.handle.spawn(job(self.clone())).detach();
        }
    }

    /// Runs `job` on a shard. It is called there in the order of these calls; here at once if this is
    /// that shard. Dropping the future does not stop it elsewhere.
    pub fn call<T, F, Fut>(
        self: &Rc<Self>,
        shard: ShardId,
        job: F,
    ) -> impl Future<Output = Result<T, ResponseError>> + use<T, F, Fut>
    where
        T: Send + 'static,
        F: FnOnce(Rc<Node>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        if shard == self.handle.id() {
            return Either::Left(job(self.clone()).map(Ok));
        }
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |node| {
            let future = job(node);
            // Whoever asked may have gone away.
            Box::pin(future.map(|outcome| drop(reply.send(outcome))))
        });
        Either::Right(self.post(shard, job, answer))
    }

    /// As [`Node::call`], but dropping the future stops the job wherever it is.
    pub fn call_while_wanted<T, F, Fut>(
        self: &Rc<Self>,
        shard: ShardId,
        job: F,
    ) -> impl Future<Output = Result<T, ResponseError>> + use<T, F, Fut>
    where
        T: Send + 'static,
        F: FnOnce(Rc<Node>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        if shard == self.handle.id() {
            return Either::Left(job(self.clone()).map(Ok));
        }
        let (mut reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |node| {
            let mut future = Box::pin(job(node));
            Box::pin(async move {
                let outcome = futures_util::select_biased! {
                    () = reply.cancellation().fuse() => return,
                    outcome = future.as_mut().fuse() => outcome,
                };
                drop(reply.send(outcome));
            })
        });
        Either::Right(self.post(shard, job, answer))
    }

    fn post<T>(
        &self,
        shard: ShardId,
        job: Job,
        answer: oneshot::Receiver<T>,
    ) -> impl Future<Output = Result<T, ResponseError>> + use<T> {
        let is_sent = self.peers[usize::from(shard.0)].unbounded_send(Message::Run(job)).is_ok();
        async move {
            if !is_sent {
                return Err(ResponseError::NotLeaderOrFollower);
            }
            answer.await.map_err(|_| ResponseError::NotLeaderOrFollower)
        }
    }

    /// Runs `job` on every shard, this one too, and waits for all.
    ///
    /// # Errors
    /// A shard is gone: the broker is being shut down.
    pub async fn call_all<T, F, Fut>(self: &Rc<Self>, job: F) -> Result<Vec<T>, ResponseError>
    where
        T: Send + 'static,
        F: FnOnce(Rc<Node>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let shards = (0..self.engine.shards()).map(ShardId);
        let calls: Vec<_> = shards.map(|shard| self.call(shard, job.clone())).collect();
        futures_util::future::try_join_all(calls).await
    }

    /// The shard a partition lives on.
    pub fn shard_of(&self, topic: &str, partition: i32) -> ShardId {
        shard_of(topic, partition, self.engine.shards())
    }

    /// The shard that coordinates a group.
    pub fn shard_of_group(&self, group: &str) -> ShardId {
        shard_of(group, 0, self.engine.shards())
    }

    /// A partition that lives here.
    ///
    /// # Errors
    /// [`ResponseError::UnknownTopicOrPartition`].
    pub fn partition(&self, topic: &str, index: i32) -> Result<Rc<Partition>, ResponseError> {
        let topics = self.topics.borrow();
        topics.partition(topic, index).cloned().ok_or(ResponseError::UnknownTopicOrPartition)
    }

    /// Takes notice of topics that are new or were changed, and opens their partitions that live here.
    ///
    /// # Errors
    /// The engine's; the topics before the one it was about are known then.
    pub async fn adopt(&self, topics: Vec<Arc<Topic>>) -> Result<(), Error> {
        for topic in topics {
            let mut partitions = Vec::new();
            for index in 0..topic.partitions {
                let mut partition = None;
                if self.shard_of(&topic.name, index) == self.handle.id() {
                    partition = Some(self.open_partition(&topic, index).await?);
                }
                partitions.push(partition);
            }
            self.topics.borrow_mut().insert(topic, partitions);
        }
        Ok(())
    }

    /// Forgets a topic that is being deleted, and what was remembered for it here.
    ///
    /// # Errors
    /// The engine's.
    pub async fn abandon(&self, topic: &Topic) -> Result<(), AppendError> {
        self.topics.borrow_mut().remove(&topic.name);
        Partition::forget_producers(&self.table, topic).await?;
        self.coordinator.offsets.forget_topic(&topic.name).await
    }

    /// Ends connections and long polls from now on.
    pub fn stop(&self) {
        // Dropping it is the message.
        drop(self.stop.take());
    }

    /// Completes when [`Node::stop`] is called.
    pub fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }

    async fn open_partition(&self, topic: &Arc<Topic>, index: i32) -> Result<Rc<Partition>, Error> {
        if let Some(open) = self.topics.borrow().partition(&topic.name, index) {
            open.set_topic(topic.clone());
            return Ok(open.clone());
        }
        let log = self.engine.log(log_name(&topic.name, index)).open().await?;
        let local = self.handle.local(&log).ok_or(Error::Closed)?;
        let (shard, topic, table) = (self.shard().clone(), topic.clone(), self.table.clone());
        let partition = Partition::new(PartitionParts { shard, log, local, topic, index, table });
        partition.map(Rc::new).ok_or(Error::Closed)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("shard", &self.handle.id()).finish_non_exhaustive()
    }
}
