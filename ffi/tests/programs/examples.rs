//! The programs of `examples/c`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use crate::toolbox::{
    EXAMPLES, SANITIZERS, compile, compile_cpp, is_there, library, make_certificate, start, succeed,
};

#[test]
fn what_log_c_calls_durable_is_there_after_a_kill() {
    let scratch = tempfile::tempdir().unwrap();
    let program =
        compile("-std=c99", SANITIZERS, &Path::new(EXAMPLES).join("log.c"), scratch.path());
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

/// Compiles a program of `examples/c` and runs it with directories that do not exist yet, and arguments.
fn run(name: &str, directories: usize, arguments: &[&str]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let program = compile("-std=c99", SANITIZERS, &Path::new(EXAMPLES).join(name), scratch.path());
    let stores = (0..directories).map(|number| scratch.path().join(format!("store-{number}")));
    succeed(Command::new(program).args(stores).args(arguments))
}

#[test]
fn follow_c_reads_what_another_thread_appends() {
    let printed = run("follow.c", 1, &["200"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!((lines[0], lines[199]), ("0: line 0", "199: line 199"));
    assert_eq!(lines[200..], ["RH_E_CANCELED"]);
}

#[test]
fn two_engines_c_copies_from_one_store_to_the_other() {
    assert_eq!(run("two_engines.c", 2, &[]), "copied 100, durable 100\nclosed both\n");
}

#[test]
fn embed_epoll_c_drives_the_shard_itself() {
    assert_eq!(run("embed_epoll.c", 1, &["500"]), "durable 500\n");
}

#[test]
fn bench_c_runs_every_case() {
    for case in ["each", "many", "batch", "alone", "hosted"] {
        let cost: f64 = run("bench.c", 1, &[case, "0.05"]).trim().parse().unwrap();
        assert!(cost > 0.0, "{case}: {cost}");
    }
}

#[test]
fn echo_c_answers_in_every_protocol() {
    let scratch = tempfile::tempdir().unwrap();
    let source = Path::new(EXAMPLES).join("echo.c");
    let program = compile("-std=c99", SANITIZERS, &source, scratch.path());
    echo_in_every_protocol(&program, scratch.path(), scratch.path());
}

/// Runs both sides of echo.c, which find the library in `libraries` or where they were linked with it.
pub(crate) fn echo_in_every_protocol(program: &Path, libraries: &Path, scratch: &Path) {
    let tls = make_certificate(scratch);
    let (certificate, key) = (tls.join("certificate.pem"), tls.join("key.pem"));
    let echo = || {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", libraries);
        command
    };
    for protocol in ["udp", "tcp", "tls", "quic"] {
        let is_secure = matches!(protocol, "tls" | "quic");
        let stores = tempfile::tempdir_in(scratch).unwrap();
        let place = |role: &str| stores.path().join(format!("{protocol} {role}"));
        let mut serve = echo();
        serve.arg("serve").arg(place("server")).args([protocol, "127.0.0.1:0", "2"]);
        if is_secure {
            serve.args([&certificate, &key]);
        }
        let mut server = start(&mut serve);
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap().unwrap();
        for text in ["once", "and again"] {
            let mut call = echo();
            call.arg("call").arg(place("client")).args([protocol, &address, text]);
            if is_secure {
                call.arg(&certificate);
            }
            assert_eq!(succeed(&mut call), text, "{protocol}");
        }
        assert!(server.wait().unwrap().success(), "{protocol}");
    }
}

#[test]
fn log_cpp_appends_and_reads() {
    if !is_there("c++") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let program = compile_cpp(&Path::new(EXAMPLES).join("log.cpp"), scratch.path());
    let printed = succeed(Command::new(program).arg(scratch.path().join("store")).arg("20"));
    assert!(printed.ends_with("19: line 19\n20 lines\n"), "{printed}");
}

#[test]
fn python_hosts_the_library_by_ctypes() {
    if !is_there("python3") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut python = Command::new("python3");
    python.arg(Path::new(EXAMPLES).join("log.py")).arg(library());
    assert_eq!(succeed(python.arg(scratch.path().join("store")).arg("50")), "50 lines\n");
}
