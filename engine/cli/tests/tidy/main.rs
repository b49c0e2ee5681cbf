//! The rules of the tree that no compiler or linter checks.
//!
//! Each check is a function over a path and its text that returns what it found, as lines a
//! terminal can jump to; each has a small bad sample beside it, so that it is known to be able to
//! fail. The tests here run every check over the whole repository.

mod banned;
mod functions;
mod layers;
mod links;
mod reasons;
mod rust_text;
mod size;
mod tree;
mod unsafe_code;

use tree::{SourceFile, root, sources};

/// Runs `check` on every file that ends in `suffix` and fails with everything it found.
fn expect_tidy(suffix: &str, check: impl Fn(&SourceFile) -> Vec<String>) {
    let files = sources(suffix);
    assert!(!files.is_empty(), "no file ends in {suffix}: the walk is broken");
    let found: Vec<String> = files.iter().flat_map(check).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn files_are_short_enough_to_read_in_one_sitting() {
    expect_tidy(".rs", |file| size::long_file(&file.path, &file.text));
}

#[test]
fn lines_fit_beside_each_other_on_a_screen() {
    expect_tidy(".rs", |file| size::wide_lines(&file.path, &file.text));
}

#[test]
fn functions_fit_on_a_screen() {
    expect_tidy(".rs", |file| functions::long_functions(&file.path, &file.text));
}

#[test]
fn exceptions_to_the_function_length_are_still_needed() {
    let found = functions::stale_exceptions(&sources(".rs"));
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    expect_tidy(".rs", |file| banned::unfinished(&file.path, &file.text));
}

#[test]
fn every_file_is_named_after_what_it_holds() {
    expect_tidy(".rs", |file| banned::vague_name(&file.path));
}

#[test]
fn unsafe_code_stays_behind_its_fence() {
    expect_tidy(".rs", |file| unsafe_code::outside_fence(&file.path, &file.text));
}

#[test]
fn a_layer_uses_only_the_layers_below_it() {
    expect_tidy("Cargo.toml", |file| layers::upward(&file.path, &file.text));
}

#[test]
fn every_dependency_says_why_it_is_there() {
    expect_tidy("Cargo.toml", |file| reasons::missing(&file.path, &file.text));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = root();
    expect_tidy(".md", |file| links::dead(&file.path, &file.text, |path| root.join(path).exists()));
}
