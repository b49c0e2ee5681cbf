//! The option `sync_method`.

use super::info::Kind;
use super::value::OptionValue;

/// How a frame of the write-ahead log is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMethod {
    /// `probe`: the faster of the others, timed on the device when the store is created.
    #[default]
    Probe,
    /// `dsync`: every write is durable when it completes (`RWF_DSYNC`).
    Dsync,
    /// `fdatasync`: plain writes, then one `fdatasync` for all of them.
    Fdatasync,
}

impl OptionValue for SyncMethod {
    type Bounds = ();

    const KIND: Kind = Kind::Choice;

    fn parse(text: &str) -> Option<SyncMethod> {
        match text {
            "probe" => Some(SyncMethod::Probe),
            "dsync" => Some(SyncMethod::Dsync),
            "fdatasync" => Some(SyncMethod::Fdatasync),
            _ => None,
        }
    }

    fn print(self) -> String {
        match self {
            SyncMethod::Probe => "probe",
            SyncMethod::Dsync => "dsync",
            SyncMethod::Fdatasync => "fdatasync",
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
