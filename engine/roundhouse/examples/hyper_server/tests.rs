//! h2load, the load generator of nghttp2, against the server.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::process::{Command, Output};

use futures_util::future::{Either, select};
use roundhouse::{Engine, ShardHandle, ShardId, block_on};

use super::{Version, run};

const REQUESTS: &str = "2000";

#[test]
fn every_request_over_http_2_is_answered() {
    let options = ["--requests", REQUESTS, "--clients", "8", "--max-concurrent-streams", "20"];
    load(Version::Http2, &options);
}

#[test]
fn every_request_over_http_1_is_answered() {
    load(Version::Http1, &["--requests", REQUESTS, "--clients", "8", "--h1"]);
}

#[test]
fn every_body_that_was_posted_is_in_the_log() {
    let body = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&body, [b'b'; 3000]).unwrap();
    let body = body.path().to_str().unwrap();
    let options = ["--requests", "200", "--clients", "4", "--data", body];
    let appended = load(Version::Http2, &options);
    assert!(appended.is_none_or(|appended| appended == 200), "{appended:?} records");
}

/// Runs h2load with these options; every request must succeed. Says how many records the log has
/// then; `None`, and so printed, where h2load is missing, which in CI is a failure.
fn load(version: Version, options: &[&str]) -> Option<u64> {
    if !Command::new("h2load").arg("--version").output().is_ok_and(|it| it.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "{MISSING}");
        // Not by a macro, whose output a test that passes does not show.
        writeln!(std::io::stderr().lock(), "{MISSING}").unwrap();
        return None;
    }
    let scratch = tempfile::tempdir().unwrap();
    let (output, appended) = block_on(async {
        let mut builder = Engine::builder(scratch.path().join("data"));
        for (key, value) in OPTIONS {
            builder = builder.option(key, value).unwrap();
        }
        let engine = builder.open().await.unwrap();
        let address = free_address();
        let serving = pin!(run(&engine, address, version));
        let calling = pin!(call(&engine, address, options));
        let output = match select(serving, calling).await {
            Either::Left((served, _)) => panic!("the server ended: {served:?}"),
            Either::Right((output, _)) => output,
        };
        let appended = engine.metrics().await.unwrap().counter("records_appended");
        (output, appended)
    });
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let requests = options[1];
    let all = format!("{requests} done, {requests} succeeded, 0 failed, 0 errored, 0 timeout");
    assert!(said.contains(&all), "{said}");
    appended
}

const MISSING: &str = "NOT TESTED HERE: HTTP by h2load, which is not installed \
    (.ci/install-tools installs it)";

const OPTIONS: [(&str, &str); 6] = [
    ("shards", "2"),
    ("slot_size", "1MiB"),
    ("memory", "64MiB"),
    ("sync_method", "dsync"),
    ("zero_slots", "false"),
    ("spin", "never"),
];

/// One that was free a moment ago: the server listens by `SO_REUSEPORT`, on several shards.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn call(engine: &Engine, address: SocketAddr, options: &[&str]) -> Output {
    // Not before the shards have had their turn: what the server does on each comes first.
    let wait = async move |shard: ShardHandle| {
        for _ in 0..2000 {
            if std::net::TcpStream::connect(address).is_ok() {
                return;
            }
            shard.runtime().sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    engine.spawn_on(ShardId(0), wait).await.unwrap();
    let mut h2load = Command::new("h2load");
    h2load.args(options).arg(format!("http://{address}/"));
    let (ended, output) = futures_channel::oneshot::channel();
    std::thread::spawn(move || ended.send(h2load.output().expect("it was there before")));
    output.await.expect("the thread ends with an output")
}
