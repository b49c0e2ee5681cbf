//! A node without its processes: a disk, what goes wrong with it, and what each operation does to
//! it when its time has come.

use bytes::Bytes;
use roundhouse_base::Random;
use roundhouse_base::limits::BLOCK_BYTES;

use super::disk::Disk;
use super::events::Stamp;
use super::faults::{Fault, FaultOptions, Faults};
use super::file::SECTOR_BYTES;
use super::io_counts::IoCounts;
use super::latency::LatencyOptions;
use super::namespace::{Entry, FileNo};
use super::open_files::{OpenFile, OpenFiles};
use crate::op::{Errno, Op, OpenMode};

/// What outlives the processes of a node.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) disk: Disk,
    pub(super) faults: Faults,
    pub(super) io: IoCounts,
    latencies: LatencyOptions,
}

/// The two ends of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) submitted: Stamp,
    pub(super) now: Stamp,
}

impl Machine {
    pub(super) fn new(
        name: &str,
        capacity_bytes: u64,
        faults: FaultOptions,
        latencies: LatencyOptions,
    ) -> Machine {
        Machine {
            name: name.to_owned(),
            disk: Disk::new(capacity_bytes),
            faults: Faults::new(faults),
            io: IoCounts::default(),
            latencies,
        }
    }

    /// How long `op` will take, in nanoseconds.
    pub(super) fn latency_ns(&mut self, op: &Op, random: &mut Random) -> u64 {
        let latency = self.latencies.draw(op, random);
        let is_sync = matches!(op, Op::SyncData { .. } | Op::Sync { .. });
        let is_stalled = self.faults.strikes(Fault::Stall, random)
            || (is_sync && self.faults.strikes(Fault::SyncStall, random));
        latency + if is_stalled { self.latencies.draw_stall(random) } else { 0 }
    }

    /// Does what `op` asks, or what the faults make of it.
    pub(super) fn perform(
        &mut self,
        op: &mut Op,
        files: &mut OpenFiles,
        span: Span,
        random: &mut Random,
    ) -> Result<u32, Errno> {
        self.io.note(op);
        match op {
            Op::Read { file, buf, at } => self.read(files.readable(*file)?, *at, buf, random),
            Op::Write { file, buf, at, durable } => {
                let durable_since = durable.then_some(span.submitted);
                let write = Write { file: files.writable(*file)?, at: *at, data: buf.clone() };
                self.write(write, durable_since, span.now, random)
            }
            Op::SyncData { file } | Op::Sync { file } => {
                self.sync(files.entry(*file)?, span.submitted, random)
            }
            Op::Open { path, mode } => {
                if *mode == OpenMode::Create && self.faults.strikes(Fault::NoSpace, random) {
                    return Err(Errno::NOSPC);
                }
                let entry = self.disk.open(path, *mode, span.now)?;
                let writable = matches!(mode, OpenMode::Write | OpenMode::Create);
                Ok(files.insert(OpenFile::new(entry, writable, false)).0)
            }
            Op::Allocate { file, bytes } => {
                let file = files.writable(*file)?;
                if self.faults.strikes(Fault::NoSpace, random) {
                    return Err(Errno::NOSPC);
                }
                self.disk.allocate(file, *bytes, span.now).map(|()| 0)
            }
            Op::Remove { path } => {
                if self.faults.strikes(Fault::NoSpace, random) {
                    return Err(Errno::NOSPC);
                }
                self.disk.remove(path, span.now).map(|()| 0)
            }
            Op::Close { file } => {
                let open = files.remove(*file)?;
                self.disk.close(open.entry, open.locked);
                Ok(0)
            }
            Op::Socket(_) => unreachable!("the network carries out what is asked of sockets"),
        }
    }

    /// Applies what `op`, in flight when its node crashed, may have done: the crash itself then
    /// decides what is left of it.
    pub(super) fn perform_unnoticed(
        &mut self,
        op: &Op,
        files: &OpenFiles,
        now: Stamp,
        random: &mut Random,
    ) -> Result<(), Errno> {
        let has_begun = random.chance(0.5);
        match op {
            Op::Write { file, buf, at, .. } => {
                self.disk.write(files.writable(*file)?, *at, buf.clone(), now, None)
            }
            Op::Allocate { file, bytes } if has_begun => {
                self.disk.allocate(files.writable(*file)?, *bytes, now)
            }
            Op::Open { path, mode: OpenMode::Create } if has_begun => {
                self.disk.open(path, OpenMode::Create, now).map(|_| ())
            }
            Op::Remove { path } if has_begun => self.disk.remove(path, now),
            _ => Ok(()),
        }
    }

    /// Loses what is not durable, as the dice decide.
    pub(super) fn crash(&mut self, random: &mut Random) {
        self.disk.crash(&mut self.faults, random);
    }

    fn read(
        &mut self,
        file: FileNo,
        at: u64,
        buf: &mut [u8],
        random: &mut Random,
    ) -> Result<u32, Errno> {
        if self.faults.strikes(Fault::ReadError, random) {
            return Err(Errno::IO);
        }
        let count = self.disk.file(file).read(at, buf)?;
        if count == 0 {
            return Ok(0);
        }
        if self.faults.strikes(Fault::BadSector, random) {
            self.disk.file_mut(file).make_unreadable(at + random.below(count as u64));
            return Err(Errno::IO);
        }
        let is_rotten = self.faults.strikes(Fault::BitRot, random);
        if is_rotten || self.faults.strikes(Fault::ReadFlip, random) {
            let byte = random.below(count as u64);
            let mask = 1 << random.below(8);
            buf[byte as usize] ^= mask;
            if is_rotten {
                self.disk.file_mut(file).corrupt(at + byte, mask);
            }
        }
        Ok(count as u32)
    }

    fn write(
        &mut self,
        mut write: Write,
        durable_since: Option<Stamp>,
        now: Stamp,
        random: &mut Random,
    ) -> Result<u32, Errno> {
        if write.data.is_empty() {
            return Ok(0);
        }
        if self.faults.strikes(Fault::NoSpace, random) {
            return Err(Errno::NOSPC);
        }
        if self.faults.strikes(Fault::WriteError, random) {
            write.cut(random.below(write.sectors() + 1));
            self.store(&write, write.at, now, None)?;
            return Err(Errno::IO);
        }
        if write.sectors() > 1 && self.faults.strikes(Fault::ShortWrite, random) {
            write.cut(1 + random.below(write.sectors() - 1));
        }
        let is_lie = durable_since.is_some() && self.faults.strikes(Fault::LyingSync, random);
        let durable_since = durable_since.filter(|_| !is_lie);
        let count = write.data.len() as u32;
        if self.faults.strikes(Fault::PhantomWrite, random) {
            return Ok(count);
        }
        if let Some(at) = self.elsewhere(Fault::MisdirectedWrite, &write, random) {
            return self.store(&write, at, now, durable_since).map(|()| count);
        }
        if let Some(file) = self.other_file(&write, random) {
            write.file = file;
            return self.store(&write, write.at, now, durable_since).map(|()| count);
        }
        self.store(&write, write.at, now, durable_since)?;
        if let Some(at) = self.elsewhere(Fault::DuplicatedWrite, &write, random) {
            self.store(&write, at, now, durable_since)?;
        }
        Ok(count)
    }

    fn store(
        &mut self,
        write: &Write,
        at: u64,
        now: Stamp,
        durable_since: Option<Stamp>,
    ) -> Result<(), Errno> {
        self.disk.write(write.file, at, write.data.clone(), now, durable_since)
    }

    /// Another block-aligned place within the file for `write`, if there is one and `fault`
    /// strikes.
    fn elsewhere(&mut self, fault: Fault, write: &Write, random: &mut Random) -> Option<u64> {
        let block = BLOCK_BYTES as u64;
        let room = self.disk.file(write.file).bytes().checked_sub(write.data.len() as u64)?;
        let places = room / block + 1;
        if places < 2 || !self.faults.strikes(fault, random) {
            return None;
        }
        let place = random.below(places);
        let taken = write.at / block;
        Some(if place == taken { (place + 1) % places } else { place } * block)
    }

    /// Another file that is long enough for `write`, if there is one and the fault strikes.
    fn other_file(&mut self, write: &Write, random: &mut Random) -> Option<FileNo> {
        if !self.faults.strikes_at_all(Fault::MisdirectedToFile) {
            return None;
        }
        let end = write.at + write.data.len() as u64;
        let others: Vec<FileNo> =
            self.disk.named_files(end).filter(|file| *file != write.file).collect();
        if others.is_empty() || !self.faults.strikes(Fault::MisdirectedToFile, random) {
            return None;
        }
        Some(others[random.below(others.len() as u64) as usize])
    }

    fn sync(&mut self, entry: Entry, before: Stamp, random: &mut Random) -> Result<u32, Errno> {
        if self.faults.strikes(Fault::NoSpace, random) {
            self.disk.fail_sync(entry, before);
            return Err(Errno::NOSPC);
        }
        if self.faults.strikes(Fault::SyncErrorCached, random) {
            self.disk.fail_sync_cached(entry, before);
            return Err(Errno::IO);
        }
        if self.faults.strikes(Fault::SyncError, random) {
            self.disk.fail_sync(entry, before);
            return Err(Errno::IO);
        }
        if !self.faults.strikes(Fault::LyingSync, random) {
            self.disk.sync(entry, before);
        }
        Ok(0)
    }
}

/// One write on its way to the disk.
#[derive(Debug)]
struct Write {
    file: FileNo,
    at: u64,
    data: Bytes,
}

impl Write {
    fn sectors(&self) -> u64 {
        self.data.len().div_ceil(SECTOR_BYTES) as u64
    }

    fn cut(&mut self, sectors: u64) {
        self.data.truncate(sectors as usize * SECTOR_BYTES);
    }
}
