//! What a message says, without I/O: its parts, its texts, its dates and addresses, and the orders in which IMAP lists
//! messages by them.

pub(crate) mod address;
pub(crate) mod content;
pub(crate) mod dates;
pub(crate) mod decode;
mod forest;
pub(crate) mod header;
pub(crate) mod mime;
pub(crate) mod preview;
pub(crate) mod sort;
mod structure;
pub(crate) mod subject;
pub(crate) mod thread;
