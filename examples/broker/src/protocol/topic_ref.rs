//! How requests name topics: by name, and in newer versions by identity.

use super::reader::{Malformed, Reader};
use super::writer::Writer;

/// The identity of a topic, which a topic of the same name created later does not have.
pub type TopicId = [u8; 16];

/// A topic in a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TopicRef {
    /// By its name.
    Name(String),
    /// By its identity.
    Id(TopicId),
}

impl TopicRef {
    pub(super) fn read(reader: &mut Reader<'_>, by_id: bool) -> Result<TopicRef, Malformed> {
        if by_id {
            return reader.uuid().map(TopicRef::Id);
        }
        reader.string().map(|name| TopicRef::Name(name.to_owned()))
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            TopicRef::Name(name) => writer.string(name),
            TopicRef::Id(id) => writer.uuid(*id),
        }
    }
}
