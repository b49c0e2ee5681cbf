//! The edge between C and Rust: arguments are checked, failures become numbers, panics stop.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle};
use crate::status::{RH_E_SIZE, RH_E_VERSION, RH_OK, rh_status};

/// Runs what a function does, tells the caller how it went, and latches `subject` if it panics.
///
/// # Safety
/// `error` is NULL or may be written.
pub(crate) unsafe fn enter<H: Handle>(
    subject: *const H,
    error: *mut rh_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> rh_status {
    let count = || body().map(|()| RH_OK);
    // SAFETY: the caller's promise.
    unsafe { enter_counting(subject, error, count) }
}

/// Ends what a handle stands for; NULL is nothing to end.
///
/// # Safety
/// As [`enter`].
pub(crate) unsafe fn free<H: Handle>(object: *mut H, error: *mut rh_error) -> rh_status {
    let free = || {
        if object.is_null() { Ok(()) } else { handle::remove(object.cast_const()).map(drop) }
    };
    // SAFETY: the caller's promise.
    unsafe { enter(object, error, free) }
}

/// The same as [`enter`] for a function whose success is a number.
///
/// # Safety
/// As [`enter`].
pub(crate) unsafe fn enter_counting<H: Handle>(
    subject: *const H,
    error: *mut rh_error,
    body: impl FnOnce() -> Result<i32, Failure>,
) -> i32 {
    // What the panic interrupted is not used again: it is latched.
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        handle::latch(subject);
        Err(Failure::panicked())
    });
    match outcome {
        Ok(number) => number,
        // SAFETY: the caller's promise.
        Err(failure) => unsafe { fail(&failure, error) },
    }
}

/// Tells the caller about a failure.
///
/// # Safety
/// `error` is NULL or may be written.
unsafe fn fail(failure: &Failure, error: *mut rh_error) -> rh_status {
    if !error.is_null() {
        // SAFETY: not NULL, so the caller says that it may be written.
        unsafe { error.write(rh_error::new(failure)) };
    }
    failure.status
}

/// A text argument.
///
/// # Safety
/// `text` is NULL or ends with a NUL and stays as it is while the result is used.
pub(crate) unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::invalid(format!("{name} is not UTF-8")))
}

/// Where a result goes: an out-parameter that was checked before anything was done.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `place` is NULL or may be written for as long as this exists.
    pub(crate) unsafe fn new(place: *mut T, name: &str) -> Result<Out<T>, Failure> {
        if place.is_null() { Err(Failure::null(name)) } else { Ok(Out(place)) }
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: `new` was promised that it may be written.
        unsafe { self.0.write(value) };
    }
}

/// Copies a text into a buffer of the caller's by the rule for all texts: `len` becomes its length without
/// the NUL that follows it, and if `cap` has no room for both, nothing is copied.
///
/// # Safety
/// `buffer` has room for `cap` bytes, or is NULL; `len` is NULL or may be written.
pub(crate) unsafe fn give_text(
    text: &str,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
) -> Result<(), Failure> {
    if !len.is_null() {
        // SAFETY: not NULL, so the caller says that it may be written.
        unsafe { len.write(text.len()) };
    }
    if buffer.is_null() || cap <= text.len() {
        let needed = text.len() + 1;
        let message = format!("the buffer has {cap} bytes, {needed} are needed");
        return Err(Failure::new(RH_E_SIZE, message).detail(needed as u64));
    }
    // SAFETY: the buffer has room for one byte more, and is the caller's, not the library's.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len());
        buffer.add(text.len()).write(0);
    }
    Ok(())
}

/// A structure that later versions of the header may make longer. It begins with its size, and zero is the
/// default of every field.
///
/// # Safety
/// `#[repr(C)]`, begins with a `usize` for the size, and is valid with every bit pattern.
pub(crate) unsafe trait Growable: Copy {
    /// Its name in C.
    const NAME: &'static str;
    /// Its size when it first appeared; no header knows less of it.
    const SIZE_MIN: usize;
}

/// Reads a structure of the caller's, of whatever version; NULL is the default.
///
/// # Safety
/// `from` is NULL, or begins with a size and may be read for that many bytes.
pub(crate) unsafe fn read_growable<T: Growable>(from: *const T) -> Result<Option<T>, Failure> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: every such structure begins with its size.
    let size = unsafe { from.cast::<usize>().read() };
    check_size::<T>(size)?;
    let known = size_of::<T>();
    // SAFETY: the structure is as long as its size says.
    let tail = unsafe {
        std::slice::from_raw_parts(
            from.cast::<u8>().add(known.min(size)),
            size.saturating_sub(known),
        )
    };
    if tail.iter().any(|byte| *byte != 0) {
        let message = format!(
            "{} sets a field that this library does not know; its size here is {known}",
            T::NAME
        );
        return Err(Failure::new(RH_E_VERSION, message).detail(known as u64));
    }
    // SAFETY: every bit pattern is valid, zero too, and no more is read than both sides know.
    unsafe {
        let mut read = std::mem::zeroed::<T>();
        let bytes = (&raw mut read).cast::<u8>();
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), bytes, known.min(size));
        Ok(Some(read))
    }
}

/// Where a result of whatever version goes.
pub(crate) struct GrowableOut<T> {
    place: *mut T,
    size: usize,
}

// SAFETY: the place is the program's until the operation completes, and is written by whichever thread
// takes the completion, once.
unsafe impl<T> Send for GrowableOut<T> {}

impl<T: Growable> GrowableOut<T> {
    /// # Safety
    /// `place` is NULL, or begins with a size and may be written for that many bytes as long as this exists.
    pub(crate) unsafe fn new(place: *mut T) -> Result<GrowableOut<T>, Failure> {
        if place.is_null() {
            return Err(Failure::null(T::NAME));
        }
        // SAFETY: every such structure begins with its size.
        let size = unsafe { place.cast::<usize>().read() };
        check_size::<T>(size)?;
        Ok(GrowableOut { place, size: size.min(size_of::<T>()) })
    }

    /// Writes what both sides know, but for the size.
    pub(crate) fn write(self, value: &T) {
        let from = std::ptr::from_ref(value).cast::<u8>();
        let skipped = size_of::<usize>();
        // SAFETY: `new` was promised room for `size` bytes, and the value has at least as many.
        unsafe {
            std::ptr::copy_nonoverlapping(
                from.add(skipped),
                self.place.cast::<u8>().add(skipped),
                self.size - skipped,
            );
        }
    }
}

fn check_size<T: Growable>(size: usize) -> Result<(), Failure> {
    if (T::SIZE_MIN..=STRUCT_BYTES_MAX).contains(&size) {
        return Ok(());
    }
    let message = format!(
        "{}.struct_size is {size}; set it to the size of the structure, {} here",
        T::NAME,
        size_of::<T>()
    );
    Err(Failure::new(RH_E_VERSION, message).detail(size_of::<T>() as u64))
}

/// No structure will ever be longer; a size beyond it was never set.
const STRUCT_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::mem::MaybeUninit;
    use std::ptr::{null, null_mut};

    use roundhouse::ShardId;

    use super::*;
    use crate::engine::*;
    use crate::log::*;
    use crate::options::*;
    use crate::queue::*;
    use crate::status::RH_E_PANIC;

    /// A call that panics, as if the library had a bug.
    unsafe extern "C" fn rh_test_panic(
        engine: *const rh_engine,
        error: *mut rh_error,
    ) -> rh_status {
        // SAFETY: the caller's promise.
        unsafe { enter(engine, error, || panic!("planned")) }
    }

    fn message(error: &rh_error) -> &str {
        // SAFETY: messages end with a NUL.
        unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().unwrap()
    }

    fn take(queue: *const rh_queue) -> rh_completion {
        let mut room = MaybeUninit::uninit();
        // SAFETY: there is room for one, and one is there afterwards.
        unsafe {
            assert_eq!(rh_queue_wait(queue, room.as_mut_ptr(), 1, RH_FOREVER, null_mut()), 1);
            room.assume_init()
        }
    }

    /// Opens an engine in a directory of a scratch directory.
    fn open(scratch: &tempfile::TempDir, name: &str) -> *mut rh_engine {
        let path = CString::new(scratch.path().join(name).to_str().unwrap()).unwrap();
        let (mut options, mut engine, error) = (null_mut(), null_mut(), null_mut());
        // SAFETY: the texts end with a NUL, and the out-parameters are variables.
        unsafe {
            assert_eq!(rh_options_new(&raw mut options, error), RH_OK);
            let toml = c"shards = 1\nslot_size = '4MiB'".as_ptr();
            assert_eq!(rh_options_load_toml(options, toml, error), RH_OK);
            assert_eq!(rh_engine_open(path.as_ptr(), options, 0, &raw mut engine, error), RH_OK);
            assert_eq!(rh_options_free(options, error), RH_OK);
        }
        engine
    }

    #[test]
    fn a_panic_in_a_call_latches_the_engine_and_its_logs_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let (engine, other) = (open(&scratch, "one"), open(&scratch, "other"));
        let mut queue = null_mut();
        let mut room = MaybeUninit::<rh_error>::uninit();
        let error = room.as_mut_ptr();
        // SAFETY: out-parameters are variables, and `error` is written by every call that fails.
        unsafe {
            assert_eq!(rh_queue_open(4, &raw mut queue, error), RH_OK);
            let name = c"log".as_ptr();
            assert_eq!(
                rh_log_open(engine, queue, name, RH_LOG_OPEN_OR_CREATE, null(), 1, error),
                RH_OK
            );
            let log: *mut rh_log = take(queue).handle.cast();

            assert_eq!(rh_test_panic(engine, error), RH_E_PANIC);
            assert_eq!(message(&*error), "the library panicked; what was used is unusable now");
            assert_eq!(rh_engine_shards(engine, error), RH_E_PANIC);
            assert_eq!(message(&*error), "the engine is unusable since the library panicked");
            assert_eq!(rh_log_sync(log, queue, 2, error), RH_E_PANIC);
            assert_eq!(message(&*error), "the log is unusable since the library panicked");

            assert!(rh_engine_shards(other, error) > 0);
            for engine in [engine, other] {
                assert_eq!(rh_engine_close(engine, queue, 3, error), RH_OK);
                assert_eq!(take(queue).result, i64::from(RH_OK));
            }
            assert_eq!(rh_log_close(log, error), RH_OK);
            assert_eq!(rh_queue_close(queue, error), RH_OK);
        }
    }

    /// Such a panic ended its task, and nobody but who waited for that was told: the program went on with the rest.
    #[test]
    fn a_panic_on_a_shard_latches_the_engine_too() {
        let scratch = tempfile::tempdir().unwrap();
        let engine = open(&scratch, "store");
        let mut queue = null_mut();
        let mut room = MaybeUninit::<rh_error>::uninit();
        let error = room.as_mut_ptr();
        // SAFETY: out-parameters are variables, and `error` is written by every call that fails.
        unsafe {
            assert_eq!(rh_queue_open(4, &raw mut queue, error), RH_OK);
            let object = handle::get(engine.cast_const()).unwrap();
            let submitted = handle::get(queue.cast_const()).unwrap().submit(RH_OP_TIMER, 1, || {
                Ok(Box::pin(async move {
                    let program = async |_| panic!("planned");
                    object.engine.spawn_on::<(), _, _>(ShardId(0), program).await?;
                    Ok(Success::DONE)
                }) as Once)
            });
            assert!(submitted.is_ok());
            let failed = take(queue);
            assert_eq!(failed.result, i64::from(RH_E_PANIC));
            assert_eq!(rh_queue_error(queue, &raw const failed, error), RH_OK);
            assert_eq!(message(&*error), "the library panicked; what was used is unusable now");

            assert_eq!(rh_engine_shards(engine, error), RH_E_PANIC);
            assert_eq!(rh_engine_close(engine, queue, 2, error), RH_OK);
            assert_eq!(take(queue).result, i64::from(RH_OK));
            assert_eq!(rh_queue_close(queue, error), RH_OK);
        }
    }
}
