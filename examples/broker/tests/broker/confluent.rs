//! confluent-kafka, the Python client over a recent librdkafka. The cases are in
//! `confluent_cases.py`; the interpreter is installed by `.ci/install-tools`, beside the build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::Server;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broker/confluent_cases.py");

/// Runs a case against a broker of its own. Where the client is not installed this says so, and fails
/// in CI.
fn run(case: &str) {
    let server = Server::start();
    run_script(&[case, &server.address().to_string()]);
    server.stop();
}

fn run_script(arguments: &[&str]) {
    let Some(python) = python() else {
        let missing = "confluent-kafka is not installed: run .ci/install-tools";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("NOT TESTED: {missing}");
        return;
    };
    // A time limit of its own, so that a client that waits for ever fails the test.
    let ended = Command::new("timeout")
        .arg("300")
        .arg(python)
        .arg(SCRIPT)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("coreutils are there");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{arguments:?}: {}\n{said}", ended.status);
}

/// The interpreter that has the client: in `interop` in the build's own directory.
fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its executable");
    let has_client = |folder: &Path| folder.join("interop/bin/python3");
    test.ancestors().map(has_client).find(|python| python.exists())
}

#[test]
fn idempotent_production_with_headers_and_large_messages() {
    run("idempotent");
}

#[test]
fn offsets_committed_by_hand_and_automatically_are_where_consuming_goes_on() {
    run("commits");
}

#[test]
fn three_consumers_that_come_and_go_miss_nothing() {
    run("rebalance");
}

#[test]
fn consuming_begins_at_a_time() {
    run("timestamps");
}

#[test]
fn administrators_create_change_and_delete() {
    run("administration");
}

/// The long form is the script itself: `confluent_cases.py kills PROGRAM 50`.
#[test]
fn whatever_was_acknowledged_before_a_kill_is_there_once_and_in_order() {
    run_script(&["kills", env!("CARGO_BIN_EXE_broker"), "4"]);
}
