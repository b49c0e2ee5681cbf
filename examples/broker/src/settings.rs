//! The configuration from a file, the environment and flags, each over the one before.
//!
//! A file is TOML: the broker's settings first, then those of the engine in a table `[engine]`, by
//! the keys of its own options. In the environment they are `ROUNDHOUSE_BROKER_LISTEN` and the like,
//! and `ROUNDHOUSE_MEMORY` and the like.

use std::fmt::Write;
use std::time::Duration;

use roundhouse::{Durability, Options};

use crate::config::Config;

/// Everything that can be chosen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The broker's.
    pub broker: Config,
    /// The engine's.
    pub engine: Options,
}

impl Default for Settings {
    /// The defaults of both, but that each shard is bound to a CPU (docs/adr/0014).
    fn default() -> Settings {
        let mut engine = Options::default();
        engine.pin = true;
        Settings { broker: Config::default(), engine }
    }
}

/// A setting that is refused, or does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file is no TOML.
    #[error("the file is not TOML: {0}")]
    Syntax(String),
    /// There is no such setting.
    #[error("there is no setting `{0}`; --print-config shows all")]
    Unknown(String),
    /// It has no such value.
    #[error("`{key}` can't be `{value}`: {wanted}")]
    Value {
        /// The setting.
        key: String,
        /// The value.
        value: String,
        /// What it could be.
        wanted: String,
    },
}

/// A setting of the broker.
struct Setting {
    key: &'static str,
    help: &'static str,
    wanted: &'static str,
    /// Changes the configuration, or does nothing and returns `None` if the value is impossible.
    set: fn(&mut Config, &str) -> Option<()>,
    get: fn(&Config) -> String,
}

const SETTINGS: [Setting; 13] = [
    Setting {
        key: "listen",
        help: "Where clients connect.",
        wanted: "an address and a port",
        set: |config, value| value.parse().ok().map(|address| config.listen = address),
        get: |config| config.listen.to_string(),
    },
    Setting {
        key: "advertised_host",
        help: "What clients are told to connect to; empty for the address of `listen`.",
        wanted: "a name or an address",
        set: |config, value| {
            config.advertised_host = (!value.is_empty()).then(|| value.to_owned());
            Some(())
        },
        get: |config| config.advertised_host.clone().unwrap_or_default(),
    },
    Setting {
        key: "http",
        help: "Where /metrics and /health are served; empty for nowhere.",
        wanted: "an address and a port",
        set: |config, value| {
            config.http = if value.is_empty() { None } else { Some(value.parse().ok()?) };
            Some(())
        },
        get: |config| config.http.map_or_else(String::new, |address| address.to_string()),
    },
    Setting {
        key: "auto_create_topics",
        help: "Whether asking for a topic creates it.",
        wanted: "true or false",
        set: |config, value| value.parse().ok().map(|is_on| config.auto_create_topics = is_on),
        get: |config| config.auto_create_topics.to_string(),
    },
    Setting {
        key: "default_partitions",
        help: "Partitions of a topic that does not say how many it wants.",
        wanted: "1 to 10000",
        set: |config, value| {
            config.default_partitions =
                value.parse().ok().filter(|count| (1..=10_000).contains(count))?;
            Some(())
        },
        get: |config| config.default_partitions.to_string(),
    },
    Setting {
        key: "durability",
        help: "When a batch is acknowledged: on disk (`always`), or at once and on disk after at \
               most some milliseconds (`interval:MS`) or some time (`never`).",
        wanted: "always, interval:MS or never",
        set: |config, value| durability(value).map(|durability| config.durability = durability),
        get: |config| match config.durability {
            Durability::Always => "always".to_owned(),
            Durability::Interval(time) => format!("interval:{}", time.as_millis()),
            Durability::Never => "never".to_owned(),
        },
    },
    Setting {
        key: "connections_per_shard",
        help: "Connections of one shard; more are reset.",
        wanted: "a count",
        set: |config, value| value.parse().ok().map(|count| config.connections_per_shard = count),
        get: |config| config.connections_per_shard.to_string(),
    },
    Setting {
        key: "request_bytes_max",
        help: "Bytes of one request; a longer one ends its connection.",
        wanted: "a count of bytes",
        set: |config, value| value.parse().ok().map(|bytes| config.request_bytes_max = bytes),
        get: |config| config.request_bytes_max.to_string(),
    },
    Setting {
        key: "in_flight_requests",
        help: "Produce requests of one connection that are answered side by side.",
        wanted: "1 or more",
        set: |config, value| {
            config.in_flight_requests = value.parse().ok().filter(|count| *count > 0)?;
            Some(())
        },
        get: |config| config.in_flight_requests.to_string(),
    },
    Setting {
        key: "in_flight_bytes",
        help: "Bytes of those.",
        wanted: "1 or more",
        set: |config, value| {
            config.in_flight_bytes = value.parse().ok().filter(|bytes| *bytes > 0)?;
            Some(())
        },
        get: |config| config.in_flight_bytes.to_string(),
    },
    Setting {
        key: "idle_timeout_ms",
        help: "How long a connection may be silent.",
        wanted: "milliseconds",
        set: |config, value| milliseconds(value).map(|time| config.idle_timeout = time),
        get: |config| config.idle_timeout.as_millis().to_string(),
    },
    Setting {
        key: "offsets_retention_minutes",
        help: "How long committed offsets are kept after their group was last seen with members.",
        wanted: "minutes, 1 or more",
        set: |config, value| {
            let minutes =
                value.parse().ok().filter(|minutes| (1..MINUTES_END).contains(minutes))?;
            config.offsets_retention = Duration::from_mins(minutes);
            Some(())
        },
        get: |config| (config.offsets_retention.as_secs() / 60).to_string(),
    },
    Setting {
        key: "group_initial_delay_ms",
        help: "How long a consumer group that begins waits for more than its first member.",
        wanted: "milliseconds",
        set: |config, value| milliseconds(value).map(|time| config.group_initial_delay = time),
        get: |config| config.group_initial_delay.as_millis().to_string(),
    },
];

/// Just beyond what Kafka's own setting can say.
const MINUTES_END: u64 = 1 << 31;

fn milliseconds(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_millis)
}

fn durability(value: &str) -> Option<Durability> {
    match value {
        "always" => Some(Durability::Always),
        "never" => Some(Durability::Never),
        other => other.strip_prefix("interval:").and_then(milliseconds).map(Durability::Interval),
    }
}

impl Settings {
    /// Applies a file.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn apply_toml(&mut self, text: &str) -> Result<(), SettingsError> {
        let parsed = text.parse::<toml::Table>();
        let mut table = parsed.map_err(|error| SettingsError::Syntax(error.to_string()))?;
        if let Some(toml::Value::Table(engine)) = table.remove("engine") {
            // A preset decides others, so it goes first.
            let (first, then): (Vec<_>, Vec<_>) =
                engine.iter().partition(|(key, _)| *key == "preset");
            for (key, value) in first.into_iter().chain(then) {
                self.set(&format!("{ENGINE}{key}"), &plain(value))?;
            }
        }
        table.iter().try_for_each(|(key, value)| self.set(key, &plain(value)))
    }

    /// Applies what the environment says.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn apply_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), SettingsError> {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort_by_key(|(name, _)| name != "ROUNDHOUSE_PRESET");
        for (name, value) in variables {
            if let Some(key) = name.strip_prefix("ROUNDHOUSE_BROKER_") {
                self.set(&key.to_lowercase(), &value)?;
            } else if let Some(key) = name.strip_prefix("ROUNDHOUSE_") {
                self.set(&format!("{ENGINE}{}", key.to_lowercase()), &value)?;
            }
        }
        Ok(())
    }

    /// Sets one setting; those of the engine as `engine.KEY`.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingsError> {
        if let Some(engine) = key.strip_prefix(ENGINE) {
            return self.engine.set(engine, value).map_err(|error| SettingsError::Value {
                key: key.to_owned(),
                value: value.to_owned(),
                wanted: error.to_string(),
            });
        }
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        let setting = setting.ok_or_else(|| SettingsError::Unknown(key.to_owned()))?;
        (setting.set)(&mut self.broker, value).ok_or_else(|| SettingsError::Value {
            key: key.to_owned(),
            value: value.to_owned(),
            wanted: setting.wanted.to_owned(),
        })
    }

    /// All settings as a file.
    ///
    /// # Panics
    /// Never: writing to a string succeeds.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# The broker.\n");
        for Setting { key, help, get, .. } in &SETTINGS {
            let value = toml::Value::String(get(&self.broker));
            writeln!(text, "\n# {help}\n{key} = {value}").expect("writing to a string succeeds");
        }
        text + "\n[engine]\n" + &self.engine.to_toml()
    }
}

/// Keys of the engine's options begin so.
const ENGINE: &str = "engine.";

/// A value without the quotes it may have.
fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read_again() {
        let mut settings = Settings::default();
        settings.set("durability", "interval:25").unwrap();
        settings.set("http", "127.0.0.1:8080").unwrap();
        settings.set("engine.shards", "2").unwrap();
        let mut again = Settings::default();
        again.apply_toml(&settings.to_toml()).unwrap();
        assert_eq!(again.broker, settings.broker);
        assert_eq!(again.engine.to_toml(), settings.engine.to_toml());
    }

    #[test]
    fn shards_are_bound_to_cpus_unless_somebody_says_no() {
        let mut settings = Settings::default();
        settings.set("engine.preset", "throughput").unwrap();
        assert!(settings.engine.pin);
        settings.set("engine.pin", "false").unwrap();
        assert!(!settings.engine.pin);
    }

    #[test]
    fn presets_are_files_that_can_be_read() {
        for name in ["throughput", "latency", "balanced"] {
            let path = format!("{}/config/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            Settings::default().apply_toml(&text).unwrap();
        }
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let mut settings = Settings::default();
        settings.apply_toml("default_partitions = 7\n[engine]\nshards = 2\n").unwrap();
        let variables = [
            ("ROUNDHOUSE_BROKER_DEFAULT_PARTITIONS", "9"),
            ("HOME", "/"),
            ("ROUNDHOUSE_SHARDS", "1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        settings.apply_environment(variables).unwrap();
        assert_eq!((settings.broker.default_partitions, settings.engine.shards), (9, 1));
    }

    #[test]
    fn mistakes_are_named() {
        let mut settings = Settings::default();
        let unknown = SettingsError::Unknown("colour".to_owned());
        assert_eq!(settings.apply_toml("colour = 1"), Err(unknown));
        for (key, value) in [
            ("listen", "nowhere"),
            ("durability", "sometimes"),
            ("default_partitions", "0"),
            ("in_flight_requests", "0"),
            ("offsets_retention_minutes", "0"),
            ("engine.shards", "many"),
        ] {
            assert!(matches!(settings.set(key, value), Err(SettingsError::Value { .. })), "{key}");
        }
    }
}
