//! Runs the processes of a world in an order that the seed decides.

use std::fmt;
use std::time::Duration;

use roundhouse_base::{Monotonic, ShardId};

use super::node::Node;
use super::world::World;
use crate::shard_loop::{ShardLoop, Turn};

/// Longest time one turn of a process takes, in nanoseconds. It is never zero, so that a process
/// that always has work does not stop the clock.
const TURN_NS_MAX: u64 = 5_000;

/// Something that runs by being turned, such as a shard's loop over a
/// [`SimDriver`](super::SimDriver).
pub trait Process {
    /// Does what can be done now, without waiting, and says what it wants next. It is also turned
    /// when its driver has something for it.
    fn turn(&mut self) -> Turn;
}

impl Process for ShardLoop {
    fn turn(&mut self) -> Turn {
        // The driver of a crashed node fails for good: what is left of such a process wants nothing.
        self.turn_and_park(1).unwrap_or_default()
    }
}

/// A process of a [`Cluster`]; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(u64);

/// Where a run ends if nothing else ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Steps, each one turn of one process or one jump of the clock.
    pub steps_max: u64,
    /// Virtual time at which no further step begins; the clock does not jump beyond it.
    pub time_max: Monotonic,
}

impl Default for RunLimits {
    /// A million steps or a day, more than any healthy test needs.
    fn default() -> RunLimits {
        RunLimits { steps_max: 1_000_000, time_max: Monotonic(0) + Duration::from_hours(24) }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The condition holds.
    Reached,
    /// It does not, and without help from outside nothing will ever happen again: no process has
    /// work or a deadline, and no operation is in flight.
    Deadlock,
    /// It does not, after [`RunLimits::steps_max`] steps.
    StepsExhausted,
    /// It does not, and the clock shows [`RunLimits::time_max`].
    TimeExhausted,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Reached => "the condition was reached",
            Outcome::Deadlock => "every process waits for something that cannot come",
            Outcome::StepsExhausted => "the condition was not reached within the steps allowed",
            Outcome::TimeExhausted => "the condition was not reached within the time allowed",
        })
    }
}

/// The processes that run in a world. Any of them can be dropped between two steps.
pub struct Cluster {
    world: World,
    processes: Vec<Member>,
    processes_ever: u64,
}

struct Member {
    id: ProcessId,
    node: Node,
    shard: ShardId,
    process: Box<dyn Process>,
    wants: Turn,
}

impl Member {
    fn is_runnable(&self, now: Monotonic) -> bool {
        self.wants.has_work
            || self.wants.next_deadline.is_some_and(|deadline| deadline <= now)
            || self.node.is_ready(self.shard)
    }
}

impl Cluster {
    /// No process yet.
    pub fn new(world: World) -> Cluster {
        Cluster { world, processes: Vec::new(), processes_ever: 0 }
    }

    /// The world they run in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Adds a process, which should use a driver of `shard` on `node`. It gets a first turn in any
    /// case.
    pub fn start(&mut self, node: &Node, shard: ShardId, process: Box<dyn Process>) -> ProcessId {
        let id = ProcessId(self.processes_ever);
        self.processes_ever += 1;
        let wants = Turn { next_deadline: None, has_work: true };
        self.processes.push(Member { id, node: node.clone(), shard, process, wants });
        id
    }

    /// Drops one process where it stands; the disk keeps what it cached. False if it was gone
    /// already.
    pub fn kill(&mut self, id: ProcessId) -> bool {
        let index = self.processes.iter().position(|member| member.id == id);
        index.map(|index| self.processes.remove(index)).is_some()
    }

    /// Cuts the power of a node (see [`Node::crash`]) and drops its processes.
    pub fn crash(&mut self, node: &Node) {
        node.crash();
        self.processes.retain(|member| member.node.number() != node.number());
    }

    /// Gives one turn to one of the processes that can use it, or else moves the clock to the next
    /// time at which something happens. False if there is no such time.
    pub fn step(&mut self) -> bool {
        self.step_until(Monotonic(u64::MAX))
    }

    /// The same, but for a jump of the clock beyond `time_max`, which ends there.
    fn step_until(&mut self, time_max: Monotonic) -> bool {
        let now = self.world.now();
        let members = self.processes.iter().enumerate();
        let runnable: Vec<usize> =
            members.filter(|(_, member)| member.is_runnable(now)).map(|(index, _)| index).collect();
        if runnable.is_empty() {
            return self.sleep(time_max);
        }
        let chosen = runnable[self.world.choose(runnable.len() as u64) as usize];
        let member = &mut self.processes[chosen];
        member.wants = member.process.turn();
        self.world.pass(Duration::from_nanos(1 + self.world.choose(TURN_NS_MAX)));
        true
    }

    /// Steps until `is_reached` holds, nothing can happen any more, or `limits` are met. The
    /// condition is tried before every step.
    #[must_use]
    pub fn run_until(
        &mut self,
        limits: RunLimits,
        mut is_reached: impl FnMut() -> bool,
    ) -> Outcome {
        for _ in 0..limits.steps_max {
            if is_reached() {
                return Outcome::Reached;
            }
            if self.world.now() >= limits.time_max {
                return Outcome::TimeExhausted;
            }
            if !self.step_until(limits.time_max) {
                return Outcome::Deadlock;
            }
        }
        if is_reached() { Outcome::Reached } else { Outcome::StepsExhausted }
    }

    fn sleep(&self, time_max: Monotonic) -> bool {
        let deadlines = self.processes.iter().filter_map(|member| member.wants.next_deadline);
        let next = deadlines.chain(self.world.next_event_time()).min();
        if let Some(time) = next {
            self.world.advance_to(time.min(time_max));
        }
        next.is_some()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wants = self.processes.iter().map(|member| (member.id, member.wants));
        f.debug_map().entries(wants).finish()
    }
}
