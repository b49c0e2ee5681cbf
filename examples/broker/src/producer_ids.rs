//! Numbers for idempotent producers, each given once.

use std::cell::Cell;
use std::rc::Rc;

use roundhouse::{AppendError, ShardId};

use crate::line::Line;
use crate::table::Table;

/// Gives numbers out on one shard. They are reserved durably in blocks, so a restart skips some but
/// repeats none. Shards take turns: shard s of n gives s, s + n, s + 2 n, ...
#[derive(Debug)]
pub struct ProducerIds {
    table: Rc<Table>,
    shard: ShardId,
    shards: u16,
    next: Cell<i64>,
    reserved: Cell<i64>,
    line: Rc<Line>,
}

impl ProducerIds {
    /// The numbers of a shard.
    pub fn new(table: Rc<Table>, shard: ShardId, shards: u16) -> ProducerIds {
        let next = table.get::<i64>(KEY).unwrap_or(0);
        let (next, reserved) = (Cell::new(next), Cell::new(next));
        ProducerIds { table, shard, shards, next, reserved, line: Rc::default() }
    }

    /// A number that nobody else was or will be given.
    ///
    /// # Errors
    /// The engine's.
    pub async fn next(&self) -> Result<i64, AppendError> {
        let place = self.line.enter();
        place.turn().await;
        if self.next.get() == self.reserved.get() {
            let reserved = self.reserved.get() + BLOCK;
            self.table.change([(KEY.to_owned(), Some(reserved))]).await?;
            self.reserved.set(reserved);
        }
        let next = self.next.get();
        self.next.set(next + 1);
        Ok(next * i64::from(self.shards) + i64::from(self.shard.0))
    }
}

/// Where the end of the reserved block is written down.
const KEY: &str = "producer-ids";
/// Numbers reserved at once.
const BLOCK: i64 = 1000;
