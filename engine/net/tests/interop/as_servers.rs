//! The command of OpenSSL and the module `ssl` of Python as servers of our connector.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use futures_util::future::join;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use roundhouse_net::tls::{ClientTls, TlsConnector, TlsError, TlsStream};
use roundhouse_net::{TcpConnector, TcpOptions};
use roundhouse_runtime::Shard;
use tempfile::TempDir;

use crate::identities::{Authority, NAME};
use crate::process::is_there;
use crate::shard::on_shard;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/tls_server.py");
const TRANSFER_BYTES: usize = 10 * 1024 * 1024;

/// Somebody else's server, in a process that ends with this.
struct Server {
    child: Child,
    address: SocketAddr,
    _files: TempDir,
}

impl Server {
    /// Starts a program in a folder with the certificates, and learns its port from its first line
    /// of output that ends with one.
    fn start(authority: &Authority, command: &mut Command) -> Server {
        let files = TempDir::new().unwrap();
        let (certificate, key) = authority.plain_pem();
        std::fs::write(files.path().join("server.pem"), certificate + &key).unwrap();
        std::fs::write(files.path().join("authority.pem"), &authority.pem).unwrap();
        command.current_dir(files.path()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program was there before");
        let output = child.stdout.as_mut().expect("it was asked for");
        let mut lines = BufReader::new(output).lines();
        let port = lines.find_map(|line| line.unwrap().rsplit(':').next()?.trim().parse().ok());
        let port: u16 = port.expect("a server says where it is");
        Server { child, address: ([127, 0, 0, 1], port).into(), _files: files }
    }

    fn python(authority: &Authority, options: &[&str]) -> Server {
        Server::start(authority, Command::new("python3").args([SCRIPT, "."]).args(options))
    }

    /// Sends back each line the other way round.
    fn openssl(authority: &Authority, options: &[&str]) -> Server {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-rev", "-accept", "127.0.0.1:0", "-alpn", "test"]);
        command.args(["-cert", "server.pem", "-key", "server.pem"]).args(options);
        Server::start(authority, &mut command)
    }

    async fn connect(&self, shard: &Shard, tls: &TlsConnector) -> Result<TlsStream, TlsError> {
        let connector = TcpConnector::new(shard, TcpOptions::default());
        let stream = connector.connect(self.address).await.expect("the server listens");
        tls.connect(stream, NAME).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the test noticed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn connector(tls: &ClientTls) -> TlsConnector {
    TlsConnector::new(tls).unwrap()
}

async fn say(stream: &mut TlsStream, line: &[u8]) -> Vec<u8> {
    stream.write_all(line).await.unwrap();
    let mut back = vec![0; line.len()];
    stream.read_exact(&mut back).await.unwrap();
    back
}

#[test]
fn ten_mebibytes_come_back_from_a_server_of_python_and_both_sides_say_goodbye() {
    if !is_there("python3") {
        return;
    }
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::python(&authority, &[]);
        let stream = server.connect(&shard, &connector(&authority.client())).await.unwrap();
        assert_eq!(stream.protocol(), Some(&b"test"[..]));
        let sent: Vec<u8> = (0..TRANSFER_BYTES).map(|at| (at / 7) as u8).collect();
        let (mut receiving, mut sending) = stream.split();
        let send = async {
            sending.write_all(&sent).await.unwrap();
            sending.close().await.unwrap();
        };
        let mut back = Vec::new();
        // Fails unless the server takes leave before it closes.
        let ((), received) = join(send, receiving.read_to_end(&mut back)).await;
        received.unwrap();
        assert!(back == sent, "what came back is not what was sent");
    });
}

#[test]
fn a_server_of_python_resumes_a_session_and_sees_a_certificate() {
    if !is_there("python3") {
        return;
    }
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::python(&authority, &[]);
        let tls = connector(&authority.client());
        for is_resumed in [false, true] {
            let mut stream = server.connect(&shard, &tls).await.unwrap();
            assert_eq!(say(&mut stream, b"hello").await, b"hello");
            assert_eq!(stream.is_resumed(), is_resumed);
            stream.close().await.unwrap();
        }
        drop(server);

        let server = Server::python(&authority, &["--certificate"]);
        let mut named = authority.client();
        named.identity = Some(authority.identity("a client"));
        let mut stream = server.connect(&shard, &connector(&named)).await.unwrap();
        assert_eq!(say(&mut stream, b"hello").await, b"hello");
    });
}

#[test]
fn a_server_of_openssl_answers_resumes_and_is_told_apart() {
    if !is_there("openssl") {
        return;
    }
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::openssl(&authority, &["-tls1_3"]);
        let tls = connector(&authority.client());
        for is_resumed in [false, true] {
            let mut stream = server.connect(&shard, &tls).await.unwrap();
            assert_eq!(stream.protocol(), Some(&b"test"[..]));
            assert_eq!(say(&mut stream, b"abc\n").await, b"cba\n");
            assert_eq!(stream.is_resumed(), is_resumed);
            stream.close().await.unwrap();
        }
        let stranger = Authority::called("a stranger");
        let distrusting = server.connect(&shard, &connector(&stranger.client())).await;
        assert!(matches!(distrusting, Err(TlsError::Refused(_))), "{distrusting:?}");
    });
}

#[test]
fn an_old_version_of_a_server_of_openssl_is_refused() {
    if !is_there("openssl") {
        return;
    }
    on_shard(|shard| async move {
        let authority = Authority::new();
        let server = Server::openssl(&authority, &["-tls1_2"]);
        let refused = server.connect(&shard, &connector(&authority.client())).await;
        assert!(refused.is_err(), "{refused:?}");
    });
}
