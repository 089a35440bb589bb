use crate::store::{Mailbox, Mailboxes};

/// The mailbox that a session has open, and what the client knows of it.
///
/// Message numbers are positions in `known`; they change only when the client is told (RFC 3501 §7.4.1).
pub(super) struct Selected {
    pub(super) folder: String,
    pub(super) read_only: bool,
    known: Vec<Known>,
    validity: u32,
}

struct Known {
    uid: u32,
    flags: Vec<String>,
    recent: bool,
}

/// The flags that every mailbox has.
pub(super) const FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

impl Selected {
    /// Opens a folder and tells the client what is in it.
    pub(super) fn open(
        boxes: &mut Mailboxes,
        name: &str,
        read_only: bool,
        out: &mut Vec<u8>,
    ) -> Option<Selected> {
        let mailbox = boxes.folders.get_mut(name)?;
        let mut selected =
            Selected { folder: name.to_owned(), read_only, known: Vec::new(), validity: mailbox.validity };
        selected.learn(mailbox);
        let keywords = keywords(mailbox);
        let recent = selected.known.iter().filter(|k| k.recent).count();
        let mut text = format!("* FLAGS ({FLAGS}{keywords})\r\n");
        let permanent = if read_only { String::new() } else { format!("{FLAGS}{keywords} \\*") };
        text += &format!("* OK [PERMANENTFLAGS ({permanent})] these stay\r\n");
        text += &format!("* {} EXISTS\r\n* {recent} RECENT\r\n", selected.known.len());
        if let Some(first) = mailbox.messages.iter().position(|m| !m.has("\\Seen")) {
            text += &format!("* OK [UNSEEN {}] the first unseen one\r\n", first + 1);
        }
        text += &format!("* OK [UIDVALIDITY {}] identifiers are valid\r\n", mailbox.validity);
        text += &format!("* OK [UIDNEXT {}] the next one\r\n", mailbox.next_uid);
        out.extend_from_slice(text.as_bytes());
        Some(selected)
    }

    /// How many messages the client knows of.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    /// The largest identifier that the client knows of; 0 if there is none.
    pub(super) fn largest_uid(&self) -> u32 {
        self.known.last().map_or(0, |k| k.uid)
    }

    /// Number and identifier of each message.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, u32)> {
        (1u32..).zip(self.known.iter().map(|k| k.uid))
    }

    /// Whether the message is recent to this session.
    pub(super) fn is_recent(&self, uid: u32) -> bool {
        self.known.iter().any(|k| k.uid == uid && k.recent)
    }

    /// Takes note that the client has been told these flags, so that they are not told again.
    pub(super) fn told(&mut self, uid: u32, flags: &[String]) {
        if let Some(known) = self.known.iter_mut().find(|k| k.uid == uid) {
            known.flags = flags.to_vec();
        }
    }

    /// Tells what has changed: expunged, new, and messages with other flags.
    pub(super) fn sync(&mut self, boxes: &mut Mailboxes, may_expunge: bool, out: &mut Vec<u8>) {
        let Some(mailbox) = boxes.folders.get_mut(&self.folder).filter(|m| m.validity == self.validity)
        else {
            return;
        };
        if may_expunge {
            let mut number = self.known.len();
            let mut gone = Vec::new();
            // Backwards, so that no number that is told is changed by another one.
            for known in self.known.iter().rev() {
                if mailbox.by_uid(known.uid).is_none() {
                    out.extend_from_slice(format!("* {number} EXPUNGE\r\n").as_bytes());
                    gone.push(known.uid);
                }
                number -= 1;
            }
            self.known.retain(|k| !gone.contains(&k.uid));
        }
        let before = self.known.len();
        self.learn(mailbox);
        if self.known.len() > before {
            let recent = self.known.iter().filter(|k| k.recent).count();
            let text = format!("* {} EXISTS\r\n* {recent} RECENT\r\n", self.known.len());
            out.extend_from_slice(text.as_bytes());
        }
        for (number, known) in (1..).zip(&mut self.known) {
            if let Some(message) = mailbox.by_uid(known.uid)
                && message.flags != known.flags
            {
                known.flags.clone_from(&message.flags);
                let recent = if known.recent { " \\Recent" } else { "" };
                let flags = format!("{}{recent}", message.flags.join(" "));
                let text = format!("* {number} FETCH (FLAGS ({}))\r\n", flags.trim_start());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn learn(&mut self, mailbox: &mut Mailbox) {
        let largest = self.largest_uid();
        for message in mailbox.messages.iter().filter(|m| m.uid > largest) {
            let recent = message.uid >= mailbox.recent_from;
            self.known.push(Known { uid: message.uid, flags: message.flags.clone(), recent });
        }
        // RFC 3501 §6.3.2: EXAMINE must not take away the recent state.
        if !self.read_only {
            mailbox.recent_from = mailbox.next_uid;
        }
    }
}

/// The keywords in use, each with a blank in front.
fn keywords(mailbox: &Mailbox) -> String {
    let mut found: Vec<&str> = Vec::new();
    for flag in mailbox.messages.iter().flat_map(|m| &m.flags) {
        if !flag.starts_with('\\') && !found.iter().any(|f| f.eq_ignore_ascii_case(flag)) {
            found.push(flag);
        }
    }
    found.iter().map(|f| format!(" {f}")).collect()
}
