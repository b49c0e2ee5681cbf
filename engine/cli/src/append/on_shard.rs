//! Appending on the log's own shard: one batch after the other, so that a batch which is refused
//! is followed by none, and what is in the log is always the beginning of the input.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc as threads;

use futures_channel::mpsc;
use futures_core::Stream;
use roundhouse::{AppendError, Error, LocalLog, Log, NewRecord, Refusal, ShardHandle, Ticket};

use crate::append::input::Batch;
use crate::exit::Stop;

/// What became of the input.
#[derive(Debug)]
pub(super) struct Ended {
    /// What is durable.
    pub(super) total: Total,
    /// Whether the last line lacked its newline.
    pub(super) ends_without_newline: bool,
    /// Whether that is all of it.
    pub(super) outcome: Result<(), Stop>,
}

/// Records with their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Records that were put in line together.
struct InLine {
    ticket: Ticket,
    total: Total,
}

/// Appends every batch, on the shard that `shard` is. As records become durable, `progress` gets
/// how many there are so far.
pub(super) async fn append_all(
    shard: ShardHandle,
    log: Log,
    mut batches: mpsc::Receiver<Result<Batch, Stop>>,
    progress: threads::Sender<u64>,
) -> Ended {
    let Some(log) = shard.local(&log) else {
        let outcome = Err(Stop::from(Error::Closed));
        return Ended { total: Total::default(), ends_without_newline: false, outcome };
    };
    let (in_line, to_watch) = mpsc::unbounded();
    let watcher = shard.spawn(watch(log.clone(), to_watch, progress));
    let mut ends_without_newline = false;
    let outcome = loop {
        match next(&mut batches).await {
            Some(Ok(batch)) => {
                ends_without_newline = batch.ends_without_newline;
                if let Err(error) = put_in_line(&log, &batch.records(), &in_line).await {
                    break Err(Stop::from(error));
                }
            }
            Some(Err(stop)) => break Err(stop),
            None => break Ok(()),
        }
    };
    drop((batches, in_line));
    let synced = log.sync().await;
    let total = watcher.await;
    let outcome = outcome.and(synced.map(drop).map_err(Stop::from));
    Ended { total, ends_without_newline, outcome }
}

/// Puts records in line, together if the store takes that many bytes at once.
async fn put_in_line(
    log: &LocalLog,
    records: &[NewRecord<'_>],
    in_line: &mpsc::UnboundedSender<InLine>,
) -> Result<(), AppendError> {
    let (mut rest, mut at_once) = (records, records.len());
    while !rest.is_empty() {
        let (first, others) = rest.split_at(at_once.min(rest.len()));
        match log.try_append(first) {
            Ok(appended) => {
                let bytes = first.iter().map(|record| record.body.len() as u64).sum();
                let total = Total { records: first.len() as u64, bytes };
                // The watcher ends before its queue does only when the store has stopped, and then
                // the next append says so.
                drop(in_line.unbounded_send(InLine { ticket: appended.ticket, total }));
                rest = others;
            }
            Err(Refusal::Wait) => log.wait_for_room().await,
            Err(Refusal::Error(AppendError::TooLarge { .. })) if first.len() > 1 => {
                at_once = first.len() / 2;
            }
            Err(Refusal::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Counts what becomes durable, in the order in which it was put in line. What waits here is on its
/// way to the disk or, unless durability is `always`, was written since the last sync.
async fn watch(
    log: LocalLog,
    mut in_line: mpsc::UnboundedReceiver<InLine>,
    progress: threads::Sender<u64>,
) -> Total {
    let mut durable = Total::default();
    while let Some(InLine { ticket, total }) = next(&mut in_line).await {
        if log.wait_durable(ticket).await.is_err() {
            break;
        }
        durable.records += total.records;
        durable.bytes += total.bytes;
        // Whoever reports is there to the end.
        progress.send(durable.records).ok();
    }
    durable
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
