//! A machine with a store, for stories that are told step by step.

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::rc::Rc;

use crate::checks::{Check, check};
use crate::panics;
use roundhouse_base::{LogId, ShardId};
use roundhouse_runtime::sim::{Cluster, Node, Outcome, ProcessId, RunLimits, World, WorldOptions};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions};
use roundhouse_store::{
    Identity, NewRecord, OpenError, ReadError, Store, StoreOptions, SyncChoice, SyncMethod,
};

/// The only shard.
pub const IDENTITY: Identity =
    Identity { store: None, shard: ShardId(0), shards: 1, may_create: true };

/// Where its store is.
pub const DIRECTORY: &str = "data/shard-000";

/// The machine.
#[derive(Debug)]
pub struct Scene {
    /// What runs on it.
    pub cluster: Cluster,
    /// Its disk.
    pub node: Node,
}

impl Scene {
    /// A machine with an empty disk.
    pub fn new(seed: u64) -> Scene {
        Scene::in_world(World::new(seed, WorldOptions::default()))
    }

    /// A machine in a world of its own.
    pub fn in_world(world: World) -> Scene {
        let node = world.node("a");
        Scene { cluster: Cluster::new(world), node }
    }

    /// Runs a program on a fresh shard until it ends, then kills what it left running.
    ///
    /// # Panics
    /// If it does not end.
    pub fn run<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        program: impl FnOnce(Shard) -> F,
    ) -> T {
        let ended = self.run_for(RunLimits::default().steps_max, program);
        ended.expect("the steps are enough for every program that ends")
    }

    /// The same for at most `steps` steps of the machine. What runs then is killed.
    ///
    /// # Panics
    /// If the program waits for what cannot come.
    pub fn run_for<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        steps: u64,
        program: impl FnOnce(Shard) -> F,
    ) -> Option<T> {
        let process = self.begin(steps, program);
        self.cluster.kill(process.0);
        process.1
    }

    /// The same, but the power fails at the end.
    ///
    /// # Panics
    /// If the program waits for what cannot come.
    pub fn run_until_crash<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        steps: u64,
        program: impl FnOnce(Shard) -> F,
    ) -> Option<T> {
        let (_, result) = self.begin(steps, program);
        self.cluster.crash(&self.node);
        result
    }

    fn begin<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        steps_max: u64,
        program: impl FnOnce(Shard) -> F,
    ) -> (ProcessId, Option<T>) {
        let result = Rc::new(RefCell::new(None));
        let sink = result.clone();
        let process = self.start(|shard| {
            let program = program(shard);
            async move { drop(sink.replace(Some(program.await))) }
        });
        let limits = RunLimits { steps_max, ..RunLimits::default() };
        let is_over = || result.borrow().is_some() || panics::any();
        let outcome = self.cluster.run_until(limits, is_over);
        panics::unwind_if_any();
        let is_progress = matches!(outcome, Outcome::Reached | Outcome::StepsExhausted);
        check(Check::Progress, is_progress, || outcome.to_string());
        (process, result.take())
    }

    /// Starts a program on a fresh shard.
    pub fn start<F: Future<Output = ()> + 'static>(
        &mut self,
        program: impl FnOnce(Shard) -> F,
    ) -> ProcessId {
        let driver = Box::new(self.node.driver(ShardId(0)));
        let shard_loop = ShardLoop::new(ShardId(0), driver, SpinOptions::Never);
        let shard = shard_loop.shard();
        shard.spawn(program(shard.clone())).detach();
        drop(shard);
        self.cluster.start(&self.node, ShardId(0), Box::new(shard_loop))
    }

    /// Opens the store as `identity` says and reads the log `orders`.
    ///
    /// # Errors
    /// Those of opening.
    ///
    /// # Panics
    /// If it opens without that log.
    pub fn open_and_read(&mut self, identity: Identity) -> Result<Reading, OpenError> {
        self.run(async move |shard| {
            let store = open(&shard, identity).await?;
            let log = store.find("orders").expect("it was created");
            Ok(read_all(&store, log).await)
        })
    }
}

/// The bodies that could be read, and what ended the reading, if not the end of the log.
#[derive(Debug)]
pub struct Reading {
    /// In the order of their offsets.
    pub bodies: Vec<Vec<u8>>,
    /// Why there are no more.
    pub error: Option<ReadError>,
}

/// Small slots, so that a short story fills several.
pub fn options() -> StoreOptions {
    StoreOptions {
        slot_bytes: 256 * 1024,
        memory_bytes: 8 << 20,
        sync_method: SyncChoice::Fixed(SyncMethod::Dsync),
        anchor_delay: None,
        ..StoreOptions::default()
    }
}

/// Opens the store.
///
/// # Errors
/// Those of opening.
pub async fn open(shard: &Shard, identity: Identity) -> Result<Store, OpenError> {
    Store::open(shard, Path::new(DIRECTORY), identity, &options()).await
}

/// Opens the store, creates the log `orders` if need be and appends `records` to it.
///
/// # Panics
/// If any of that fails.
pub async fn append(shard: &Shard, records: std::ops::Range<usize>) -> Store {
    let store = open(shard, IDENTITY).await.unwrap();
    let log = match store.find("orders") {
        Some(log) => log,
        None => store.create_log("orders", Default::default()).await.unwrap(),
    };
    for no in records {
        let body = body(no);
        let offset = store.append(log, &[NewRecord::from(body.as_slice())]).await.unwrap();
        assert_eq!(offset.0, no as u64);
    }
    store
}

/// Reads a log from its start, a little at a time, so that all before damage is given.
///
/// # Panics
/// If there is no such log.
pub async fn read_all(store: &Store, log: LogId) -> Reading {
    let info = store.log_info(log).expect("the log is there");
    let mut reader = store.reader(log, info.start);
    let mut reading = Reading { bodies: Vec::new(), error: None };
    while reader.next_offset() < info.end {
        match reader.read(1).await {
            Ok(records) => reading.bodies.extend(records.iter().map(|record| record.body.to_vec())),
            Err(error) => {
                reading.error = Some(error);
                break;
            }
        }
    }
    reading
}

/// The body of record `no` of `orders`.
pub fn body(no: usize) -> Vec<u8> {
    let mut body = format!("record {no} ").into_bytes();
    body.resize(20 + no * 37 % 3000, b'x');
    body
}
