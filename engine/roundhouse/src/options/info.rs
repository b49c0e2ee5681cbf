//! What is known about an option, and the macro that makes rows of it.

use std::fmt;

use super::{Options, OptionsError};

/// A row of the table: everything there is to know about one option.
#[derive(Clone, Copy, Debug)]
pub struct OptionInfo {
    /// Its name in TOML, in C and on the command line.
    pub key: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether most programs should know it.
    pub rank: Rank,
    /// Its documentation in Markdown, line by line; the first line is the summary.
    pub(super) doc: &'static [&'static str],
    pub(super) allowed: fn() -> String,
    pub(super) print: fn(&Options) -> String,
    /// Stores a written value, or returns false and changes nothing if it is not allowed.
    pub(super) read: fn(&mut Options, &str) -> bool,
    pub(super) is_within: fn(&Options) -> bool,
}

/// The kind of an option's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of a few words, some of which take a time: `always`, `interval:10ms`.
    Choice,
    /// A whole number.
    Count,
    /// A time with its unit: `250ms`.
    Duration,
    /// `true` or `false`.
    Flag,
    /// A number of bytes, with a unit if wanted: `64MiB`.
    Size,
}

/// Whether most programs should know an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Worth a thought when a program is deployed.
    Primary,
    /// For the rare host where the default does not do.
    Secondary,
}

impl OptionInfo {
    /// The name of the environment variable that sets it.
    pub fn env_name(&self) -> String {
        format!("{ENV_PREFIX}{}", self.key.to_ascii_uppercase())
    }

    /// What it does, in one sentence.
    pub fn summary(&self) -> &'static str {
        self.doc[0].trim()
    }

    /// What else to know, in Markdown; may be empty.
    pub fn details(&self) -> String {
        let lines: Vec<_> = self.doc[1..].iter().map(|line| line.trim()).collect();
        lines.join("\n").trim().to_owned()
    }

    /// The values it takes, in words.
    pub fn allowed(&self) -> String {
        (self.allowed)()
    }

    /// Its written default.
    pub fn default_value(&self) -> String {
        self.value_in(&Options::default())
    }

    /// Its written value in `options`.
    pub fn value_in(&self, options: &Options) -> String {
        (self.print)(options)
    }

    /// The error for a value it does not take.
    pub(super) fn refusal(&self, value: &str) -> OptionsError {
        OptionsError::Value { key: self.key, value: value.to_owned(), allowed: self.allowed() }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Choice => "choice",
            Kind::Count => "count",
            Kind::Duration => "time",
            Kind::Flag => "flag",
            Kind::Size => "size",
        })
    }
}

/// How the names of all environment variables of the engine start.
pub(super) const ENV_PREFIX: &str = "ROUNDHOUSE_";

/// Makes [`Options`], its defaults and its table from rows of
/// `/// doc  pub key: Type { default: .., within: bounds, rank: .. }`.
///
/// A macro, because a struct's fields can be written once in no other way: an option that is
/// forgotten in the table, or documented in one place only, does not compile.
macro_rules! option_table {
    (
        $(#[$meta:meta])*
        pub struct Options {
            $(
                $(#[doc = $doc:literal])+
                $visibility:vis $key:ident: $type:ty {
                    default: $default:expr, within: $bounds:expr, rank: $rank:ident
                }
            )+
        }
    ) => {
        $(#[$meta])*
        pub struct Options {
            $(
                $(#[doc = $doc])+
                $visibility $key: $type,
            )+
        }

        impl Default for Options {
            /// The preset `balanced`.
            fn default() -> Options {
                Options { $($key: $default,)+ }
            }
        }

        pub(super) static TABLE: &[OptionInfo] = &[$(
            OptionInfo {
                key: stringify!($key),
                kind: <$type as OptionValue>::KIND,
                rank: Rank::$rank,
                doc: &[$($doc),+],
                allowed: || <$type as OptionValue>::allowed(&$bounds),
                print: |options| options.$key.print(),
                read: |options, text| read_within(&mut options.$key, text, &$bounds),
                is_within: |options| options.$key.is_within(&$bounds),
            },
        )+];
    };
}
pub(super) use option_table;
