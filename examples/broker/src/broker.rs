//! Starting and stopping the broker on all shards of an engine.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use futures_channel::{mpsc, oneshot};
use futures_util::FutureExt;
use kafka_protocol::ResponseError;
use roundhouse::{Engine, Error, ShardHandle, ShardId};

use crate::config::Config;
use crate::metrics::NodeMetrics;
use crate::node::{Message, Node, NodeParts, Peer};
use crate::topics::{Catalogue, Topic};
use crate::{doors, errors, http};

/// A running broker. Dropping it lets it run on, as long as the engine is open.
#[derive(Debug)]
pub struct Broker {
    engine: Engine,
    address: SocketAddr,
    http_address: Option<SocketAddr>,
    peers: Vec<Peer>,
    metrics: Vec<Arc<NodeMetrics>>,
}

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine's.
    #[error(transparent)]
    Engine(#[from] Error),
    /// Somebody else listens there, or nobody may.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Topics that are written down could not be opened, for an error of the protocol; the reason
    /// was logged.
    #[error("the topics could not be opened: {0}")]
    Topics(ResponseError),
}

impl Broker {
    /// Starts a broker on an engine. Clients can connect when this returns.
    ///
    /// # Errors
    /// See [`StartError`]. The engine should be closed then.
    pub async fn start(engine: Engine, config: Config) -> Result<Broker, StartError> {
        let shards = usize::from(engine.shards());
        let (peers, inboxes): (Vec<_>, Vec<_>) = (0..shards).map(|_| mpsc::unbounded()).unzip();
        let metrics = (0..shards).map(|_| Arc::default()).collect();
        let mut broker =
            Broker { engine, address: config.listen, http_address: None, peers, metrics };
        let (config, http) = (Arc::new(config.clone()), config.http);
        // The first shard finds out the port, and knows the topics.
        let mut topics = Vec::new();
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let (address, known) = broker.start_shard(number, inbox, config.clone()).await?;
            broker.address = address;
            topics.extend(known);
        }
        let topics = topics.into_iter().map(Arc::new).collect();
        broker.adopt(topics).await.map_err(StartError::Topics)?;
        broker.on_each_shard(|node| async move { doors::open(&node) }).await?;
        broker.http_address = broker.serve_http(http).await?;
        Ok(broker)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics and health are served.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Whether every shard does what it is asked. Returns when all have answered, so never if one hangs.
    pub async fn is_alive(&self) -> bool {
        self.on_each_shard(|_| async {}).await.is_ok()
    }

    /// Stops accepting connections and requests, answers what was taken, and returns when all
    /// connections are ended, or were given the time they may have. The engine is still open then.
    pub async fn shut_down(&self) {
        // A shard that is gone has nothing to be stopped.
        let _ = self.on_each_shard(|node| async move { doors::close(&node).await }).await;
        for peer in &self.peers {
            let _ = peer.unbounded_send(Message::End);
        }
    }

    /// Serves metrics and health, on the first shard.
    async fn serve_http(
        &self,
        address: Option<SocketAddr>,
    ) -> Result<Option<SocketAddr>, StartError> {
        let Some(address) = address else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        let message = Message::Run(Box::new(move |node: Rc<Node>| {
            let bound = http::bind(&node.handle, address).map(|listener| {
                let address = listener.local_address();
                node.handle.clone().spawn(http::serve(node, listener)).detach();
                address
            });
            // Whoever asked may have gone away.
            drop(reply.send(bound));
            Box::pin(std::future::ready(()))
        }));
        self.peers[0].unbounded_send(message).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?.map(Some)
    }

    async fn start_shard(
        &self,
        number: usize,
        inbox: mpsc::UnboundedReceiver<Message>,
        config: Arc<Config>,
    ) -> Result<(SocketAddr, Vec<Topic>), StartError> {
        let (address, engine) = (self.address, self.engine.clone());
        let (peers, metrics) = (self.peers.clone(), self.metrics[number].clone());
        let program = async move |handle: ShardHandle| {
            let listener = doors::bind(&handle, address, &config)?;
            let address = listener.local_address();
            let host = config.advertised_host.clone();
            let advertised = (host.unwrap_or_else(|| address.ip().to_string()), address.port());
            let parts = NodeParts { engine, handle, config, metrics, advertised, peers, listener };
            let node = Node::open(parts).await?;
            let topics = node.catalogue.as_ref().map(Catalogue::topics);
            node.handle.clone().spawn(node.serve_peers(inbox)).detach();
            Ok((address, topics.unwrap_or_default()))
        };
        self.engine.spawn_on(ShardId(number as u16), program).await?
    }

    async fn adopt(&self, topics: Vec<Arc<Topic>>) -> Result<(), ResponseError> {
        let adopted = self.on_each_shard(move |node| async move { node.adopt(topics).await }).await;
        let adopted = adopted.map_err(|error| errors::of_engine(&error))?;
        adopted.into_iter().collect::<Result<(), _>>().map_err(|error| errors::of_engine(&error))
    }

    /// Runs `job` on every shard and waits for all.
    async fn on_each_shard<T, F, Fut>(&self, job: F) -> Result<Vec<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce(Rc<Node>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let mut answers = Vec::new();
        for peer in &self.peers {
            let (reply, answer) = oneshot::channel();
            let job = job.clone();
            let message = Message::Run(Box::new(move |node| {
                // Whoever asked may have gone away.
                Box::pin(job(node).map(|outcome| drop(reply.send(outcome))))
            }));
            peer.unbounded_send(message).map_err(|_| Error::Closed)?;
            answers.push(answer);
        }
        let mut outcomes = Vec::new();
        for answer in answers {
            outcomes.push(answer.await.map_err(|_| Error::Closed)?);
        }
        Ok(outcomes)
    }
}
