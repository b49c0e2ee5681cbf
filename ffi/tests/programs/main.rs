//! The programs of `examples/c`, compiled against the header and run with the library.

mod log;
mod toolbox;
