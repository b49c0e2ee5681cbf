//! What other threads ask of a shard.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_channel::oneshot;
use roundhouse_base::{LogId, Offset, WallTime};
use roundhouse_store::{AppendError, Ticket};

use crate::server::ShardServer;

/// One message in the line to a shard.
pub(crate) enum Request {
    /// Append and answer with the first offset once it is acknowledged. `is_from_here` if it is the
    /// shard's own, which found no room and is counted.
    Append { log: LogId, payload: Payload, reply: AppendReply, is_from_here: bool },
    /// Answer an append that was accepted on the shard, but is awaited elsewhere.
    Await { log: LogId, first: Offset, ticket: Ticket, reply: AppendReply },
    /// Run something on the shard.
    Run(Job),
}

impl Request {
    /// Bytes of memory that an append holds while it waits; 0 for the others, of which whoever waits
    /// for the answer makes one at a time.
    pub(crate) fn append_bytes(&self) -> usize {
        match self {
            Request::Append { payload, .. } => size_of::<Request>() + payload.bytes(),
            Request::Await { .. } | Request::Run(_) => 0,
        }
    }
}

/// Where the outcome of an append goes.
pub(crate) type AppendReply = oneshot::Sender<Result<Offset, AppendError>>;

/// Code to run on a shard: called there, and its future polled there.
pub(crate) type Job = Box<dyn FnOnce(Rc<ShardServer>) -> LocalFuture + Send>;

/// A future that stays on its shard.
pub(crate) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// What to append.
pub(crate) enum Payload {
    /// One record.
    One(OwnedRecord),
    /// Several, at consecutive offsets.
    Batch(Vec<OwnedRecord>),
}

impl Payload {
    /// Bytes it holds outside itself.
    fn bytes(&self) -> usize {
        match self {
            Payload::One(record) => record.body.len(),
            Payload::Batch(records) => {
                let of_record = |record: &OwnedRecord| size_of::<OwnedRecord>() + record.body.len();
                records.iter().map(of_record).sum()
            }
        }
    }
}

/// A record that travels to its shard.
#[derive(Debug, Clone)]
pub(crate) struct OwnedRecord {
    pub(crate) body: Bytes,
    pub(crate) count: u32,
    pub(crate) time: Option<WallTime>,
}
