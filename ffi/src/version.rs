//! Which library this is.

use std::ffi::{CStr, c_char};

/// The version of the header, to be compared with `rh_version_number()`.
pub const RH_VERSION_MAJOR: u32 = 0;
/// The second part of the version of the header.
pub const RH_VERSION_MINOR: u32 = 1;
/// The third part of the version of the header.
pub const RH_VERSION_PATCH: u32 = 0;

const TEXT: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };

/// The version of the library as `major * 1000000 + minor * 1000 + patch`. Before 1.0, header and library
/// fit if major and minor are equal; from then on, if major is. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn rh_version_number() -> u32 {
    RH_VERSION_MAJOR * 1_000_000 + RH_VERSION_MINOR * 1_000 + RH_VERSION_PATCH
}

/// The version of the library, such as `"0.1.0"`. The text is static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn rh_version_string() -> *const c_char {
    TEXT.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_package() {
        let numbers = format!("{RH_VERSION_MAJOR}.{RH_VERSION_MINOR}.{RH_VERSION_PATCH}");
        assert_eq!(TEXT.to_str().unwrap(), numbers);
    }
}
