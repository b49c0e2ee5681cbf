//! Programs in `tests/c`, each of which checks a part of the interface and says where it is broken.

use std::path::Path;
use std::process::Command;

use crate::toolbox::{SANITIZERS, compile, succeed};

/// Compiles a program of `tests/c` and runs it on a directory that does not exist yet.
fn run(name: &str, flags: &[&str]) {
    let scratch = tempfile::tempdir().unwrap();
    let program = compile("-std=c11", flags, &Path::new("tests/c").join(name), scratch.path());
    succeed(Command::new(program).arg(scratch.path().join("store")));
}

#[test]
fn logs_do_everything_from_c() {
    run("logs.c", SANITIZERS);
}

#[test]
fn each_mistake_has_its_status_and_message() {
    run("bad_input.c", SANITIZERS);
}

#[test]
fn metrics_diagnostics_and_checks_work_from_c() {
    run("observe.c", SANITIZERS);
}

#[test]
fn a_forked_child_is_told_that_it_cannot_use_its_parents_handles() {
    // The sanitizer's allocator may be locked by another thread when the child is forked off.
    run("fork.c", &[]);
}

#[test]
fn where_io_uring_is_forbidden_opening_says_so() {
    run("seccomp.c", SANITIZERS);
}
