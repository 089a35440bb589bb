use std::sync::Arc;

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its bytes, lines ended by CR LF. Copies share them.
    pub bytes: Arc<[u8]>,
    /// Its unique identifier.
    pub uid: u32,
    /// Its flags and keywords, as first spelt.
    pub flags: Vec<String>,
    /// When it came, in seconds since 1970.
    pub at: i64,
}

impl Message {
    /// A message without flags; it gets its identifier when it is put into a mailbox.
    pub fn new(bytes: Vec<u8>, at: i64) -> Message {
        Message { bytes: bytes.into(), uid: 0, flags: Vec::new(), at }
    }

    /// Whether it has the flag, whatever the case.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f.eq_ignore_ascii_case(flag))
    }

    /// Sets or clears a flag; whether that changed anything.
    pub fn set(&mut self, flag: &str, on: bool) -> bool {
        let had = self.has(flag);
        if on && !had {
            self.flags.push(flag.to_owned());
        } else if !on {
            self.flags.retain(|f| !f.eq_ignore_ascii_case(flag));
        }
        had != on
    }
}
