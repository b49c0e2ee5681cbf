//! Threads of the engine's own, one per shard.

use std::io;
use std::thread::{Builder, JoinHandle};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs this process may run on, ascending. Containers and `taskset` make them fewer than the
/// machine has.
pub fn allowed_cpus() -> Vec<usize> {
    match sched_getaffinity(None) {
        Ok(set) => (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect(),
        Err(errno) => {
            tracing::warn!(%errno, "cannot ask for the allowed CPUs; assuming one");
            vec![0]
        }
    }
}

/// Starts a thread that runs `body`, on one CPU only if one is given. A CPU that can't be had is no
/// failure: the thread then runs where the scheduler puts it.
///
/// # Errors
/// The system has no room for another thread.
pub fn spawn_pinned(
    name: String,
    cpu: Option<usize>,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name).spawn(move || {
        if let Some(cpu) = cpu {
            let mut set = CpuSet::new();
            set.set(cpu);
            if let Err(errno) = sched_setaffinity(None, &set) {
                tracing::warn!(cpu, %errno, "cannot pin a shard's thread");
            }
        }
        body();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_run_on_its_cpu_only() {
        let cpu = *allowed_cpus().last().expect("some CPU runs this test");
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = spawn_pinned("pinned".to_owned(), Some(cpu), move || {
            sender.send(allowed_cpus()).expect("the test waits");
        });
        assert_eq!(receiver.recv(), Ok(vec![cpu]));
        thread.expect("a thread can be started").join().expect("it does not panic");
    }
}
