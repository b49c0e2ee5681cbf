//! What appending from C costs beside Rust: `examples/c/bench.c` and the same here, in turns.
//!
//! `cargo run --release -p roundhouse-ffi --example beside [ROUNDS] [SECONDS]`, on a machine with a C compiler.
//! Prints, for each case, the medians in nanoseconds per record, their difference and the ratio of the rates.

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

/// As in bench.c.
const WINDOW: usize = 1024;
const BATCH: usize = 64;
const RECORD: &[u8] = &[b'x'; 100];

/// A case of both programs: its name in C, appends under way at once, records of each.
const CASES: &[(&str, usize, usize)] = &[
    ("each", WINDOW, 1),
    ("many", WINDOW, 1),
    ("batch", WINDOW / BATCH, BATCH),
    ("alone", 1, 1),
    ("hosted", WINDOW, 1),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let seconds: f64 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let scratch = tempfile::tempdir()?;
    let program = compile(scratch.path())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "case   C ns  Rust ns  difference  C rate / Rust rate")?;
    for (name, window, batch) in CASES {
        let (mut c, mut rust) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let store = |side| scratch.path().join(format!("{name}-{side}-{round}"));
            c.push(run_c(&program, &store("c"), name, seconds)?);
            let duration = Duration::from_secs_f64(seconds);
            rust.push(block_on(run_rust(&store("rust"), *window, *batch, duration))?);
            std::fs::remove_dir_all(store("c"))?;
            std::fs::remove_dir_all(store("rust"))?;
        }
        let (c, rust) = (median(c), median(rust));
        let ratio = rust / c;
        writeln!(out, "{name:6} {c:5.0} {rust:8.0} {:11.0} {ratio:19.3}", c - rust)?;
    }
    Ok(())
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
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
    cc.args(["-O2", "-D_DEFAULT_SOURCE", "-I", "include", "examples/c/bench.c", "-o"])
        .arg(&program);
    cc.arg("-L").arg(scratch).arg(format!("-Wl,-rpath,{}", scratch.display())).arg("-lroundhouse");
    if cc.status()?.success() { Ok(program) } else { Err("bench.c does not compile".into()) }
}

fn run_c(program: &Path, store: &Path, case: &str, seconds: f64) -> Result<f64, Box<dyn Error>> {
    let output = Command::new(program).arg(store).arg(case).arg(seconds.to_string()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

async fn run_rust(
    store: &Path,
    window: usize,
    batch: usize,
    duration: Duration,
) -> Result<f64, roundhouse::Error> {
    let engine = Engine::builder(store).new_store_shards(1).open().await?;
    let retention = Retention { age: None, bytes: Some(256 << 20) };
    let log = engine.log("bench").durability(Durability::Never).retention(retention);
    let log = log.open_or_create().await?;
    let cost = append(&log, window, batch, duration).await?;
    engine.close().await?;
    Ok(cost)
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
async fn append(
    log: &Log,
    window: usize,
    batch: usize,
    duration: Duration,
) -> Result<f64, roundhouse::Error> {
    let start = Instant::now();
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
    Ok(start.elapsed().as_nanos() as f64 / (done * batch as u64) as f64)
}
