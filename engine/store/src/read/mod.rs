//! Reading: frames from memory or disk, the records of one log in them, and following its end.

mod cursor;
mod reader;
mod records;

pub(crate) use cursor::FrameCursor;
pub use reader::Reader;
pub(crate) use reader::offset_at;
pub use records::{Record, RecordIter, Records};
