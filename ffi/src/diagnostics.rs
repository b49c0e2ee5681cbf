//! What the engine says about itself, to a function of the program's.

use std::ffi::{c_char, c_int, c_void};
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Is told what the engine does: `level` is one of the `RH_LEVEL_` numbers, `text` a line without an end, which has
/// `len` bytes and ends with a NUL. Called on the threads of the engine's shards, several at once, and on those that
/// open it: it must not block or throw, and call nothing of the library's.
pub type rh_diagnostics_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, level: c_int, text: *const c_char, len: usize)>;

/// Something is broken.
pub const RH_LEVEL_ERROR: c_int = 1;
/// Something is odd.
pub const RH_LEVEL_WARN: c_int = 2;
/// Something that happens seldom happened.
pub const RH_LEVEL_INFO: c_int = 3;
/// For those who look for a defect.
pub const RH_LEVEL_DEBUG: c_int = 4;

/// Where diagnostics go; nowhere by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Diagnostics(Option<Dispatch>);

impl Diagnostics {
    /// `None` if there is no such level.
    pub(crate) fn new(
        level: c_int,
        function: unsafe extern "C" fn(*mut c_void, c_int, *const c_char, usize),
        user: *mut c_void,
    ) -> Option<Diagnostics> {
        let level = match level {
            RH_LEVEL_ERROR => Level::ERROR,
            RH_LEVEL_WARN => Level::WARN,
            RH_LEVEL_INFO => Level::INFO,
            RH_LEVEL_DEBUG => Level::DEBUG,
            _ => return None,
        };
        Some(Diagnostics(Some(Dispatch::new(Hook { level, function, user: User(user) }))))
    }

    /// Runs something whose diagnostics go there, with those of the threads it starts.
    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(dispatch) => tracing::dispatcher::with_default(dispatch, run),
            None => run(),
        }
    }
}

/// Gives events to a function.
struct Hook {
    level: Level,
    function: unsafe extern "C" fn(*mut c_void, c_int, *const c_char, usize),
    user: User,
}

struct User(*mut c_void);

// SAFETY: it is only handed back to the program, whose function must bear being called on any thread.
unsafe impl Send for User {}
// SAFETY: as above, at once.
unsafe impl Sync for User {}

impl Subscriber for Hook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Spans are not enabled; one that is made nevertheless has to have some number.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = match *event.metadata().level() {
            Level::ERROR => RH_LEVEL_ERROR,
            Level::WARN => RH_LEVEL_WARN,
            Level::INFO => RH_LEVEL_INFO,
            _ => RH_LEVEL_DEBUG,
        };
        let mut line = Line::default();
        event.record(&mut line);
        let mut text = format!("{}: {}{}", event.metadata().target(), line.message, line.fields);
        text.retain(|character| character != '\0');
        let len = text.len();
        text.push('\0');
        // SAFETY: the program gave the function for this, with what it wants to get; the text ends with a NUL.
        unsafe { (self.function)(self.user.0, level, text.as_ptr().cast(), len) };
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of an event: its message, then the others as `name=value`.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
