//! The line that a measurement leaves in a file.

use serde::{Deserialize, Serialize};

use crate::measurement::Measurement;

/// A measurement with where it belongs: one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The suite's name.
    pub suite: String,
    /// The case's name.
    pub case: String,
    /// Who was measured.
    pub subject: String,
    /// The round, from 0 on.
    pub round: usize,
    /// What came of it.
    #[serde(flatten)]
    pub measurement: Measurement,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_flat_object_with_nulls_for_what_is_absent() {
        let row = Row {
            suite: "wal".to_owned(),
            case: "c".to_owned(),
            subject: "s".to_owned(),
            round: 3,
            measurement: Measurement::new("ops/s", 1.5),
        };
        let text = serde_json::to_string(&row).expect("a row is plain data");
        let head = r#"{"suite":"wal","case":"c","subject":"s","round":3,"unit":"ops/s","value":1.5,"p50_us":null,"#;
        assert!(text.starts_with(head), "{text}");
        assert_eq!(serde_json::from_str::<Row>(&text).expect("its own text"), row);
    }
}
