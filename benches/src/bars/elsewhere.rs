//! Bars that no suite of this program can judge: a record of what was last seen of each, and by what command.

use serde::Deserialize;

/// A bar, and what became of it where it was judged last.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Elsewhere {
    /// The aim in words.
    pub(crate) bar: String,
    /// What judges it.
    pub(crate) command: String,
    /// The day.
    pub(crate) seen: String,
    /// The figure.
    pub(crate) found: String,
    pub(crate) is_met: bool,
    /// What stands in its way where it is missed.
    pub(crate) hindrance: String,
}

/// The record, in the order of the layers, an object a line. Whoever runs one of the commands on the
/// reference machine and sees something else puts it there.
const RECORD: &str = include_str!("../../elsewhere.jsonl");

/// All of it.
pub(crate) fn elsewhere() -> Vec<Elsewhere> {
    let parse =
        |line| serde_json::from_str(line).expect("a test reads the record, which is built in");
    RECORD.lines().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_can_be_read_and_says_why_a_bar_is_missed() {
        let record = elsewhere();
        assert!(!record.is_empty());
        for Elsewhere { bar, is_met, hindrance, .. } in &record {
            assert!(*is_met || !hindrance.is_empty(), "{bar}");
        }
    }
}
