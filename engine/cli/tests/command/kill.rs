//! Killed at any moment, nothing that was called durable is lost.

use std::io::{BufRead, BufReader, Read, Write};

use crate::roundhouse::{Scratch, count_lines, numbered_lines};

#[test]
fn a_killed_append_keeps_what_it_called_durable() {
    let scratch = Scratch::new();
    let input = numbered_lines(100_000);
    let starts: Vec<usize> = std::iter::once(0)
        .chain(input.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1))
        .collect();
    let mut stored = 0;
    for kill in 0..6 {
        let durability = ["always", "interval:5"][kill % 2];
        let durable = append_and_kill(&scratch, durability, &input[starts[stored]..], kill);
        let verified = scratch.run("verify", &[], b"");
        assert!(matches!(verified.status, Some(0 | 3)), "{verified:?}");
        let read = scratch.read();
        assert!(input.starts_with(&read), "kill {kill}: the records are not those of the input");
        let records = count_lines(&read);
        assert!(records >= stored + durable, "kill {kill}: {records} of {stored} + {durable}");
        scratch.run("verify", &[], b"").expect_status(0);
        stored = records;
    }
}

/// Kills an append after a few of its counts; returns the last one.
fn append_and_kill(scratch: &Scratch, durability: &str, input: &[u8], counts: usize) -> usize {
    let arguments = ["--log", "lines", "--durability", durability];
    let mut append = scratch.start("append", &arguments);
    let mut stdin = append.stdin.take().unwrap();
    let input = input[..input.len() / 3].to_vec();
    // The input stays open, so that the command does not end by itself.
    let feeder = std::thread::spawn(move || {
        stdin.write_all(&input).ok();
        stdin
    });
    let mut stdout = BufReader::new(append.stdout.take().unwrap());
    let mut said = String::new();
    for _ in 0..=counts.min(1) {
        stdout.read_line(&mut said).unwrap();
    }
    append.kill().unwrap();
    append.wait().unwrap();
    drop(feeder.join().unwrap());
    stdout.read_to_string(&mut said).unwrap();
    // A line that the kill cut off was not said.
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole.lines().last().and_then(|line| line.strip_prefix("durable "));
    last.map_or(0, |count| count.parse().unwrap())
}
