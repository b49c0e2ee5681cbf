//! Options from environment variables.

use super::info::ENV_PREFIX;
use super::{Options, OptionsError, PRESET_KEY, nearest};

impl Options {
    /// Applies the variables whose names start with `ROUNDHOUSE_`, such as `ROUNDHOUSE_MEMORY`, and
    /// passes over all others.
    ///
    /// `ROUNDHOUSE_PRESET` is applied first. The environment is passed in, because only the program
    /// can say whether it should count. `std::env::vars()` serves, but panics if any variable of
    /// the process is not Unicode; what `std::env::vars_os()` yields can be filtered instead.
    ///
    /// # Errors
    /// [`OptionsError::UnknownVariable`] for a name that belongs to no option,
    /// [`OptionsError::Variable`] for a value that its option does not take. Of several, the first
    /// by name. No option is changed then.
    pub fn apply_env(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), OptionsError> {
        let mut settings: Vec<(String, String)> =
            variables.into_iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        settings.sort_by_cached_key(|(name, _)| (key_of(name) != PRESET_KEY, name.clone()));
        let mut options = self.clone();
        for (name, value) in settings {
            options.set_variable(name, &value)?;
        }
        *self = options;
        Ok(())
    }

    fn set_variable(&mut self, name: String, value: &str) -> Result<(), OptionsError> {
        let Some(info) = Options::table().iter().find(|info| info.env_name() == name) else {
            let nearest = nearest::nearest(&key_of(&name)).env_name();
            return Err(OptionsError::UnknownVariable { name, nearest });
        };
        self.set(info.key, value)
            .map_err(|error| OptionsError::Variable { name, error: Box::new(error) })
    }
}

/// The key that the variable `name` would belong to.
fn key_of(name: &str) -> String {
    name.strip_prefix(ENV_PREFIX).unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::Preset;
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_the_prefix_counts_and_the_preset_comes_first() {
        let mut options = Options::default();
        let environment = [
            ("PATH", "/bin"),
            ("ROUNDHOUSE_MAILBOX", "64"),
            ("ROUNDHOUSE_SPIN", "never"),
            ("ROUNDHOUSE_PRESET", "latency"),
        ];
        options.apply_env(variables(&environment)).unwrap();
        assert_eq!((options.mailbox, options.preset()), (64, Preset::Latency));
        assert_eq!(options.value("spin").unwrap(), "never");
    }

    #[test]
    fn a_mistake_is_named_by_its_variable_and_changes_nothing() {
        for (name, value, message) in [
            (
                "ROUNDHOUSE_SHARD",
                "1",
                "the variable ROUNDHOUSE_SHARD sets no option; the nearest is ROUNDHOUSE_SHARDS",
            ),
            (
                "ROUNDHOUSE_pin",
                "true",
                "the variable ROUNDHOUSE_pin sets no option; the nearest is ROUNDHOUSE_PIN",
            ),
            (
                "ROUNDHOUSE_PIN",
                "maybe",
                "the variable ROUNDHOUSE_PIN: pin cannot be \"maybe\"; allowed: true or false",
            ),
        ] {
            let mut options = Options::default();
            let environment = variables(&[("ROUNDHOUSE_MAILBOX", "64"), (name, value)]);
            let error = options.apply_env(environment).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(options, Options::default());
        }
    }
}
