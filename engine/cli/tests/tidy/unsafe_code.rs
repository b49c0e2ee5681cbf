//! Where unsafe code may be.

use crate::rust_text::{RustText, words};

/// The folders and files that may hold unsafe code: what talks to the kernel, the queue between two
/// shards, the C ABI, and the allocator that counts for a test. Everywhere else the word itself is
/// refused, whatever the crate's attributes allow.
const FENCED: &[&str] = &[
    "engine/runtime/src/uring/",
    "engine/runtime/src/mailbox/ring.rs",
    "engine/roundhouse/tests/allocations.rs",
    "ffi/",
];
/// The roots of the crates that have none, so that the compiler refuses it too.
const FORBIDDING_ROOTS: &[&str] = &[
    "engine/base/src/lib.rs",
    "engine/store/src/lib.rs",
    "engine/net/src/lib.rs",
    "engine/roundhouse/src/lib.rs",
    "engine/measure/src/lib.rs",
    "engine/cli/src/lib.rs",
    "engine/cli/src/main.rs",
    "engine/verify/src/lib.rs",
    "engine/verify/src/main.rs",
    "benches/src/main.rs",
];

/// Unsafe code outside the fence, and a crate root that does not forbid it.
pub(crate) fn outside_fence(path: &str, text: &str) -> Vec<String> {
    let code = RustText::new(text).code;
    let mut found = Vec::new();
    if FORBIDDING_ROOTS.contains(&path) && !code.contains("#![forbid(unsafe_code)]") {
        found.push(format!("{path}: lacks `#![forbid(unsafe_code)]`"));
    }
    if FENCED.iter().any(|fenced| path.starts_with(fenced)) {
        return found;
    }
    for (number, line) in code.lines().enumerate() {
        if words(line).any(|(_, word)| word == "unsafe") {
            found.push(format!("{path}:{}: unsafe code outside its modules", number + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_found_outside_its_modules_only() {
        let text = "fn a() {\n    // unsafe is spoken of\n    unsafe { b() }\n}\n";
        let found = outside_fence("engine/store/src/a.rs", text);
        assert_eq!(found, ["engine/store/src/a.rs:3: unsafe code outside its modules"]);
        assert!(outside_fence("engine/runtime/src/uring/ring.rs", text).is_empty());
    }

    #[test]
    fn a_crate_that_does_not_forbid_it_is_found() {
        assert_eq!(outside_fence("engine/base/src/lib.rs", "//! Text.\n").len(), 1);
        assert!(outside_fence("engine/base/src/lib.rs", "#![forbid(unsafe_code)]\n").is_empty());
    }
}
