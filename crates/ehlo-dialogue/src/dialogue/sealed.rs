//! TLS records on their way from the transport to the TLS library.
//!
//! The library takes only so much before its text must be read, and nothing any more after `close_notify`: what it
//! does not take waits here, or is dropped.

use crate::connect::cause_of;
use ehlo_core::Cause;
use rustls::ClientConnection;

/// How much is asked of the transport at once.
const PORTION: usize = 16 * 1024;

/// What came from the transport and was not given to the TLS library yet.
#[derive(Default)]
pub(super) struct Sealed {
    buffer: Vec<u8>,
    length: usize,
    given: usize,
}

impl Sealed {
    /// Whether the library has taken all of it.
    pub(super) fn is_empty(&self) -> bool {
        self.given == self.length
    }

    /// Room for what the transport has, over whatever was there. Whoever waits for the transport may be cancelled:
    /// nothing has come until [`Sealed::filled`] says so.
    pub(super) fn room(&mut self) -> &mut [u8] {
        (self.length, self.given) = (0, 0);
        self.buffer.resize(PORTION, 0);
        &mut self.buffer
    }

    /// So much of the room was filled.
    pub(super) fn filled(&mut self, length: usize) {
        self.length = length.min(self.buffer.len());
    }

    /// How the last portion begins.
    pub(super) fn start(&self) -> &[u8] {
        &self.buffer[..self.length.min(512)]
    }

    /// Gives the library the next portion and lets it look at that.
    ///
    /// The library must have been emptied of text; a portion is no more than it can hold then.
    pub(super) fn feed(&mut self, tls: &mut ClientConnection) -> Result<(), Cause> {
        let mut rest = &self.buffer[self.given..self.length];
        let before = rest.len();
        match tls.read_tls(&mut rest) {
            Ok(taken) if taken > 0 => self.given += before - rest.len(),
            // "Any data received after a closure alert has been received MUST be ignored" (RFC 8446 §6.1).
            Ok(_) => self.given = self.length,
            Err(error) => return Err(cause_of(&error)),
        }
        tls.process_new_packets().map(drop).map_err(|error| super::tls_cause(&error))
    }
}
