//! The names of a simulated disk: directories whose entries become durable apart from what the
//! files hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use roundhouse_base::Random;

use super::events::Stamp;
use super::faults::Faults;
use crate::op::Errno;

/// A file of one disk; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileNo(pub(super) u32);

/// A directory of one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DirectoryNo(usize);

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File(FileNo),
    Directory(DirectoryNo),
}

/// Which of the two states of the names is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// What a running process sees.
    Visible,
    /// What every crash would leave at least.
    Durable,
}

/// All directories. Paths are taken from the root whether they start with `/` or not; `..` is
/// resolved by text.
#[derive(Debug)]
pub(super) struct Namespace {
    /// The root is the first. None is ever removed.
    directories: Vec<Directory>,
}

#[derive(Debug, Default)]
struct Directory {
    visible: BTreeMap<OsString, Entry>,
    durable: BTreeMap<OsString, Entry>,
    /// In the order of completion.
    unsynced: Vec<NameChange>,
}

/// A name that was given to something, or to nothing any more.
#[derive(Debug)]
struct NameChange {
    stamp: Stamp,
    name: OsString,
    entry: Option<Entry>,
}

const ROOT: DirectoryNo = DirectoryNo(0);

impl Namespace {
    /// A root directory without entries.
    pub(super) fn new() -> Namespace {
        Namespace { directories: vec![Directory::default()] }
    }

    /// What `path` leads to.
    pub(super) fn find(&self, path: &Path, view: View) -> Result<Entry, Errno> {
        let mut entry = Entry::Directory(ROOT);
        for name in names(path) {
            let Entry::Directory(directory) = entry else { return Err(Errno::NOTDIR) };
            entry = *self.directory(directory).entries(view).get(name).ok_or(Errno::NOENT)?;
        }
        Ok(entry)
    }

    /// The directory that holds, or would hold, the name at the end of `path`, and that name.
    pub(super) fn place<'a>(&self, path: &'a Path) -> Result<(DirectoryNo, &'a OsStr), Errno> {
        let mut names = names(path);
        let name = names.pop().ok_or(Errno::ISDIR)?;
        let parent: PathBuf = names.into_iter().collect();
        match self.find(&parent, View::Visible)? {
            Entry::Directory(directory) => Ok((directory, name)),
            Entry::File(_) => Err(Errno::NOTDIR),
        }
    }

    /// Gives `name` to `entry`, or takes it away.
    pub(super) fn set(
        &mut self,
        directory: DirectoryNo,
        name: &OsStr,
        entry: Option<Entry>,
        now: Stamp,
    ) {
        let directory = self.directory_mut(directory);
        assign(&mut directory.visible, name, entry);
        directory.unsynced.push(NameChange { stamp: now, name: name.to_owned(), entry });
    }

    /// Creates the directories of `path` that are missing.
    pub(super) fn create_directories(&mut self, path: &Path, now: Stamp) -> Result<(), Errno> {
        let mut directory = ROOT;
        for name in names(path) {
            directory = match self.directory(directory).visible.get(name) {
                Some(Entry::Directory(next)) => *next,
                Some(Entry::File(_)) => return Err(Errno::NOTDIR),
                None => {
                    self.directories.push(Directory::default());
                    let next = DirectoryNo(self.directories.len() - 1);
                    self.set(directory, name, Some(Entry::Directory(next)), now);
                    next
                }
            };
        }
        Ok(())
    }

    /// The visible entries of a directory by name.
    pub(super) fn entries(&self, directory: DirectoryNo) -> impl Iterator<Item = (&OsStr, Entry)> {
        self.directory(directory).visible.iter().map(|(name, entry)| (name.as_os_str(), *entry))
    }

    /// Makes the changes that completed before `before` durable.
    pub(super) fn sync(&mut self, directory: DirectoryNo, before: Stamp) {
        let directory = self.directory_mut(directory);
        let covered = directory.covered(before);
        for change in directory.unsynced.drain(..covered) {
            assign(&mut directory.durable, &change.name, change.entry);
        }
    }

    /// The changes that completed before `before` stay visible and never become durable.
    pub(super) fn fail_sync(&mut self, directory: DirectoryNo, before: Stamp) {
        let directory = self.directory_mut(directory);
        let covered = directory.covered(before);
        directory.unsynced.drain(..covered);
    }

    /// Makes all names durable as they are seen.
    pub(super) fn sync_all(&mut self) {
        for directory in &mut self.directories {
            directory.unsynced.clear();
            directory.durable.clone_from(&directory.visible);
        }
    }

    /// Whether a name leads to `file` now or may after a crash.
    pub(super) fn mentions(&self, file: FileNo) -> bool {
        let wanted = Entry::File(file);
        self.directories.iter().any(|directory| {
            directory.visible.values().any(|entry| *entry == wanted)
                || directory.durable.values().any(|entry| *entry == wanted)
                || directory.unsynced.iter().any(|change| change.entry == Some(wanted))
        })
    }

    /// The files with their paths, in the order of the names.
    pub(super) fn files(&self, view: View) -> Vec<(PathBuf, FileNo)> {
        let mut files = Vec::new();
        self.collect(ROOT, view, Path::new(""), &mut files);
        files
    }

    /// Decides the fate of each unsynced change by itself, so that later ones may survive earlier
    /// ones, and returns the files that are left.
    pub(super) fn crash(&mut self, faults: &mut Faults, random: &mut Random) -> BTreeSet<FileNo> {
        for directory in &mut self.directories {
            for change in std::mem::take(&mut directory.unsynced) {
                if !faults.loses_metadata(random) {
                    assign(&mut directory.durable, &change.name, change.entry);
                } else if change.entry.is_some() {
                    faults.counts.names_lost += 1;
                } else {
                    faults.counts.removals_lost += 1;
                }
            }
            directory.visible.clone_from(&directory.durable);
        }
        self.files(View::Durable).into_iter().map(|(_, file)| file).collect()
    }

    fn collect(
        &self,
        directory: DirectoryNo,
        view: View,
        path: &Path,
        files: &mut Vec<(PathBuf, FileNo)>,
    ) {
        for (name, entry) in self.directory(directory).entries(view) {
            match entry {
                Entry::File(file) => files.push((path.join(name), *file)),
                Entry::Directory(inner) => self.collect(*inner, view, &path.join(name), files),
            }
        }
    }

    fn directory(&self, directory: DirectoryNo) -> &Directory {
        &self.directories[directory.0]
    }

    fn directory_mut(&mut self, directory: DirectoryNo) -> &mut Directory {
        &mut self.directories[directory.0]
    }
}

impl Directory {
    fn entries(&self, view: View) -> &BTreeMap<OsString, Entry> {
        match view {
            View::Visible => &self.visible,
            View::Durable => &self.durable,
        }
    }

    /// How many of the oldest changes completed before `before`.
    fn covered(&self, before: Stamp) -> usize {
        self.unsynced.partition_point(|change| change.stamp < before)
    }
}

fn assign(entries: &mut BTreeMap<OsString, Entry>, name: &OsStr, entry: Option<Entry>) {
    match entry {
        Some(entry) => entries.insert(name.to_owned(), entry),
        None => entries.remove(name),
    };
}

fn names(path: &Path) -> Vec<&OsStr> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => {
                names.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    names
}
