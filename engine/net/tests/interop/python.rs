//! The module `ssl` of Python, which brings along a TLS library of its own choice.

use std::process::Command;

use roundhouse_net::tls::{ClientCertificates, TlsError};
use roundhouse_runtime::Shard;
use tempfile::TempDir;

use crate::identities::{Authority, NAME};
use crate::process::{converse, is_there};
use crate::server::{Client, Server};
use crate::shard::on_shard;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/tls_client.py");

/// Runs a case of the script against a server.
async fn call(shard: &Shard, server: &Server, files: &TempDir, case: &str) {
    let mut command = Command::new("python3");
    let port = server.address.port().to_string();
    command.args([SCRIPT, case, &port, NAME]).arg(files.path());
    let output = converse(shard, command, Vec::new()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}: {}\n{said}", output.status);
}

fn files(authority: &Authority) -> TempDir {
    let files = TempDir::new().unwrap();
    std::fs::write(files.path().join("authority.pem"), &authority.pem).unwrap();
    let (certificate, key) = authority.plain_pem();
    std::fs::write(files.path().join("me.pem"), certificate + &key).unwrap();
    files
}

#[test]
fn ten_mebibytes_go_both_ways_and_both_sides_say_goodbye() {
    if !is_there("python3") {
        return;
    }
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::start(&shard, &authority.server());
        let files = files(&authority);
        call(&shard, &server, &files, "transfer").await;
        let protocol = Some(b"test".to_vec());
        let client = Client { protocol, is_resumed: false, certificates: 0 };
        assert_eq!(server.outcome().unwrap(), client);
        call(&shard, &server, &files, "wrong-name").await;
        assert!(matches!(server.outcome(), Err(TlsError::RefusedByPeer(_))));
    });
}

#[test]
fn a_session_is_resumed_and_a_certificate_shown() {
    if !is_there("python3") {
        return;
    }
    on_shard(|shard| async move {
        let authority = Authority::new();
        let mut tls = authority.server();
        tls.client_certificates = ClientCertificates::Required(authority.roots.clone());
        let server = Server::start(&shard, &tls);
        let files = files(&authority);
        call(&shard, &server, &files, "certificate").await;
        assert!(server.outcome().unwrap().certificates > 0);

        let server = Server::start(&shard, &authority.server());
        call(&shard, &server, &files, "resumption").await;
    });
}
