#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../ffi/tests/sequences/program/mod.rs"]
mod program;

fuzz_target!(|data: &[u8]| {
    let directory = std::env::temp_dir().join(format!("roundhouse-calls-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("the directory of the last input was removed");
    program::run(data, &directory);
    std::fs::remove_dir_all(&directory).expect("nobody else has it");
});
