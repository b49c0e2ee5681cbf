//! The write path: gathering, group commit, progress.

mod gather;
mod touch;
mod writer;

pub(crate) use gather::FrameBuffers;
pub use touch::Ticket;
pub(crate) use touch::Touch;
pub(crate) use writer::{Submission, SubmitContext, Writer, WriterStart};
