//! How long a file and how wide a line may be.

/// Files longer than this, with the length each has been granted and why it is one idea.
const LONG_FILES: &[(&str, usize)] = &[];

/// Files with lines that are wider; the list only shrinks.
const WIDE_FILES: &[&str] = &["engine/store/src/error.rs"];

/// Past this length a file usually holds a second idea.
const FILE_LINES_MAX: usize = 600;
/// rustfmt keeps what it can break to 100 columns. Comments, literals and the insides of macros are
/// left to their authors, who get this much.
const COLUMNS_MAX: usize = 120;

/// The file itself, if it is longer than it may be.
pub(crate) fn long_file(path: &str, text: &str) -> Vec<String> {
    let granted = LONG_FILES.iter().find(|(name, _)| *name == path);
    let lines_max = granted.map_or(FILE_LINES_MAX, |(_, lines)| *lines);
    let lines = text.lines().count();
    let message = format!("{path}: {lines} lines, at most {lines_max}; look for the second idea");
    if lines > lines_max { vec![message] } else { Vec::new() }
}

/// The lines that are wider than they may be, or the exception that `path` no longer needs.
pub(crate) fn wide_lines(path: &str, text: &str) -> Vec<String> {
    let columns = text.lines().map(|line| line.chars().count());
    let found: Vec<_> = (1..)
        .zip(columns)
        .filter(|(_, columns)| *columns > COLUMNS_MAX)
        .map(|(line, columns)| format!("{path}:{line}: {columns} columns, at most {COLUMNS_MAX}"))
        .collect();
    match (WIDE_FILES.contains(&path), found.is_empty()) {
        (false, _) => found,
        (true, false) => Vec::new(),
        (true, true) => vec![format!("{path}: has no wide line any more; drop the exception")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_one_line_too_long_is_found() {
        assert!(long_file("a.rs", &"x\n".repeat(FILE_LINES_MAX)).is_empty());
        assert_eq!(long_file("a.rs", &"x\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn a_line_one_column_too_wide_is_found_whatever_its_bytes() {
        let text = format!("a;\n{}\n{0}µ\n", "µ".repeat(COLUMNS_MAX));
        assert_eq!(wide_lines("a.rs", &text), ["a.rs:3: 121 columns, at most 120"]);
    }

    #[test]
    fn an_exception_that_is_not_needed_is_found() {
        let wide = "-".repeat(COLUMNS_MAX + 1);
        for path in WIDE_FILES {
            assert!(wide_lines(path, &wide).is_empty());
            assert_eq!(wide_lines(path, "").len(), 1);
        }
    }
}
