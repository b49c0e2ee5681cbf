//! The ceiling: the same bytes on a bare ring.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use roundhouse_runtime::uring::ceiling::{self, Load, LoadKind, Outcome};

use crate::CEILING;
use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::subject::{MeasureError, Subject};

/// Writes on a bare ring, in the best of several ways.
pub(super) struct WriteCeiling {
    /// Durable or not.
    pub(super) kind: LoadKind,
    /// The ways, each of which gets a share of the time.
    pub(super) ways: Vec<Way>,
    /// Whether records count, not bytes.
    pub(super) counts_records: bool,
}

/// Frames of a size, so many of them in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Bytes of a frame, whole blocks.
    pub(super) bytes: usize,
    /// Frames in flight.
    pub(super) depth: usize,
    /// The records that a frame of the engine with these bytes would hold.
    pub(super) records: u64,
}

impl Subject for WriteCeiling {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        match self.ways.len() {
            1 => "io_uring alone, O_DIRECT".to_owned(),
            ways => format!("io_uring alone, O_DIRECT, best of {ways} frame sizes and depths"),
        }
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let file = file(stage)?;
        let share = stage.duration / self.ways.len() as u32;
        let mut best: Option<Measurement> = None;
        for way in &self.ways {
            let measured = self.try_way(stage, &file, *way, share)?;
            if best.as_ref().is_none_or(|best| measured.value > best.value) {
                best = Some(measured);
            }
        }
        Ok(best.into_iter().collect())
    }
}

impl WriteCeiling {
    fn try_way(
        &self,
        stage: &Stage,
        file: &File,
        way: Way,
        duration: Duration,
    ) -> Result<Measurement, MeasureError> {
        let load = Load {
            kind: self.kind,
            bytes: way.bytes,
            depth: way.depth,
            duration: stage.warm_up(),
            file_bytes: stage.sizes.file,
        };
        let mut buffers = way.buffers();
        ceiling::run(file, load, &mut buffers)?;
        let watch = stage.watch();
        let Outcome { operations, latency, .. } =
            ceiling::run(file, Load { duration, ..load }, &mut buffers)?;
        let spent = watch.spent();
        let records = operations * way.records;
        let measured = if self.counts_records {
            Measurement::rate("records/s", records, &spent)
        } else {
            Measurement::bandwidth(operations * way.bytes as u64, records, &spent)
        };
        let note = format!("{} KiB x {}", way.bytes / 1024, way.depth);
        Ok(measured.latency(&latency).note(note))
    }
}

impl Way {
    fn buffers(&self) -> Vec<BytesMut> {
        ceiling::buffers(self.bytes, (MEMORY_BYTES / self.bytes).max(self.depth))
    }
}

/// Durable writes on a bare ring into space that was reserved but never written.
pub(super) struct FreshCeiling {
    /// From [`Way::bytes`] of 1000 KiB on, all ways come to the same (ADR 6).
    pub(super) way: Way,
}

impl Subject for FreshCeiling {
    fn name(&self) -> &'static str {
        "ceiling-fresh"
    }

    fn about(&self) -> String {
        "io_uring alone, O_DIRECT, into a file that was only reserved".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let path = stage.path("ceiling-fresh");
        let file = open_direct(&path)?;
        let file_bytes = stage.sizes.growth;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, file_bytes)?;
        file.sync_all()?;
        let load = Load {
            kind: LoadKind::DurableWriteOnce,
            bytes: self.way.bytes,
            depth: self.way.depth,
            // Until the end of the file.
            duration: Duration::from_hours(1),
            file_bytes,
        };
        let mut buffers = self.way.buffers();
        let watch = stage.watch();
        let Outcome { operations, latency, .. } = ceiling::run(&file, load, &mut buffers)?;
        let (bytes, records) = (operations * self.way.bytes as u64, operations * self.way.records);
        let measured = Measurement::bandwidth(bytes, records, &watch.spent()).latency(&latency);
        std::fs::remove_file(path)?;
        Ok(vec![measured])
    }
}

/// The file of the ceiling, opened for direct I/O; every block of it was written before.
pub(super) fn file(stage: &Stage) -> Result<File, MeasureError> {
    let path = stage.path("ceiling");
    let is_new = !path.exists();
    let file = open_direct(&path)?;
    if is_new {
        fill(&file, stage.sizes.file)?;
    }
    Ok(file)
}

fn open_direct(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(flags)
        .open(path)
}

fn fill(file: &File, bytes: u64) -> Result<(), MeasureError> {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)?;
    let mut buffer = roundhouse_base::aligned_buffer(1 << 20);
    buffer.resize(1 << 20, 0xA5);
    let mut written = 0;
    while written < bytes {
        written += rustix::io::pwrite(file, &buffer, written)? as u64;
    }
    Ok(file.sync_all()?)
}

/// Memory that a ceiling writes from: more than stays in a CPU's cache, since a log's data is new each
/// time (ADR 6).
const MEMORY_BYTES: usize = 64 << 20;
