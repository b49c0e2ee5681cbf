//! Telling whether this process was forked off since.
//!
//! The rings, threads and locks behind a handle belong to the process that made it. A page that the
//! kernel wipes in every child (`MADV_WIPEONFORK`, Linux 4.14) tells so at the price of a load; asking
//! for the process ID would be a system call each time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::failure::Failure;

/// Which process made a handle: the number of forks between the first and it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lineage(u32);

impl Lineage {
    /// That of nobody.
    pub(crate) const NONE: Lineage = Lineage(0);

    pub(crate) fn from_raw(raw: u32) -> Lineage {
        Lineage(raw)
    }

    pub(crate) fn raw(self) -> u32 {
        self.0
    }

    /// That of this process, which is found out anew after a fork.
    pub(crate) fn establish() -> Result<Lineage, Failure> {
        let page = page()?;
        let current = page.load(Ordering::Acquire);
        if current != 0 {
            return Ok(Lineage(current));
        }
        // The count is inherited, so the child's is one more.
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if page.load(Ordering::Acquire) == 0 {
            *last += 1;
            page.store(*last, Ordering::Release);
        }
        Ok(Lineage(page.load(Ordering::Acquire)))
    }

    /// That of this process; `NONE` if it has made no handle yet.
    pub(crate) fn current() -> Lineage {
        PAGE.get().map_or(Lineage::NONE, |page| Lineage(page.load(Ordering::Acquire)))
    }
}

/// The lineage of this process, on a page of its own; 0 in a child that has not established one.
static PAGE: OnceLock<&'static AtomicU32> = OnceLock::new();

/// The highest lineage so far. Not on the page, so children go on from it.
static LAST: Mutex<u32> = Mutex::new(0);

fn page() -> Result<&'static AtomicU32, Failure> {
    if let Some(page) = PAGE.get() {
        return Ok(page);
    }
    let mapped = map_page()?;
    // Of two threads that get here at once, one keeps its page in vain: four kilobytes, once.
    Ok(PAGE.get_or_init(|| mapped))
}

/// Maps the page; it stays for the life of the process.
fn map_page() -> Result<&'static AtomicU32, Failure> {
    let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: the kernel chooses the address, so that no other memory is replaced.
    let page = unsafe { mmap_anonymous(std::ptr::null_mut(), PAGE_BYTES, access, kind) };
    let page = page?;
    // SAFETY: the range was mapped above and nobody else knows it.
    if let Err(errno) = unsafe { madvise(page, PAGE_BYTES, Advice::LinuxWipeOnFork) } {
        // SAFETY: as above; nothing refers to it.
        unsafe { munmap(page, PAGE_BYTES) }?;
        return Err(errno.into());
    }
    // SAFETY: the page is zeroed, aligned, writable and never unmapped; it is accessed atomically only.
    Ok(unsafe { &*page.cast::<AtomicU32>() })
}

/// What is mapped; the kernel makes it a whole page.
const PAGE_BYTES: usize = 4096;
