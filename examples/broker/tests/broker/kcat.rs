//! kcat, with the librdkafka that Debian has.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::server::Server;

/// Runs kcat with `input`, and returns what it printed; `None` if it is not installed, which fails in
/// CI.
fn kcat(server: &Server, arguments: &[&str], input: &str) -> Option<String> {
    let address = server.address().to_string();
    // Its own time limit, so that a broker that does not answer fails the test instead of hanging it.
    let spawned = Command::new("timeout")
        .args(["120", "kcat", "-b", &address])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.expect("coreutils are there");
    // It may have ended already, if it is not there.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(COMMAND_NOT_FOUND) {
        assert!(std::env::var_os("CI").is_none(), "kcat is not installed: run .ci/install-tools");
        eprintln!("NOT TESTED: kcat is not installed; run .ci/install-tools");
        return None;
    }
    assert!(output.status.success(), "kcat {arguments:?}: {}\n{errors}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The status of `timeout` when the command is not there.
const COMMAND_NOT_FOUND: i32 = 127;

fn numbers(count: u32) -> String {
    let lines: Vec<String> = (0..count).map(|number| format!("{number} and some text\n")).collect();
    lines.concat()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_kcat_produces_with_any_codec_it_consumes() {
    let server = Server::start();
    let input = numbers(3000);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("compressed-{codec}");
        let produced = kcat(&server, &["-P", "-t", &topic, "-z", codec], &input);
        let Some(_) = produced else { return };
        let consumed = kcat(&server, &["-C", "-e", "-q", "-t", &topic], "").unwrap();
        assert_eq!(sorted(&consumed), sorted(&input), "{codec}");
    }
    server.stop();
}

#[test]
fn kcat_lists_keys_headers_and_offsets() {
    let server = Server::start();
    let produce = ["-P", "-t", "t", "-p", "1", "-K", ":", "-H", "color=red", "-H", "color=blue"];
    let Some(_) = kcat(&server, &produce, "key:value\n") else { return };
    let format = ["-C", "-e", "-q", "-t", "t", "-p", "1", "-f", "%p %o %k %s %h\n"];
    assert_eq!(kcat(&server, &format, "").unwrap(), "1 0 key value color=red,color=blue\n");
    let listed = kcat(&server, &["-L", "-t", "t"], "").unwrap();
    assert!(listed.contains("topic \"t\" with 4 partitions"), "{listed}");
    assert_eq!(kcat(&server, &["-Q", "-t", "t:1:-1"], "").unwrap(), "t [1] offset 1\n");
    server.stop();
}

#[test]
fn kcat_produces_idempotently() {
    let server = Server::start();
    let input = numbers(1000);
    let produce = ["-P", "-t", "t", "-p", "0", "-X", "enable.idempotence=true"];
    let Some(_) = kcat(&server, &produce, &input) else { return };
    assert_eq!(kcat(&server, &["-C", "-e", "-q", "-t", "t", "-p", "0"], "").unwrap(), input);
    server.stop();
}

#[test]
fn kcat_consumes_in_a_group_and_goes_on_where_it_left_off() {
    let server = Server::start();
    let input = numbers(500);
    let Some(_) = kcat(&server, &["-P", "-t", "t"], &input) else { return };
    // In a group kcat never ends by itself: it is told how many messages there are.
    let group = ["-q", "-X", "auto.offset.reset=earliest", "-c", "500", "-G", "readers", "t"];
    let consumed = kcat(&server, &group, "").unwrap();
    assert_eq!(sorted(&consumed), sorted(&input));
    let Some(_) = kcat(&server, &["-P", "-t", "t"], "one more\n") else { return };
    let group = ["-q", "-X", "auto.offset.reset=earliest", "-c", "1", "-G", "readers", "t"];
    assert_eq!(kcat(&server, &group, "").unwrap(), "one more\n");
    server.stop();
}
