//! Opening and creating logs.

use std::sync::Arc;

use roundhouse_base::ShardId;
use roundhouse_store::{Durability, LogConfig, LogError, Retention};

use crate::error::Error;
use crate::log::Log;
use crate::shared::{Place, Shared};

/// A log by its name, from [`crate::Engine::log`]. What is set here counts when it is created.
#[derive(Clone)]
pub struct LogBuilder {
    shared: Arc<Shared>,
    name: String,
    config: LogConfig,
    shard: Option<ShardId>,
}

impl LogBuilder {
    pub(crate) fn new(shared: Arc<Shared>, name: String) -> LogBuilder {
        let durability = shared.options.durability;
        let config = LogConfig { durability, retention: Retention::default() };
        LogBuilder { shared, name, config, shard: None }
    }

    /// When appends are acknowledged; the engine's option `durability` if not set.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> LogBuilder {
        self.config.durability = durability;
        self
    }

    /// When old records go; never if not set.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> LogBuilder {
        self.config.retention = retention;
        self
    }

    /// The shard to create it on; chosen by the name if not set.
    #[must_use]
    pub fn on_shard(mut self, shard: ShardId) -> LogBuilder {
        self.shard = Some(shard);
        self
    }

    /// Opens the log.
    ///
    /// # Errors
    /// [`LogError::NotFound`].
    #[expect(clippy::unused_async, reason = "opening may come to ask the shard; callers await it")]
    pub async fn open(self) -> Result<Log, Error> {
        self.find().ok_or_else(|| LogError::NotFound { name: self.name.clone() }.into())
    }

    /// Creates the log; it is durable when this returns.
    ///
    /// # Errors
    /// [`LogError::Exists`], also while somebody else is creating it; see [`LogError`].
    pub async fn create(self) -> Result<Log, Error> {
        let shard = self.shard.unwrap_or_else(|| self.shared.home_of(&self.name));
        if usize::from(shard.0) >= self.shared.shards.len() {
            return Err(Error::Closed);
        }
        let reservation = Reservation::take(&self.shared, &self.name)?;
        let (name, config) = (self.name.clone(), self.config);
        // The name goes along: it is settled with the creation, whether or not anyone still waits.
        let created = self.shared.call(shard, move |server| async move {
            let store = server.store().ok_or(Error::Closed)?;
            let id = store.create_log(&name, config).await?;
            reservation.keep(Place::At(shard, id));
            Ok::<_, Error>(id)
        });
        let id = created.await??;
        Ok(Log::new(self.shared, shard, id, self.name.into()))
    }

    /// Opens the log, or creates it if there is none of its name. Waits if somebody else is
    /// creating it.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn open_or_create(self) -> Result<Log, Error> {
        loop {
            if let Some(log) = self.find() {
                return Ok(log);
            }
            match self.clone().create().await {
                Err(Error::Log(LogError::Exists { .. })) => self.settled().await,
                other => return other,
            }
        }
    }

    /// Completes when nobody is creating the log, or when some creation has ended since.
    async fn settled(&self) {
        let ended = {
            let mut names = self.shared.names();
            match names.logs.get(self.name.as_str()) {
                Some(Place::Creating) => names.creation_ended(),
                Some(Place::At(..)) | None => return,
            }
        };
        // Cancelled is how it says so: the other end is dropped.
        let _ = ended.await;
    }

    fn find(&self) -> Option<Log> {
        match self.shared.names().logs.get(self.name.as_str()) {
            Some(Place::At(shard, id)) => {
                Some(Log::new(self.shared.clone(), *shard, *id, self.name.as_str().into()))
            }
            Some(Place::Creating) | None => None,
        }
    }
}

impl std::fmt::Debug for LogBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A name that is being created; free again unless the creation succeeds.
struct Reservation {
    shared: Arc<Shared>,
    name: Arc<str>,
    place: Option<Place>,
}

impl Reservation {
    fn take(shared: &Arc<Shared>, name: &str) -> Result<Reservation, LogError> {
        let mut names = shared.names();
        if names.logs.contains_key(name) {
            return Err(LogError::Exists { name: name.to_owned() });
        }
        let name: Arc<str> = name.into();
        names.logs.insert(name.clone(), Place::Creating);
        Ok(Reservation { shared: shared.clone(), name, place: None })
    }

    fn keep(mut self, place: Place) {
        self.place = Some(place);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let waiting = self.shared.names().settle(&self.name, self.place);
        // Outside the lock: waking may run any code.
        drop(waiting);
    }
}
