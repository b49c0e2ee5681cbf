//! Programs in `tests/c`, each of which checks a part of the interface and says where it is broken.

use std::path::Path;
use std::process::Command;

use crate::toolbox::{compile, succeed};

/// Compiles a program of `tests/c` and runs it on a directory that does not exist yet.
fn run(name: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let program = compile(&Path::new("tests/c").join(name), scratch.path());
    succeed(Command::new(program).arg(scratch.path().join("store")));
}

#[test]
fn logs_do_everything_from_c() {
    run("logs.c");
}
