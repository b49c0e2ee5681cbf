//! Programs in `tests/c`, each of which checks a part of the interface and says where it is broken.

use std::path::Path;
use std::process::Command;

use crate::toolbox::{SANITIZERS, compile, compile_cpp, is_there, make_certificate, succeed};

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
fn each_null_is_named() {
    run("null.c", SANITIZERS);
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

/// The same for a program that needs a certificate, which is in the directory of its second argument.
fn run_with_certificate(name: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let source = Path::new("tests/c").join(name);
    let program = compile("-std=c11", SANITIZERS, &source, scratch.path());
    let certificate = make_certificate(scratch.path());
    succeed(Command::new(program).arg(scratch.path().join("store")).arg(certificate));
}

#[test]
fn datagrams_and_streams_go_back_and_forth_from_c() {
    run_with_certificate("sockets.c");
}

#[test]
fn quic_does_everything_from_c() {
    run_with_certificate("quic.c");
}

#[test]
fn each_mistake_with_sockets_has_its_status_and_message() {
    run_with_certificate("bad_sockets.c");
}

#[test]
fn a_program_that_turns_its_shard_has_sockets_too() {
    run("hosted_sockets.c", SANITIZERS);
}

#[test]
fn the_wrappers_of_sockets_work_in_cpp() {
    if !is_there("c++") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let program = compile_cpp(Path::new("tests/c/sockets.cpp"), scratch.path());
    let certificate = make_certificate(scratch.path());
    succeed(Command::new(program).arg(scratch.path().join("store")).arg(certificate));
}
