//! How an engine is configured: one table of options and every way to fill it in.
//!
//! [`Options`] has a typed field per option. Each is also known by its key, for C, the command
//! line, TOML ([`Options::from_toml`]) and the environment ([`Options::apply_env`]). The key, type,
//! default, bounds and text of an option are written once, in `table.rs`; everything else, from the
//! struct to `docs/options.md` ([`options_page`]), is made from that row.
//!
//! Sources are layered by applying them in order, the most specific last:
//!
//! ```
//! use roundhouse::options::Options;
//!
//! # fn main() -> Result<(), roundhouse::options::OptionsError> {
//! let mut options = Options::from_toml("preset = 'latency'\nmemory = '1GiB'")?;
//! options.apply_env([("ROUNDHOUSE_SHARDS".to_owned(), "4".to_owned())])?;
//! options.set("durability", "interval:10ms")?;
//! options.check()?;
//! assert_eq!(options.shards, 4);
//! assert_eq!(options.value("spin")?, "always:50us");
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here reads a file, the environment or the machine: text and facts are passed in.

mod check;
mod durability;
mod environment;
mod error;
mod info;
mod nearest;
mod page;
mod preset;
mod spin;
mod sync_method;
mod table;
#[cfg(test)]
mod tests;
mod toml_document;
mod value;

pub use error::OptionsError;
pub use info::{Kind, OptionInfo, Rank};
pub use page::options_page;
pub use preset::Preset;
pub use table::Options;

pub use roundhouse_runtime::SpinOptions as Spin;
pub use roundhouse_store::{Durability, SyncChoice, SyncMethod};

impl Options {
    /// Every option in the order it is documented; the first is `preset`.
    pub fn table() -> &'static [OptionInfo] {
        table::TABLE
    }

    /// The defaults as `preset` changes them.
    pub fn for_preset(preset: Preset) -> Options {
        let mut options = Options::default();
        options.apply_preset(preset);
        options
    }

    /// The preset applied last. Options set since may differ from it.
    pub fn preset(&self) -> Preset {
        self.preset
    }

    /// Sets every option that presets decide to what `preset` says, and leaves the others.
    ///
    /// The same as setting the option `preset`. It overwrites, so apply it before options that
    /// should differ from it.
    pub fn apply_preset(&mut self, preset: Preset) {
        self.preset = preset;
        self.spin = preset.spin();
    }

    /// Sets the option `key` to the written `value`; see `docs/options.md` for both.
    ///
    /// # Errors
    /// [`OptionsError::UnknownKey`] or [`OptionsError::Value`]; nothing is changed then. Whether
    /// options fit together is left to [`Options::check`], so that they can be set in any order.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), OptionsError> {
        let info = info_of(key)?;
        if !(info.read)(self, value.trim()) {
            return Err(info.refusal(value));
        }
        if info.key == PRESET_KEY {
            self.apply_preset(self.preset);
        }
        Ok(())
    }

    /// The value of the option `key`, written so that [`Options::set`] reads it back.
    ///
    /// # Errors
    /// [`OptionsError::UnknownKey`].
    pub fn value(&self, key: &str) -> Result<String, OptionsError> {
        Ok(info_of(key)?.value_in(self))
    }
}

/// Setting this option sets others, which is why every source applies it first.
const PRESET_KEY: &str = "preset";

fn info_of(key: &str) -> Result<&'static OptionInfo, OptionsError> {
    Options::table().iter().find(|info| info.key == key).ok_or_else(|| OptionsError::UnknownKey {
        key: key.to_owned(),
        nearest: nearest::nearest(key).key,
    })
}
