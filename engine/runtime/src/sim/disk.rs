//! A node's disk: files, the names that lead to them, and room for so many bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use roundhouse_base::Random;

use super::events::Stamp;
use super::faults::Faults;
use super::file::File;
use super::namespace::{DirectoryNo, Entry, FileNo, Namespace, View};
use crate::driver::DirectoryEntry;
use crate::op::{Errno, OpenMode};

/// A disk without faults: everything that is asked of it happens. It outlives the processes that
/// use it.
#[derive(Debug)]
pub(super) struct Disk {
    files: BTreeMap<FileNo, File>,
    files_ever: u32,
    names: Namespace,
    /// What all files together may take, in bytes.
    pub(super) capacity_bytes: u64,
}

impl Disk {
    pub(super) fn new(capacity_bytes: u64) -> Disk {
        Disk { files: BTreeMap::new(), files_ever: 0, names: Namespace::new(), capacity_bytes }
    }

    /// Opens what `path` leads to, or creates it.
    pub(super) fn open(&mut self, path: &Path, mode: OpenMode, now: Stamp) -> Result<Entry, Errno> {
        let entry = match (mode, self.names.find(path, View::Visible)) {
            (OpenMode::Create, Ok(_)) => return Err(Errno::EXIST),
            (OpenMode::Create, Err(Errno::NOENT)) => Entry::File(self.create(path, now)?),
            (_, Err(errno)) => return Err(errno),
            (OpenMode::Directory, Ok(Entry::File(_))) => return Err(Errno::NOTDIR),
            (OpenMode::Read | OpenMode::Write, Ok(Entry::Directory(_))) => {
                return Err(Errno::ISDIR);
            }
            (_, Ok(entry)) => entry,
        };
        if let Entry::File(file) = entry {
            self.file_mut(file).opens += 1;
        }
        Ok(entry)
    }

    /// Opens a file for writing, created if need be, and locks it.
    pub(super) fn lock(&mut self, path: &Path, now: Stamp) -> Result<Entry, Errno> {
        let entry = match self.open(path, OpenMode::Write, now) {
            Err(Errno::NOENT) => self.open(path, OpenMode::Create, now)?,
            other => other?,
        };
        if let Entry::File(file) = entry {
            if self.file(file).locked {
                self.close(entry, false);
                return Err(Errno::WOULDBLOCK);
            }
            self.file_mut(file).locked = true;
        }
        Ok(entry)
    }

    /// Ends one [`Disk::open`], or with `unlock` one [`Disk::lock`].
    pub(super) fn close(&mut self, entry: Entry, unlock: bool) {
        if let Entry::File(file) = entry {
            let content = self.file_mut(file);
            content.opens -= 1;
            content.locked &= !unlock;
            if content.opens == 0 {
                content.evict();
            }
            self.forget_unreachable(file);
        }
    }

    /// The file `file`, which must be open or have a name.
    pub(super) fn file(&self, file: FileNo) -> &File {
        self.files.get(&file).expect("a file lives as long as a handle or a name leads to it")
    }

    /// The same for changing.
    pub(super) fn file_mut(&mut self, file: FileNo) -> &mut File {
        self.files.get_mut(&file).expect("a file lives as long as a handle or a name leads to it")
    }

    /// Writes as [`File::write`] does, if there is room.
    pub(super) fn write(
        &mut self,
        file: FileNo,
        at: u64,
        data: Bytes,
        now: Stamp,
        durable_since: Option<Stamp>,
    ) -> Result<(), Errno> {
        self.make_room(file, at + data.len() as u64)?;
        self.file_mut(file).write(at, data, now, durable_since);
        Ok(())
    }

    /// Makes the file at least `bytes` long, if there is room.
    pub(super) fn allocate(&mut self, file: FileNo, bytes: u64, now: Stamp) -> Result<(), Errno> {
        self.make_room(file, bytes)?;
        self.file_mut(file).allocate(bytes, now);
        Ok(())
    }

    /// Removes a file's name; the file itself goes with its last handle.
    pub(super) fn remove(&mut self, path: &Path, now: Stamp) -> Result<(), Errno> {
        let Entry::File(file) = self.names.find(path, View::Visible)? else {
            return Err(Errno::ISDIR);
        };
        let (directory, name) = self.names.place(path)?;
        self.names.set(directory, name, None, now);
        self.file_mut(file).named = false;
        Ok(())
    }

    /// Makes durable what completed before `before`.
    pub(super) fn sync(&mut self, entry: Entry, before: Stamp) {
        match entry {
            Entry::File(file) => self.file_mut(file).sync(before),
            Entry::Directory(directory) => {
                self.names.sync(directory, before);
                self.forget_all_unreachable();
            }
        }
    }

    /// Loses what completed before `before` and was not durable.
    pub(super) fn fail_sync(&mut self, entry: Entry, before: Stamp) {
        match entry {
            Entry::File(file) => self.file_mut(file).fail_sync(before),
            Entry::Directory(directory) => self.names.fail_sync(directory, before),
        }
    }

    /// Loses what completed before `before` and was not durable, at the next crash or with its last
    /// handle; until then it is read.
    pub(super) fn fail_sync_cached(&mut self, entry: Entry, before: Stamp) {
        match entry {
            Entry::File(file) => self.file_mut(file).fail_sync_cached(before),
            Entry::Directory(directory) => self.names.fail_sync(directory, before),
        }
    }

    /// The files that have a name and at least `bytes`.
    pub(super) fn named_files(&self, bytes: u64) -> impl Iterator<Item = FileNo> {
        let is_long = move |(_, file): &(&FileNo, &File)| file.named && file.bytes() >= bytes;
        self.files.iter().filter(is_long).map(|(no, _)| *no)
    }

    /// Creates the directories of `path` that are missing.
    pub(super) fn create_directories(&mut self, path: &Path, now: Stamp) -> Result<(), Errno> {
        self.names.create_directories(path, now)
    }

    /// The visible entries of a directory, by name.
    pub(super) fn list(&self, path: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
        match self.names.find(path, View::Visible)? {
            Entry::File(_) => Err(Errno::NOTDIR),
            Entry::Directory(directory) => Ok(self.list_directory(directory)),
        }
    }

    /// Loses what is not durable, as the dice decide.
    pub(super) fn crash(&mut self, faults: &mut Faults, random: &mut Random) {
        faults.counts.crashes += 1;
        let left = self.names.crash(faults, random);
        self.files.retain(|file, _| left.contains(file));
        for file in self.files.values_mut() {
            file.crash(faults, random);
            file.named = true;
        }
    }

    /// The content of a file, by the same view as its name.
    pub(super) fn content(&self, path: &Path, view: View) -> Result<Vec<u8>, Errno> {
        let file = self.file(self.find_file(path, view)?);
        Ok(match view {
            View::Visible => file.visible_content(),
            View::Durable => file.durable_content(),
        })
    }

    /// The paths of all files.
    pub(super) fn paths(&self, view: View) -> Vec<PathBuf> {
        self.names.files(view).into_iter().map(|(path, _)| path).collect()
    }

    /// Changes one durable byte of a file; its number must be below the file's length.
    pub(super) fn corrupt(&mut self, path: &Path, at: u64, xor: u8) -> Result<(), Errno> {
        let file = self.durable_file(path)?;
        let file = self.file_mut(file);
        if at < file.bytes() && file.corrupt(at, xor) { Ok(()) } else { Err(Errno::INVAL) }
    }

    /// Makes a sector of a durable file unreadable.
    pub(super) fn break_sector(&mut self, path: &Path, at: u64) -> Result<(), Errno> {
        let file = self.durable_file(path)?;
        self.file_mut(file).make_unreadable(at);
        Ok(())
    }

    /// Replaces or creates a file, durably, with its directories. All names become durable.
    pub(super) fn put(&mut self, path: &Path, content: &[u8], now: Stamp) -> Result<(), Errno> {
        let parent = path.parent().unwrap_or(Path::new(""));
        self.names.create_directories(parent, now)?;
        let (directory, name) = self.names.place(path)?;
        if self.names.find(path, View::Visible).is_ok() {
            self.remove(path, now)?;
        }
        let file = self.insert(File::with_durable_content(content));
        self.names.set(directory, name, Some(Entry::File(file)), now);
        self.names.sync_all();
        self.forget_all_unreachable();
        Ok(())
    }

    /// Removes a name durably. All names become durable.
    pub(super) fn take(&mut self, path: &Path, now: Stamp) -> Result<(), Errno> {
        self.remove(path, now)?;
        self.names.sync_all();
        self.forget_all_unreachable();
        Ok(())
    }

    fn create(&mut self, path: &Path, now: Stamp) -> Result<FileNo, Errno> {
        let (directory, name) = self.names.place(path)?;
        if self.used_bytes() >= self.capacity_bytes {
            return Err(Errno::NOSPC);
        }
        let file = self.insert(File::with_durable_content(&[]));
        self.names.set(directory, name, Some(Entry::File(file)), now);
        Ok(file)
    }

    fn insert(&mut self, content: File) -> FileNo {
        let file = FileNo(self.files_ever);
        self.files_ever += 1;
        self.files.insert(file, content);
        file
    }

    fn list_directory(&self, directory: DirectoryNo) -> Vec<DirectoryEntry> {
        let describe = |(name, entry): (&std::ffi::OsStr, Entry)| DirectoryEntry {
            name: name.to_string_lossy().into_owned(),
            is_directory: matches!(entry, Entry::Directory(_)),
            bytes: match entry {
                Entry::File(file) => self.file(file).bytes(),
                Entry::Directory(_) => 0,
            },
        };
        self.names.entries(directory).map(describe).collect()
    }

    fn durable_file(&self, path: &Path) -> Result<FileNo, Errno> {
        self.find_file(path, View::Durable)
    }

    fn find_file(&self, path: &Path, view: View) -> Result<FileNo, Errno> {
        match self.names.find(path, view)? {
            Entry::File(file) => Ok(file),
            Entry::Directory(_) => Err(Errno::ISDIR),
        }
    }

    fn make_room(&self, file: FileNo, bytes: u64) -> Result<(), Errno> {
        let reserved = self.file(file).reserved_bytes();
        let growth = bytes.saturating_sub(reserved);
        if growth > 0 && self.used_bytes().saturating_add(growth) > self.capacity_bytes {
            return Err(Errno::NOSPC);
        }
        Ok(())
    }

    /// A file without a name takes room until its last handle is closed.
    fn used_bytes(&self) -> u64 {
        let takes_room = |file: &&File| file.named || file.opens > 0;
        self.files.values().filter(takes_room).map(File::reserved_bytes).sum()
    }

    fn forget_unreachable(&mut self, file: FileNo) {
        let content = self.file(file);
        if content.opens == 0 && !content.named && !self.names.mentions(file) {
            self.files.remove(&file);
        }
    }

    fn forget_all_unreachable(&mut self) {
        let nameless = |(no, file): (&FileNo, &File)| (!file.named).then_some(*no);
        for file in self.files.iter().filter_map(nameless).collect::<Vec<_>>() {
            self.forget_unreachable(file);
        }
    }
}
