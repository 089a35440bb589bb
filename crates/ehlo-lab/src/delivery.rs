//! How a message that was accepted gets into the mailboxes.

use crate::context::Context;
use crate::{Delivered, StoreError};

/// Delivers a message to `account`.
///
/// # Errors
/// Why it could not be kept: the client must be told, and nothing is there.
pub(crate) fn deliver(cx: &Context<'_>, account: &str, mail: &Delivered) -> Result<(), StoreError> {
    cx.lab.store().deliver(account, mail)
}
