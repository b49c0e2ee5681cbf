//! Memory of the program's on its way to the kernel.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_channel::oneshot;

use crate::failure::Failure;
use crate::log::{array, check_slice, is_copied, rh_slice};

/// Slices that can be sent at once.
pub const RH_SLICES_MAX: u32 = 1024;

/// Tells when nobody looks at lent memory any more.
pub(super) struct Released(Option<oneshot::Receiver<Infallible>>);

impl Released {
    /// Nothing was lent.
    pub(super) fn at_once() -> Released {
        Released(None)
    }

    /// Waits until the memory is the program's again; what was copied is so already.
    pub(super) async fn wait(self) {
        if let Some(receiver) = self.0 {
            // Nothing is ever sent: the other end is dropped with the memory's last user.
            let _ = receiver.await;
        }
    }
}

/// A slice of the program's with what it holds while it is in use.
struct Lent {
    slice: &'static [u8],
    _held: Arc<oneshot::Sender<Infallible>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.slice
    }
}

/// The bytes of slices, copied if `flags` has `RH_COPY`, otherwise borrowed until they are released.
///
/// # Safety
/// `first` is NULL or the first of `count` slices, whose bytes can be read and, if they are borrowed, stay as they
/// are until they are released.
pub(super) unsafe fn take(
    first: *const rh_slice,
    count: u32,
    flags: u32,
) -> Result<(Vec<Bytes>, Released), Failure> {
    let is_copied = is_copied(flags)?;
    if count > RH_SLICES_MAX {
        let message = format!("count is {count}; {RH_SLICES_MAX} slices can be sent at once");
        return Err(Failure::invalid(message));
    }
    // SAFETY: the caller's promise.
    let slices = unsafe { array(first, count, "slices") }?;
    slices.iter().try_for_each(check_slice)?;
    // SAFETY: checked above; the rest is the caller's promise.
    let views = slices.iter().filter(|slice| slice.len > 0).map(|slice| unsafe { view(slice) });
    if is_copied {
        return Ok((views.map(Bytes::copy_from_slice).collect(), Released(None)));
    }
    let (held, released) = oneshot::channel();
    let held = Arc::new(held);
    let lend = |slice| Bytes::from_owner(Lent { slice, _held: held.clone() });
    Ok((views.map(lend).collect(), Released(Some(released))))
}

/// # Safety
/// The bytes can be read for as long as the result is used.
unsafe fn view(slice: &rh_slice) -> &'static [u8] {
    // SAFETY: the caller's promise, and it is not NULL, since it has a length.
    unsafe { std::slice::from_raw_parts(slice.data, slice.len) }
}
