//! Words and names that may not appear.

use crate::rust_text::{RustText, words};

/// Macros that stand for code that is not there yet, or that was not meant to stay.
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];
/// The same in comments.
const UNFINISHED_NOTES: &[&str] = &["FIXME", "XXX"];
/// Names that say nothing about what a file holds, so that everything ends up in it.
const VAGUE_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

/// Each place that says its code is not finished.
pub(crate) fn unfinished(path: &str, text: &str) -> Vec<String> {
    let parts = RustText::new(text);
    let lines = parts.code.lines().zip(parts.comments.lines());
    let mut found = Vec::new();
    for (number, (code, comment)) in lines.enumerate() {
        let is_macro = |at: usize, word: &str| {
            UNFINISHED_MACROS.contains(&word) && code[at + word.len()..].starts_with('!')
        };
        let macros = words(code).filter(|(at, word)| is_macro(*at, word));
        let notes = words(comment).filter(|(_, word)| UNFINISHED_NOTES.contains(word));
        for (_, word) in macros.chain(notes) {
            found.push(format!("{path}:{}: `{word}`: finish it or leave it out", number + 1));
        }
    }
    found
}

/// The file itself, if it or a folder it is in has a name that says nothing.
pub(crate) fn vague_name(path: &str) -> Vec<String> {
    path.trim_end_matches(".rs")
        .split('/')
        .filter(|part| VAGUE_NAMES.contains(part))
        .map(|part| format!("{path}: `{part}` says nothing; name what is in it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_code_and_notes_are_found_where_they_are() {
        let text = "fn a() {\n    todo!()\n}\n// FIXME: b\nlet x = dbg!(c); // XXX\n";
        let found = unfinished("a.rs", text);
        assert_eq!(found.len(), 4);
        assert!(found[0].starts_with("a.rs:2: `todo`"), "{found:?}");
    }

    #[test]
    fn the_same_words_as_data_or_inside_other_words_are_fine() {
        let text = "let todo = \"FIXME todo!\"; // XXXX and todo! are spoken of here\n";
        assert!(unfinished("a.rs", text).is_empty());
    }

    #[test]
    fn a_vague_name_is_found_for_files_and_folders() {
        assert_eq!(vague_name("engine/a/src/utils.rs").len(), 1);
        assert_eq!(vague_name("engine/a/tests/common/mod.rs").len(), 1);
        assert!(vague_name("engine/a/src/commit.rs").is_empty());
    }
}
