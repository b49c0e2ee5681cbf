//! Scheduling: every process gets its turns, in an order that the seed decides.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use roundhouse_base::{Monotonic, ShardId};
use roundhouse_runtime::sim::{
    Cluster, Node, Outcome, Process, RunLimits, SimDriver, World, WorldOptions,
};
use roundhouse_runtime::{Driver, Op, OpenMode, Turn, Wait};

/// Creates files one after the other and counts them.
struct Creator {
    driver: SimDriver,
    left: u32,
    in_flight: bool,
    created: Rc<Cell<u32>>,
}

impl Creator {
    fn start(cluster: &mut Cluster, node: &Node, shard: u16, left: u32) -> Rc<Cell<u32>> {
        let created = Rc::new(Cell::new(0));
        let driver = node.driver(ShardId(shard));
        let creator = Creator { driver, left, in_flight: false, created: created.clone() };
        cluster.start(node, ShardId(shard), Box::new(creator));
        created
    }
}

impl Process for Creator {
    fn turn(&mut self) -> Turn {
        let mut arrived = Vec::new();
        self.driver.reap(&mut arrived, Wait::No).unwrap();
        for completion in arrived {
            completion.result.unwrap();
            self.in_flight = false;
            self.created.set(self.created.get() + 1);
        }
        if !self.in_flight && self.left > 0 {
            let path = format!("{:?}-{}", self.driver.random(), self.left).into();
            self.driver.submit(Op::Open { path, mode: OpenMode::Create });
            self.left -= 1;
            self.in_flight = true;
        }
        Turn::default()
    }
}

/// Notes its name at each turn and wants another after `pause`; with no pause, at once.
struct Ticker {
    name: char,
    now: World,
    pause: Duration,
    notes: Rc<RefCell<String>>,
}

impl Process for Ticker {
    fn turn(&mut self) -> Turn {
        self.notes.borrow_mut().push(self.name);
        let next_deadline = (!self.pause.is_zero()).then(|| self.now.now() + self.pause);
        Turn { next_deadline, has_work: next_deadline.is_none() }
    }
}

fn cluster(seed: u64) -> (Cluster, Node) {
    let world = World::new(seed, WorldOptions::default());
    let node = world.node("a");
    (Cluster::new(world), node)
}

#[test]
fn a_run_ends_when_its_condition_holds_or_when_nothing_can_happen() {
    let (mut cluster, node) = cluster(1);
    let created = Creator::start(&mut cluster, &node, 0, 10);
    assert_eq!(cluster.run_until(RunLimits::default(), || created.get() == 5), Outcome::Reached);
    assert_eq!(cluster.run_until(RunLimits::default(), || created.get() == 11), Outcome::Deadlock);
    assert_eq!(created.get(), 10);
}

#[test]
fn a_run_ends_at_its_limits() {
    let (mut cluster, node) = cluster(2);
    let notes = Rc::new(RefCell::new(String::new()));
    let ticker = Ticker {
        name: 't',
        now: cluster.world().clone(),
        pause: Duration::from_millis(1),
        notes: notes.clone(),
    };
    cluster.start(&node, ShardId(0), Box::new(ticker));

    let limits = RunLimits { steps_max: 100, ..RunLimits::default() };
    assert_eq!(cluster.run_until(limits, || false), Outcome::StepsExhausted);
    assert_eq!(notes.borrow().len(), 50, "every other step moves the clock");
    let limits = RunLimits { time_max: Monotonic(1_000_000_000), ..RunLimits::default() };
    assert_eq!(cluster.run_until(limits, || false), Outcome::TimeExhausted);
    assert!((990..=1000).contains(&notes.borrow().len()), "about one turn each millisecond");
}

#[test]
fn the_order_of_turns_follows_from_the_seed() {
    let order = |seed| {
        let (mut cluster, node) = cluster(seed);
        let notes = Rc::new(RefCell::new(String::new()));
        for (shard, name) in "abc".chars().enumerate() {
            let (now, pause) = (cluster.world().clone(), Duration::ZERO);
            let ticker = Ticker { name, now, pause, notes: notes.clone() };
            cluster.start(&node, ShardId(shard as u16), Box::new(ticker));
        }
        let limits = RunLimits { steps_max: 60, ..RunLimits::default() };
        assert_eq!(cluster.run_until(limits, || false), Outcome::StepsExhausted);
        let order = notes.borrow().clone();
        assert!("abc".chars().all(|name| order.matches(name).count() > 5), "{order}");
        (order, cluster.world().trace_hash())
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1).0, order(2).0);
}

#[test]
fn a_busy_process_does_not_stop_the_clock() {
    let (mut cluster, node) = cluster(3);
    let notes = Rc::new(RefCell::new(String::new()));
    let (now, pause) = (cluster.world().clone(), Duration::ZERO);
    cluster.start(&node, ShardId(0), Box::new(Ticker { name: 'b', now, pause, notes }));
    let created = Creator::start(&mut cluster, &node, 1, 3);
    assert_eq!(cluster.run_until(RunLimits::default(), || created.get() == 3), Outcome::Reached);
}

#[test]
fn a_crash_takes_the_processes_of_its_node_only() {
    for steps_max in 0..40 {
        let (mut cluster, node) = cluster(4);
        let other = cluster.world().node("b");
        let crashed = Creator::start(&mut cluster, &node, 0, 10);
        let spared = Creator::start(&mut cluster, &other, 0, 10);
        let limits = RunLimits { steps_max, ..RunLimits::default() };
        assert_eq!(cluster.run_until(limits, || false), Outcome::StepsExhausted);

        cluster.crash(&node);
        let before = crashed.get();
        assert_eq!(cluster.run_until(RunLimits::default(), || false), Outcome::Deadlock);
        assert_eq!((crashed.get(), spared.get()), (before, 10), "after {steps_max} steps");

        let restarted = Creator::start(&mut cluster, &node, 0, 2);
        let done = || restarted.get() == 2;
        assert_eq!(cluster.run_until(RunLimits::default(), done), Outcome::Reached);
    }
}

#[test]
fn an_unpark_gets_a_process_its_turn() {
    let (mut cluster, node) = cluster(5);
    let driver = node.driver(ShardId(0));
    let unparker = driver.unparker();
    let created = Rc::new(Cell::new(0));
    let creator = Creator { driver, left: 0, in_flight: false, created };
    let id = cluster.start(&node, ShardId(0), Box::new(creator));
    assert!(cluster.step(), "the first turn");
    assert!(!cluster.step());
    unparker.unpark();
    assert!(cluster.step() && !cluster.step());
    assert!(cluster.kill(id) && !cluster.kill(id));
}
