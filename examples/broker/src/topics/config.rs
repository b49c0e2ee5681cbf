//! The settings of a topic, by Kafka's names.

use std::collections::BTreeMap;
use std::time::Duration;

use roundhouse::{Durability, LogConfig, Retention};
use serde::{Deserialize, Serialize};

use crate::limits::{MESSAGE_BYTES_LIMIT, MESSAGE_BYTES_MAX};

/// What was set for a topic; everything else has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicConfig(BTreeMap<String, String>);

/// A setting there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Whether nobody set it.
    pub is_default: bool,
    /// What it does.
    pub help: &'static str,
    /// Its type, by the protocol's numbers (`ConfigDef.Type`): 2 string, 3 int, 5 long, 7 list.
    pub kind: i8,
}

/// A setting that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is none of this name.
    #[error("there is no topic setting `{0}`")]
    Unknown(String),
    /// It has no such value.
    #[error("`{name}` can't be `{value}`: {wanted}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The value.
        value: String,
        /// What it could be.
        wanted: &'static str,
    },
}

/// A setting in the table.
struct Setting {
    name: &'static str,
    default: &'static str,
    kind: i8,
    wanted: &'static str,
    is_valid: fn(&str) -> bool,
    help: &'static str,
}

const CLEANUP_POLICY: &str = "cleanup.policy";
const FLUSH_MS: &str = "flush.ms";
const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
const RETENTION_BYTES: &str = "retention.bytes";
const RETENTION_MS: &str = "retention.ms";
const TIMESTAMP_TYPE: &str = "message.timestamp.type";

const STRING: i8 = 2;
const INT: i8 = 3;
const LONG: i8 = 5;
const LIST: i8 = 7;

/// All settings, by name.
const SETTINGS: [Setting; 6] = [
    Setting {
        name: CLEANUP_POLICY,
        default: "delete",
        kind: LIST,
        wanted: "only `delete` is supported",
        is_valid: |value| value == "delete",
        help: "What happens to old records.",
    },
    Setting {
        name: FLUSH_MS,
        default: "",
        kind: LONG,
        wanted: "milliseconds, 0 or more, or nothing for the broker's durability",
        is_valid: |value| value.is_empty() || value.parse::<u64>().is_ok(),
        help: "How much a power failure may lose: 0 nothing, so every acknowledgement waits for the \
               disk; 9223372036854775807 whatever is not on disk yet.",
    },
    Setting {
        name: MAX_MESSAGE_BYTES,
        default: "1048588",
        kind: INT,
        wanted: "0 to 8388608",
        is_valid: |value| value.parse::<u32>().is_ok_and(|bytes| bytes <= MESSAGE_BYTES_LIMIT),
        help: "The largest batch that is taken.",
    },
    Setting {
        name: TIMESTAMP_TYPE,
        default: "CreateTime",
        kind: STRING,
        wanted: "`CreateTime` or `LogAppendTime`",
        is_valid: |value| matches!(value, "CreateTime" | "LogAppendTime"),
        help: "Whose clock gives records their time.",
    },
    Setting {
        name: RETENTION_BYTES,
        default: "-1",
        kind: LONG,
        wanted: "bytes, or -1 for no limit",
        is_valid: |value| value.parse::<i64>().is_ok_and(|bytes| bytes >= -1),
        help: "The oldest records of a partition may go while it has more than this.",
    },
    Setting {
        name: RETENTION_MS,
        default: "604800000",
        kind: LONG,
        wanted: "milliseconds, or -1 for no limit",
        is_valid: |value| value.parse::<i64>().is_ok_and(|time| time >= -1),
        help: "Records older than this may go.",
    },
];

impl TopicConfig {
    /// Sets one setting, or with `None` gives it its default back.
    ///
    /// # Errors
    /// See [`ConfigError`]; nothing is changed then.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), ConfigError> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        let setting = setting.ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
        let Some(value) = value else {
            self.0.remove(name);
            return Ok(());
        };
        if !(setting.is_valid)(value) {
            let (name, wanted) = (setting.name, setting.wanted);
            return Err(ConfigError::Value { name, value: value.to_owned(), wanted });
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// All settings with their values.
    pub fn entries(&self) -> impl Iterator<Item = ConfigEntry> {
        SETTINGS.iter().map(|setting| ConfigEntry {
            name: setting.name,
            value: self.value(setting.name).to_owned(),
            is_default: !self.0.contains_key(setting.name),
            help: setting.help,
            kind: setting.kind,
        })
    }

    /// The largest batch, in bytes.
    pub fn message_bytes_max(&self) -> usize {
        self.value(MAX_MESSAGE_BYTES).parse().unwrap_or(MESSAGE_BYTES_MAX) as usize
    }

    /// Whether records get the time of their arrival.
    pub fn stamps_on_arrival(&self) -> bool {
        self.value(TIMESTAMP_TYPE) == "LogAppendTime"
    }

    /// The settings of the logs of its partitions; `default` is the broker's durability.
    pub fn log_config(&self, default: Durability) -> LogConfig {
        let durability = match self.value(FLUSH_MS).parse::<u64>() {
            Err(_) => default,
            Ok(0) => Durability::Always,
            Ok(ms) if ms >= i64::MAX as u64 => Durability::Never,
            Ok(ms) => Durability::Interval(Duration::from_millis(ms)),
        };
        let age = self.value(RETENTION_MS).parse().ok().map(Duration::from_millis);
        let bytes = self.value(RETENTION_BYTES).parse().ok();
        LogConfig { durability, retention: Retention { age, bytes } }
    }

    /// The value of a setting of the table.
    fn value(&self, name: &str) -> &str {
        let default = || SETTINGS.iter().find(|s| s.name == name).map_or("", |s| s.default);
        self.0.get(name).map_or_else(default, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid() {
        for setting in &SETTINGS {
            assert!((setting.is_valid)(setting.default), "{}", setting.name);
        }
    }

    #[test]
    fn settings_reach_the_log() {
        let mut config = TopicConfig::default();
        let default = config.log_config(Durability::Never);
        assert_eq!(default.durability, Durability::Never);
        assert_eq!(default.retention.age, Some(Duration::from_hours(168)));
        assert_eq!(default.retention.bytes, None);
        config.set("flush.ms", Some("50")).unwrap();
        config.set("retention.ms", Some("-1")).unwrap();
        config.set("retention.bytes", Some("1000")).unwrap();
        let chosen = config.log_config(Durability::Never);
        assert_eq!(chosen.durability, Durability::Interval(Duration::from_millis(50)));
        assert_eq!(chosen.retention, Retention { age: None, bytes: Some(1000) });
        config.set("flush.ms", Some("0")).unwrap();
        assert_eq!(config.log_config(Durability::Never).durability, Durability::Always);
        config.set("flush.ms", None).unwrap();
        assert_eq!(config.log_config(Durability::Never).durability, Durability::Never);
    }

    #[test]
    fn what_is_not_supported_is_refused_and_changes_nothing() {
        let mut config = TopicConfig::default();
        assert!(matches!(
            config.set("cleanup.policy", Some("compact")),
            Err(ConfigError::Value { .. })
        ));
        assert!(matches!(config.set("retention.ms", Some("soon")), Err(ConfigError::Value { .. })));
        let unknown = ConfigError::Unknown("colour".to_owned());
        assert_eq!(config.set("colour", Some("red")), Err(unknown));
        assert_eq!(config, TopicConfig::default());
    }
}
