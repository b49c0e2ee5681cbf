//! The files one process has open.

use super::namespace::{Entry, FileNo};
use crate::op::{Errno, FileId};

/// The handles of one process, numbered like descriptors: the lowest free number comes next, so
/// that a program that keeps a closed number soon meets another file under it.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    slots: Vec<Option<OpenFile>>,
}

/// One handle.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFile {
    pub(super) entry: Entry,
    pub(super) writable: bool,
    /// Whether it holds the file's lock.
    pub(super) locked: bool,
    closing: bool,
}

impl OpenFile {
    pub(super) fn new(entry: Entry, writable: bool, locked: bool) -> OpenFile {
        OpenFile { entry, writable, locked, closing: false }
    }
}

impl OpenFiles {
    pub(super) fn insert(&mut self, file: OpenFile) -> FileId {
        let index = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[index] = Some(file);
        FileId(index as u32)
    }

    /// Ends a handle.
    pub(super) fn remove(&mut self, file: FileId) -> Result<OpenFile, Errno> {
        self.slots.get_mut(file.0 as usize).and_then(Option::take).ok_or(Errno::BADF)
    }

    /// From now on no operation may start on the handle.
    pub(super) fn begin_close(&mut self, file: FileId) {
        if let Some(Some(open)) = self.slots.get_mut(file.0 as usize) {
            open.closing = true;
        }
    }

    /// Whether an operation may start on the handle.
    pub(super) fn accepts(&self, file: FileId) -> bool {
        self.get(file).is_ok_and(|open| !open.closing)
    }

    /// What the handle stands for.
    pub(super) fn entry(&self, file: FileId) -> Result<Entry, Errno> {
        self.get(file).map(|open| open.entry)
    }

    /// The file behind a handle, for reading.
    pub(super) fn readable(&self, file: FileId) -> Result<FileNo, Errno> {
        match self.entry(file)? {
            Entry::File(file) => Ok(file),
            Entry::Directory(_) => Err(Errno::ISDIR),
        }
    }

    /// The file behind a handle, for writing.
    pub(super) fn writable(&self, file: FileId) -> Result<FileNo, Errno> {
        match self.get(file)? {
            OpenFile { entry: Entry::File(file), writable: true, .. } => Ok(*file),
            _ => Err(Errno::BADF),
        }
    }

    /// Ends all handles.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = OpenFile> {
        self.slots.drain(..).flatten()
    }

    fn get(&self, file: FileId) -> Result<&OpenFile, Errno> {
        self.slots.get(file.0 as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }
}
