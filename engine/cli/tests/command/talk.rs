//! What the command says when it is used wrongly, or asked about itself.

use std::fs;
use std::process::Command;

use roundhouse_base::checksum::crc64;

use crate::roundhouse::Scratch;

#[test]
fn another_number_of_shards_is_refused() {
    let scratch = Scratch::new();
    scratch.append(b"a\n");
    let append = scratch.run("append", &["--log", "lines", "--shards", "2"], b"b\n");
    append.expect_failure(1, &["created with 1 shards", "open it with 1"]);
    assert_eq!(scratch.read(), b"a\n");
}

#[test]
fn a_store_with_two_shards_opens_without_saying_so() {
    let scratch = Scratch::new();
    scratch.run("append", &["--log", "lines", "--shards", "2"], b"a\n").expect_status(0);
    scratch.append(b"b\n");
    assert_eq!(scratch.read(), b"a\nb\n");
    scratch.run("verify", &[], b"").expect_status(0);
}

#[test]
fn reading_where_no_store_is_creates_none() {
    let scratch = Scratch::new();
    for command in ["verify", "logs", "inspect", "repair"] {
        scratch.run(command, &[], b"").expect_failure(1, &["there is no store in"]);
    }
    let read = scratch.run("read", &["--log", "lines"], b"");
    read.expect_failure(1, &["there is no store in"]);
    assert!(!scratch.store().exists());
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.store()).unwrap();
    fs::write(scratch.store().join("holiday.jpg"), "photo").unwrap();
    let append = scratch.run("append", &["--log", "lines"], b"a\n");
    append.expect_failure(1, &["not a Roundhouse store", "holiday.jpg"]);
    assert_eq!(fs::read_dir(scratch.store()).unwrap().count(), 1);
}

#[test]
fn a_missing_log_is_named() {
    let scratch = Scratch::new();
    scratch.append(b"a\n");
    scratch.run("read", &["--log", "lime"], b"").expect_failure(1, &["no log named \"lime\""]);
}

#[test]
fn an_unknown_option_is_a_usage_error_that_names_the_nearest() {
    let scratch = Scratch::new();
    let append = scratch.run("append", &["--log", "lines", "--option", "memry=1GiB"], b"");
    append.expect_failure(2, &["memry", "memory"]);
    assert!(!scratch.store().exists());
    scratch.run("append", &["--log", "lines", "--durability", "often"], b"").expect_status(2);
    scratch.run("append", &["--log", "lines", "--colour"], b"").expect_status(2);
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    scratch.append(b"a\n");
    let superblock = scratch.store().join("shard-000").join("superblock");
    let mut newer = fs::read(&superblock).unwrap();
    for copy in newer.chunks_mut(4096) {
        // The version and the checksum stay where they are in every version.
        copy[8..10].copy_from_slice(&99_u16.to_le_bytes());
        let checksum = crc64(0, &copy[..4080]);
        copy[4088..].copy_from_slice(&checksum.to_le_bytes());
    }
    fs::write(&superblock, &newer).unwrap();
    for command in ["verify", "logs"] {
        let refused = scratch.run(command, &[], b"");
        refused.expect_failure(1, &["format version 99", "up to 1", "open it with a newer one"]);
    }
    let append = scratch.run("append", &["--log", "lines"], b"b\n");
    append.expect_failure(1, &["format version 99"]);
    assert!(fs::read(&superblock).unwrap() == newer);
}

#[test]
fn the_doctor_finds_this_machine_fit_and_its_json_parses() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.store()).unwrap();
    let examined = scratch.run("doctor", &["--json"], b"").expect_status(0).json();
    let findings = examined["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["name"] == "io_uring"));
    assert_eq!(findings.last().unwrap()["name"], "directory");
    assert_eq!(fs::read_dir(scratch.path().join("store")).unwrap().count(), 0);
}

#[test]
fn the_doctor_fails_for_a_directory_that_is_not_there() {
    let scratch = Scratch::new();
    let examined = scratch.run("doctor", &[], b"").expect_status(1);
    assert!(examined.stdout_text().contains("remedy: give an existing directory"));
}

#[test]
fn manual_and_completions_come_from_the_arguments() {
    let print = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roundhouse"));
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let manual = print(&["man"]);
    assert!(manual.contains(".TH roundhouse") && manual.contains("torn tail"), "{manual}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(print(&["completions", shell]).contains("verify"));
    }
}
