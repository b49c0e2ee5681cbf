//! What engines count and measure.

use std::ffi::c_char;
use std::sync::{Arc, OnceLock};

use roundhouse::Metrics;

use crate::engine::rh_engine;
use crate::entry::{Out, enter, free, give_text, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::queue::{Once, RH_OP_METRICS, Success, rh_queue};
use crate::status::{RH_E_NOT_FOUND, rh_status};

/// A snapshot of what an engine counts and measures.
pub struct rh_metrics;

impl Handle for rh_metrics {
    type Object = MetricsObject;
    const KIND: Kind = Kind::Metrics;
}

/// A snapshot behind its handle.
pub(crate) struct MetricsObject {
    metrics: Metrics,
    /// Made when it is asked for.
    text: OnceLock<String>,
}

/// All shards together, where the number of a shard is expected.
pub const RH_ALL_SHARDS: u32 = u32::MAX;

/// Takes a snapshot of what the shards of an engine count and measure.
///
/// Completes as `RH_OP_METRICS` with the `rh_metrics` as `handle`, or `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_metrics(
    engine: *const rh_engine,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let ask = || {
        let (engine, queue) = (handle::get(engine)?, handle::get(queue)?);
        queue.submit(RH_OP_METRICS, user_data, || {
            Ok(Box::pin(async move {
                let metrics = engine.engine.metrics().await?;
                let object = MetricsObject { metrics, text: OnceLock::new() };
                Ok(Success::made(handle::insert::<rh_metrics>(Arc::new(object), Latch::default())?))
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, ask) }
}

/// Gives back a snapshot. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_metrics_free(
    metrics: *mut rh_metrics,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(metrics, error) }
}

/// Gives how much the counter `name` came to since the engine was opened, on a shard or with `RH_ALL_SHARDS`.
///
/// Errors: `RH_E_NOT_FOUND` if there is no such counter or shard, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any
/// thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_metrics_counter(
    metrics: *const rh_metrics,
    shard: u32,
    name: *const c_char,
    out: *mut u64,
    error: *mut rh_error,
) -> rh_status {
    let find = || {
        let object = handle::get(metrics)?;
        // SAFETY: texts of the program's are NULL or end with a NUL, and an out-parameter may be written; the
        // header says so.
        let (name, out) = unsafe { (text(name, "name")?, Out::new(out, "out")?) };
        let value = match shard {
            RH_ALL_SHARDS => object.metrics.counter(name),
            _ => object.metrics.shards.get(shard as usize).and_then(|shard| shard.counter(name)),
        };
        let missing = || Failure::new(RH_E_NOT_FOUND, format!("no shard {shard} counts {name}"));
        out.write(value.ok_or_else(missing)?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(metrics, error, find) }
}

/// Gives the names of all counters, one a line, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_metrics_counters(
    metrics: *const rh_metrics,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let object = handle::get(metrics)?;
        let counters = object.metrics.shards.first().map(|shard| &shard.counters[..]);
        let names: Vec<&str> = counters.unwrap_or_default().iter().map(|c| c.name).collect();
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&names.join("\n"), buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(metrics, error, give) }
}

/// Gives the append latency in nanoseconds, over all shards, that the fraction `quantile` of appends did not
/// exceed, such as 0.99: from the first record put into a frame until that is written, and durable if it was to be.
///
/// Errors: `RH_E_INVALID` (also for a fraction outside 0 to 1), `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_metrics_append_latency(
    metrics: *const rh_metrics,
    quantile: f64,
    out: *mut u64,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let object = handle::get(metrics)?;
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        if !(0.0..=1.0).contains(&quantile) {
            return Err(Failure::invalid(format!(
                "a quantile lies from 0 to 1, not at {quantile}"
            )));
        }
        let latency = object.metrics.append_latency().quantile(quantile);
        out.write(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(metrics, error, give) }
}

/// Gives all of it as OpenMetrics text of `len` bytes, borrowed until `rh_metrics_free`; no NUL follows.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_metrics_openmetrics(
    metrics: *const rh_metrics,
    out: *mut *const c_char,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let object = handle::get(metrics)?;
        // SAFETY: out-parameters may be written; the header says so.
        let (out, len) = unsafe { (Out::new(out, "out")?, Out::new(len, "len")?) };
        let text = object.text.get_or_init(|| object.metrics.to_openmetrics());
        out.write(text.as_ptr().cast());
        len.write(text.len());
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(metrics, error, give) }
}
