//! `openssl s_client`.

use std::process::{Command, Output};

use roundhouse_net::tls::{ClientCertificates, Resumption, ServerTls, TlsError};
use roundhouse_runtime::Shard;
use tempfile::TempDir;

use crate::identities::{Authority, NAME};
use crate::process::{converse, is_there};
use crate::server::{Client, Server};
use crate::shard::on_shard;

/// A server, and the files that a client needs.
struct Ends {
    shard: Shard,
    authority: Authority,
    server: Server,
    files: TempDir,
}

impl Ends {
    fn new(shard: &Shard, change: impl FnOnce(&Authority, &mut ServerTls)) -> Ends {
        let authority = Authority::new();
        let mut tls = authority.server();
        change(&authority, &mut tls);
        let server = Server::start(shard, &tls);
        let files = TempDir::new().unwrap();
        std::fs::write(files.path().join("authority.pem"), &authority.pem).unwrap();
        Ends { shard: shard.clone(), authority, server, files }
    }

    /// Connects, sends `input`, prints what comes back, and ends.
    async fn call(&self, options: &[&str], input: &str) -> Output {
        let address = self.server.address.to_string();
        let mut command = Command::new("openssl");
        command.current_dir(self.files.path());
        command.args(["s_client", "-quiet", "-no_ign_eof", "-connect", &address]);
        command.args(["-servername", NAME, "-verify_hostname", NAME, "-verify_return_error"]);
        command.args(["-CAfile", "authority.pem"]).args(options);
        converse(&self.shard, command, input.as_bytes().to_vec()).await
    }
}

const LINE: &str = "a line of sixty-four bytes, which as a command means nothing at all\n";
const PROTOCOL: &[&str] = &["-alpn", "test"];

#[test]
fn what_is_typed_comes_back() {
    if !is_there("openssl") {
        return;
    }
    on_shard(|shard| async move {
        let ends = Ends::new(&shard, |_, _| ());
        let sent = LINE.repeat(16 << 10);
        let output = ends.call(PROTOCOL, &sent).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(output.stdout == sent.as_bytes(), "what came back is not what was sent");
        let protocol = Some(b"test".to_vec());
        let client = Client { protocol, is_resumed: false, certificates: 0 };
        assert_eq!(ends.server.outcome().unwrap(), client);
    });
}

#[test]
fn a_session_is_resumed() {
    if !is_there("openssl") {
        return;
    }
    on_shard(|shard| async move {
        for resumption in [Resumption::default(), Resumption::Tickets] {
            let ends = Ends::new(&shard, |_, tls| tls.resumption = resumption.clone());
            let first = ends.call(&["-alpn", "test", "-sess_out", "session"], "hello\n").await;
            assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
            assert!(!ends.server.outcome().unwrap().is_resumed);
            let again = ends.call(&["-alpn", "test", "-sess_in", "session"], "hello\n").await;
            assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
            assert!(ends.server.outcome().unwrap().is_resumed, "{resumption:?}");
        }
    });
}

#[test]
fn a_client_shows_its_certificate() {
    if !is_there("openssl") {
        return;
    }
    on_shard(|shard| async move {
        let ends = Ends::new(&shard, |authority, tls| {
            tls.client_certificates = ClientCertificates::Required(authority.roots.clone());
        });
        let (certificate, key) = ends.authority.plain_pem();
        std::fs::write(ends.files.path().join("me.pem"), certificate + &key).unwrap();
        let output =
            ends.call(&["-alpn", "test", "-cert", "me.pem", "-key", "me.pem"], "x\n").await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Its own, and what OpenSSL adds.
        assert!(ends.server.outcome().unwrap().certificates > 0);

        ends.call(PROTOCOL, "x\n").await;
        assert!(matches!(ends.server.outcome(), Err(TlsError::Refused(_))));
    });
}

#[test]
fn other_protocols_versions_and_authorities_are_refused() {
    if !is_there("openssl") {
        return;
    }
    on_shard(|shard| async move {
        let ends = Ends::new(&shard, |_, _| ());
        let other = ends.call(&["-alpn", "other"], "").await;
        assert!(!other.status.success());
        assert!(matches!(ends.server.outcome(), Err(TlsError::Refused(_))));

        let old = ends.call(&["-tls1_2", "-alpn", "test"], "").await;
        assert!(!old.status.success());
        assert!(matches!(ends.server.outcome(), Err(TlsError::Refused(_))));

        let stranger = Authority::called("a stranger");
        std::fs::write(ends.files.path().join("authority.pem"), &stranger.pem).unwrap();
        let distrusting = ends.call(PROTOCOL, "").await;
        assert!(!distrusting.status.success());
        assert!(matches!(ends.server.outcome(), Err(TlsError::RefusedByPeer(_))));
    });
}
