//! The programs of `examples/c`, compiled against the header and run with the library.

mod calls;
mod examples;
mod toolbox;
