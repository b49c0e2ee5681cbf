//! Who Roundhouse is measured beside.

mod channels;
mod std_fs;

#[cfg(feature = "peers")]
mod okaywal;
#[cfg(feature = "peers")]
mod raft_engine;
#[cfg(feature = "peers")]
mod tokio_uring;
#[cfg(feature = "peers")]
mod wal_db;

use std::marker::PhantomData;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};

use roundhouse::Durability;
use roundhouse_measure::store::{APPENDS, AppendLoad, AppendTarget, PACED, drive};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject, Suite};

/// Puts the peers into the cases that they can do.
pub(crate) fn join(suites: &mut [Suite]) {
    for suite in suites {
        match suite.name {
            "wal" => join_appends(suite, APPENDS),
            "latency" => join_appends(suite, PACED),
            "mailbox" => channels::join(suite),
            _ => {}
        }
    }
}

fn join_appends(suite: &mut Suite, loads: &[AppendLoad]) {
    put::<std_fs::StdFs>(suite, loads);
    #[cfg(feature = "peers")]
    {
        put::<tokio_uring::TokioUring>(suite, loads);
        put::<raft_engine::RaftEngine>(suite, loads);
        put::<okaywal::OkayWal>(suite, loads);
        put::<wal_db::WalDb>(suite, loads);
    }
}

/// A log made by somebody else, or as somebody would make it without a library.
trait PeerLog: AppendTarget + Sized + 'static {
    /// Its name in the rows.
    const NAME: &'static str;

    /// Version and configuration.
    const ABOUT: &'static str;

    /// Whether it has such a durability.
    fn carries(durability: Durability) -> bool;

    /// Creates it in a folder of its own that does not exist yet.
    fn create(path: &Path, load: &AppendLoad, stage: &Stage) -> Result<Self, MeasureError>;

    /// Makes durable what was appended; for [`Durability::Interval`].
    fn sync(&self) -> Result<(), MeasureError>;
}

fn put<T: PeerLog>(suite: &mut Suite, loads: &[AppendLoad]) {
    for load in loads.iter().filter(|load| T::carries(load.durability)) {
        let case = suite.cases.iter_mut().find(|case| case.name == load.name);
        if let Some(case) = case {
            case.subjects.push(Box::new(Peer::<T> { load: *load, log: PhantomData }));
        }
    }
}

struct Peer<T> {
    load: AppendLoad,
    log: PhantomData<T>,
}

impl<T: PeerLog> Subject for Peer<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn about(&self) -> String {
        T::ABOUT.to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let path = stage.path(T::NAME);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        let log = T::create(&path, &self.load, stage)?;
        let measured = match self.load.durability {
            Durability::Interval(interval) => drive_and_sync(&log, &self.load, stage, interval)?,
            Durability::Always | Durability::Never => drive(&log, &self.load, stage)?,
        };
        drop(log);
        std::fs::remove_dir_all(&path)?;
        Ok(vec![measured])
    }
}

/// Has a thread sync the log once in every interval while the writers append.
fn drive_and_sync<T: PeerLog>(
    log: &T,
    load: &AppendLoad,
    stage: &Stage,
    interval: std::time::Duration,
) -> Result<Measurement, MeasureError> {
    std::thread::scope(|scope| {
        let (ended, end) = channel::<()>();
        let syncs = scope.spawn(move || {
            while end.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                log.sync()?;
            }
            Ok::<_, MeasureError>(())
        });
        let measured = drive(log, load, stage);
        drop(ended);
        syncs.join().map_err(|_| "the thread that syncs panicked")??;
        measured
    })
}
