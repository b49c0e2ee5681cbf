//! One file of a simulated disk: what is on stable storage, and what is not there yet.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use roundhouse_base::Random;
use roundhouse_base::limits::BLOCK_BYTES;

use super::crash;
use super::events::Stamp;
use super::faults::Faults;
use super::pages::Pages;
use crate::op::Errno;

/// The unit that a disk writes or does not write as a whole.
pub(super) const SECTOR_BYTES: usize = 512;

/// Changes one file holds back. Beyond this the oldest becomes durable by itself, as in a
/// device's cache that runs full, so that reads stay cheap.
const UNSYNCED_CHANGES_MAX: usize = 1024;

/// A file without its name.
///
/// Reads see every completed write. A crash keeps the durable content and decides the fate of
/// each unsynced change.
#[derive(Debug, Default)]
pub(super) struct File {
    durable: Pages,
    durable_bytes: u64,
    /// The length that a running process sees.
    bytes: u64,
    /// In the order of completion, which is also the order of the stamps.
    unsynced: VecDeque<Change>,
    /// What a failed sync did not store, as far as nothing was stored there since: reads find it
    /// until it is evicted. Below the unsynced changes, above the durable content.
    cached: Vec<Change>,
    /// Sectors that answer reads with `EIO` until they are written again.
    unreadable: BTreeSet<u64>,
    /// How many handles are open on it.
    pub(super) opens: u32,
    /// Whether one of them holds the exclusive lock.
    pub(super) locked: bool,
    /// Whether a name that a running process sees leads to it.
    pub(super) named: bool,
}

/// One completed write or allocation that is not folded into the durable content.
#[derive(Debug)]
pub(super) struct Change {
    /// When it completed.
    stamp: Stamp,
    /// Survives every crash. It waits here only because an older change below it does not.
    pub(super) durable: bool,
    pub(super) at: u64,
    /// Empty for an allocation.
    pub(super) data: Bytes,
    /// The file is at least this long.
    pub(super) length: u64,
}

impl Change {
    pub(super) fn overlaps(&self, from: u64, to: u64) -> bool {
        self.at < to && from < self.at + self.data.len() as u64
    }

    /// What is left of it before `from` and from `to` on.
    fn without(self, from: u64, to: u64) -> impl Iterator<Item = Change> {
        let end = self.at + self.data.len() as u64;
        let (before, after) = (from.clamp(self.at, end), to.clamp(self.at, end));
        [(self.at, before), (after.max(before), end)].into_iter().filter_map(
            move |(start, stop)| {
                let data = self.data.slice((start - self.at) as usize..(stop - self.at) as usize);
                let Change { stamp, durable, length, .. } = self;
                (start < stop).then_some(Change { stamp, durable, at: start, data, length })
            },
        )
    }

    /// Copies what this change wrote of the range that starts at `at` into `buf`.
    fn overlay(&self, at: u64, buf: &mut [u8]) {
        let from = self.at.max(at);
        let to = (self.at + self.data.len() as u64).min(at + buf.len() as u64);
        if from < to {
            buf[(from - at) as usize..(to - at) as usize]
                .copy_from_slice(&self.data[(from - self.at) as usize..(to - self.at) as usize]);
        }
    }
}

impl File {
    /// A file whose content is on stable storage.
    pub(super) fn with_durable_content(content: &[u8]) -> File {
        let mut file = File { named: true, ..File::default() };
        file.durable.write(0, content);
        file.durable_bytes = content.len() as u64;
        file.bytes = file.durable_bytes;
        file
    }

    /// The length that a running process sees.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Disk space it takes: holes count, as if every file were allocated in full.
    pub(super) fn reserved_bytes(&self) -> u64 {
        self.bytes.next_multiple_of(BLOCK_BYTES as u64)
    }

    /// Reads up to the end of the file and returns the number of bytes; `EIO` if a sector in the
    /// range is unreadable.
    pub(super) fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        let count = (buf.len() as u64).min(self.bytes.saturating_sub(at)) as usize;
        if self.unreadable.range(sectors(at, count)).next().is_some() {
            return Err(Errno::IO);
        }
        self.overlay(at, &mut buf[..count]);
        Ok(count)
    }

    /// What reads would give of the whole file, if no sector were unreadable.
    pub(super) fn visible_content(&self) -> Vec<u8> {
        let mut content = vec![0; self.bytes as usize];
        self.overlay(0, &mut content);
        content
    }

    /// Makes `data` readable. With `durable_since`, when the write was submitted, it is on stable
    /// storage too, together with the length the file had then; nothing else is.
    pub(super) fn write(&mut self, at: u64, data: Bytes, now: Stamp, durable_since: Option<Stamp>) {
        let end = at + data.len() as u64;
        self.bytes = self.bytes.max(end);
        self.make_readable(at, data.len());
        if let Some(since) = durable_since {
            let earlier = self.unsynced.iter().take_while(|change| change.stamp < since);
            let length = earlier.map(|change| change.length).max().unwrap_or(0);
            self.durable_bytes = self.durable_bytes.max(length).max(end);
            if !self.unsynced.iter().any(|change| change.overlaps(at, end)) {
                self.store(at, &data);
                return;
            }
        }
        let durable = durable_since.is_some();
        self.push(Change { stamp: now, durable, at, data, length: end });
    }

    /// Makes the file at least `bytes` long.
    pub(super) fn allocate(&mut self, bytes: u64, now: Stamp) {
        self.bytes = self.bytes.max(bytes);
        self.push(Change { stamp: now, durable: false, at: 0, data: Bytes::new(), length: bytes });
    }

    /// Puts every change that completed before `before` on stable storage.
    pub(super) fn sync(&mut self, before: Stamp) {
        while self.unsynced.front().is_some_and(|front| front.stamp < before) {
            self.fold_oldest();
        }
    }

    /// What a failed sync does on the usual file systems: pages are marked clean although they
    /// were not stored, so their bytes are gone and the next sync has nothing left to fail on.
    /// The length stays.
    pub(super) fn fail_sync(&mut self, before: Stamp) {
        for change in &mut self.unsynced {
            if !change.durable && change.stamp < before {
                change.data = Bytes::new();
            }
        }
    }

    /// The same, but the pages stay in the cache: reads find the bytes until they are
    /// evicted.
    pub(super) fn fail_sync_cached(&mut self, before: Stamp) {
        for change in &mut self.unsynced {
            if !change.durable && change.stamp < before {
                let data = std::mem::take(&mut change.data);
                let (stamp, at, length) = (change.stamp, change.at, change.length);
                self.cached.push(Change { stamp, durable: false, at, data, length });
            }
        }
    }

    /// Forgets what only the cache still has.
    pub(super) fn evict(&mut self) {
        self.cached.clear();
    }

    /// From now on reads of the sector of byte `at` fail.
    pub(super) fn make_unreadable(&mut self, at: u64) {
        self.unreadable.insert(at / SECTOR_BYTES as u64);
    }

    /// Changes one stored byte. False if an unsynced write lies above it and would hide that.
    pub(super) fn corrupt(&mut self, at: u64, xor: u8) -> bool {
        let mut above = self.cached.iter().chain(&self.unsynced);
        if above.any(|change| change.overlaps(at, at + 1)) {
            return false;
        }
        let mut byte = [0];
        self.durable.read(at, &mut byte);
        self.durable.write(at, &[byte[0] ^ xor]);
        true
    }

    /// What every crash would leave at least.
    pub(super) fn durable_content(&self) -> Vec<u8> {
        let mut content = vec![0; self.durable_bytes as usize];
        self.durable.read(0, &mut content);
        for change in self.unsynced.iter().filter(|change| change.durable) {
            change.overlay(0, &mut content);
        }
        content
    }

    /// Decides what is left of the unsynced changes; no handle and no lock is.
    pub(super) fn crash(&mut self, faults: &mut Faults, random: &mut Random) {
        self.cached.clear();
        let changes = std::mem::take(&mut self.unsynced);
        let changes = Vec::from(changes);
        crash::settle(&mut self.durable, &mut self.durable_bytes, &changes, faults, random);
        self.bytes = self.durable_bytes;
        self.opens = 0;
        self.locked = false;
    }

    fn push(&mut self, change: Change) {
        self.unsynced.push_back(change);
        if self.unsynced.len() > UNSYNCED_CHANGES_MAX {
            self.fold_oldest();
        }
    }

    fn fold_oldest(&mut self) {
        if let Some(change) = self.unsynced.pop_front() {
            self.store(change.at, &change.data);
            self.durable_bytes = self.durable_bytes.max(change.length);
        }
    }

    /// Puts `data` on stable storage, where it hides what was only cached.
    fn store(&mut self, at: u64, data: &[u8]) {
        self.durable.write(at, data);
        let end = at + data.len() as u64;
        if self.cached.iter().any(|change| change.overlaps(at, end)) {
            let cached = std::mem::take(&mut self.cached);
            self.cached = cached.into_iter().flat_map(|change| change.without(at, end)).collect();
        }
    }

    fn overlay(&self, at: u64, buf: &mut [u8]) {
        self.durable.read(at, buf);
        for change in self.cached.iter().chain(&self.unsynced) {
            change.overlay(at, buf);
        }
    }

    /// A drive replaces a bad sector when it is written.
    fn make_readable(&mut self, at: u64, bytes: usize) {
        if !self.unreadable.is_empty() {
            let written = sectors(at, bytes);
            self.unreadable.retain(|sector| !written.contains(sector));
        }
    }
}

fn sectors(at: u64, bytes: usize) -> std::ops::Range<u64> {
    at / SECTOR_BYTES as u64..(at + bytes as u64).div_ceil(SECTOR_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(file: &File) -> Vec<u8> {
        let mut content = vec![0; file.bytes() as usize];
        file.read(0, &mut content).unwrap();
        content
    }

    /// Folding the durable write at once would put it below the older one, which would hide it.
    #[test]
    fn a_durable_write_is_seen_above_an_older_unsynced_one() {
        let mut file = File::default();
        file.write(0, Bytes::from(vec![1; 1024]), Stamp(1), None);
        file.write(0, Bytes::from(vec![2; 512]), Stamp(2), Some(Stamp(0)));
        assert_eq!(content(&file)[510..514], [2, 2, 1, 1]);
        assert_eq!(file.durable_content(), [2; 512]);

        file.sync(Stamp(3));
        assert_eq!(file.durable_content(), content(&file));
    }

    #[test]
    fn a_failed_sync_drops_the_data_and_keeps_the_length() {
        let mut file = File::default();
        file.write(0, Bytes::from(vec![1; 512]), Stamp(1), None);
        file.write(512, Bytes::from(vec![2; 512]), Stamp(5), None);
        file.fail_sync(Stamp(3));
        file.sync(Stamp(9));
        assert_eq!(file.durable_content(), [vec![0; 512], vec![2; 512]].concat());
    }

    #[test]
    fn what_a_failed_sync_left_in_the_cache_is_read_until_something_is_stored_there() {
        let mut file = File::default();
        file.write(0, Bytes::from(vec![1; 2048]), Stamp(1), None);
        file.fail_sync_cached(Stamp(3));
        file.sync(Stamp(4));
        assert_eq!(content(&file), [1; 2048]);
        assert_eq!(file.durable_content(), [0; 2048]);

        file.write(512, Bytes::from(vec![2; 512]), Stamp(5), Some(Stamp(5)));
        file.write(1024, Bytes::from(vec![3; 512]), Stamp(6), None);
        let expected = [[1; 512], [2; 512], [3; 512], [1; 512]].concat();
        assert_eq!(content(&file), expected);
        file.sync(Stamp(7));
        assert_eq!(content(&file), expected);
        let durable = [[0; 512], [2; 512], [3; 512], [0; 512]].concat();
        assert_eq!(file.durable_content(), durable);
    }

    #[test]
    fn too_many_unsynced_changes_are_written_back() {
        let mut file = File::default();
        for n in 0..2 * UNSYNCED_CHANGES_MAX as u64 {
            file.write(n * 512, Bytes::from(vec![1; 512]), Stamp(n), None);
        }
        assert_eq!(file.unsynced.len(), UNSYNCED_CHANGES_MAX);
        assert_eq!(content(&file), vec![1; 2 * UNSYNCED_CHANGES_MAX * 512]);
    }
}
