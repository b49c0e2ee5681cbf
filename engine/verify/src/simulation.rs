//! One store through several lives: opened, looked at, used, and ended in some way.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use roundhouse_base::{Random, ShardId};
use roundhouse_runtime::sim::{Cluster, FaultOptions, Node, Outcome, ProcessId, RunLimits, World};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions, Task};
use roundhouse_store::{OpenError, Store};

use crate::checks::{Check, check, fail};
use crate::oracle::Oracle;
use crate::panics;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::scene::{DIRECTORY, IDENTITY};
use crate::workload::{Client, Plan, read_back};

/// A simulated machine with one store, and its judge.
pub(crate) struct Simulation {
    cluster: Cluster,
    node: Node,
    plan: Rc<Plan>,
    oracle: Rc<RefCell<Oracle>>,
    random: Random,
}

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The power fails after so many steps.
    Crash(u64),
    /// The process is killed after so many steps.
    Kill(u64),
    /// The store is closed when all work is done.
    Close,
}

/// How far a life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Working,
    Done,
}

/// What the program of one life shares with the simulation.
#[derive(Clone)]
struct Life {
    node: Node,
    plan: Rc<Plan>,
    oracle: Rc<RefCell<Oracle>>,
    random: RefCell<Random>,
    phase: Rc<Cell<Phase>>,
    ending: Ending,
    /// Whether faults strike already while the store is opened.
    is_opened_in_trouble: bool,
}

impl Simulation {
    /// A machine with an empty disk.
    pub(crate) fn new(seed: u64, scenario: Scenario) -> Simulation {
        let mut random = Random::new(seed);
        let plan = Plan::draw(scenario, &mut random);
        let world = World::new(random.next_u64(), plan.world(&mut random));
        let node = world.node("a");
        let oracle = Rc::default();
        Simulation { cluster: Cluster::new(world), node, plan: Rc::new(plan), oracle, random }
    }

    /// Lives them all, and adds to `report` what came of it. The last one only looks and closes.
    pub(crate) fn run(&mut self, report: &mut Report) {
        let mut was_cut = false;
        for life in 0..=self.plan.lives {
            let is_last = life == self.plan.lives;
            let ending = if is_last { Ending::Close } else { self.draw_ending() };
            let is_opened_in_trouble = !is_last && self.random.chance(0.2);
            let was_opened = self.live(ending, is_opened_in_trouble);
            report.cycles += u64::from(was_cut && was_opened);
            was_cut = ending != Ending::Close || (was_cut && !was_opened);
        }
        report.faults += &self.cluster.world().fault_counts();
    }

    fn draw_ending(&mut self) -> Ending {
        let magnitude = self.random.below(13);
        let steps = 1 + self.random.below(1 << magnitude);
        match self.random.below(10) {
            0..6 => Ending::Crash(steps),
            6..8 => Ending::Kill(steps),
            _ => Ending::Close,
        }
    }

    /// Lives one life and says whether it came to open the store.
    fn live(&mut self, ending: Ending, is_opened_in_trouble: bool) -> bool {
        self.clean_quarantine();
        let phase = Rc::new(Cell::new(Phase::Opening));
        let life = Life {
            node: self.node.clone(),
            plan: self.plan.clone(),
            oracle: self.oracle.clone(),
            random: RefCell::new(self.random.split()),
            phase: phase.clone(),
            ending,
            is_opened_in_trouble,
        };
        let process = self.start(life);
        let is_over = || phase.get() == Phase::Done || panics::any();
        let steps_max = match ending {
            Ending::Crash(steps) | Ending::Kill(steps) => steps,
            Ending::Close => RunLimits::default().steps_max,
        };
        let limits = RunLimits { steps_max, ..RunLimits::default() };
        let outcome = self.cluster.run_until(limits, is_over);
        panics::unwind_if_any();
        let is_cut_short = ending != Ending::Close && outcome == Outcome::StepsExhausted;
        check(Check::Progress, outcome == Outcome::Reached || is_cut_short, || {
            format!("{ending:?} in {:?}: {outcome}", phase.get())
        });
        let was_working = phase.get() != Phase::Opening;
        self.end(process, ending, was_working);
        was_working
    }

    fn end(&mut self, process: ProcessId, ending: Ending, was_working: bool) {
        let now = self.cluster.world().now();
        let power_fails = matches!(ending, Ending::Crash(_));
        self.oracle.borrow_mut().process_ended(now, power_fails, was_working);
        if power_fails {
            self.cluster.crash(&self.node);
        } else {
            self.cluster.kill(process);
        }
        panics::unwind_if_any();
        check(Check::NoPanic, true, String::new);
    }

    fn start(&mut self, life: Life) -> ProcessId {
        let driver = Box::new(self.node.driver(ShardId(0)));
        let shard_loop = ShardLoop::new(ShardId(0), driver, SpinOptions::Never);
        let shard = shard_loop.shard();
        shard.spawn(life.run(shard.clone())).detach();
        drop(shard);
        self.cluster.start(&self.node, ShardId(0), Box::new(shard_loop))
    }

    /// What an operator of a small disk does: copies in quarantine go elsewhere.
    fn clean_quarantine(&self) {
        for path in self.node.files() {
            if path.components().any(|part| part.as_os_str() == "quarantine") {
                self.node.remove_file(path);
            }
        }
    }
}

impl Life {
    async fn run(self, shard: Shard) {
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
        let store = opened.unwrap_or_else(|error| refused("opening", &error));
        let found = read_back(&store)
            .await
            .unwrap_or_else(|error| fail(Check::Acknowledged, || format!("reading back: {error}")));
        self.oracle.borrow_mut().settle(&found, shard.wall());
        self.phase.set(Phase::Working);
        self.trouble(Some(self.plan.faults.clone()));
        self.work(&shard, store).await;
        self.phase.set(Phase::Done);
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
            Scenario::Crashes | Scenario::Full => false,
        };
        check(Check::NoFalseRefusal, is_tolerable, || format!("{doing}: {error}"));
    }
}

fn refused(doing: &str, error: &OpenError) -> ! {
    fail(Check::NoFalseRefusal, || format!("{doing}: {error}"))
}
