//! Shards on threads that are not the engine's: the host's, or the simulator's.

use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use roundhouse_base::ShardId;
use roundhouse_runtime::uring::{DriveMode, DriverCounters, UringDriver, UringOptions};
use roundhouse_runtime::{Driver, Errno, ShardLoop, Task};

use crate::error::Error;
use crate::options::Options;
use crate::request_line::{RequestSender, request_line};
use crate::server::{EngineToken, ShardServer};

/// How to reach a shard that was started, or why it was not.
pub(crate) type Started = Result<RequestSender, Error>;

/// A shard that has yet to be started, on the thread that will turn it.
#[derive(Debug)]
pub struct ShardSeed {
    shard: ShardId,
    options: Options,
    engine: Arc<EngineToken>,
    started: oneshot::Sender<Started>,
}

impl ShardSeed {
    pub(crate) fn new(
        shard: ShardId,
        options: &Options,
        engine: &Arc<EngineToken>,
    ) -> (ShardSeed, oneshot::Receiver<Started>) {
        let (started, answer) = oneshot::channel();
        let (options, engine) = (options.clone(), engine.clone());
        (ShardSeed { shard, options, engine, started }, answer)
    }

    /// The shard's number.
    pub fn id(&self) -> ShardId {
        self.shard
    }

    /// Starts the shard on this thread, which must turn it from now on. `None` if it can't be: the
    /// [`crate::Opening`] then says why.
    pub fn start(self) -> Option<HostShard> {
        let (shard_loop, server) = self.start_with_server(DriveMode::Host)?;
        Some(HostShard { shard_loop, server })
    }

    /// Starts the shard on a driver of the caller's: the simulator's, for instance.
    pub fn start_on(self, driver: Box<dyn Driver>) -> ShardLoop {
        let (shard_loop, server) = self.start_loop(driver, None);
        server.detach();
        shard_loop
    }

    /// Starts the shard on a ring of its own. The task ends with the engine.
    pub(crate) fn start_with_server(self, mode: DriveMode) -> Option<(ShardLoop, Task<()>)> {
        let entries = u32::from(self.options.ring_entries);
        let mut options = UringOptions { entries, mode, ..UringOptions::default() };
        options.datagram_buffers.limit_memory(self.options.datagram_memory.0);
        options.stream_buffers.limit_memory(self.options.stream_memory.0);
        match UringDriver::new(&options) {
            Ok(driver) => {
                let counters = driver.counters();
                Some(self.start_loop(Box::new(driver), Some(counters)))
            }
            Err(error) => {
                let error = Error::Setup { shard: self.shard.0, error };
                // Whoever opens the engine may have given up.
                drop(self.started.send(Err(error)));
                None
            }
        }
    }

    fn start_loop(
        self,
        driver: Box<dyn Driver>,
        counters: Option<Arc<DriverCounters>>,
    ) -> (ShardLoop, Task<()>) {
        let shard_loop = ShardLoop::new(self.shard, driver, self.options.spin);
        let shard = shard_loop.shard();
        let (sender, requests) = request_line(
            usize::from(self.options.mailbox),
            usize::try_from(self.options.append_memory.0).unwrap_or(usize::MAX),
            shard.parking(),
            shard.dormitory().clone(),
        );
        shard.set_panic_flag(self.engine.panic_flag.clone());
        let server = ShardServer::new(shard.clone(), self.engine, shard_loop.counters(), counters);
        let server = Rc::new(server);
        shard.set_extension(Some(server.clone()));
        let server = shard.spawn(server.serve(requests));
        drop(self.started.send(Ok(sender)));
        (shard_loop, server)
    }
}

/// A shard that the host program turns.
///
/// The contract: call [`HostShard::turn`]. If it says `has_work`, call it again soon. Otherwise
/// sleep until [`HostShard::fd`] is readable or `next_deadline` has passed, and call it again. Call
/// it at least once before every sleep; reading from the descriptor is the shard's business.
#[derive(Debug)]
pub struct HostShard {
    shard_loop: ShardLoop,
    /// Ends when the engine is closed.
    server: Task<()>,
}

/// What is left to do after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostTurn {
    /// There is more to do at once.
    pub has_work: bool,
    /// Time from now until the shard must be turned even if nothing happens; `None` for never.
    pub next_deadline: Option<Duration>,
    /// The engine is closed: the shard may be dropped.
    pub is_closed: bool,
}

impl HostShard {
    /// The descriptor to watch with `poll`, `epoll` or the like.
    ///
    /// # Panics
    /// Never: a shard that was started for a host has one.
    pub fn fd<R>(&self, watch: impl FnOnce(BorrowedFd<'_>) -> R) -> R {
        self.shard_loop.with_event_fd(|fd| watch(fd.expect("the driver was made for a host")))
    }

    /// Does what there is to do, at most `budget` turns of the shard's loop, and never sleeps.
    ///
    /// # Errors
    /// The ring broke; drop the shard.
    pub fn turn(&mut self, budget: usize) -> Result<HostTurn, Errno> {
        let turn = self.shard_loop.turn_and_park(budget)?;
        let now = self.shard_loop.shard().now();
        Ok(HostTurn {
            has_work: turn.has_work,
            next_deadline: turn.next_deadline.map(|deadline| deadline.since(now)),
            is_closed: self.server.is_finished(),
        })
    }
}
