//! The handle on a simulated world.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use roundhouse_base::random::mix;
use roundhouse_base::{Monotonic, Random, WallTime};

use super::faults::{FaultCounts, FaultOptions};
use super::latency::LatencyOptions;
use super::net::LinkOptions;
use super::node::Node;
use super::state::State;

/// What a world is like. Nodes take their disks, faults and latencies from it when they are made.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// What the disk of each node holds, in bytes.
    pub capacity_bytes: u64,
    /// What goes wrong; by default nothing but crashes.
    pub faults: FaultOptions,
    /// How long operations take.
    pub latencies: LatencyOptions,
    /// What the links between nodes are like until they are changed.
    pub link: LinkOptions,
    /// The wall clock when the world begins.
    pub epoch: WallTime,
}

impl Default for WorldOptions {
    /// Disks of 1 TiB (empty space costs no memory) and the morning of 1 January 2024.
    fn default() -> WorldOptions {
        WorldOptions {
            capacity_bytes: 1 << 40,
            faults: FaultOptions::default(),
            latencies: LatencyOptions::default(),
            link: LinkOptions::default(),
            epoch: WallTime::from_millis(1_704_103_200_000),
        }
    }
}

/// A world of nodes with disks, in which one seed decides everything that a real one leaves open:
/// how long things take, in which order they end, what fails, and what a crash leaves.
///
/// Time is virtual and stands still until [`World::advance`], [`World::advance_to`] or a
/// [`Cluster`](super::Cluster) moves it. Clones are the same world; it lives on one thread.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) state: Rc<RefCell<State>>,
    seed: u64,
}

impl World {
    /// A world without nodes, at time 0.
    pub fn new(seed: u64, options: WorldOptions) -> World {
        World { state: Rc::new(RefCell::new(State::new(seed, options))), seed }
    }

    /// The seed, to be printed when something went wrong.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The node called `name`; at the first call it is made, with an empty disk.
    pub fn node(&self, name: &str) -> Node {
        let number = self.state.borrow_mut().node(name);
        Node::new(self.clone(), number)
    }

    /// The virtual time.
    pub fn now(&self) -> Monotonic {
        self.state.borrow().now
    }

    /// When the next operation in flight ends, `None` if there is none.
    pub fn next_event_time(&self) -> Option<Monotonic> {
        self.state.borrow_mut().next_event_time()
    }

    /// Jumps to the next end of an operation or to the next deadline that a process gave to
    /// [`Driver::reap`](crate::Driver::reap), whichever is earlier. False if there is neither: by
    /// itself nothing will ever happen again.
    #[must_use]
    pub fn advance(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let next = state.next_event_time().into_iter().chain(state.next_deadline()).min();
        if let Some(time) = next {
            state.advance_to(time);
        }
        next.is_some()
    }

    /// Lets time pass until `time`, with all that happens meanwhile. A time in the past changes
    /// nothing.
    pub fn advance_to(&self, time: Monotonic) {
        self.state.borrow_mut().advance_to(time);
    }

    /// Lets `duration` pass.
    pub fn pass(&self, duration: Duration) {
        let mut state = self.state.borrow_mut();
        let time = state.now + duration;
        state.advance_to(time);
    }

    /// What went wrong so far, on all nodes together.
    pub fn fault_counts(&self) -> FaultCounts {
        let mut sum = FaultCounts::default();
        for machine in &self.state.borrow().machines {
            sum += &machine.faults.counts;
        }
        sum
    }

    /// A fingerprint of everything that happened so far: two runs that differ in one completion,
    /// one crash or one scheduling decision have different ones.
    pub fn trace_hash(&self) -> u64 {
        let state = self.state.borrow();
        state.trace.hash() ^ mix(state.network.trace.hash())
    }

    /// A generator for the choices of the test itself, so that they follow from the seed too.
    pub fn random(&self) -> Random {
        self.state.borrow_mut().random.split()
    }

    /// A number below `bound`, which must not be zero, noted in the trace.
    pub(super) fn choose(&self, bound: u64) -> u64 {
        let mut state = self.state.borrow_mut();
        let choice = state.random.below(bound);
        state.trace.note(&[bound, choice]);
        choice
    }
}
