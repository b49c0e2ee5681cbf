//! The calls that block, for opening a store: listing, creating and locking.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::time::Timespec;

use crate::driver::DirectoryEntry;
use crate::op::Errno;

/// Everything in `directory`, sorted by name, without `.` and `..`.
pub(super) fn list(directory: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| errno(&error))? {
        let entry = entry.map_err(|error| errno(&error))?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed since the directory was read: no longer an entry.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(errno(&error)),
        };
        entries.push(DirectoryEntry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_directory: metadata.is_dir(),
            bytes: if metadata.is_file() { metadata.len() } else { 0 },
        });
    }
    entries.sort();
    Ok(entries)
}

/// Makes `directory` and what is missing above it.
pub(super) fn create_directory(directory: &Path) -> Result<(), Errno> {
    std::fs::create_dir_all(directory).map_err(|error| errno(&error))
}

/// Opens `path` and takes the exclusive lock on it.
///
/// The lock of a process that has just died may outlive it for a moment, because its ring still
/// holds the file; hence a few attempts before the answer is no.
pub(super) fn lock(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(super::sqe::FILE_MODE))?;
    let mut attempts_left = LOCK_ATTEMPTS;
    loop {
        attempts_left -= 1;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if attempts_left > 0 => pause(LOCK_PAUSE),
            Err(Errno::INTR) if attempts_left > 0 => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// Sleeps for `duration`, or less if a signal comes.
pub(super) fn pause(duration: Duration) {
    // A signal may cut this short; all that follows is an earlier attempt.
    let _ = rustix::thread::nanosleep(&timespec(duration));
}

/// `duration` as the kernel wants it, cut to what that can hold.
pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// The kernel's number behind `error`; `EIO` where the standard library made the error up.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

const LOCK_ATTEMPTS: u32 = 6;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_sorted_and_tells_files_from_directories() {
        let directory = tempfile::tempdir().unwrap();
        create_directory(&directory.path().join("b/deep")).unwrap();
        create_directory(&directory.path().join("b")).unwrap();
        std::fs::write(directory.path().join("a"), [0; 77]).unwrap();

        let entries = list(directory.path()).unwrap();

        let entry = |name: &str, is_directory, bytes| DirectoryEntry {
            name: name.to_owned(),
            is_directory,
            bytes,
        };
        assert_eq!(entries, [entry("a", false, 77), entry("b", true, 0)]);
        assert_eq!(list(&directory.path().join("none")), Err(Errno::NOENT));
        assert_eq!(create_directory(&directory.path().join("a/x")), Err(Errno::NOTDIR));
    }

    #[test]
    fn a_lock_is_exclusive_until_its_file_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = lock(&path).unwrap();
        assert_eq!(lock(&path).unwrap_err(), Errno::WOULDBLOCK);
        drop(held);
        lock(&path).unwrap();
    }

    #[test]
    fn a_lock_that_is_let_go_of_a_little_late_is_still_taken() {
        // The file of a killed process stays locked until the kernel has taken its ring apart.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = lock(&path).unwrap();
        let late = std::thread::spawn(move || {
            pause(LOCK_PAUSE / 2);
            drop(held);
        });
        lock(&path).unwrap();
        late.join().unwrap();
    }
}
