//! What nobody gets below: a socket's echo and a durable block.

use roundhouse_measure::{CEILING, MeasureError, Measurement, Stage, Subject};
use serde_json::Value;

use super::child::{beside, output};

/// A TCP echo with a durable write of 4 KiB.
pub(super) struct Floor;

impl Subject for Floor {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "a TCP echo with a durable write of 4 KiB, by system calls, 2,000 a second".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let scratch = stage.path("floor");
        let seconds = stage.duration.as_secs().max(1).to_string();
        let scratch = scratch.to_string_lossy();
        let said = output(
            beside("broker-load")?,
            ["floor", "--scratch", &scratch, "--seconds", &seconds],
        )?;
        let said: Value = serde_json::from_str(&said)?;
        let us = |name: &str| said["echo_ms"][name].as_f64().map(|ms| ms * 1e3);
        let p99 = us("p99").ok_or("the generator did not say p99")?;
        Ok(vec![Measurement {
            p50_us: us("p50"),
            p99_us: us("p99"),
            p999_us: us("p999"),
            max_us: us("max"),
            ..Measurement::new("p99 us", p99)
        }])
    }
}
