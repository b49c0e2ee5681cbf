//! Options, by their keys.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roundhouse::Options;
use roundhouse::options::options_page;

use crate::diagnostics::{Diagnostics, rh_diagnostics_fn};
use crate::entry::{Out, enter, free, give_text, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::status::{RH_E_OPTION, rh_status};

/// Options of engines to be opened.
pub struct rh_options;

impl Handle for rh_options {
    type Object = Mutex<Settings>;
    const KIND: Kind = Kind::Options;
}

/// What an engine is opened with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) options: Options,
    /// Shards of a store that is created, if the option `shards` leaves it open.
    pub(crate) new_store_shards: Option<u16>,
    pub(crate) diagnostics: Diagnostics,
}

/// The settings of a handle, or the defaults for NULL.
pub(crate) fn settings_of(options: *const rh_options) -> Result<Settings, Failure> {
    if options.is_null() {
        return Ok(Settings::default());
    }
    let settings = handle::get(options)?;
    Ok(lock(&settings).clone())
}

fn lock(settings: &Mutex<Settings>) -> MutexGuard<'_, Settings> {
    settings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes options with their defaults; docs/options.md and `rh_options_page` describe each.
///
/// Errors: `RH_E_INVALID`, `RH_E_NOMEM`. Ended by `rh_options_free`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_new(
    out: *mut *mut rh_options,
    error: *mut rh_error,
) -> rh_status {
    let new = || {
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        out.write(handle::insert::<rh_options>(Arc::default(), Latch::default())?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, new) }
}

/// Ends options. Engines that were opened with them keep what they copied. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_free(
    options: *mut rh_options,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(options, error) }
}

/// Sets the option `key` to the written `value`, such as `"memory"` to `"1GiB"`. The option `preset` sets
/// several others, so set it first.
///
/// Errors: `RH_E_OPTION` for an unknown key or an impossible value, `RH_E_INVALID`, `RH_E_CLOSED`,
/// `RH_E_FORKED`; nothing is changed then. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_set(
    options: *mut rh_options,
    key: *const c_char,
    value: *const c_char,
    error: *mut rh_error,
) -> rh_status {
    let set = || {
        let settings = handle::get(options.cast_const())?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let (key, value) = unsafe { (text(key, "key")?, text(value, "value")?) };
        Ok(lock(&settings).options.set(key, value)?)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, set) }
}

/// Gives the value of the option `key`, written so that `rh_options_set` reads it back, in the way of all texts:
/// `len`, which may be NULL, becomes its length without the NUL; if `cap` has no room for both,
/// `RH_E_SIZE` is returned and nothing else written.
///
/// Errors: `RH_E_OPTION` for an unknown key, `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_get(
    options: *const rh_options,
    key: *const c_char,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let get = || {
        let settings = handle::get(options)?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let key = unsafe { text(key, "key") }?;
        let value = lock(&settings).options.value(key)?;
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&value, buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, get) }
}

/// Replaces all options by the defaults as a TOML document changes them: lines of `key = value`.
///
/// Errors: `RH_E_OPTION` with line and column, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`; nothing is changed
/// then. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_load_toml(
    options: *mut rh_options,
    toml: *const c_char,
    error: *mut rh_error,
) -> rh_status {
    let load = || {
        let settings = handle::get(options.cast_const())?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let loaded = Options::from_toml(unsafe { text(toml, "toml") }?)?;
        lock(&settings).options = loaded;
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, load) }
}

/// The same with a document in a file.
///
/// Errors: those of `rh_options_load_toml`, and `RH_E_IO` if the file cannot be read. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_load_file(
    options: *mut rh_options,
    path: *const c_char,
    error: *mut rh_error,
) -> rh_status {
    let load = || {
        let settings = handle::get(options.cast_const())?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let path = Path::new(unsafe { text(path, "path") }?);
        let about = |failure: Failure| {
            let message = format!("{}: {}", path.display(), failure.message);
            Failure { message: message.into(), ..failure }
        };
        let document = std::fs::read_to_string(path).map_err(|error| about(error.into()))?;
        let loaded = Options::from_toml(&document).map_err(|error| about(error.into()))?;
        lock(&settings).options = loaded;
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, load) }
}

/// Gives all options as a TOML document that `rh_options_load_toml` reads back, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_to_toml(
    options: *const rh_options,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let settings = handle::get(options)?;
        let toml = lock(&settings).options.to_toml();
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&toml, buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, give) }
}

/// Applies the environment variables whose names start with `ROUNDHOUSE_`, such as `ROUNDHOUSE_MEMORY`.
/// Nothing else in the library reads the environment.
///
/// Errors: `RH_E_OPTION` for such a variable that sets no option or has an impossible value, `RH_E_INVALID`,
/// `RH_E_CLOSED`, `RH_E_FORKED`; nothing is changed then. Any thread, while none sets variables.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_load_environment(
    options: *mut rh_options,
    error: *mut rh_error,
) -> rh_status {
    let load = || {
        let settings = handle::get(options.cast_const())?;
        // Others' variables may be anything; one of ours that is not UTF-8 could set nothing.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()));
        Ok(lock(&settings).options.apply_env(variables)?)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, load) }
}

/// Says how many shards a store has that is created, if the option `shards` leaves it open; otherwise it is
/// one per processor. A store that is there keeps its own number.
///
/// Errors: `RH_E_OPTION` for 0, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_set_new_store_shards(
    options: *mut rh_options,
    shards: u16,
    error: *mut rh_error,
) -> rh_status {
    let set = || {
        let settings = handle::get(options.cast_const())?;
        if shards == 0 {
            return Err(Failure::new(RH_E_OPTION, "a store has at least one shard"));
        }
        lock(&settings).new_store_shards = Some(shards);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, set) }
}

/// Has engines opened with these options tell `function` what they do, down to `level`, one of the `RH_LEVEL_`
/// numbers. `user` is handed to it. NULL for nobody, which is the default.
///
/// `function` and `user` must stay good until the closing of every such engine has completed.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_set_diagnostics(
    options: *mut rh_options,
    level: c_int,
    function: rh_diagnostics_fn,
    user: *mut c_void,
    error: *mut rh_error,
) -> rh_status {
    let set = || {
        let settings = handle::get(options.cast_const())?;
        let diagnostics = match function {
            Some(function) => Diagnostics::new(level, function, user)
                .ok_or_else(|| Failure::invalid(format!("there is no level {level}")))?,
            None => Diagnostics::default(),
        };
        lock(&settings).diagnostics = diagnostics;
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(options, error, set) }
}

/// Gives the keys of all options, one a line, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_keys(
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let keys: Vec<&str> = Options::table().iter().map(|option| option.key).collect();
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&keys.join("\n"), buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, give) }
}

/// Gives the description of all options in Markdown, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_options_page(
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: the buffer has room for `cap` bytes; the header says so.
    let give = || unsafe { give_text(&options_page(), buffer, cap, len) };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, give) }
}
