//! The same handles for programs without an executor: every call blocks the calling thread until
//! its outcome is known. Not for code on a shard, which it would stop.

use roundhouse_base::{Offset, WallTime};
use roundhouse_runtime::block_on;
use roundhouse_store::{AppendError, LogConfig, LogError, LogInfo, ReadError, Records};

use crate::body::RecordBody;
use crate::error::Error;
use crate::metrics::Metrics;

/// Blocking twin of [`crate::Engine`].
#[derive(Debug, Clone)]
pub struct Engine(crate::Engine);

/// Blocking twin of [`crate::Log`].
#[derive(Debug, Clone)]
pub struct Log(crate::Log);

/// Blocking twin of [`crate::Reader`].
#[derive(Debug)]
pub struct Reader(crate::Reader);

impl Engine {
    pub(crate) fn new(engine: crate::Engine) -> Engine {
        Engine(engine)
    }

    /// The handle whose calls are futures.
    pub fn handle(&self) -> &crate::Engine {
        &self.0
    }

    /// Opens a log.
    ///
    /// # Errors
    /// As [`crate::LogBuilder::open`].
    pub fn open_log(&self, name: &str) -> Result<Log, Error> {
        block_on(self.0.log(name).open()).map(Log)
    }

    /// Creates a log; it is durable when this returns.
    ///
    /// # Errors
    /// As [`crate::LogBuilder::create`].
    pub fn create_log(&self, name: &str, config: LogConfig) -> Result<Log, Error> {
        let builder = self.0.log(name).durability(config.durability).retention(config.retention);
        block_on(builder.create()).map(Log)
    }

    /// Opens a log, or creates it with the engine's defaults.
    ///
    /// # Errors
    /// As [`crate::LogBuilder::open_or_create`].
    pub fn open_or_create_log(&self, name: &str) -> Result<Log, Error> {
        block_on(self.0.log(name).open_or_create()).map(Log)
    }

    /// A snapshot of everything the shards count and measure.
    ///
    /// # Errors
    /// As [`crate::Engine::metrics`].
    pub fn metrics(&self) -> Result<Metrics, Error> {
        block_on(self.0.metrics())
    }

    /// Closes the engine.
    ///
    /// # Errors
    /// As [`crate::Engine::close`].
    pub fn close(self) -> Result<(), Error> {
        block_on(self.0.close())
    }
}

impl Log {
    /// The same log for calls that block.
    pub fn new(log: crate::Log) -> Log {
        Log(log)
    }

    /// The handle whose calls are futures.
    pub fn handle(&self) -> &crate::Log {
        &self.0
    }

    /// Appends one record and returns its offset once it is acknowledged.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append(&self, body: impl RecordBody) -> Result<Offset, AppendError> {
        self.0.dormitory().block_on(self.0.append(body))
    }

    /// Appends records at consecutive offsets, all or none, and returns the first offset once all
    /// are acknowledged.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append_batch<B: RecordBody>(
        &self,
        bodies: impl IntoIterator<Item = B>,
    ) -> Result<Offset, AppendError> {
        self.0.dormitory().block_on(self.0.append_batch(bodies))
    }

    /// Reads records from an offset on.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(&self, from: Offset, bytes_max: usize) -> Result<Records, ReadError> {
        block_on(self.0.read(from, bytes_max))
    }

    /// A reader that starts at an offset and follows the end of the log.
    pub fn reader(&self, from: Offset) -> Reader {
        Reader(self.0.reader(from))
    }

    /// The first offset of the first record with `time` or a later one.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn offset_at(&self, time: WallTime) -> Result<Option<Offset>, ReadError> {
        block_on(self.0.offset_at(time))
    }

    /// Makes everything appended so far durable and returns where the log ended.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn sync(&self) -> Result<Offset, AppendError> {
        block_on(self.0.sync())
    }

    /// Gives up the records before `start`.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn trim_to(&self, start: Offset) -> Result<(), LogError> {
        block_on(self.0.trim_to(start))
    }

    /// Gives up the records from `end` on.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn truncate_after(&self, end: Offset) -> Result<(), LogError> {
        block_on(self.0.truncate_after(end))
    }

    /// Gives the log other settings.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn configure(&self, config: LogConfig) -> Result<(), LogError> {
        block_on(self.0.configure(config))
    }

    /// Deletes the log with its records.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn delete(self) -> Result<(), LogError> {
        block_on(self.0.delete())
    }

    /// What the log is now.
    ///
    /// # Errors
    /// As [`crate::Log::info`].
    pub fn info(&self) -> Result<LogInfo, Error> {
        block_on(self.0.info())
    }
}

impl Reader {
    /// The next batch; at the end of the log, blocks until there is one.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn next_batch(&mut self) -> Result<Records, ReadError> {
        block_on(self.0.next_batch())
    }
}
