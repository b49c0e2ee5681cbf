//! What appending from C costs beside Rust: `examples/c/bench.c` and the same here, in turns.
//!
//! `cargo run --release -p roundhouse-ffi --example beside [ROUNDS] [SECONDS] [CASE...]`, on a machine with a C
//! compiler. Prints, for each case, the medians in nanoseconds per record, their difference, and the ratio of the
//! rates in one round, of which it takes the median and the quartiles; then the same for a shard that the program
//! turns beside one with a thread of the library's, both from C. The case `alone` counts the processor time of the
//! thread that appends: the rest passes waiting for the disk.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roundhouse::{Append, Durability, Engine, Log, Retention, block_on};
use rustix::time::{ClockId, clock_gettime};

/// As in bench.c.
const WINDOW: usize = 1024;
const BATCH: usize = 64;
const RECORD: &[u8] = &[b'x'; 100];

/// A case of both programs.
struct Case {
    /// Its name in C.
    name: &'static str,
    /// Appends under way at once.
    window: usize,
    /// Records of each.
    batch: usize,
}

const CASES: &[Case] = &[
    Case { name: "each", window: WINDOW, batch: 1 },
    Case { name: "many", window: WINDOW, batch: 1 },
    Case { name: "batch", window: WINDOW / BATCH, batch: BATCH },
    Case { name: "alone", window: 1, batch: 1 },
    Case { name: "hosted", window: WINDOW, batch: 1 },
];

/// What the rounds of a case cost, in nanoseconds per record.
struct Costs {
    case: &'static Case,
    c: Vec<f64>,
    rust: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, case, store, seconds] = &arguments[..]
        && first == IN_RUST
    {
        return append_in_rust(case, Path::new(store), seconds.parse()?);
    }
    let number =
        |at: usize, default: f64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (rounds, seconds) = (number(0, 5.0)? as usize, number(1, 1.0)?);
    let wanted = arguments.get(2..).unwrap_or_default();
    let is_wanted = |case: &&Case| wanted.is_empty() || wanted.iter().any(|name| name == case.name);
    let scratch = tempfile::tempdir()?;
    let programs = [compile(scratch.path())?, std::env::current_exe()?];
    let cases = CASES.iter().filter(is_wanted);
    let mut all: Vec<_> = cases.map(|case| Costs { case, c: vec![], rust: vec![] }).collect();
    for round in 0..rounds {
        for costs in &mut all {
            costs.measure(round, &programs, &scratch.path().join("store"), seconds)?;
        }
    }
    print(&all)?;
    Ok(())
}

impl Costs {
    /// One more round; `programs` are that in C and that in Rust.
    fn measure(
        &mut self,
        round: usize,
        programs: &[PathBuf; 2],
        store: &Path,
        seconds: f64,
    ) -> Result<(), Box<dyn Error>> {
        let [c, rust] = programs;
        // Whoever comes second may find a warmer machine.
        let is_c_first = round.is_multiple_of(2);
        for is_c in [is_c_first, !is_c_first] {
            let mut command = Command::new(if is_c { c } else { rust });
            if is_c {
                command.arg(store).arg(self.case.name);
            } else {
                command.args([IN_RUST, self.case.name]).arg(store);
            }
            let cost = run(command.arg(seconds.to_string()))?;
            if is_c {
                self.c.push(cost);
            } else {
                self.rust.push(cost);
            }
            std::fs::remove_dir_all(store)?;
        }
        Ok(())
    }
}

fn print(all: &[Costs]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "case   C ns  Rust ns  difference  C rate / Rust rate")?;
    for Costs { case, c, rust } in all {
        let difference = paired(c, rust, |c, rust| c - rust);
        let (name, c_ns, rust_ns) = (case.name, median(c), median(rust));
        writeln!(
            out,
            "{name:6} {c_ns:5.0} {rust_ns:8.0} {:11.0} {}",
            difference[1],
            ratios(c, rust)
        )?;
    }
    let of = |name: &str| all.iter().find(|costs| costs.case.name == name).map(|costs| &costs.c);
    if let (Some(hosted), Some(many)) = (of("hosted"), of("many")) {
        writeln!(out, "hosted rate / many rate, in C: {}", ratios(hosted, many))?;
    }
    Ok(())
}

/// How the rate of one side is to that of the other, round by round.
fn ratios(costs: &[f64], others: &[f64]) -> String {
    let [low, middle, high] = paired(costs, others, |cost, other| other / cost);
    format!("{middle:7.3} ({low:.3} to {high:.3})")
}

/// The quartiles of what is compared round by round.
fn paired(one: &[f64], other: &[f64], compare: fn(f64, f64) -> f64) -> [f64; 3] {
    let mut compared: Vec<f64> =
        one.iter().zip(other).map(|(one, other)| compare(*one, *other)).collect();
    compared.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| compared.get(compared.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}

fn median(costs: &[f64]) -> f64 {
    paired(costs, costs, |cost, _| cost)[1]
}

/// Compiles bench.c against the library that cargo built beside this program.
fn compile(scratch: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let build = own.ancestors().nth(2).ok_or("the program lies nowhere")?;
    for name in ["libroundhouse.so", "libroundhouse.so.0.1"] {
        let library = build.join("deps/libroundhouse_ffi.so");
        std::os::unix::fs::symlink(library, scratch.join(name))?;
    }
    let program = scratch.join("bench");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-D_DEFAULT_SOURCE", "-I", INCLUDE, SOURCE, "-o"]).arg(&program);
    cc.arg("-L").arg(scratch).arg(format!("-Wl,-rpath,{}", scratch.display())).arg("-lroundhouse");
    if cc.status()?.success() { Ok(program) } else { Err("bench.c does not compile".into()) }
}

/// Runs one side, in a process of its own so that both begin with untouched memory.
fn run(command: &mut Command) -> Result<f64, Box<dyn Error>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The side of a case that is written in Rust, which prints its cost as bench.c does.
fn append_in_rust(name: &str, store: &Path, seconds: f64) -> Result<(), Box<dyn Error>> {
    let case = CASES.iter().find(|case| case.name == name).ok_or("there is no such case")?;
    let cost = block_on(async {
        let engine = Engine::builder(store).new_store_shards(1).open().await?;
        let retention = Retention { age: None, bytes: Some(256 << 20) };
        let log = engine.log("bench").durability(Durability::Never).retention(retention);
        let log = log.open_or_create().await?;
        let cost = append(&log, case, Duration::from_secs_f64(seconds)).await?;
        engine.close().await?;
        Ok::<_, roundhouse::Error>(cost)
    })?;
    writeln!(std::io::stdout(), "{cost:.1}")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
async fn append(log: &Log, case: &Case, duration: Duration) -> Result<f64, roundhouse::Error> {
    let Case { window, batch, .. } = *case;
    let clock = if window == 1 { ClockId::ThreadCPUTime } else { ClockId::Monotonic };
    let (start, spent_before) = (Instant::now(), spent(clock));
    let mut under_way: VecDeque<Append> = VecDeque::with_capacity(window);
    let mut done = 0_u64;
    let append = || match batch {
        1 => log.append(Bytes::from_static(RECORD)),
        _ => log.append_batch((0..batch).map(|_| Bytes::from_static(RECORD))),
    };
    while start.elapsed() < duration {
        while under_way.len() < window {
            under_way.push_back(append());
        }
        // What came back with the first is taken with it, as the queue does.
        if let Some(first) = under_way.pop_front() {
            first.await?;
            done += 1;
        }
        while let Some(next) = under_way.front_mut() {
            match std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *next).poll(context)))
                .await
            {
                Poll::Ready(outcome) => _ = outcome?,
                Poll::Pending => break,
            }
            under_way.pop_front();
            done += 1;
        }
    }
    for append in under_way {
        append.await?;
        done += 1;
    }
    Ok((spent(clock) - spent_before) / (done * batch as u64) as f64)
}

/// What a clock says, in nanoseconds.
fn spent(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The first argument of the process that is the Rust side.
const IN_RUST: &str = "--in-rust";

/// What bench.c is compiled from.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/c/bench.c");
const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../include");
