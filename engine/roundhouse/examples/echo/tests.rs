//! Both sides, for each protocol, over the loopback interface.

use std::path::Path;
use std::pin::pin;

use clap::Parser;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use roundhouse::block_on;

use super::arguments::{Arguments, Call, Role, Serve};
use super::report::Report;
use super::{Failure, call, serve};

#[test]
fn datagrams_come_back() {
    let report = echo("udp", &["--outstanding", "4", "--connections", "3"]);
    let answers = report.latencies.count();
    assert!(answers > 0 && answers + report.lost >= 12, "{report}");
}

#[test]
fn streams_come_back() {
    let report = echo("tcp", &["--outstanding", "8", "--connections", "5", "--size", "100000"]);
    assert!(report.latencies.count() >= 40 && report.lost == 0, "{report}");
    assert_eq!(report.bytes, report.latencies.count() * 100_000);
}

#[test]
fn encrypted_streams_come_back() {
    let report = echo("tls", &["--outstanding", "8", "--connections", "2"]);
    assert!(report.latencies.count() >= 16 && report.lost == 0, "{report}");
}

#[test]
fn quic_streams_come_back() {
    let report = echo("quic", &["--outstanding", "8", "--connections", "2"]);
    assert!(report.latencies.count() >= 16 && report.lost == 0, "{report}");
}

#[test]
fn two_shards_serve_one_address_and_two_call_it() {
    for proto in ["udp", "tcp", "quic"] {
        let report = echo_on("2", proto, &["--connections", "7"]);
        assert!(report.latencies.count() + report.lost >= 7, "{proto}: {report}");
    }
}

#[test]
fn what_is_printed_names_rate_and_quantiles() {
    let text = echo("tcp", &[]).to_string();
    for word in ["answers", "rate", "p50", "p99", "p999"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_server_with_a_certificate_of_its_own_is_not_trusted_by_strangers() {
    let scratch = tempfile::tempdir().unwrap();
    let (certificate, key) = (scratch.path().join("chain.pem"), scratch.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let serve = ["--proto", "tls", "--certificate", certificate, "--key", key];
    let call = |name| ["--proto", "tls", "--trust", certificate, "--name", name];
    assert!(run(&serve, &call("other.test")).is_ok());
    assert!(run(&serve, &call("localhost")).is_err());
}

#[test]
fn impossible_arguments_are_refused_with_a_reason() {
    for (arguments, reason) in [
        (&["echo", "serve", "--proto", "sctp"][..], "possible values: udp, tcp, tls, quic"),
        (&["echo", "call", "--proto", "udp", "--size", "7"], "between 8 and"),
        (&["echo", "call", "--proto", "udp", "--outstanding", "0"], "between 1 and"),
        (&["echo", "call", "--proto", "udp", "--seconds", "0"], "more than 0"),
        (&["echo", "serve", "--proto", "tls", "--key", "k.pem"], "--certificate"),
    ] {
        let refused = Arguments::try_parse_from(arguments).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let unknown = run(&["--proto", "udp", "-o", "no_such=1"], &["--proto", "udp"]).map(drop);
    assert!(unknown.unwrap_err().to_string().contains("no_such"));
}

#[test]
fn the_published_certificate_is_where_callers_look_for_it() {
    let Role::Serve(serve) = parse(&["echo", "serve", "--proto", "tls"]) else { unreachable!() };
    let Role::Call(call) = parse(&["echo", "call", "--proto", "tls"]) else { unreachable!() };
    assert_eq!(Path::new(&serve.publish), call.trust);
    assert_eq!(serve.listen, call.to);
}

/// A server with one shard, and what a caller with these options measured.
fn echo(proto: &str, options: &[&str]) -> Report {
    echo_on("1", proto, options)
}

fn echo_on(shards: &str, proto: &str, options: &[&str]) -> Report {
    let scratch = tempfile::tempdir().unwrap();
    let certificate = scratch.path().join("certificate.pem");
    let certificate = certificate.to_str().unwrap();
    let serve = ["--proto", proto, "--publish", certificate, "--shards", shards];
    let call = ["--proto", proto, "--trust", certificate, "--shards", shards];
    run(&serve, &[&call, options].concat()).unwrap()
}

fn run(serve: &[&str], call: &[&str]) -> Result<Report, Failure> {
    let serve = parse(&[&["echo", "serve", "--listen", "127.0.0.1:0"], serve].concat());
    let call = parse(&[&["echo", "call", "--seconds", "0.1"], call].concat());
    let (Role::Serve(serve), Role::Call(call)) = (serve, call) else { unreachable!("as parsed") };
    block_on(serve_and_call(&serve, call))
}

fn parse(arguments: &[&str]) -> Role {
    let quiet = ["-o", "spin=never", "-o", "sync_method=dsync", "-o", "memory=64MiB"];
    Arguments::try_parse_from([arguments, &quiet].concat()).unwrap().role
}

async fn serve_and_call(serve: &Serve, mut call: Call) -> Result<Report, Failure> {
    let (found, address) = oneshot::channel();
    let serving = pin!(serve::run(serve, |address| _ = found.send(address)));
    let calling = pin!(async {
        // Without an address the server has failed, and says so itself.
        call.to = match address.await {
            Ok(address) => address,
            Err(_) => std::future::pending().await,
        };
        call::run(&call).await
    });
    match select(serving, calling).await {
        Either::Left((served, _)) => Err(served.err().unwrap_or("the server ended".into())),
        Either::Right((report, _)) => report,
    }
}
