//! The table of everything that programs hold handles of.
//!
//! A handle is no address but a place in this table, the generation of what is there, and its kind.
//! So a handle that is closed, closed twice, of the wrong kind or made up is an error and never an
//! access to freed memory; `docs/adr/0009-handles-are-numbers.md` says why that is worth a table.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use crate::failure::Failure;
use crate::fork::Lineage;
use crate::status::{RH_E_CLOSED, RH_E_FORKED, RH_E_NOMEM, RH_E_PANIC};

/// The C type of a handle, and what stands behind it.
pub(crate) trait Handle {
    /// What stands behind it.
    type Object: Any + Send + Sync;
    /// Tells handles of this type from those of others.
    const KIND: Kind;
}

/// What a handle is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Options = 1,
    Queue,
    Engine,
    Log,
    Records,
    Shard,
    Metrics,
    Buffer,
    Udp,
    TlsServer,
    TlsClient,
    Listener,
    Stream,
    Endpoint,
    Connection,
    Pool,
}

/// Set when a panic was caught: what shares it is unusable from then on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latch(Arc<AtomicBool>);

impl Latch {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// What sets it from elsewhere.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Makes a handle of an object.
///
/// # Errors
/// `RH_E_NOMEM` when there are as many as there can be.
pub(crate) fn insert<H: Handle>(object: Arc<H::Object>, latch: Latch) -> Result<*mut H, Failure> {
    let lineage = Lineage::establish()?;
    let index = take_index()?;
    let slot = slot(index).ok_or_else(too_many)?;
    let mut entry = slot.entry.write().unwrap_or_else(PoisonError::into_inner);
    slot.lineage.store(lineage.raw(), Ordering::Release);
    entry.generation = entry.generation.wrapping_add(1).max(1);
    entry.latch = latch;
    entry.object = Some(object);
    Ok(Token { kind: H::KIND as u8, index, generation: entry.generation }.to_pointer())
}

/// The object of a handle.
///
/// # Errors
/// `RH_E_INVALID` for what is no handle of this type, `RH_E_CLOSED` for a closed one, `RH_E_FORKED` for one
/// of a parent process, `RH_E_PANIC` for one that is latched.
pub(crate) fn get<H: Handle>(handle: *const H) -> Result<Arc<H::Object>, Failure> {
    let object = borrow(handle)?.0.object.clone();
    object.and_then(|object| object.downcast().ok()).ok_or_else(|| Refusal::NotOne.failure::<H>())
}

/// The same without a reference of its own, for calls that come often and are short: closing the handle
/// waits for them.
///
/// # Errors
/// As [`get`].
pub(crate) fn borrow<H: Handle>(handle: *const H) -> Result<Borrowed, Failure> {
    look_up(handle).map(Borrowed).map_err(Refusal::failure::<H>)
}

/// Locks the entry of a handle that can be used.
fn look_up<H: Handle>(handle: *const H) -> Result<RwLockReadGuard<'static, Entry>, Refusal> {
    let token = Token::of(handle)?;
    let entry = token.slot()?.entry.read().unwrap_or_else(PoisonError::into_inner);
    if entry.generation != token.generation || entry.object.is_none() {
        return Err(Refusal::Closed);
    }
    if entry.latch.is_set() {
        return Err(Refusal::Latched);
    }
    Ok(entry)
}

/// An object that stays behind its handle for as long as this exists.
pub(crate) struct Borrowed(RwLockReadGuard<'static, Entry>);

impl Borrowed {
    /// The object, of the handle it was borrowed from.
    pub(crate) fn object<H: Handle>(&self) -> Result<&H::Object, Failure> {
        let object = self.0.object.as_deref().and_then(<dyn Any + Send + Sync>::downcast_ref);
        object.ok_or_else(|| Refusal::NotOne.failure::<H>())
    }
}

/// Takes an object from its handle, which is closed from now on. Also if it is latched.
///
/// # Errors
/// As [`get`], but for `RH_E_PANIC`.
pub(crate) fn remove<H: Handle>(handle: *const H) -> Result<Arc<H::Object>, Failure> {
    let object = take_out(handle).map_err(Refusal::failure::<H>)?;
    object.downcast().map_err(|_| Refusal::NotOne.failure::<H>())
}

fn take_out<H: Handle>(handle: *const H) -> Result<Arc<dyn Any + Send + Sync>, Refusal> {
    let token = Token::of(handle)?;
    let slot = token.slot()?;
    let object = {
        let mut entry = slot.entry.write().unwrap_or_else(PoisonError::into_inner);
        if entry.generation != token.generation {
            return Err(Refusal::Closed);
        }
        entry.latch = Latch::default();
        entry.object.take().ok_or(Refusal::Closed)?
    };
    TABLE.free.lock().unwrap_or_else(PoisonError::into_inner).indices.push_back(token.index);
    Ok(object)
}

/// Latches what a handle stands for, if it does, after a panic.
pub(crate) fn latch<H: Handle>(handle: *const H) {
    let Ok(token) = Token::of(handle) else { return };
    let Ok(slot) = token.slot() else { return };
    let entry = slot.entry.read().unwrap_or_else(PoisonError::into_inner);
    if entry.generation == token.generation {
        entry.latch.set();
    }
}

/// A handle taken apart: generation (32 bits), index (24), kind (7), and a 1 so that it is no address of
/// anything a C program could read through by mistake without being noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    kind: u8,
    index: u32,
    generation: u32,
}

impl Token {
    fn to_pointer<H>(self) -> *mut H {
        let low = usize::from(self.kind) << 1 | 1;
        let address = (self.generation as usize) << 32 | (self.index as usize) << 8 | low;
        std::ptr::without_provenance_mut(address)
    }

    /// Takes a handle apart; what is no handle gives a token that fits nothing.
    fn of<H: Handle>(handle: *const H) -> Result<Token, Refusal> {
        let address = handle.addr();
        if address == 0 {
            return Err(Refusal::Null);
        }
        let token = Token {
            kind: (address as u8) >> 1,
            index: (address >> 8) as u32 & INDEX_MAX,
            generation: (address >> 32) as u32,
        };
        if address & 1 == 0 || token.kind != H::KIND as u8 {
            return Err(Refusal::NotOne);
        }
        Ok(token)
    }

    /// Where it points to, if this process made it.
    fn slot(self) -> Result<&'static Slot, Refusal> {
        let slot = slot(self.index).filter(|_| self.generation != 0).ok_or(Refusal::NotOne)?;
        let lineage = Lineage::from_raw(slot.lineage.load(Ordering::Acquire));
        if lineage == Lineage::NONE {
            return Err(Refusal::NotOne);
        }
        // Before any lock is taken: another thread of the parent may have held it during the fork.
        if lineage != Lineage::current() {
            return Err(Refusal::Forked);
        }
        Ok(slot)
    }
}

/// Why a handle is not looked up. A failure, which has a message, is made of it only then: this is looked at in
/// every call.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Null,
    /// It is none of its type.
    NotOne,
    Closed,
    Forked,
    Latched,
}

impl Refusal {
    #[cold]
    fn failure<H: Handle>(self) -> Failure {
        let name = name(H::KIND as u8);
        match self {
            Refusal::Null => Failure::invalid(format!("the {name} is NULL")),
            Refusal::NotOne => Failure::invalid(format!("this is no handle of the kind: {name}")),
            Refusal::Closed => Failure::new(RH_E_CLOSED, format!("the {name} is closed")),
            Refusal::Forked => {
                let message = format!(
                    "the {name} was made before this process was forked off; only its parent can use it"
                );
                Failure::new(RH_E_FORKED, message)
            }
            Refusal::Latched => {
                let message = format!("the {name} is unusable since the library panicked");
                Failure::new(RH_E_PANIC, message)
            }
        }
    }
}

fn name(kind: u8) -> &'static str {
    const NAMES: [&str; 17] = [
        "handle",
        "options",
        "queue",
        "engine",
        "log",
        "records",
        "shard",
        "metrics",
        "buffer",
        "UDP socket",
        "TLS server",
        "TLS client",
        "listener",
        "stream",
        "QUIC endpoint",
        "connection",
        "pool",
    ];
    NAMES.get(usize::from(kind)).copied().unwrap_or("handle")
}

fn too_many() -> Failure {
    Failure::new(RH_E_NOMEM, "there are as many open handles as there can be")
}

/// All handles of the process. It holds no settings and starts nothing: programs that share it do not
/// notice one another.
static TABLE: Table =
    Table { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::new(Free::new()) };

struct Table {
    /// Each twice as long as the one before; they never move, so looking up takes no lock of the table.
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    free: Mutex<Free>,
}

struct Free {
    /// Used again in the order in which they became free, so that generations last.
    indices: VecDeque<u32>,
    /// Never used so far.
    next: u32,
}

impl Free {
    const fn new() -> Free {
        Free { indices: VecDeque::new(), next: 0 }
    }
}

#[derive(Default)]
struct Slot {
    /// Of the process that made the handle.
    lineage: AtomicU32,
    entry: RwLock<Entry>,
}

#[derive(Default)]
struct Entry {
    generation: u32,
    latch: Latch,
    object: Option<Arc<dyn Any + Send + Sync>>,
}

fn take_index() -> Result<u32, Failure> {
    let mut free = TABLE.free.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(index) = free.indices.pop_front() {
        return Ok(index);
    }
    let index = free.next;
    let (chunk, _) = place(index);
    let chunk = TABLE.chunks.get(chunk).ok_or_else(too_many)?;
    free.next += 1;
    drop(free);
    chunk.get_or_init(|| {
        let slots = FIRST_CHUNK_SLOTS << place(index).0;
        (0..slots).map(|_| Slot::default()).collect()
    });
    Ok(index)
}

fn slot(index: u32) -> Option<&'static Slot> {
    let (chunk, at) = place(index);
    TABLE.chunks.get(chunk)?.get()?.get(at)
}

/// The chunk of an index, and where in it.
fn place(index: u32) -> (usize, usize) {
    let scaled = index / FIRST_CHUNK_SLOTS + 1;
    let chunk = scaled.ilog2();
    let before = FIRST_CHUNK_SLOTS * ((1 << chunk) - 1);
    (chunk as usize, (index - before) as usize)
}

/// Slots of the first chunk.
const FIRST_CHUNK_SLOTS: u32 = 64;

/// Chunks there can be: 16 million handles.
const CHUNKS: usize = 18;

/// The highest index that fits a token.
const INDEX_MAX: u32 = (1 << 24) - 1;

const _: () = assert!(usize::BITS == 64, "a handle has to have room for its generation");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::RH_E_INVALID;

    struct Apple;
    struct Pear;

    impl Handle for Apple {
        type Object = u32;
        const KIND: Kind = Kind::Log;
    }

    impl Handle for Pear {
        type Object = u32;
        const KIND: Kind = Kind::Queue;
    }

    fn status<T>(result: Result<T, Failure>) -> i32 {
        result.err().map_or(0, |failure| failure.status)
    }

    #[test]
    fn a_handle_gives_its_object_until_it_is_removed() {
        let apple: *mut Apple = insert(Arc::new(7), Latch::default()).unwrap();
        assert_eq!(*get(apple).unwrap(), 7);
        assert_eq!(*remove(apple).unwrap(), 7);
        assert_eq!(status(get(apple)), RH_E_CLOSED);
        assert_eq!(status(remove(apple)), RH_E_CLOSED);
    }

    #[test]
    fn what_is_no_handle_of_the_type_is_refused() {
        let apple: *mut Apple = insert(Arc::new(7), Latch::default()).unwrap();
        assert_eq!(status(get(apple.cast::<Pear>())), RH_E_INVALID);
        for address in [0, 1, 2, 0x7fff_1234_5678, usize::MAX, apple.addr() | 0xffff_ff00] {
            let forged: *const Apple = std::ptr::without_provenance(address);
            assert_ne!(status(get(forged)), 0, "{address:#x}");
        }
        remove(apple).unwrap();
    }

    #[test]
    fn a_latched_handle_can_only_be_removed() {
        let latch = Latch::default();
        let apple: *mut Apple = insert(Arc::new(7), latch.clone()).unwrap();
        super::latch(apple);
        assert!(latch.is_set());
        assert_eq!(status(get(apple)), RH_E_PANIC);
        assert_eq!(*remove(apple).unwrap(), 7);
    }

    #[test]
    fn many_handles_are_told_apart() {
        let handles: Vec<*mut Apple> =
            (0..1000).map(|value| insert(Arc::new(value), Latch::default()).unwrap()).collect();
        for (value, handle) in (0..).zip(handles) {
            assert_eq!(*get(handle).unwrap(), value);
            remove(handle).unwrap();
        }
    }

    #[test]
    fn places_fill_every_chunk_in_order() {
        let mut expected = (0, 0);
        for index in 0..FIRST_CHUNK_SLOTS * 15 {
            assert_eq!(place(index), expected);
            expected.1 += 1;
            if expected.1 == (FIRST_CHUNK_SLOTS as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }
}
