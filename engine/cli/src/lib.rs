//! Layer 4 of Roundhouse: the `roundhouse` command.

#![forbid(unsafe_code)]
