//! `docs/options.md` says what the table of options says.
//!
//! `UPDATE_DOCS=1 cargo test -p roundhouse --test options_page` rewrites the page.

use std::{env, fs};

use roundhouse::options::options_page;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");

#[test]
#[allow(clippy::disallowed_methods, reason = "the variable is this test's own switch")]
fn the_committed_page_is_the_generated_one() {
    if env::var("UPDATE_DOCS").is_ok() {
        fs::write(PAGE, options_page()).expect("docs/options.md can be written");
    }
    let committed = fs::read_to_string(PAGE).expect("docs/options.md is there");
    assert!(
        committed == options_page(),
        "docs/options.md is stale: run UPDATE_DOCS=1 cargo test -p roundhouse --test options_page"
    );
}
