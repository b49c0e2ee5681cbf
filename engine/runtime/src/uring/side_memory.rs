//! Memory that operations in flight need beside their own.

use std::ffi::{CStr, CString};

use super::message::Message;

/// What the entry of one operation points to, apart from the operation's own buffers. It stays
/// where it is until the operation's last completion.
#[derive(Default)]
pub(super) enum SideMemory {
    /// Nothing.
    #[default]
    None,
    /// A path as the kernel wants it.
    Path(CString),
    /// A message header, or an address.
    Message(Box<Message>),
}

impl SideMemory {
    /// Keeps a path.
    pub(super) fn put_path(&mut self, path: CString) -> &CStr {
        *self = SideMemory::Path(path);
        match self {
            SideMemory::Path(path) => path,
            _ => unreachable!("it was just put there"),
        }
    }

    /// The message to fill in.
    pub(super) fn message(&mut self) -> &mut Message {
        if !matches!(self, SideMemory::Message(_)) {
            *self = SideMemory::Message(Message::new());
        }
        match self {
            SideMemory::Message(message) => message,
            _ => unreachable!("it was just put there"),
        }
    }
}

/// The side memory of all operations in flight, by [`OpId::index`](crate::OpId::index).
#[derive(Default)]
pub(super) struct SideMemories {
    slots: Vec<Slot>,
}

#[derive(Default)]
struct Slot {
    memory: SideMemory,
    is_cancelled: bool,
}

impl SideMemories {
    /// That of the operation at `index`.
    pub(super) fn get(&mut self, index: u32) -> &mut SideMemory {
        &mut self.slot(index).memory
    }

    /// Notes that the operation at `index` shall end: it must not be started again.
    pub(super) fn cancel(&mut self, index: u32) {
        self.slot(index).is_cancelled = true;
    }

    /// Whether [`SideMemories::cancel`] was called for the operation at `index`.
    pub(super) fn is_cancelled(&self, index: u32) -> bool {
        self.slots.get(index as usize).is_some_and(|slot| slot.is_cancelled)
    }

    /// Lets go of what the operation at `index` needed. A message is kept for whoever comes next:
    /// a shard that sends allocates none.
    pub(super) fn release(&mut self, index: u32) {
        let slot = self.slot(index);
        slot.is_cancelled = false;
        match &mut slot.memory {
            SideMemory::Message(message) => message.clear(),
            other => *other = SideMemory::None,
        }
    }

    fn slot(&mut self, index: u32) -> &mut Slot {
        let index = index as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, Slot::default);
        }
        &mut self.slots[index]
    }
}
