//! A log on its own shard.

use roundhouse_base::{LogId, Offset};
use roundhouse_store::{AppendError, Appended, LogInfo, NewRecord, Reader, Refusal, Store, Ticket};

/// A log, used from code on the shard that owns it: no message, no allocation per record.
#[derive(Debug, Clone)]
pub struct LocalLog {
    store: Store,
    id: LogId,
}

impl LocalLog {
    pub(crate) fn new(store: Store, id: LogId) -> LocalLog {
        LocalLog { store, id }
    }

    /// Appends one record and waits until it is acknowledged.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, body: &[u8]) -> Result<Offset, AppendError> {
        self.store.append(self.id, &[NewRecord::from(body)]).await
    }

    /// Appends records at consecutive offsets, all or none, and waits until they are acknowledged.
    /// Returns the first offset.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append_batch(&self, records: &[NewRecord<'_>]) -> Result<Offset, AppendError> {
        self.store.append(self.id, records).await
    }

    /// Puts records in line without waiting; [`LocalLog::wait_durable`] tells when they are durable.
    ///
    /// # Errors
    /// [`Refusal::Wait`] if there is no room at the moment: see [`LocalLog::wait_for_room`].
    pub fn try_append(&self, records: &[NewRecord<'_>]) -> Result<Appended, Refusal> {
        self.store.try_append(self.id, records)
    }

    /// Completes when an append that was told to wait should be tried again.
    pub async fn wait_for_room(&self) {
        self.store.wait_for_room().await;
    }

    /// Waits until an append is acknowledged: as durable as the log asks for.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn wait_acknowledged(&self, ticket: Ticket) -> Result<(), AppendError> {
        std::future::poll_fn(|context| self.store.poll_acknowledged(self.id, ticket, context)).await
    }

    /// Waits until an append is durable, without asking for it.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn wait_durable(&self, ticket: Ticket) -> Result<(), AppendError> {
        self.store.wait_durable(self.id, ticket).await
    }

    /// Makes everything appended so far durable and returns where the log ends.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn sync(&self) -> Result<Offset, AppendError> {
        self.store.sync(self.id).await
    }

    /// A reader from an offset on.
    pub fn reader(&self, from: Offset) -> Reader {
        self.store.reader(self.id, from)
    }

    /// What the log is now; `None` if it was deleted.
    pub fn info(&self) -> Option<LogInfo> {
        self.store.log_info(self.id)
    }
}
