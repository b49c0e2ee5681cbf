//! Programs of others, in processes of their own.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use roundhouse_runtime::Shard;

/// Whether a program is there. Where it is not, the test says so and does nothing, but in CI it
/// fails.
///
/// # Panics
/// If it is not there, and this is CI.
pub(crate) fn is_there(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg(if program == "openssl" { "version" } else { "--version" });
    if version.output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let missing = format!("NOT TESTED HERE: {program} is missing (.ci/install-tools installs it)");
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    // Not by a macro, whose output a test that passes does not show.
    writeln!(std::io::stderr().lock(), "{missing}").expect("standard error takes a line");
    false
}

/// Runs a program while the shard goes on: sends `input`, waits for as many bytes to come back, and
/// only then ends its input, at which it is to end, too.
pub(crate) async fn converse(shard: &Shard, mut command: Command, input: Vec<u8>) -> Output {
    let running = thread::spawn(move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was there before");
        let mut stdin = child.stdin.take().expect("it was asked for");
        let expected = input.len() as u64;
        // A client that was refused takes nothing.
        let writing = thread::spawn(move || stdin.write_all(&input).map(|()| stdin));
        let mut back = Vec::new();
        let stdout = child.stdout.as_mut().expect("it was asked for");
        stdout.take(expected).read_to_end(&mut back).expect("a pipe can be read");
        drop(writing.join().expect("a write does not panic"));
        let mut output = child.wait_with_output().expect("a child can be waited for");
        output.stdout.splice(..0, back);
        output
    });
    while !running.is_finished() {
        shard.sleep(Duration::from_millis(2)).await;
    }
    running.join().expect("nothing above panics")
}
