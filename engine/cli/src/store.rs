//! Which store, and how to open it.

use std::path::PathBuf;

use roundhouse::{Engine, EngineBuilder, Error, block_on};

use crate::exit::Stop;

/// The store a command works on, open, with the options it is to have.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: PathBuf,

    /// Set an option of the engine, such as memory=1GiB; may be repeated. Variables such as
    /// `ROUNDHOUSE_MEMORY` count unless an option says otherwise
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) options: Vec<(String, String)>,
}

impl StoreArguments {
    /// An engine in the directory, with the options of environment and command line.
    ///
    /// # Errors
    /// Options that do not exist or have impossible values.
    pub(crate) fn builder(&self) -> Result<EngineBuilder, Error> {
        let mut options = roundhouse::Options::default();
        // What is not Unicode names no option.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        options.apply_env(variables)?;
        for (key, value) in &self.options {
            options.set(key, value)?;
        }
        Ok(Engine::builder(&self.dir).options(options))
    }

    /// Opens a store that is there.
    ///
    /// # Errors
    /// The engine's.
    pub(crate) fn open_existing(&self) -> Result<Engine, Stop> {
        Ok(block_on(self.builder()?.existing_only().open())?)
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}
