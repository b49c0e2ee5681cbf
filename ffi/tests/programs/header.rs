//! What compilers say about the header, and whether they lay its structures out as Rust does.

use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use roundhouse_ffi::{
    rh_append, rh_completion, rh_error, rh_log_info, rh_log_settings, rh_record, rh_repair,
    rh_slice, rh_store_info, rh_turn, rh_verification,
};

use crate::toolbox::{INCLUDE, WARNINGS, succeed};

/// Compiles a text without making anything of it.
fn check(compiler: &str, flags: &[&str], language: &str, text: &str, scratch: &Path) {
    let source = scratch.join(format!("check.{language}"));
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new(compiler);
    command.args(flags).args(WARNINGS).args(["-I", INCLUDE, "-fsyntax-only"]);
    succeed(command.arg(&source));
}

/// The compilers that are there; `.ci/install-tools` installs clang.
fn compilers(names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    names.iter().copied().filter(|name| {
        let is_there = Command::new(name).arg("--version").output().is_ok();
        assert!(is_there || std::env::var_os("CI").is_none(), "{name} is missing");
        is_there
    })
}

#[test]
fn the_headers_compile_alone_and_twice_without_a_warning() {
    let scratch = tempfile::tempdir().unwrap();
    let twice =
        "#include \"roundhouse.h\"\n#include \"roundhouse.h\"\nint main(void) { return 0; }\n";
    let strict = ["-std=c99", "-Wstrict-prototypes", "-Wmissing-prototypes"];
    for compiler in compilers(&["gcc", "clang"]) {
        check(compiler, &strict, "c", twice, scratch.path());
    }
    let twice =
        "#include \"roundhouse.hpp\"\n#include \"roundhouse.hpp\"\nint main() { return 0; }\n";
    let throwing = format!("#define ROUNDHOUSE_EXCEPTIONS\n{twice}");
    for compiler in compilers(&["g++", "clang++"]) {
        check(compiler, &["-std=c++17", "-fno-exceptions"], "cpp", twice, scratch.path());
        check(compiler, &["-std=c++17"], "cpp", &throwing, scratch.path());
    }
}

#[test]
fn the_version_of_the_header_is_a_constant_of_the_preprocessor() {
    let scratch = tempfile::tempdir().unwrap();
    let text = "#include \"roundhouse.h\"\n#if RH_VERSION_NUMBER < 1000\n#error version\n#endif\n\
                int main(void) { return 0; }\n";
    check("cc", &["-std=c99"], "c", text, scratch.path());
}

/// Sizes and offsets as they are to stay: each is what Rust has, and what the header has in C.
macro_rules! layouts {
    ($($name:ident: $size:literal { $($field:ident: $offset:literal),* $(,)? })*) => {{
        let mut text = String::from("#include \"roundhouse.h\"\n");
        $(
            assert_eq!(size_of::<$name>(), $size, stringify!($name));
            text += concat!("typedef char size_of_", stringify!($name), "[sizeof(", stringify!($name), ") == ",
                $size, " ? 1 : -1];\n");
            $(
                assert_eq!(offset_of!($name, $field), $offset, concat!(stringify!($name), ".", stringify!($field)));
                text += concat!("typedef char offset_of_", stringify!($name), "_", stringify!($field),
                    "[offsetof(", stringify!($name), ", ", stringify!($field), ") == ", $offset, " ? 1 : -1];\n");
            )*
        )*
        text + "int main(void) { return 0; }\n"
    }};
}

#[test]
fn structures_are_laid_out_alike_in_c_and_in_rust() {
    let text = layouts! {
        rh_error: 256 { status: 0, sys_errno: 4, detail: 8, message: 16 }
        rh_slice: 16 { data: 0, len: 8 }
        rh_append: 24 { user_data: 0, record: 8 }
        rh_completion: 64 {
            user_data: 0, result: 8, op: 16, flags: 20, handle: 24, detail: 32, data: 40, len: 48, reserved: 56,
        }
        rh_record: 40 { offset: 0, time_ns: 8, data: 16, len: 24, span: 32, reserved: 36 }
        rh_turn: 16 { next_deadline_ns: 0, has_work: 8, is_closed: 12 }
        rh_log_settings: 48 {
            struct_size: 0, durability: 8, shard: 12, on_shard: 16, reserved: 20, interval_ns: 24,
            retain_age_ns: 32, retain_bytes: 40,
        }
        rh_log_info: 72 {
            struct_size: 0, id: 8, shard: 12, start: 16, end: 24, bytes: 32, durability: 40, reserved: 44,
            interval_ns: 48, retain_age_ns: 56, retain_bytes: 64,
        }
        rh_store_info: 88 {
            struct_size: 0, low_water: 8, end: 16, durable_upto: 24, slots: 32, slots_ready: 40, segments: 48,
            logs: 56, cache_bytes: 64, slot_bytes: 72, epoch: 80,
        }
        rh_verification: 72 {
            struct_size: 0, verdict: 8, reserved: 12, frames: 16, records: 24, bytes: 32, damaged: 40,
            low_water: 48, durable_upto: 56, end: 64,
        }
        rh_repair: 48 {
            struct_size: 0, outcome: 8, reserved: 12, lost_records: 16, lost_bytes: 24, quarantined: 32,
            recreated: 40,
        }
    };
    let scratch = tempfile::tempdir().unwrap();
    check("cc", &["-std=c99"], "c", &text, scratch.path());
}
