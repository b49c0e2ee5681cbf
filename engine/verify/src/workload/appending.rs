//! Appends of a client: single records, batches, records that span offsets, and what to do when
//! there is no space.

use std::time::Duration;

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{LogId, Monotonic, Offset, WallTime};
use roundhouse_store::{AppendError, Durability, NewRecord, Refusal, Ticket};

use super::client::Client;
use super::plan::Plan;
use crate::checks::{Check, fail};
use crate::oracle::{Content, Entry, Op};
use crate::scenario::Scenario;

/// A record to append.
#[derive(Debug)]
struct Draft {
    content: Content,
    count: u32,
    time: Option<WallTime>,
}

/// An append that was put in line.
#[derive(Debug, Clone, Copy)]
struct InLine {
    ticket: Ticket,
    /// Operations in line now, the append's last included.
    upto: usize,
    is_strict: bool,
}

impl Client {
    /// Appends up to `count` records and, mostly, waits until they are acknowledged.
    pub(crate) async fn append(&mut self, name: &str, log: LogId, count: u64) {
        let drafts = self.draft(count);
        let Some(in_line) = self.put_in_line(name, log, &drafts).await else { return };
        if self.random.chance(0.3) {
            return;
        }
        let InLine { ticket, upto, is_strict } = in_line;
        let acknowledged =
            std::future::poll_fn(|context| self.store.poll_acknowledged(log, ticket, context))
                .await;
        match acknowledged {
            Ok(()) if is_strict => self.oracle.borrow_mut().made_durable(upto),
            Ok(()) => self.oracle.borrow_mut().made_written(upto),
            Err(error) => return self.refused(name, &error),
        }
        if is_strict && self.random.chance(0.1) {
            match self.store.wait_durable(log, ticket).await {
                Ok(()) => self.oracle.borrow_mut().made_durable(upto),
                Err(error) => self.refused(name, &error),
            }
        }
    }

    fn draft(&mut self, count: u64) -> Vec<Draft> {
        let (wall, room) = (self.shard.wall(), self.store.record_bytes_max());
        let mut drafts = Vec::new();
        let mut total = 0;
        for no in 0..count {
            let is_forged = no == 0 && self.random.chance(0.1);
            let least = if is_forged { FORGED_BYTES_MIN } else { 0 };
            let bytes = self.plan.size(&mut self.random).max(least);
            total += bytes + RECORD_OVERHEAD_BYTES;
            if !drafts.is_empty() && total > room {
                break;
            }
            let count = if self.random.chance(0.8) { 1 } else { 1 + self.random.below(5) as u32 };
            let end = is_forged.then(|| self.store.info().end);
            let content = self.oracle.borrow_mut().new_content(bytes, end);
            drafts.push(Draft { content, count, time: Plan::time(&mut self.random, wall) });
        }
        drafts
    }

    async fn put_in_line(&mut self, name: &str, log: LogId, drafts: &[Draft]) -> Option<InLine> {
        let bodies: Vec<Vec<u8>> = drafts.iter().map(|draft| draft.content.make()).collect();
        let records: Vec<NewRecord<'_>> = std::iter::zip(&bodies, drafts)
            .map(|(body, draft)| NewRecord { body, count: draft.count, time: draft.time })
            .collect();
        for _ in 0..ATTEMPTS_MAX {
            match self.store.try_append(log, &records) {
                Ok(appended) => {
                    let (upto, is_strict) = self.note_appended(name, appended.first, drafts);
                    return Some(InLine { ticket: appended.ticket, upto, is_strict });
                }
                Err(Refusal::Wait) => self.store.wait_for_room().await,
                Err(Refusal::Error(AppendError::NoSpace { reason })) => match self.plan.scenario {
                    Scenario::Full => self.make_space().await,
                    // Creating a slot failed, which is tried again later.
                    Scenario::Writing => self.shard.sleep(Duration::from_millis(120)).await,
                    _ => fail(Check::NoFalseRefusal, || format!("no space: {reason}")),
                },
                Err(Refusal::Error(error)) => {
                    self.refused(name, &error);
                    return None;
                }
            }
        }
        fail(Check::Progress, || format!("no room for {name} comes: {:?}", self.store.info()))
    }

    /// Tells the oracle of records that were put in line just now.
    fn note_appended(&self, name: &str, first: Offset, drafts: &[Draft]) -> (usize, bool) {
        let mut oracle = self.oracle.borrow_mut();
        let durability = oracle.live.logs[name].config.durability;
        let mut next = first;
        for draft in drafts {
            let Draft { content, count, time } = *draft;
            let time = time.unwrap_or(self.shard.wall());
            let entry = Entry { first: next, count, time, content, origin: None };
            next = entry.end();
            let op = Op::Append { name: name.to_owned(), entry };
            oracle.submit(op, durable_by(durability, self.shard.now()));
        }
        (oracle.submitted(), durability == Durability::Always)
    }

    /// Gives up everything, so that appends can go on without opening the store again. Sometimes only
    /// when not even the smallest record finds room any more.
    async fn make_space(&mut self) {
        if self.random.chance(0.5) {
            self.fill_up();
        }
        for info in self.store.logs() {
            self.trim_to(&info.name, info.id, info.end).await;
        }
        self.shard.sleep(Duration::from_millis(20)).await;
    }
}

impl Client {
    /// Appends empty records until one is refused.
    fn fill_up(&mut self) {
        let Some((name, log)) = self.some_log() else { return };
        for _ in 0..FILLING_MAX {
            let content = self.oracle.borrow_mut().new_content(0, None);
            let draft = Draft { content, count: 1, time: None };
            match self.store.try_append(log, &[NewRecord::from(&[][..])]) {
                Ok(appended) => drop(self.note_appended(&name, appended.first, &[draft])),
                Err(_) => return,
            }
        }
    }
}

/// By when a record must be durable although nobody waits for it.
fn durable_by(durability: Durability, now: Monotonic) -> Option<Monotonic> {
    match durability {
        Durability::Interval(interval) => Some(now + interval + WRITE_TIME_MAX),
        Durability::Always | Durability::Never => None,
    }
}

/// Longer than writing and syncing takes on a disk that does not stall, with everything before it.
const WRITE_TIME_MAX: Duration = Duration::from_millis(50);

/// Room for two forged frames between what belongs to the record's own.
const FORGED_BYTES_MIN: usize = 3 * BLOCK_BYTES;

/// Header and padding of a record, at most.
const RECORD_OVERHEAD_BYTES: usize = 48;

/// More empty records than fit into the rest of a segment.
const FILLING_MAX: usize = 10_000;

/// Attempts to append before there is something wrong.
const ATTEMPTS_MAX: usize = 2000;
