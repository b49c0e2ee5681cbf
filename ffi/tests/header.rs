//! The header that is committed is the one the sources make.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_header_is_what_the_sources_make() {
    // Tests run in the package's directory.
    let config = cbindgen::Config::from_file("cbindgen.toml").unwrap();
    // By the sources alone: for a crate it would run cargo, which not every user who tests can.
    let builder = cbindgen::Builder::new().with_config(config).with_src("src/lib.rs");
    let bindings = builder.generate().unwrap();
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let committed = fs::read_to_string("../include/roundhouse.h").unwrap_or_default();
    if made != committed {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("roundhouse.h");
        fs::write(&place, &made).unwrap();
        let differs = made.lines().zip(committed.lines()).position(|(new, old)| new != old);
        let line = differs.unwrap_or(committed.lines().count().min(made.lines().count())) + 1;
        panic!(
            "include/roundhouse.h is not what ffi/src makes, from line {line} on; to bring it up to date:\n\
             cp {} include/roundhouse.h",
            place.display()
        );
    }
}
