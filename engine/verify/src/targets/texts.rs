//! Parsers of what people write.

use roundhouse::Options;

/// A TOML document of options. What is accepted can be written out, and means the same then.
pub(super) fn options(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(options) = Options::from_toml(text) else { return };
    let written = options.to_toml();
    assert_eq!(Options::from_toml(&written), Ok(options), "{written}");
}
