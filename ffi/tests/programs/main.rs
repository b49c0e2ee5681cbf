//! Programs in C, C++ and Python, compiled against the header and run with the library.

mod calls;
mod examples;
mod exports;
mod header;
mod install;
mod parity;
mod parity_sockets;
mod toolbox;
