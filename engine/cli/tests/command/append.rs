//! What goes in comes out.

use std::io::{BufRead, BufReader, Write};

use crate::roundhouse::{Scratch, count_lines, numbered_lines};

#[test]
fn lines_come_back_byte_for_byte_and_all_are_durable() {
    let scratch = Scratch::new();
    let mut input = numbered_lines(20_000);
    input.extend_from_slice(b"\n\n\xff\xfe\0binary\r\n\n");
    let lines = count_lines(&input);
    let appended = scratch.append(&input);
    assert_eq!(appended.last_line(), format!("durable {lines}"));
    assert!(scratch.read() == input);
}

#[test]
fn a_last_line_without_newline_is_a_record_and_it_is_said_that_it_gets_one() {
    let scratch = Scratch::new();
    let appended = scratch.append(b"one\ntwo");
    assert_eq!(appended.last_line(), "durable 2");
    assert!(appended.stderr.contains("does not end with a newline"), "{}", appended.stderr);
    assert_eq!(scratch.read(), b"one\ntwo\n");
}

#[test]
fn length_prefixed_records_may_be_anything() {
    let scratch = Scratch::new();
    let mut input = Vec::new();
    for record in [&b""[..], b"\n", b"a\nb\0", &vec![b'x'; 50_000]] {
        input.extend_from_slice(&(record.len() as u32).to_le_bytes());
        input.extend_from_slice(record);
    }
    let arguments = ["--log", "binary", "--framing", "len32"];
    assert_eq!(scratch.run("append", &arguments, &input).last_line(), "durable 4");
    assert!(scratch.run("read", &arguments, b"").stdout == input);
    let cut_off = scratch.run("append", &arguments, &[5, 0, 0, 0, 1]);
    cut_off.expect_status(1);
}

#[test]
fn every_durability_ends_with_everything_durable() {
    let scratch = Scratch::new();
    let input = numbered_lines(500);
    for durability in ["always", "interval:5", "never"] {
        let arguments = ["--log", durability, "--durability", durability];
        let appended = scratch.run("append", &arguments, &input).expect_status(0);
        assert_eq!(appended.last_line(), "durable 500", "{durability}");
        assert!(scratch.run("read", &["--log", durability], b"").stdout == input);
    }
}

#[test]
fn batches_fit_the_smallest_slots() {
    let scratch = Scratch::new();
    let input = numbered_lines(50_000);
    let arguments = ["--log", "lines", "--option", "slot_size=256KiB"];
    scratch.run("append", &arguments, &input).expect_status(0);
    assert!(scratch.read() == input);
}

#[test]
fn a_range_of_offsets_is_read_exactly() {
    let scratch = Scratch::new();
    scratch.append(b"a\nb\nc\nd\n");
    let read = |range: &[&str]| {
        let arguments = [&["--log", "lines"], range].concat();
        scratch.run("read", &arguments, b"").expect_status(0).stdout
    };
    assert_eq!(read(&["--from", "1", "--to", "3"]), b"b\nc\n");
    assert_eq!(read(&["--from", "3", "--to", "9"]), b"d\n");
    assert_eq!(read(&["--from", "4"]), b"");
    assert_eq!(read(&["--to", "0"]), b"");
}

#[test]
fn following_shows_what_is_there_and_keeps_others_out() {
    let scratch = Scratch::new();
    scratch.append(b"a\nb\n");
    let mut following = scratch.start("read", &["--log", "lines", "--follow"]);
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "a");
    assert_eq!(lines.next().unwrap().unwrap(), "b");
    let append = scratch.run("append", &["--log", "lines"], b"c\n");
    append.expect_failure(1, &["in use by another process"]);
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn records_are_durable_while_the_input_is_still_open() {
    let scratch = Scratch::new();
    let mut append = scratch.start("append", &["--log", "lines"]);
    let mut stdin = append.stdin.take().unwrap();
    let mut counts = BufReader::new(append.stdout.take().unwrap()).lines();
    for count in 1..4 {
        stdin.write_all(b"line\n").unwrap();
        assert_eq!(counts.next().unwrap().unwrap(), format!("durable {count}"));
    }
    drop(stdin);
    assert!(append.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scratch = Scratch::new();
    scratch.append(&numbered_lines(20_000));
    let mut read = scratch.start("read", &["--log", "lines"]);
    drop(read.stdout.take());
    let ended = read.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn a_full_store_refuses_appends_clearly_and_still_reads() {
    let scratch = Scratch::new();
    let input = numbered_lines(200_000);
    let arguments = ["--log", "lines", "--option", "capacity=8MiB"];
    let full = scratch.run("append", &arguments, &input).expect_status(1);
    assert!(
        full.stderr.contains("no space") && full.stderr.contains("trim logs"),
        "{}",
        full.stderr
    );
    let durable: usize = full.last_line().strip_prefix("durable ").unwrap().parse().unwrap();
    let stored = scratch.read();
    assert!(durable > 0 && input.starts_with(&stored));
    assert_eq!(count_lines(&stored), durable);
}
