//! Which option was meant, for the error that says a key does not exist.

use super::{OptionInfo, Options};

/// The option whose key is most like `key`: one that begins with it, else the one that takes the
/// fewest edits; of equals the first. Case does not count.
pub(super) fn nearest(key: &str) -> &'static OptionInfo {
    let key = key.to_ascii_lowercase();
    let unlikeness = |info: &&OptionInfo| (!info.key.starts_with(&key), distance(&key, info.key));
    Options::table().iter().min_by_key(unlikeness).expect("the table has rows")
}

/// Single characters to insert, delete or replace to make `to` of `from` (Levenshtein's distance).
fn distance(from: &str, to: &str) -> usize {
    // `row[i]` is the distance from what was read of `from` to the first `i` characters of `to`.
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for a in from.chars() {
        let mut diagonal = row[0];
        row[0] += 1;
        for (i, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[i + 1];
            row[i + 1] = replaced.min(row[i] + 1).min(diagonal + 1);
        }
    }
    row[to.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "pin", 3),
            ("pin", "", 3),
            ("pim", "pin", 1),
            ("spin", "pin", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), edits, "{from} -> {to}");
        }
    }
}
