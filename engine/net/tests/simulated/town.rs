//! Nodes with one shard each, or a few, and the clock that moves them.

use std::future::Future;
use std::time::Duration;

use roundhouse_base::ShardId;
use roundhouse_runtime::sim::{
    Cluster, NetworkLoad, Node, Outcome, RunLimits, World, WorldOptions,
};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions, Task};

/// A world of nodes that run.
pub(crate) struct Town {
    pub(crate) world: World,
    cluster: Cluster,
}

/// A node and the shard that runs on it.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) shard: Shard,
}

impl Host {
    /// Starts a program on the shard.
    pub(crate) fn start<F>(&self, program: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = self.shard.spawn(program);
        // The shard has no turn at the moment, and must have one.
        self.shard.parking().notify();
        task
    }
}

impl Town {
    pub(crate) fn new(seed: u64) -> Town {
        let world = World::new(seed, WorldOptions::default());
        Town { cluster: Cluster::new(world.clone()), world }
    }

    /// A new node with a shard.
    pub(crate) fn host(&mut self, name: &str) -> Host {
        self.host_of(name, ShardId(0))
    }

    /// Another shard of a node, which is made at its first one.
    pub(crate) fn host_of(&mut self, name: &str, shard: ShardId) -> Host {
        let node = self.world.node(name);
        let driver = Box::new(node.driver(shard));
        let shard_loop = ShardLoop::new(shard, driver, SpinOptions::Never);
        let handle = shard_loop.shard();
        self.cluster.start(&node, shard, Box::new(shard_loop));
        Host { node, shard: handle }
    }

    /// Lets the world run until a task is done.
    pub(crate) fn finish<T>(&mut self, task: Task<T>) -> T {
        let limits = RunLimits { steps_max: u64::MAX, time_max: self.world.now() + PATIENCE };
        let outcome = self.cluster.run_until(limits, || task.is_finished());
        assert_eq!(outcome, Outcome::Reached, "{outcome}; {}", self.world.network_counts());
        futures_util::FutureExt::now_or_never(task).expect("the task is finished")
    }

    /// Runs a program on a host to its end.
    pub(crate) fn run<F>(&mut self, host: &Host, program: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = host.start(program);
        self.finish(task)
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let time_max = self.world.now() + time;
        let limits = RunLimits { steps_max: u64::MAX, time_max };
        let outcome = self.cluster.run_until(limits, || false);
        assert!(matches!(outcome, Outcome::TimeExhausted | Outcome::Deadlock), "{outcome}");
        self.world.advance_to(time_max);
    }

    /// Cuts the power of a host.
    pub(crate) fn crash(&mut self, host: &Host) {
        self.cluster.crash(&host.node);
    }

    /// Fails if anything of the network is left: every program has ended and every task is gone.
    pub(crate) fn expect_nothing_left(&mut self) {
        // Closed connections answer late packets for a minute.
        self.pass(Duration::from_mins(5));
        assert_eq!(self.world.network_load(), NetworkLoad::default());
        assert_eq!(self.world.operations(), 0);
    }
}

/// Runs a test for some seeds and says which failed.
pub(crate) fn for_seeds(seeds: std::ops::Range<u64>, test: impl Fn(u64)) {
    for seed in seeds {
        let replay = Replay(seed);
        test(seed);
        std::mem::forget(replay);
    }
}

/// Says which seed was running when a test failed.
struct Replay(u64);

impl Drop for Replay {
    #[allow(clippy::print_stderr, reason = "whoever reads the failure needs the seed")]
    fn drop(&mut self) {
        eprintln!("seed {}: run for_seeds({}..{}, ..) to replay", self.0, self.0, self.0 + 1);
    }
}

/// Virtual time after which a program that did not end never will.
const PATIENCE: Duration = Duration::from_hours(24);
