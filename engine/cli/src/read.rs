//! `roundhouse read`: a log's records to standard output.

use std::io::{BufWriter, Write};

use roundhouse::{Offset, Reader, Records, block_on};

use crate::exit::{Exit, Stop};
use crate::framing::Framing;
use crate::output;
use crate::store::StoreArguments;

/// Arguments of `read`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadArguments {
    #[command(flatten)]
    store: StoreArguments,

    /// Name of the log
    #[arg(long)]
    log: String,

    /// Start at this offset instead of the log's first
    #[arg(long, value_name = "OFFSET")]
    from: Option<u64>,

    /// Stop before this offset instead of at the log's end
    #[arg(long, value_name = "OFFSET", conflicts_with = "follow")]
    to: Option<u64>,

    /// Wait for more at the log's end. Only this process has the store open meanwhile
    #[arg(long)]
    follow: bool,

    /// What stands between records
    #[arg(long, value_enum, default_value_t = Framing::Lines)]
    framing: Framing,
}

/// Writes what was asked for.
pub(crate) fn run(arguments: &ReadArguments) -> Result<Exit, Stop> {
    let engine = arguments.store.open_existing()?;
    let outcome = write_log(arguments, &engine);
    // A store that was read but can't be closed is worth a word even after a closed pipe.
    block_on(engine.close())?;
    outcome.map(|()| Exit::Success)
}

fn write_log(arguments: &ReadArguments, engine: &roundhouse::Engine) -> Result<(), Stop> {
    let log = block_on(engine.log(&arguments.log).open())?;
    let info = block_on(log.info())?;
    let from = arguments.from.map_or(info.start, Offset);
    let end = match arguments.to {
        _ if arguments.follow => Offset(u64::MAX),
        Some(to) => info.end.min(Offset(to)),
        None => info.end,
    };
    let reader = log.reader(from).batch_bytes(BATCH_BYTES);
    let mut printer = Printer { framing: arguments.framing, end, out: output::buffered() };
    printer.print_all(reader, arguments.follow)
}

/// Writes records before an offset.
struct Printer<W: Write> {
    framing: Framing,
    end: Offset,
    out: BufWriter<W>,
}

impl<W: Write> Printer<W> {
    fn print_all(&mut self, mut reader: Reader, is_live: bool) -> Result<(), Stop> {
        while reader.next_offset() < self.end {
            let records = block_on(reader.next_batch())?;
            self.print(&records)?;
            if is_live {
                self.out.flush()?;
            }
        }
        Ok(self.out.flush()?)
    }

    fn print(&mut self, records: &Records) -> Result<(), Stop> {
        // A record that spans offsets counts as a whole if it begins before the end.
        for record in records.iter().take_while(|record| record.offset < self.end) {
            self.framing.write(&mut self.out, &record.body)?;
        }
        Ok(())
    }
}

/// Bytes fetched from the log at once.
const BATCH_BYTES: usize = 1024 * 1024;
