//! The driver of a simulated process.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use roundhouse_base::{Monotonic, WallTime};

use super::faults::Fault;
use super::machine::Machine;
use super::net::{Caller, Network};
use super::open_files::OpenFile;
use super::port::{Port, PortNo, UnparkFlag};
use super::world::World;
use crate::driver::{DirectoryEntry, Driver, Unpark, Wait};
use crate::op::{Completion, Errno, FileId, Op, OpId};
use crate::socket::{SocketId, SocketOption, SocketOptions};

/// A shard's view of a [`World`].
///
/// It never sleeps: [`Driver::reap`] hands over what has completed by now, and the world's time is
/// moved from outside. Operations start when they are submitted. Misuse that a kernel would let
/// pass or punish with damage panics: unaligned direct I/O, closing a file with operations in
/// flight.
///
/// After its node crashed, submitted operations vanish and everything else answers `EIO`.
pub struct SimDriver {
    world: World,
    port: PortNo,
    /// Kept here as well, so that unparkers can be had after a crash.
    unpark: Arc<UnparkFlag>,
}

impl SimDriver {
    pub(super) fn new(world: World, port: PortNo) -> SimDriver {
        let unpark = world.state.borrow().ports[&port].unpark.clone();
        SimDriver { world, port, unpark }
    }

    /// The world it lives in.
    pub fn world(&self) -> &World {
        &self.world
    }

    fn with_port<T>(&self, look: impl FnOnce(&mut Port) -> T) -> Option<T> {
        self.world.state.borrow_mut().ports.get_mut(&self.port).map(look)
    }

    /// Does something that takes no time on the node's disk, for this process.
    fn with_machine<T>(
        &self,
        act: impl FnOnce(&mut Machine, &mut Port) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let state = &mut *self.world.state.borrow_mut();
        let port = state.ports.get_mut(&self.port).ok_or(Errno::IO)?;
        act(&mut state.machines[port.node.0], port)
    }
}

impl SimDriver {
    /// Does something that takes no time with this process's sockets.
    fn with_network<T>(
        &self,
        act: impl FnOnce(&mut Network, Caller) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let state = &mut *self.world.state.borrow_mut();
        let node = state.ports.get(&self.port).ok_or(Errno::IO)?.node;
        act(state.network.at(state.now), Caller { port: self.port, node })
    }
}

impl Driver for SimDriver {
    fn submit(&mut self, op: Op) -> OpId {
        self.world.state.borrow_mut().submit(self.port, op)
    }

    /// Nothing: here operations start when they are submitted.
    fn start(&mut self) {}

    fn cancel(&mut self, id: OpId) {
        self.world.state.borrow_mut().cancel(self.port, id);
    }

    fn reap(&mut self, completions: &mut Vec<Completion>, wait: Wait) -> Result<(), Errno> {
        let reaped = self.with_port(|port| {
            port.unpark.clear();
            port.take_ready(completions);
            port.deadline = match wait {
                Wait::No => None,
                Wait::Until(deadline) => deadline,
            };
        });
        reaped.ok_or(Errno::IO)
    }

    /// A driver of a crashed node is always ready, to say so.
    fn is_ready(&self) -> bool {
        self.with_port(|port| port.is_ready()).unwrap_or(true)
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.unpark.clone()
    }

    /// There is none: a simulated world has no kernel that could signal it.
    fn event_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn now(&self) -> Monotonic {
        self.world.now()
    }

    fn wall(&self) -> WallTime {
        let state = self.world.state.borrow();
        WallTime(state.options.epoch.0 + state.now.0)
    }

    fn random(&mut self) -> u64 {
        self.with_port(|port| port.random.next_u64()).unwrap_or(0)
    }

    fn list(&mut self, directory: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
        self.with_machine(|machine, _| machine.disk.list(directory))
    }

    fn create_directory(&mut self, directory: &Path) -> Result<(), Errno> {
        let now = self.world.state.borrow_mut().tick();
        self.with_machine(|machine, port| {
            if machine.faults.strikes(Fault::NoSpace, &mut port.random) {
                return Err(Errno::NOSPC);
            }
            machine.disk.create_directories(directory, now)
        })
    }

    fn lock(&mut self, path: &Path) -> Result<FileId, Errno> {
        let now = self.world.state.borrow_mut().tick();
        self.with_machine(|machine, port| {
            let entry = machine.disk.lock(path, now)?;
            Ok(port.files.insert(OpenFile::new(entry, true, true)))
        })
    }

    fn open_socket(&mut self, options: &SocketOptions) -> Result<SocketId, Errno> {
        self.with_network(|network, caller| network.open_socket(caller, options))
    }

    fn set_socket_option(&mut self, socket: SocketId, option: SocketOption) -> Result<(), Errno> {
        self.with_network(|network, caller| network.set_socket_option(caller.port, socket, option))
    }

    fn steer_datagrams(&mut self, socket: SocketId, places: &[Option<u16>]) -> Result<(), Errno> {
        self.with_network(|network, caller| network.steer_datagrams(caller.port, socket, places))
    }

    fn local_address(&self, socket: SocketId) -> Result<SocketAddr, Errno> {
        self.with_network(|network, caller| network.local_address(caller.port, socket))
    }

    fn peer_address(&self, socket: SocketId) -> Result<SocketAddr, Errno> {
        self.with_network(|network, caller| network.peer_address(caller.port, socket))
    }
}

impl Drop for SimDriver {
    fn drop(&mut self) {
        self.world.state.borrow_mut().disconnect(self.port);
    }
}

impl fmt::Debug for SimDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_flight = self.with_port(|port| port.table.len());
        f.debug_struct("SimDriver")
            .field("port", &self.port)
            .field("in_flight", &in_flight)
            .finish()
    }
}
