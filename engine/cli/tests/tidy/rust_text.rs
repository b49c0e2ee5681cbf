//! Rust text taken apart into code and comments, well enough to count braces and find words.

/// Two copies of a text, each with the other's characters blanked, so that lines and columns keep
/// their numbers. The contents of string and character literals are in neither.
pub(crate) struct RustText {
    pub(crate) code: String,
    pub(crate) comments: String,
}

impl RustText {
    pub(crate) fn new(text: &str) -> Self {
        let mut scanner = Scanner {
            chars: text.chars().collect(),
            at: 0,
            parts: Self { code: String::new(), comments: String::new() },
        };
        while scanner.at < scanner.chars.len() {
            scanner.step();
        }
        scanner.parts
    }
}

/// The words of `line` (identifiers, keywords, numbers) with the column each starts at.
pub(crate) fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - line.as_ptr() as usize, word))
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Literal,
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    parts: RustText,
}

impl Scanner {
    fn step(&mut self) {
        if self.starts_with("//") {
            let end = self.find(self.at, |rest| rest[0] == '\n');
            self.take(Part::Comment, end);
        } else if self.starts_with("/*") {
            self.take(Part::Comment, self.block_comment_end());
        } else if let Some(hashes) = self.raw_string() {
            self.take(Part::Literal, self.raw_string_end(hashes));
        } else if self.chars[self.at] == '"' {
            self.take(Part::Literal, self.quoted_end('"'));
        } else if self.is_char_literal() {
            self.take(Part::Literal, self.quoted_end('\''));
        } else {
            self.take(Part::Code, self.at + 1);
        }
    }

    fn take(&mut self, part: Part, end: usize) {
        for &c in &self.chars[self.at..end] {
            let blank = if c == '\n' { c } else { ' ' };
            self.parts.code.push(if part == Part::Code { c } else { blank });
            self.parts.comments.push(if part == Part::Comment { c } else { blank });
        }
        self.at = end;
    }

    fn starts_with(&self, wanted: &str) -> bool {
        wanted.chars().zip(self.chars[self.at..].iter()).filter(|(a, b)| a == *b).count()
            == wanted.len()
    }

    /// The first place from `from` on whose rest `matches`, or the end of the text.
    fn find(&self, from: usize, matches: impl Fn(&[char]) -> bool) -> usize {
        let end = self.chars.len();
        (from.min(end)..end).find(|&at| matches(&self.chars[at..])).unwrap_or(end)
    }

    /// Block comments nest in Rust.
    fn block_comment_end(&self) -> usize {
        let mut depth = 1;
        let mut at = self.at + 2;
        while depth > 0 && at < self.chars.len() {
            match self.chars[at..] {
                ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
                ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
        }
        at
    }

    /// The number of hashes if a raw string such as `r#"…"#` starts here.
    fn raw_string(&self) -> Option<usize> {
        let starts_word = self.at == 0 || !is_word(self.chars[self.at - 1]) || self.after_prefix();
        if self.chars[self.at] != 'r' || !starts_word {
            return None;
        }
        let quote = self.find(self.at + 1, |rest| rest[0] != '#');
        (self.chars.get(quote) == Some(&'"')).then_some(quote - self.at - 1)
    }

    /// True between the two letters of `br` and `cr`.
    fn after_prefix(&self) -> bool {
        matches!(self.chars[self.at - 1], 'b' | 'c')
            && (self.at == 1 || !is_word(self.chars[self.at - 2]))
    }

    fn raw_string_end(&self, hashes: usize) -> usize {
        let closes = |rest: &[char]| {
            rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes
        };
        let close = self.find(self.at + hashes + 2, closes);
        (close + hashes + 1).min(self.chars.len())
    }

    fn quoted_end(&self, quote: char) -> usize {
        let mut at = self.at + 1;
        while at < self.chars.len() && self.chars[at] != quote {
            at += if self.chars[at] == '\\' { 2 } else { 1 };
        }
        (at + 1).min(self.chars.len())
    }

    /// Tells `'a'` and `'\n'` from the lifetime `'a`.
    fn is_char_literal(&self) -> bool {
        matches!(self.chars[self.at..], ['\'', '\\', ..] | ['\'', _, '\'', ..])
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        RustText::new(text).code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(code("a // { \"\nb /* { /* } */ */ c"), "a b c");
        assert_eq!(code(r#"a("{ \" }", '{', '\'', b'{')"#), "a( , , , b )");
        assert_eq!(code("a(r\"\\\", br#\"{\"}\"#, r#type)"), "a( , b , r#type)");
    }

    #[test]
    fn lifetimes_do_not_open_a_literal() {
        assert_eq!(code("fn a<'x>(b: &'x str) -> &'static str {}").matches('{').count(), 1);
    }

    #[test]
    fn lines_keep_their_numbers() {
        let text = "a /* 1\n2 */ \"3\n4\" b";
        let parts = RustText::new(text);
        assert_eq!(parts.code.lines().count(), 3);
        assert_eq!(parts.comments.lines().nth(1), Some("2 */   "));
    }

    #[test]
    fn words_know_their_columns() {
        let found: Vec<_> = words("pub fn a_1(b)").collect();
        assert_eq!(found, [(0, "pub"), (4, "fn"), (7, "a_1"), (11, "b")]);
    }
}
