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
        let created = self.shared.call(shard, move |server| async move {
            let store = server.store().ok_or(Error::Closed)?;
            store.create_log(&name, config).await.map_err(Error::from)
        });
        let id = created.await??;
        reservation.keep(Place::At(shard, id));
        Ok(Log::new(self.shared, shard, id, self.name.into()))
    }

    /// Opens the log, or creates it if there is none of its name.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn open_or_create(self) -> Result<Log, Error> {
        if let Some(log) = self.find() {
            return Ok(log);
        }
        match self.clone().create().await {
            // Somebody else was faster.
            Err(Error::Log(LogError::Exists { .. })) => self.open().await,
            other => other,
        }
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
struct Reservation<'a> {
    shared: &'a Arc<Shared>,
    name: Arc<str>,
    is_kept: bool,
}

impl<'a> Reservation<'a> {
    fn take(shared: &'a Arc<Shared>, name: &str) -> Result<Reservation<'a>, LogError> {
        let mut names = shared.names();
        if names.logs.contains_key(name) {
            return Err(LogError::Exists { name: name.to_owned() });
        }
        let name: Arc<str> = name.into();
        names.logs.insert(name.clone(), Place::Creating);
        Ok(Reservation { shared, name, is_kept: false })
    }

    fn keep(mut self, place: Place) {
        self.shared.names().logs.insert(self.name.clone(), place);
        self.is_kept = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.shared.names().logs.remove(&self.name);
        }
    }
}
