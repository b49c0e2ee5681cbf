//! How long a function may be.

use crate::rust_text::{RustText, words};
use crate::tree::SourceFile;

/// Functions that are longer, each with its exact length: the list only shrinks.
const LONG_FUNCTIONS: &[LongFunction] = &[];

/// A function longer than this does not fit on a screen.
const FUNCTION_LINES_MAX: usize = 70;

struct LongFunction {
    path: &'static str,
    name: &'static str,
    lines: usize,
}

/// A function with a body: where it starts and how many lines it has, signature included.
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions that are longer than they may be.
pub(crate) fn long_functions(path: &str, text: &str) -> Vec<String> {
    let too_long = |function: &Function| function.lines > lines_max(path, &function.name);
    functions(text)
        .into_iter()
        .filter(too_long)
        .map(|Function { name, line, lines }| {
            let lines_max = lines_max(path, &name);
            format!("{path}:{line}: `{name}` has {lines} lines, at most {lines_max}")
        })
        .collect()
}

/// The granted lengths that no function needs any more.
pub(crate) fn stale_exceptions(files: &[SourceFile]) -> Vec<String> {
    let is_needed = |exception: &LongFunction| {
        files.iter().filter(|file| file.path == exception.path).any(|file| {
            let named = |f: &Function| f.name == exception.name && f.lines == exception.lines;
            functions(&file.text).iter().any(named)
        })
    };
    LONG_FUNCTIONS
        .iter()
        .filter(|exception| !is_needed(exception))
        .map(|LongFunction { path, name, lines }| {
            format!("{path}: `{name}` no longer has {lines} lines; lower or drop the exception")
        })
        .collect()
}

fn lines_max(path: &str, name: &str) -> usize {
    let granted = LONG_FUNCTIONS.iter().find(|f| f.path == path && f.name == name);
    granted.map_or(FUNCTION_LINES_MAX, |f| f.lines)
}

fn functions(text: &str) -> Vec<Function> {
    let code = RustText::new(text).code;
    let mut all = words(&code);
    let mut found = Vec::new();
    while let Some((at, word)) = all.next() {
        if word != "fn" {
            continue;
        }
        let Some((_, name)) = all.next() else { break };
        if let Some(end) = body_end(&code[at..]) {
            let line = code[..at].matches('\n').count() + 1;
            let lines = code[at..at + end].matches('\n').count() + 1;
            found.push(Function { name: name.to_owned(), line, lines });
        }
    }
    found
}

/// Where the body of the function that starts `code` ends; `None` for a declaration, and for a
/// function's type, which is closed by what it stands in.
fn body_end(code: &str) -> Option<usize> {
    let mut braces = 0;
    // `;` inside `[u8; 4]` does not end a declaration.
    let mut brackets = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' => braces += 1,
            '}' => braces -= 1,
            _ => {}
        }
        let is_outside = braces == 0 && brackets == 0;
        match c {
            _ if braces < 0 || brackets < 0 => return None,
            ';' if is_outside => return None,
            '}' if is_outside => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lines(lines: usize) -> String {
        format!("trait A {{ fn a(x: [u8; 2]); }}\nfn b() {{{}}}\n", "\n".repeat(lines - 1))
    }

    #[test]
    fn a_function_one_line_too_long_is_found() {
        assert!(long_functions("a.rs", &of_lines(FUNCTION_LINES_MAX)).is_empty());
        let found = long_functions("a.rs", &of_lines(FUNCTION_LINES_MAX + 1));
        assert_eq!(found, ["a.rs:2: `b` has 71 lines, at most 70"]);
    }

    #[test]
    fn the_signature_counts_and_braces_in_literals_do_not() {
        let text = "fn a<B, C>(\n    d: [u8; 2],\n) -> impl E<F = B> {\n\
            g(\"}\", '}'); // }\n    { h }\n}\nfn i() {}\n";
        let lengths: Vec<_> = functions(text).iter().map(|f| (f.line, f.lines)).collect();
        assert_eq!(lengths, [(1, 6), (7, 1)]);
    }

    #[test]
    fn the_type_of_a_function_is_none() {
        let text = "struct A {\n    b: fn(u8) -> u8,\n}\nfn c(d: fn()) {\n    d();\n}\n";
        let names: Vec<_> = functions(text).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["c"]);
    }

    #[test]
    fn every_exception_names_a_file_that_is_there() {
        assert_eq!(stale_exceptions(&[]).len(), LONG_FUNCTIONS.len());
    }
}
