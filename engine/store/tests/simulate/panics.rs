//! Notices every panic of this thread, also those that a task of a shard kept to itself.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on panics of this thread are noted. What an earlier simulation left is forgotten.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            NOTED.with_borrow_mut(|noted| noted.push(panic.to_string()));
            before(panic);
        }));
    });
    NOTED.with_borrow_mut(Vec::clear);
}

/// Whether there was one.
pub(crate) fn any() -> bool {
    NOTED.with_borrow(|noted| !noted.is_empty())
}

/// Panics if there was one.
pub(crate) fn assert_none() {
    let noted = NOTED.take();
    assert!(noted.is_empty(), "a task panicked: {}", noted[0]);
}
