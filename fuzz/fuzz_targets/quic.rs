#![no_main]

use libfuzzer_sys::fuzz_target;
use roundhouse_verify::targets::Target;

fuzz_target!(|data: &[u8]| (Target::named("quic").run)(data));
