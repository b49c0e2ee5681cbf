//! The cases in which a store is opened, and one in which it is left alone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use roundhouse::{Durability, block_on};

use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::store::open_log::OpenLog;
use crate::store::read;
use crate::subject::{Case, MeasureError, Subject};
use crate::{ROUNDHOUSE, machine};

/// The cases with the engine in them; a bare ring has nothing to open.
///
/// `appender` makes a command that runs [`append_until_killed`] on a folder.
pub(super) fn cases(appender: fn(&Path) -> Command) -> Vec<Case> {
    let open = |end| -> Vec<Box<dyn Subject>> { vec![Box::new(Open { end })] };
    vec![
        Case {
            name: "open-clean",
            about: "Opens a store that was closed in order.",
            subjects: open(End::Clean),
        },
        Case {
            name: "open-killed",
            about: "Opens a store whose process was killed while it appended.",
            subjects: open(End::Killed(appender)),
        },
        Case {
            name: "idle",
            about: "An open engine that nobody uses.",
            subjects: vec![Box::new(Idle)],
        },
    ]
}

/// How the process that had the store before came to its end.
enum End {
    Clean,
    /// Then the superblock says nothing about where the log ends.
    Killed(fn(&Path) -> Command),
}

struct Open {
    end: End,
}

impl Subject for Open {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults; 16 KiB records; until appends are accepted".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let path = stage.path("open");
        if !path.exists() {
            read::fill(&path, 16 << 10, stage.sizes.store)?;
        }
        if let End::Killed(appender) = self.end {
            kill_while_appending(appender(&path))?;
        }
        let watch = stage.watch();
        let open = OpenLog::open(&path, Durability::Always, &[])?;
        let spent = watch.spent();
        let gib = stage.sizes.store as f64 / f64::from(1 << 30);
        let measured = Measurement::new("s", spent.wall.as_secs_f64()).cost(1, &spent);
        open.close()?;
        Ok(vec![measured.note(format!("{gib:.2} GiB"))])
    }
}

fn kill_while_appending(mut appender: Command) -> Result<(), MeasureError> {
    let mut child =
        appender.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut line = String::new();
    if let Some(stdout) = &mut child.stdout {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    child.kill()?;
    child.wait()?;
    match line.trim() {
        APPENDING => Ok(()),
        said => Err(format!("the process that appends said {said:?}").into()),
    }
}

/// Appends to the store in a folder until this process is killed, and tells `say` one line once the
/// first records are durable.
///
/// # Errors
/// The engine's.
pub fn append_until_killed(
    path: &Path,
    mut say: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<(), MeasureError> {
    let open = OpenLog::open(path, Durability::Always, &[])?;
    let body = bytes::Bytes::from(vec![0xA5; 1024]);
    let mut is_said = false;
    loop {
        block_on(open.log.append_batch(vec![&body; 64]))?;
        if !is_said {
            say(APPENDING)?;
            is_said = true;
        }
    }
}

/// CPU time and memory of an engine without work.
struct Idle;

impl Subject for Idle {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let resident = || machine::resident_mib().unwrap_or_default();
        let before = resident();
        let open = OpenLog::open(&stage.path("idle"), Durability::Always, &[])?;
        pause(ANCHOR_PAUSE);
        let watch = stage.watch();
        pause(stage.duration);
        let spent = watch.spent();
        let share = spent.cpu.as_secs_f64() / spent.wall.as_secs_f64() * 100.0;
        let grown = resident() - before;
        open.close()?;
        let share = Measurement::new("% CPU", share).cost(1, &spent);
        Ok(vec![share, Measurement::new("MiB grown", grown)])
    }
}

#[expect(clippy::disallowed_methods, reason = "the measured thing is doing nothing for a while")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// What a process says that appends until it is killed.
const APPENDING: &str = "appending";

/// An engine that was just opened writes its anchor first.
const ANCHOR_PAUSE: Duration = Duration::from_millis(400);
