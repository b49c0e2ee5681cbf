//! Engines.

mod hosted;
mod info;
mod timer;

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use futures_channel::oneshot;
use roundhouse::{Engine, EngineBuilder, ShardId, block_on};

use crate::entry::{Out, enter, enter_counting, give_text, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::options::{Settings, rh_options, settings_of};
use crate::queue::{Once, RH_OP_CLOSE, Success, rh_queue};
use crate::status::{RH_E_CLOSED, RH_E_NOMEM, rh_status};

pub use hosted::*;
pub use info::*;
pub use timer::*;

/// An open engine.
pub struct rh_engine;

impl Handle for rh_engine {
    type Object = EngineObject;
    const KIND: Kind = Kind::Engine;
}

/// An engine behind its handle.
pub(crate) struct EngineObject {
    pub(crate) engine: Engine,
    /// Shared with the handles of its logs.
    pub(crate) latch: Latch,
    /// Whether the program turns the shards: then the library has no threads.
    is_hosted: bool,
}

/// Open a store that is there; create none.
pub const RH_OPEN_EXISTING: u32 = 1;

/// Opens the store in `directory`, which is created if it is missing, with threads of the library's own: one
/// per shard. `options` may be NULL for the defaults, and are copied. `flags` is 0 or `RH_OPEN_EXISTING`.
///
/// This one call blocks, for as long as it takes to read what the store consists of.
///
/// Errors: `RH_E_BUSY` if another process or engine has the directory, `RH_E_UNSUPPORTED` or `RH_E_NOMEM` if
/// there can be no ring (the message has the remedy), `RH_E_NOT_FOUND` with `RH_OPEN_EXISTING`,
/// `RH_E_CORRUPT`, `RH_E_VERSION`, `RH_E_OPTION`, `RH_E_IO`, `RH_E_INVALID`; nothing is left running.
/// Ended by `rh_engine_close`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_open(
    directory: *const c_char,
    options: *const rh_options,
    flags: u32,
    out: *mut *mut rh_engine,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let directory = unsafe { text(directory, "directory") }?;
        let settings = settings_of(options)?;
        let diagnostics = settings.diagnostics.clone();
        let latch = Latch::default();
        let builder = builder(directory, settings, flags)?.panic_flag(latch.flag());
        let engine = diagnostics.during(|| block_on(builder.open()))?;
        let object = EngineObject { engine, latch: latch.clone(), is_hosted: false };
        out.write(handle::insert::<rh_engine>(Arc::new(object), latch)?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_engine>(std::ptr::null(), error, open) }
}

fn builder(directory: &str, settings: Settings, flags: u32) -> Result<EngineBuilder, Failure> {
    let mut builder = Engine::builder(Path::new(directory)).options(settings.options);
    if let Some(shards) = settings.new_store_shards {
        builder = builder.new_store_shards(shards);
    }
    match flags {
        0 => Ok(builder),
        RH_OPEN_EXISTING => Ok(builder.existing_only()),
        _ => Err(Failure::invalid(format!("there are no such flags: {flags:#x}"))),
    }
}

/// Closes an engine, without waiting: its handle is closed at once, what was accepted before is still made durable
/// and completes, later operations on its logs fail with `RH_E_CLOSED`. When all that is done and the directory free,
/// an `RH_OP_CLOSE` completes in `queue`, with the first error if a shard could not be closed in order.
/// Handles of its logs are closed by `rh_log_close`, before or after. NULL is fine, and does nothing.
///
/// With `queue` NULL nobody is told; an engine whose shards the program turns needs one, and closes while they are
/// turned and completions taken. A program that ends before closing has ended loses what was not yet
/// completed.
///
/// Errors: `RH_E_FULL` if the queue is, `RH_E_NOMEM` if no thread can be had for it, `RH_E_INVALID`, `RH_E_CLOSED`,
/// `RH_E_FORKED`; the engine is open as before then. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_close(
    engine: *mut rh_engine,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let close = || {
        if engine.is_null() {
            return Ok(());
        }
        // A latched engine can still be closed.
        let is_hosted = handle::get(engine.cast_const()).is_ok_and(|object| object.is_hosted);
        if queue.is_null() && is_hosted {
            return Err(Failure::null("queue"));
        }
        if queue.is_null() {
            return start_closing(engine).map(drop);
        }
        let queue = handle::get(queue)?;
        queue.submit(RH_OP_CLOSE, user_data, || {
            // Without threads of the library's there are none to join, so whoever takes completions closes it.
            if is_hosted {
                let object = handle::remove(engine.cast_const())?;
                let closing = object.engine.clone().close();
                return Ok(Box::pin(async { Ok(closing.await.map(|()| Success::DONE)?) }) as Once);
            }
            let closed = start_closing(engine)?;
            Ok(Box::pin(async {
                let gone =
                    |_| Failure::new(RH_E_CLOSED, "the thread that closed the engine is gone");
                closed.await.map_err(gone)?.map(|()| Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, close) }
}

/// Closes the handle, and the engine on a thread of its own: closing joins the shards' threads.
fn start_closing(
    engine: *const rh_engine,
) -> Result<oneshot::Receiver<Result<(), Failure>>, Failure> {
    let (give, taken) = std::sync::mpsc::sync_channel::<Engine>(1);
    let (tell, closed) = oneshot::channel();
    let closing = move || {
        let Ok(engine) = taken.recv() else { return };
        // The program may not want to know.
        drop(tell.send(block_on(engine.close()).map_err(Failure::from)));
    };
    // Before the handle is closed, so that it is open as before if there is no thread.
    let started = thread::Builder::new().name("roundhouse-close".to_owned()).spawn(closing);
    started.map_err(|error| Failure {
        errno: error.raw_os_error().unwrap_or_default(),
        ..Failure::new(RH_E_NOMEM, format!("cannot start a thread to close the engine: {error}"))
    })?;
    let object = handle::remove(engine)?;
    // There is room for one, and the thread waits for it.
    drop(give.send(object.engine.clone()));
    Ok(closed)
}

/// How many shards the engine has, or an error, which is negative.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_shards(engine: *const rh_engine, error: *mut rh_error) -> i32 {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(engine, error, || Ok(handle::get(engine)?.engine.shards().into())) }
}

/// Gives the directory of the engine, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_directory(
    engine: *const rh_engine,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let directory = handle::get(engine)?.engine.directory();
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&directory.to_string_lossy(), buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, give) }
}

/// Gives the identity of the store, which it keeps for life: 16 bytes to `out`.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_store_id(
    engine: *const rh_engine,
    out: *mut u8,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let engine = handle::get(engine)?;
        // SAFETY: there is room for 16 bytes, of any alignment; the header says so.
        unsafe { Out::new(out.cast::<[u8; 16]>(), "out") }?.write(engine.engine.store_id().0);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, give) }
}

/// Gives the names of all logs in order, one a line, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_log_names(
    engine: *const rh_engine,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let names = handle::get(engine)?.engine.log_names();
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&names.join("\n"), buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, give) }
}

/// A shard by its number.
pub(crate) fn shard_of(engine: &Engine, shard: u32) -> Result<ShardId, Failure> {
    let found = u16::try_from(shard).ok().filter(|shard| *shard < engine.shards());
    found.map(ShardId).ok_or_else(|| {
        Failure::invalid(format!("there is no shard {shard}: the engine has {}", engine.shards()))
    })
}
