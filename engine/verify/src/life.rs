//! One life of a store as the program of its shard: opened, looked at, used, and perhaps closed.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use roundhouse_base::{Pos, Random};
use roundhouse_runtime::sim::{FaultOptions, Node};
use roundhouse_runtime::{Shard, Task};
use roundhouse_store::{OpenError, Store};

use crate::checks::{Check, check};
use crate::oracle::Oracle;
use crate::scenario::Scenario;
use crate::scene::{DIRECTORY, IDENTITY};
use crate::workload::{Client, Plan, read_back};

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The power fails after so many steps.
    Crash(u64),
    /// The process is killed after so many steps.
    Kill(u64),
    /// The store is closed when all work is done.
    Close,
}

/// How far a life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Opening,
    Working,
    Done,
    /// A disk that lies was found out: the store refused to open, or to read.
    FoundOut,
}

/// What the program of one life shares with the simulation.
pub(crate) struct Life {
    pub(crate) node: Node,
    pub(crate) plan: Rc<Plan>,
    pub(crate) oracle: Rc<RefCell<Oracle>>,
    pub(crate) random: RefCell<Random>,
    pub(crate) phase: Rc<Cell<Phase>>,
    pub(crate) ending: Ending,
    /// Whether faults strike already while the store is opened.
    pub(crate) is_opened_in_trouble: bool,
    /// What the disk proves to have been durable, if it may lie.
    pub(crate) proven: Pos,
}

impl Life {
    pub(crate) async fn run(self, shard: Shard) {
        let directory = Path::new(DIRECTORY);
        self.trouble(
            self.is_opened_in_trouble
                .then(|| self.plan.faults_of_opening(self.oracle.borrow().was_settled())),
        );
        let mut opened = Store::open(&shard, directory, IDENTITY, &self.plan.options).await;
        if self.is_opened_in_trouble
            && let Err(error) = &opened
        {
            self.check_refusal(error, "opening in trouble");
            self.oracle.borrow_mut().opening_failed();
            self.trouble(None);
            opened = Store::open(&shard, directory, IDENTITY, &self.plan.options).await;
        }
        self.trouble(None);
        let store = match opened {
            Ok(store) => store,
            Err(error) => {
                return self.found_out(&format!("opening: {error}"), Check::NoFalseRefusal);
            }
        };
        let found = match read_back(&store).await {
            Ok(found) => found,
            Err(error) => return self.found_out(&format!("reading: {error}"), Check::Acknowledged),
        };
        if self.plan.scenario == Scenario::Lying {
            let end = store.info().superblock.epoch_start;
            self.oracle.borrow_mut().settle_lies(&found, shard.wall(), end, self.proven);
        } else {
            self.oracle.borrow_mut().settle(&found, shard.wall());
        }
        self.phase.set(Phase::Working);
        self.trouble(Some(self.plan.faults.clone()));
        self.work(&shard, store).await;
        self.phase.set(Phase::Done);
    }

    /// Ends the life of a store whose disk lied, or fails a check if it did not.
    fn found_out(&self, what: &str, violated: Check) {
        check(violated, self.plan.scenario == Scenario::Lying, || what.to_owned());
        check(Check::LieNoticed, true, String::new);
        self.phase.set(Phase::FoundOut);
    }

    async fn work(&self, shard: &Shard, store: Store) {
        let clients: Vec<Task<()>> = (0..self.plan.clients)
            .map(|_| shard.spawn(self.client(shard, &store).work()))
            .collect();
        let followers: Vec<Task<()>> = (0..self.plan.followers)
            .map(|_| shard.spawn(self.client(shard, &store).follow()))
            .collect();
        for client in clients {
            client.await;
        }
        if self.ending == Ending::Close {
            let upto = self.oracle.borrow().submitted();
            match store.close().await {
                Ok(()) => self.oracle.borrow_mut().made_durable(upto),
                Err(OpenError::Failed(failure)) => self.oracle.borrow_mut().stopped(&failure),
                Err(error) => self.check_refusal(&error, "closing"),
            }
            for follower in followers {
                follower.await;
            }
        } else {
            // Deadlines may still come due.
            shard.sleep(std::time::Duration::from_millis(300)).await;
        }
    }

    fn client(&self, shard: &Shard, store: &Store) -> Client {
        Client {
            shard: shard.clone(),
            store: store.clone(),
            plan: self.plan.clone(),
            oracle: self.oracle.clone(),
            random: self.random.borrow_mut().split(),
        }
    }

    /// Switches faults on or off.
    fn trouble(&self, faults: Option<FaultOptions>) {
        let is_on = faults.is_some();
        self.node.set_faults(faults.unwrap_or_default());
        self.oracle.borrow_mut().may_stop = is_on && self.plan.scenario == Scenario::Writing;
    }

    /// Whether opening or closing may fail like this when faults strike.
    fn check_refusal(&self, error: &OpenError, doing: &str) {
        let is_tolerable = match self.plan.scenario {
            Scenario::Writing => matches!(error, OpenError::Io { .. } | OpenError::Failed(_)),
            Scenario::Reading => matches!(error, OpenError::Io { .. } | OpenError::Corruption(_)),
            Scenario::Lying => true,
            Scenario::Crashes | Scenario::Full | Scenario::Recovery | Scenario::Damage => false,
        };
        check(Check::NoFalseRefusal, is_tolerable, || format!("{doing}: {error}"));
    }
}
