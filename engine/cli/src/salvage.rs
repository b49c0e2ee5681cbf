//! `roundhouse salvage`: the intact records of a log whose store does not open.

use std::io::{self, Write};
use std::path::PathBuf;

use roundhouse::offline::{OfflineStore, SalvageOptions, SalvagedRecord};

use crate::exit::{Exit, Stop};
use crate::framing::Framing;
use crate::output;

/// Arguments of `salvage`.
#[derive(Debug, clap::Args)]
pub(crate) struct SalvageArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,

    /// Name of the log
    #[arg(long)]
    log: String,

    /// Go on behind damage. Records that were trimmed or truncated there may be among the output
    #[arg(long)]
    all: bool,

    /// What stands between records
    #[arg(long, value_enum, default_value_t = Framing::Lines)]
    framing: Framing,
}

/// Writes the records of the log, in order, and says where damage is.
pub(crate) fn run(arguments: &SalvageArguments) -> Result<Exit, Stop> {
    let mut store = OfflineStore::open(&arguments.dir)?;
    let mut out = output::buffered();
    let options = SalvageOptions { all: arguments.all };
    let (mut records, mut exit) = (0_u64, Exit::Success);
    for shard in store.shards() {
        let mut written: io::Result<()> = Ok(());
        let salvage = store.salvage(shard, options, &mut |record: SalvagedRecord<'_>| {
            if record.name == Some(arguments.log.as_str()) && written.is_ok() {
                written = arguments.framing.write(&mut out, record.body);
                records += 1;
            }
        })?;
        written?;
        if let Some(damage) = salvage.damage {
            let (file, offset) = (damage.file.display(), damage.file_offset);
            output::say(&format!(
                "shard {shard} is damaged in {file} at byte {offset}: {}",
                damage.reason
            ));
            exit = Exit::Corruption;
        }
    }
    out.flush()?;
    output::say(&format!("{records} records of {:?} are intact", arguments.log));
    Ok(exit)
}
