//! Gives the shared library its soname, which rustc has no option for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Before 1.0 a minor version may break the interface; the Makefile says the same.
    let version = match env!("CARGO_PKG_VERSION_MAJOR") {
        "0" => concat!("0.", env!("CARGO_PKG_VERSION_MINOR")),
        major => major,
    };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libroundhouse.so.{version}");
}
