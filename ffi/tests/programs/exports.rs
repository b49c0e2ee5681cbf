//! The symbols of the library are the functions of the header, and the list of them is a decision.

use std::fs;
use std::process::Command;

use crate::toolbox::{library, succeed};

/// The functions that the library exports; adding one is a new minor version, removing one a break.
const EXPORTS: &str = include_str!("../../exports.txt");

#[test]
fn the_library_exports_what_the_list_says() {
    let table = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(library()));
    let mut found: Vec<&str> =
        table.lines().filter_map(|line| line.split_whitespace().last()).collect();
    found.sort_unstable();
    assert_eq!(found, EXPORTS.lines().collect::<Vec<_>>());
}

#[test]
fn the_header_declares_what_the_list_says() {
    let header = fs::read_to_string("../include/roundhouse.h").unwrap();
    let is_comment =
        |line: &&str| ["//", "/*", "*"].iter().any(|at| line.trim_start().starts_with(at));
    let code = header.lines().filter(|line| !is_comment(line));
    let mut found: Vec<&str> = code.filter_map(declared).collect();
    found.sort_unstable();
    assert_eq!(found, EXPORTS.lines().collect::<Vec<_>>());
}

/// The function that a line begins to declare.
fn declared(line: &str) -> Option<&str> {
    let before = line.split('(').next().filter(|before| before.len() < line.len())?;
    let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    name.starts_with("rh_").then_some(name)
}
