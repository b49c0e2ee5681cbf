//! Running the command.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A scratch directory with room for a store.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(TempDir::new().expect("the temporary directory can be written to"))
    }

    /// Where the store goes; it does not exist yet.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a command on the store with small slots, which is quick, and waits until it has ended.
    pub(crate) fn run(&self, command: &str, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = self.start(command, arguments);
        let mut stdin = child.stdin.take().expect("it was piped");
        let input = input.to_vec();
        // It may end without having read everything.
        let feeder = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().expect("it was started");
        feeder.join().expect("writing does not panic");
        Ended {
            status: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("messages are text"),
        }
    }

    /// Starts a command on the store; its streams are piped.
    pub(crate) fn start(&self, command: &str, arguments: &[&str]) -> Child {
        let store = self.store();
        let directory = [OsStr::new(command), OsStr::new("--dir"), store.as_os_str()];
        Command::new(env!("CARGO_BIN_EXE_roundhouse"))
            .args(directory)
            .args(arguments)
            .env("ROUNDHOUSE_SLOT_SIZE", "1MiB")
            .env("ROUNDHOUSE_SYNC_METHOD", "dsync")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command was built")
    }

    /// Appends lines to the log `lines`.
    pub(crate) fn append(&self, input: &[u8]) -> Ended {
        self.run("append", &["--log", "lines"], input).expect_status(0)
    }

    /// What the log `lines` holds.
    pub(crate) fn read(&self) -> Vec<u8> {
        self.run("read", &["--log", "lines"], b"").expect_status(0).stdout
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn expect_status(self, status: i32) -> Ended {
        assert_eq!(self.status, Some(status), "{}", self.stderr);
        self
    }

    /// Asserts that it failed with one line that says all of `words`.
    #[track_caller]
    pub(crate) fn expect_failure(self, status: i32, words: &[&str]) {
        let said = self.expect_status(status).stderr;
        assert!(said.starts_with("roundhouse: ") && said.trim_end().lines().count() == 1, "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is missing in: {said}");
        }
    }

    pub(crate) fn stdout_text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("it is text")
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout_text().lines().last().unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).expect("it is JSON")
    }
}

/// Lines that are all different.
pub(crate) fn numbered_lines(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|number| format!("{number}:{:x<1$}\n", "", number % 90).into_bytes())
        .collect()
}

/// Whole lines in some bytes.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}
