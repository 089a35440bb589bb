use ehlo_core::mailbox::{Change, Folder, Happening, MessageLine, Quota, Reading, Rights};
use std::io;

/// Something that was found or done.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A folder.
    Folder(&'a Folder),
    /// A message of a list.
    Message(&'a MessageLine),
    /// A message to be read, or only its parts.
    Reading(&'a Reading),
    /// Bytes of a message, in order.
    Bytes(&'a [u8]),
    /// A quota.
    Quota(&'a Quota),
    /// Somebody's rights.
    Rights(&'a Rights),
    /// Something that was changed.
    Change(&'a Change),
    /// Something that happened.
    Happening(&'a Happening),
}

/// Takes what is found, as it comes.
pub trait Sink {
    /// Takes an item.
    ///
    /// # Errors
    /// What kept it from being taken; nothing more is asked of the server then.
    fn take(&mut self, item: Item<'_>) -> io::Result<()>;
}
