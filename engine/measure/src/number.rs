//! Numbers as people read them.

/// A value with three or so digits that matter, and thousands set apart.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        magnitude if magnitude < 0.1 => 4,
        magnitude if magnitude < 10.0 => 2,
        magnitude if magnitude < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_matter() {
        let numbers = [0.0, 0.0123, 1.234, 12.34, 123.4, 1234.0, 1_234_567.8];
        let texts = numbers.map(number);
        assert_eq!(texts, ["0", "0.0123", "1.23", "12.3", "123", "1,234", "1,234,568"]);
        assert_eq!(number(-1234.0), "-1,234");
    }
}
