//! Notices every panic of this thread, also those that a task of a shard kept to itself.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// The panics so far, on threads that are being watched.
    static NOTED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From now on panics of this thread are noted instead of printed. What an earlier watch left is
/// forgotten.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_watched = NOTED.with_borrow_mut(|noted| match noted {
                Some(noted) => {
                    noted.push(panic.to_string());
                    true
                }
                None => false,
            });
            if !is_watched {
                before(panic);
            }
        }));
    });
    NOTED.set(Some(Vec::new()));
}

/// Whether there was one.
pub(crate) fn any() -> bool {
    NOTED.with_borrow(|noted| noted.as_ref().is_some_and(|noted| !noted.is_empty()))
}

/// Unwinds if there was one, without adding another.
pub(crate) fn unwind_if_any() {
    if any() {
        std::panic::resume_unwind(Box::new("a task panicked"));
    }
}

/// Ends the watch and returns what was noted.
pub(crate) fn take() -> Vec<String> {
    NOTED.take().unwrap_or_default()
}
