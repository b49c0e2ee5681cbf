//! Options from and to a flat TOML document.

use std::borrow::Cow;
use std::fmt::Write;

use toml::de::{DeInteger, DeTable, DeValue};

use super::info::Kind;
use super::{OptionInfo, Options, OptionsError, PRESET_KEY, info_of};

impl Options {
    /// The defaults as a TOML document changes them: `key = value` lines without a section header.
    ///
    /// Values are strings written as for [`Options::set`], or TOML's own numbers and booleans; a
    /// number where a size is expected is bytes. `preset` is applied first, wherever it stands.
    ///
    /// # Errors
    /// [`OptionsError::TomlSyntax`] or [`OptionsError::TomlOption`], with the line of the mistake;
    /// of several mistakes one in `preset`, else the first.
    pub fn from_toml(text: &str) -> Result<Options, OptionsError> {
        let document = DeTable::parse(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            OptionsError::TomlSyntax { line, column, message: error.message().to_owned() }
        })?;
        let mut entries: Vec<_> = document.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| (key.get_ref() != PRESET_KEY, key.span().start));
        let mut options = Options::default();
        for (key, value) in entries {
            let set = options.set_toml(key.get_ref(), value.get_ref());
            set.map_err(|error| {
                let at_fault = match error {
                    OptionsError::UnknownKey { .. } => key.span(),
                    _ => value.span(),
                };
                let (line, column) = place(text, at_fault.start);
                OptionsError::TomlOption { line, column, error: Box::new(error) }
            })?;
        }
        Ok(options)
    }

    /// All options as a document for [`Options::from_toml`], each with a comment that says what it
    /// does and takes.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# Options of a Roundhouse engine.\n");
        for info in Options::table() {
            let value = toml_value(info, self);
            write!(
                text,
                "\n# {}\n# Allowed: {}. Default: {}.\n{} = {value}\n",
                info.summary(),
                info.allowed(),
                info.default_value(),
                info.key
            )
            .expect("writing to a string succeeds");
        }
        text
    }

    fn set_toml(&mut self, key: &str, value: &DeValue<'_>) -> Result<(), OptionsError> {
        let info = info_of(key)?;
        let written =
            written(value).ok_or_else(|| info.refusal(&format!("a TOML {}", value.type_str())))?;
        self.set(key, &written)
    }
}

/// The value of an option as TOML writes it.
fn toml_value(info: &OptionInfo, options: &Options) -> String {
    let value = info.value_in(options);
    match info.kind {
        Kind::Count | Kind::Flag => value,
        // No written value holds a quote or a backslash.
        Kind::Choice | Kind::Duration | Kind::Size => format!("\"{value}\""),
    }
}

/// A TOML value as [`Options::set`] reads it; `None` for the types no option has.
fn written<'a>(value: &'a DeValue<'_>) -> Option<Cow<'a, str>> {
    match value {
        DeValue::String(text) => Some(Cow::Borrowed(text)),
        DeValue::Boolean(flag) => Some(Cow::Owned(flag.to_string())),
        DeValue::Integer(number) => Some(decimal(number)),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// The number in decimal; as it was written if it exceeds every option's bounds anyway.
fn decimal<'a>(number: &'a DeInteger<'_>) -> Cow<'a, str> {
    match i128::from_str_radix(number.as_str(), number.radix()) {
        Ok(value) => Cow::Owned(value.to_string()),
        Err(_) => Cow::Borrowed(number.as_str()),
    }
}

/// Line and column, both from 1, of a byte of the text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roundhouse_base::ByteSize;

    use super::super::Spin;
    use super::*;

    #[test]
    fn strings_and_native_values_are_both_read() {
        let native = "shards = 4\nmemory = 0x4000_0000\npin = false\nanchor_delay = 'none'";
        let quoted = "shards = '4'\nmemory = '1GiB'\npin = \"false\"\nanchor_delay = \"none\"";
        let options = Options::from_toml(native).unwrap();
        assert_eq!(Options::from_toml(quoted), Ok(options.clone()));
        assert_eq!((options.shards, options.memory), (4, ByteSize(1 << 30)));
        assert_eq!((options.pin, options.anchor_delay), (false, None));
        assert_eq!(Options::from_toml(""), Ok(Options::default()));
    }

    #[test]
    fn a_preset_comes_first_wherever_it_stands() {
        let options = Options::from_toml("spin = 'adaptive:5us'\npreset = 'latency'").unwrap();
        assert_eq!(options.spin, Spin::Adaptive(Duration::from_micros(5)));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (text, message) in [
            (
                "pin = true\n memry = 1",
                "line 2, column 2: there is no option \"memry\"; the nearest is \"memory\"",
            ),
            (
                "mailbox =  7",
                "line 1, column 12: mailbox cannot be \"7\"; \
                 allowed: a whole number from 16 to 32768",
            ),
            (
                "pin = 1.5",
                "line 1, column 7: pin cannot be \"a TOML float\"; allowed: true or false",
            ),
            (
                "shards = 99999999999999999999",
                "line 1, column 10: shards cannot be \"99999999999999999999\"; \
                 allowed: a whole number from 0 to 256",
            ),
            (
                "[roundhouse]\npin = true",
                "line 1, column 2: there is no option \"roundhouse\"; the nearest is \"shards\"",
            ),
        ] {
            assert_eq!(Options::from_toml(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn what_is_not_toml_is_named_with_its_place() {
        for text in ["pin = true\nshards 4", "pin = true\npin = false"] {
            let error = Options::from_toml(text).unwrap_err();
            assert!(matches!(error, OptionsError::TomlSyntax { line: 2, .. }), "{error}");
        }
    }
}
