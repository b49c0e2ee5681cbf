//! `log.c`: what it calls durable survives a kill.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use crate::toolbox::{EXAMPLES, compile, start, succeed};

#[test]
fn what_log_c_calls_durable_is_there_after_a_kill() {
    let scratch = tempfile::tempdir().unwrap();
    let program = compile(&Path::new(EXAMPLES).join("log.c"), scratch.path());
    let store = scratch.path().join("store");

    let mut first = start(Command::new(&program).arg(&store).arg("100000000"));
    let lines = BufReader::new(first.stdout.take().unwrap()).lines().map(Result::unwrap);
    let durable: Vec<String> = lines.take(501).collect();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!((durable[0].as_str(), durable[500].as_str()), ("found 0", "durable 499"));

    let again = succeed(Command::new(&program).arg(&store).arg("0"));
    let found: u64 = again.lines().next().unwrap().strip_prefix("found ").unwrap().parse().unwrap();
    assert!(found >= 500, "{found} lines are left of at least 500 durable ones");
    assert!(again.ends_with("closed\n"), "{again}");
}
