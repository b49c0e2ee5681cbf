//! The option `sync_method`.

use roundhouse_store::{SyncChoice, SyncMethod};

use super::info::Kind;
use super::value::OptionValue;

impl OptionValue for SyncChoice {
    type Bounds = ();

    const KIND: Kind = Kind::Choice;

    fn parse(text: &str) -> Option<SyncChoice> {
        match text {
            "probe" => Some(SyncChoice::Probe),
            "dsync" => Some(SyncChoice::Fixed(SyncMethod::Dsync)),
            "fdatasync" => Some(SyncChoice::Fixed(SyncMethod::Fdatasync)),
            _ => None,
        }
    }

    fn print(self) -> String {
        match self {
            SyncChoice::Probe => "probe",
            SyncChoice::Fixed(SyncMethod::Dsync) => "dsync",
            SyncChoice::Fixed(SyncMethod::Fdatasync) => "fdatasync",
        }
        .to_owned()
    }

    fn is_within(self, (): &()) -> bool {
        true
    }

    fn allowed((): &()) -> String {
        "probe, dsync or fdatasync".to_owned()
    }
}
