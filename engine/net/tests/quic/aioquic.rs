//! aioquic, in a process of its own.
//!
//! It is installed by `.ci/install-tools`, beside the build. Where it is not, the tests with it say
//! so and do nothing, but in CI they fail.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::identities::Authority;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/quic/aioquic_peer.py");

/// Where aioquic is, and certificates in files, since it wants them there.
pub(crate) struct Aioquic {
    python: PathBuf,
    files: TempDir,
}

impl Aioquic {
    /// `None` if it is not installed.
    ///
    /// # Panics
    /// If it is not, and this is CI.
    pub(crate) fn find(authority: &Authority) -> Option<Aioquic> {
        let Some(python) = python() else {
            assert!(std::env::var_os("CI").is_none(), "{MISSING}");
            // Not by a macro, whose output a test that passes does not show.
            let mut terminal = std::io::stderr().lock();
            writeln!(terminal, "{MISSING}").unwrap();
            return None;
        };
        let files = TempDir::new().unwrap();
        std::fs::write(files.path().join("authority.pem"), &authority.pem).unwrap();
        Some(Aioquic { python, files })
    }

    /// Tries a case as a client.
    ///
    /// # Panics
    /// If it does not go well.
    pub(crate) fn call(&self, case: &str, server: SocketAddr) {
        let authority = self.files.path().join("authority.pem");
        let port = server.port().to_string();
        let mut command = Command::new(&self.python);
        command.args([SCRIPT, "call", case, "--port", &port, "--authority"]).arg(authority);
        let ended = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{case}: {}\n{said}", ended.status);
    }

    /// Starts a server with a certificate of the authority's.
    pub(crate) fn serve(&self, authority: &Authority, options: &[&str]) -> Server {
        let (certificate, key) = authority.plain_pem();
        let write = |name: &str, pem: String| {
            let path = self.files.path().join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        let mut child = Command::new(&self.python)
            .args([SCRIPT, "serve", "--certificate"])
            .arg(write("certificate.pem", certificate))
            .arg("--key")
            .arg(write("key.pem", key))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("the server says its port");
        Server { child, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }
}

/// A server of aioquic; it ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let ended = self.child.wait().expect("a child can be waited for");
        if !std::thread::panicking() {
            assert!(ended.success(), "the server of aioquic ended with {ended}");
        }
    }
}

const MISSING: &str = "NOT TESTED HERE: QUIC against aioquic, which is not installed \
    (.ci/install-tools installs it beside the build)";

/// The interpreter that has aioquic: in `interop` in the build's own directory.
fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its executable");
    let installed = |folder: &Path| folder.join("interop/bin/python3");
    test.ancestors().map(installed).find(|python| python.exists())
}
