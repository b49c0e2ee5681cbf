//! The store of one shard, as code on that shard uses it.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use roundhouse_base::{LogId, Offset, Pos, WallTime};
use roundhouse_runtime::{FileId, Shard, Task};

use crate::error::{AppendError, LogError, OpenError, ReadError, StoreFailure};
use crate::format::{CleanEnd, LogConfig, Salts, Superblock};
use crate::logs::Waiter;
use crate::metrics::{StoreCounters, StoreHistograms};
use crate::read::{Reader, offset_at};
use crate::scan::FrameScan;
use crate::state::{Appended, Change, ChangeRefusal, Changed, NewRecord, Refusal, State};
use crate::superblock_file::SuperblockFile;
use crate::vital::spawn_vital;
use crate::wal::Ticket;

/// The store of one shard: its write-ahead log and the logs in it. A cheap handle, for code on the
/// shard only.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Rc<Inner>,
}

/// What the handles and the tasks of a store share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) shard: Shard,
    pub(crate) slot_bytes: u64,
    pub(crate) salts: Salts,
    pub(crate) zero_slots: bool,
    pub(crate) state: RefCell<State>,
    superblock: RefCell<Superblock>,
    /// Taken by whoever closes the store.
    superblock_file: RefCell<Option<SuperblockFile>>,
    tasks: RefCell<Vec<Task<()>>>,
}

/// What a log is, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Its number within the shard.
    pub id: LogId,
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: LogConfig,
    /// The first offset that was not trimmed.
    pub start: Offset,
    /// The offset after the last acknowledged record: what readers see.
    pub end: Offset,
    /// Bytes of its records, with headers, as far as whole segments of them are kept.
    pub bytes: u64,
}

/// What a store is, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// The superblock that the store was opened with.
    pub superblock: Superblock,
    /// The first position that is kept.
    pub low_water: Pos,
    /// Where the next frame goes.
    pub end: Pos,
    /// Everything below is durable.
    pub durable_upto: Pos,
    /// Slot files.
    pub slots: usize,
    /// Of those, how many hold no live segment.
    pub slots_ready: usize,
    /// Segments with live records, and the active one.
    pub segments: usize,
    /// Logs.
    pub logs: usize,
    /// Bytes of frames kept in memory for readers.
    pub cache_bytes: usize,
}

impl Store {
    pub(crate) fn new(
        shard: Shard,
        state: State,
        superblock: Superblock,
        superblock_file: SuperblockFile,
        zero_slots: bool,
    ) -> Store {
        let inner = Inner {
            shard,
            slot_bytes: superblock.slot_bytes,
            salts: superblock.salts(),
            zero_slots,
            state: RefCell::new(state),
            superblock: RefCell::new(superblock),
            superblock_file: RefCell::new(Some(superblock_file)),
            tasks: RefCell::default(),
        };
        Store { inner: Rc::new(inner) }
    }

    /// Starts the tasks that write, keep deadlines and prepare slots.
    pub(crate) fn start(&self) {
        let inner = &self.inner;
        let tasks = [
            spawn_vital(inner, crate::commit::commit_task(inner.clone())),
            spawn_vital(inner, crate::deadlines::deadline_task(inner.clone())),
            spawn_vital(inner, crate::pool::prepare_task(inner.clone())),
        ];
        inner.tasks.borrow_mut().extend(tasks);
    }

    /// Appends `records` at consecutive offsets, all or, on an error, none of them. They are put in
    /// line at once; what is returned says what to wait for.
    ///
    /// # Errors
    /// [`Refusal::Wait`] if there is no room at the moment: see [`Store::wait_for_room`].
    pub fn try_append(&self, log: LogId, records: &[NewRecord<'_>]) -> Result<Appended, Refusal> {
        let (wall, now) = (self.inner.shard.wall(), self.inner.shard.turn_now());
        self.inner.state.borrow_mut().append(log, records, wall, now)
    }

    /// Appends records and waits until they are acknowledged: durable, if the log's durability is
    /// `Always`, written to the file otherwise. Returns the first offset.
    ///
    /// Cancelling before the records were put in line leaves nothing of them; afterwards they are
    /// appended all the same.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(
        &self,
        log: LogId,
        records: &[NewRecord<'_>],
    ) -> Result<Offset, AppendError> {
        let appended = self.put_in_line(log, records).await?;
        std::future::poll_fn(|context| self.poll_acknowledged(log, appended.ticket, context))
            .await?;
        Ok(appended.first)
    }

    /// Like [`Store::try_append`], but waits for room.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn put_in_line(
        &self,
        log: LogId,
        records: &[NewRecord<'_>],
    ) -> Result<Appended, AppendError> {
        loop {
            match self.try_append(log, records) {
                Ok(appended) => return Ok(appended),
                Err(Refusal::Error(error)) => return Err(error),
                Err(Refusal::Wait) => self.wait_for_room().await,
            }
        }
    }

    /// Whether an append is acknowledged; if not, wakes the task when it is, or when it never will
    /// be.
    ///
    /// # Errors
    /// [`AppendError::Deleted`] if the log is no more, [`AppendError::Failed`] if the store stopped.
    pub fn poll_acknowledged(
        &self,
        log: LogId,
        ticket: Ticket,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), AppendError>> {
        let mut state = self.inner.state.borrow_mut();
        let failure = state.failure().cloned();
        let Some(log) = state.catalogue.log_mut(log) else {
            return Poll::Ready(Err(AppendError::Deleted));
        };
        if log.progress.is_acknowledged(ticket) {
            return Poll::Ready(Ok(()));
        }
        if let Some(failure) = failure {
            return Poll::Ready(Err(AppendError::Failed(failure)));
        }
        log.progress.wait_acknowledged(ticket, Waiter::Task(context.waker().clone()));
        Poll::Pending
    }

    /// Has an accepted append answered through a channel once it is acknowledged.
    pub fn answer(
        &self,
        log: LogId,
        appended: Appended,
        reply: oneshot::Sender<Result<Offset, AppendError>>,
    ) {
        let mut state = self.inner.state.borrow_mut();
        if let Some(failure) = state.failure().cloned() {
            drop(reply.send(Err(AppendError::Failed(failure))));
            return;
        }
        match state.catalogue.log_mut(log) {
            Some(log) if log.progress.is_acknowledged(appended.ticket) => {
                drop(reply.send(Ok(appended.first)));
            }
            Some(log) => {
                log.progress
                    .wait_acknowledged(appended.ticket, Waiter::Reply(reply, appended.first));
            }
            None => drop(reply.send(Err(AppendError::Deleted))),
        }
    }

    /// Completes when an append that was told to wait should be tried again.
    pub fn wait_for_room(&self) -> impl Future<Output = ()> + use<> {
        let inner = self.inner.clone();
        let mut is_waiting = false;
        std::future::poll_fn(move |context| {
            if std::mem::replace(&mut is_waiting, true) {
                return Poll::Ready(());
            }
            inner.state.borrow_mut().wait_for_room(context.waker());
            Poll::Pending
        })
    }

    /// Waits until everything appended to a log so far is durable, whatever its durability, and
    /// returns where the log ended then.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn sync(&self, log: LogId) -> Result<Offset, AppendError> {
        let (ticket, end) = {
            let mut state = self.inner.state.borrow_mut();
            state.writer.want_all_synced();
            state.kick_commit();
            let log = state.catalogue.log(log).ok_or(AppendError::Deleted)?;
            (log.progress.issued(), log.end)
        };
        self.wait_durable(log, ticket).await?;
        Ok(end)
    }

    /// Waits until an append is durable, without asking for it: with durability `Interval` that is
    /// within the interval.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn wait_durable(&self, log: LogId, ticket: Ticket) -> Result<(), AppendError> {
        std::future::poll_fn(|context| {
            let mut state = self.inner.state.borrow_mut();
            let failure = state.failure().cloned();
            let log = state.catalogue.log_mut(log).ok_or(AppendError::Deleted)?;
            if log.progress.is_durable(ticket) {
                return Poll::Ready(Ok(()));
            }
            if let Some(failure) = failure {
                return Poll::Ready(Err(AppendError::Failed(failure)));
            }
            log.progress.wait_durable(ticket, Waiter::Task(context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Creates a log and waits until that is durable.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn create_log(&self, name: &str, config: LogConfig) -> Result<LogId, LogError> {
        self.change(Change::Create { name: name.to_owned(), config }).await
    }

    /// Gives a log other settings and waits until that is durable.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn configure(&self, log: LogId, config: LogConfig) -> Result<(), LogError> {
        self.change(Change::Configure { log, config }).await.map(drop)
    }

    /// Deletes a log with its records and waits until that is durable. Appends still on their way
    /// end with [`AppendError::Deleted`].
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn delete_log(&self, log: LogId) -> Result<(), LogError> {
        self.change(Change::Delete { log }).await.map(drop)
    }

    /// Gives up the records before `start` and waits until that is durable. Nothing happens if the
    /// log starts there or later. Space comes back by whole segments.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn trim(&self, log: LogId, start: Offset) -> Result<(), LogError> {
        self.change(Change::Trim { log, start }).await.map(drop)
    }

    /// Gives up the records from `end` on and waits until that is durable; the next record gets
    /// offset `end`.
    ///
    /// # Errors
    /// See [`LogError`].
    pub async fn truncate(&self, log: LogId, end: Offset) -> Result<(), LogError> {
        self.change(Change::Truncate { log, end }).await.map(drop)
    }

    /// The number of a log.
    pub fn find(&self, name: &str) -> Option<LogId> {
        self.inner.state.borrow().catalogue.find(name)
    }

    /// What a log is now.
    pub fn log_info(&self, log: LogId) -> Option<LogInfo> {
        let state = self.inner.state.borrow();
        let log = state.catalogue.log(log)?;
        Some(state.log_info(log))
    }

    /// All logs by ascending number.
    pub fn logs(&self) -> Vec<LogInfo> {
        let state = self.inner.state.borrow();
        state.catalogue.logs().map(|log| state.log_info(log)).collect()
    }

    /// What the store is now.
    pub fn info(&self) -> StoreInfo {
        let state = self.inner.state.borrow();
        StoreInfo {
            superblock: *self.inner.superblock.borrow(),
            low_water: state.segments.low_water(),
            end: state.writer.end(),
            durable_upto: state.writer.durable_upto(),
            slots: state.pool.len(),
            slots_ready: state.pool.ready(),
            segments: state.segments.len(),
            logs: state.catalogue.logs().count(),
            cache_bytes: state.cache.bytes(),
        }
    }

    /// The store's counters, readable from any thread.
    pub fn counters(&self) -> Arc<StoreCounters> {
        self.inner.state.borrow().counters.clone()
    }

    /// A copy of the store's histograms.
    pub fn histograms(&self) -> StoreHistograms {
        self.inner.state.borrow().histograms.clone()
    }

    /// Bytes the largest record or batch may have.
    pub fn record_bytes_max(&self) -> usize {
        self.inner.state.borrow().record_bytes_max()
    }

    /// A reader of a log from an offset on.
    pub fn reader(&self, log: LogId, from: Offset) -> Reader {
        Reader::new(self.inner.clone(), log, from)
    }

    /// The first offset of the first record with `time` or a later one; `None` if all are earlier.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn offset_at(&self, log: LogId, time: WallTime) -> Result<Option<Offset>, ReadError> {
        offset_at(&self.inner, log, time).await
    }

    /// Closes the store: accepts nothing more, writes and syncs what was accepted, and notes in the
    /// superblock where the log ends, so that opening it again needs no search.
    ///
    /// # Errors
    /// [`OpenError::Failed`] if the store had stopped: then the superblock stays as it is, and
    /// opening the store again finds out what is true. [`OpenError::Io`] likewise.
    pub async fn close(&self) -> Result<(), OpenError> {
        self.inner.state.borrow_mut().start_closing();
        let tasks = std::mem::take(&mut *self.inner.tasks.borrow_mut());
        for task in tasks {
            task.await;
        }
        let (failure, end, low_water) = {
            let mut state = self.inner.state.borrow_mut();
            state.finish_closing();
            let end = CleanEnd { pos: state.writer.end(), hash: state.writer.prev_hash() };
            (state.failure().cloned(), end, state.segments.low_water())
        };
        if let Some(failure) = failure {
            return Err(OpenError::Failed(failure));
        }
        let Some(mut file) = self.inner.superblock_file.take() else { return Ok(()) };
        let mut superblock = *self.inner.superblock.borrow();
        superblock.clean_end = Some(end);
        superblock.low_water = low_water;
        file.write(&self.inner.shard, &superblock).await
    }

    /// Waits until everything that was put in line is written and durable as far as it asked to be.
    pub(crate) async fn flushed(&self) -> Result<(), StoreFailure> {
        loop {
            {
                let state = self.inner.state.borrow();
                if let Some(failure) = state.failure() {
                    return Err(failure.clone());
                }
                if state.writer.is_idle() && state.writer.wanted_sync().is_none() {
                    return Ok(());
                }
            }
            self.wait_for_room().await;
        }
    }

    async fn change(&self, change: Change) -> Result<LogId, LogError> {
        let changed = loop {
            let (wall, now) = (self.inner.shard.wall(), self.inner.shard.turn_now());
            let changed = self.inner.state.borrow_mut().change(&change, wall, now);
            match changed {
                Ok(changed) => break changed,
                Err(ChangeRefusal::Error(error)) => return Err(error),
                Err(ChangeRefusal::Wait) => self.wait_for_room().await,
            }
        };
        let Changed { log, ticket: Some(ticket) } = changed else { return Ok(changed.log) };
        std::future::poll_fn(|context| self.poll_changed(ticket, context)).await?;
        Ok(log)
    }

    fn poll_changed(
        &self,
        ticket: Ticket,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), AppendError>> {
        let mut state = self.inner.state.borrow_mut();
        if state.control_progress.is_durable(ticket) {
            return Poll::Ready(Ok(()));
        }
        if let Some(failure) = state.failure() {
            return Poll::Ready(Err(AppendError::Failed(failure.clone())));
        }
        state.control_progress.wait_durable(ticket, Waiter::Task(context.waker().clone()));
        Poll::Pending
    }
}

impl Inner {
    /// A scan of a slot's file from a frame on, up to `limit`.
    pub(crate) fn scan(&self, file: FileId, from: Pos, limit: Pos) -> FrameScan {
        let counters = Some(self.state.borrow().counters.clone());
        let shard = self.shard.clone();
        FrameScan::new(shard, file, self.salts, self.slot_bytes, from, limit, counters)
    }
}
