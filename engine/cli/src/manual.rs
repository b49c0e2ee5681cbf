//! `roundhouse completions` and `roundhouse man`: made from the arguments themselves.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::exit::{Exit, Stop};
use crate::output;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArguments {
    /// The shell they are for
    shell: Shell,
}

/// Prints completions.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Exit, Stop> {
    // Collected first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), NAME, &mut script);
    print(&script)
}

/// Prints the manual page in roff: that of the command, then those of its parts.
pub(crate) fn manual_page() -> Result<Exit, Stop> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    Man::new(command.clone()).render(&mut page)?;
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        let man = Man::new(part.clone());
        writeln!(page, ".SH \"{} {}\"", NAME.to_uppercase(), part.get_name().to_uppercase())?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    print(&page)
}

fn print(text: &[u8]) -> Result<Exit, Stop> {
    let mut out = output::buffered();
    out.write_all(text)?;
    out.flush()?;
    Ok(Exit::Success)
}

const NAME: &str = "roundhouse";
