//! A log, from anywhere.

use std::rc::Rc;
use std::sync::Arc;

use roundhouse_base::{LogId, Offset, ShardId, WallTime};
use roundhouse_runtime::Dormitory;
use roundhouse_store::{
    AppendError, LogConfig, LogError, LogInfo, NewRecord, ReadError, Records, Refusal, Store,
    Ticket,
};

use crate::append::Append;
use crate::body::RecordBody;
use crate::error::Error;
use crate::reader::Reader;
use crate::request::{OwnedRecord, Payload};
use crate::server::ShardServer;
use crate::shared::Shared;

/// A named sequence of records. A cheap handle that works anywhere; on the shard that owns the log
/// it takes the direct path.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    shard: ShardId,
    id: LogId,
    name: Arc<str>,
}

impl Log {
    pub(crate) fn new(shared: Arc<Shared>, shard: ShardId, id: LogId, name: Arc<str>) -> Log {
        Log { shared, shard, id, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number within its shard.
    pub fn id(&self) -> LogId {
        self.id
    }

    /// The shard that owns it.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Appends one record. It is in line when this returns, behind every earlier append of this
    /// thread; awaiting what is returned gives its offset once it is acknowledged.
    ///
    /// Dropping the future does not take the record back.
    pub fn append(&self, body: impl RecordBody) -> Append {
        self.append_record(body, 1, None)
    }

    /// Appends one record that spans `count` offsets, such as a batch the program has packed
    /// itself, with a time of its own or that of its arrival.
    pub fn append_record(
        &self,
        body: impl RecordBody,
        count: u32,
        time: Option<WallTime>,
    ) -> Append {
        // Only one of the two paths takes the body.
        let body = std::cell::Cell::new(Some(body));
        let local = |server: &ShardServer| {
            let store = server.store()?;
            let taken = body.take()?;
            let record = NewRecord { body: taken.as_bytes(), count, time };
            let outcome = append_here(&store, self.id, &[record]);
            if matches!(outcome, Err(Refusal::Wait)) {
                body.set(Some(taken));
            }
            Some(outcome)
        };
        let payload = || {
            let body = body.take().map(RecordBody::into_bytes).unwrap_or_default();
            Payload::One(OwnedRecord { body, count, time })
        };
        Append::start(&self.shared, self.shard, self.id, payload, local)
    }

    /// Appends records at consecutive offsets, all or none. Awaiting what is returned gives the
    /// first offset once all are acknowledged.
    ///
    /// A crash before that may leave the first few of them.
    pub fn append_batch<B: RecordBody>(&self, bodies: impl IntoIterator<Item = B>) -> Append {
        let owned = |body: B| OwnedRecord { body: body.into_bytes(), count: 1, time: None };
        let records: Vec<OwnedRecord> = bodies.into_iter().map(owned).collect();
        let local = |server: &ShardServer| {
            let store = server.store()?;
            let borrowed: Vec<NewRecord<'_>> =
                records.iter().map(|record| NewRecord::from(&record.body[..])).collect();
            Some(append_here(&store, self.id, &borrowed))
        };
        Append::start(&self.shared, self.shard, self.id, || Payload::Batch(records.clone()), local)
    }

    /// Reads records from an offset on, up to `bytes_max` bytes but at least one record; none at
    /// the end of the log.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(&self, from: Offset, bytes_max: usize) -> Result<Records, ReadError> {
        let id = self.id;
        let read =
            self.on_store(move |store| async move { store.reader(id, from).read(bytes_max).await });
        read.await.unwrap_or(Err(ReadError::Closed))
    }

    /// A reader that starts at an offset and follows the end of the log.
    pub fn reader(&self, from: Offset) -> Reader {
        Reader::new(self.shared.clone(), self.shard, self.id, from)
    }

    /// The first offset of the first record with `time` or a later one; `None` if all are earlier.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn offset_at(&self, time: WallTime) -> Result<Option<Offset>, ReadError> {
        let id = self.id;
        let found = self.on_store(move |store| async move { store.offset_at(id, time).await });
        found.await.unwrap_or(Err(ReadError::Closed))
    }

    /// Makes everything appended so far durable, whatever the log's durability, and returns where
    /// the log ended then.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn sync(&self) -> Result<Offset, AppendError> {
        let id = self.id;
        let synced = self.on_store(move |store| async move { store.sync(id).await });
        synced.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Gives up the records before `start`; durable when this returns. Nothing happens if the log
    /// starts there or later. Space comes back by whole segments.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn trim_to(&self, start: Offset) -> Result<(), LogError> {
        let id = self.id;
        self.change(move |store| async move { store.trim(id, start).await }).await
    }

    /// Gives up the records from `end` on; durable when this returns. The next record gets offset
    /// `end`.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn truncate_after(&self, end: Offset) -> Result<(), LogError> {
        let id = self.id;
        self.change(move |store| async move { store.truncate(id, end).await }).await
    }

    /// Gives the log other settings; durable when this returns.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn configure(&self, config: LogConfig) -> Result<(), LogError> {
        let id = self.id;
        self.change(move |store| async move { store.configure(id, config).await }).await
    }

    /// Deletes the log with its records; durable when this returns. Appends still on their way end
    /// with [`AppendError::Deleted`].
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn delete(self) -> Result<(), LogError> {
        let id = self.id;
        let (shared, name) = (self.shared.clone(), self.name.clone());
        // The name goes with the log, whether or not anyone still waits.
        self.change(move |store| async move {
            store.delete_log(id).await?;
            shared.names().logs.remove(&name);
            Ok(())
        })
        .await
    }

    /// What the log is now.
    ///
    /// # Errors
    /// [`Error::Closed`], or [`LogError::NotFound`] if it was deleted.
    pub async fn info(&self) -> Result<LogInfo, Error> {
        let id = self.id;
        let info = self.on_store(move |store| async move { store.log_info(id) }).await?;
        info.ok_or_else(|| LogError::NotFound { name: self.name.to_string() }.into())
    }

    /// Where threads sleep that wait for its shard.
    pub(crate) fn dormitory(&self) -> &Arc<Dormitory> {
        &self.shared.sender(self.shard).dormitory
    }

    pub(crate) fn is_on(&self, server: &ShardServer) -> bool {
        Arc::ptr_eq(&self.shared.token, &server.engine) && self.shard == server.shard.id()
    }

    async fn change<F, Fut>(&self, job: F) -> Result<(), LogError>
    where
        F: FnOnce(Store) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), LogError>> + 'static,
    {
        self.on_store(job).await.unwrap_or(Err(LogError::Append(AppendError::Closed)))
    }

    async fn on_store<T, F, Fut>(&self, job: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Store) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let job = move |server: Rc<ShardServer>| async move {
            match server.store() {
                Some(store) => Some(job(store).await),
                None => None,
            }
        };
        self.shared.call(self.shard, job).await?.ok_or(Error::Closed)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("name", &self.name)
            .field("shard", &self.shard)
            .finish_non_exhaustive()
    }
}

fn append_here(
    store: &Store,
    log: LogId,
    records: &[NewRecord<'_>],
) -> Result<(Offset, Ticket), Refusal> {
    store.try_append(log, records).map(|appended| (appended.first, appended.ticket))
}
