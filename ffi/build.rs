//! Gives the shared library its soname, which rustc has no option for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libroundhouse.so.0");
}
