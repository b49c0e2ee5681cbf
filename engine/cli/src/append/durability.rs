//! The argument `--durability`.

use roundhouse::{Durability, Options};

/// Reads `always`, `interval:TIME` or `never`; a time without a unit is in milliseconds.
///
/// # Errors
/// What is allowed, in words.
pub(super) fn durability(text: &str) -> Result<Durability, String> {
    let has_no_unit = |time: &str| time.bytes().all(|byte| byte.is_ascii_digit());
    let in_milliseconds = match text.strip_prefix("interval:") {
        Some(time) if has_no_unit(time) => format!("{text}ms"),
        _ => text.to_owned(),
    };
    let mut options = Options::default();
    options.set("durability", &in_milliseconds).map_err(|error| error.to_string())?;
    Ok(options.durability)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_interval_is_in_milliseconds_unless_it_says_otherwise() {
        let five = Durability::Interval(Duration::from_millis(5));
        assert_eq!(durability("interval:5"), Ok(five));
        assert_eq!(durability("interval:5ms"), Ok(five));
        assert_eq!(durability("interval:1s"), Ok(Durability::Interval(Duration::from_secs(1))));
        assert!(durability("interval:").is_err() && durability("sometimes").is_err());
    }
}
