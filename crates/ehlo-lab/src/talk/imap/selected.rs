use super::Enabled;
use super::name::Place;
use super::sets::ranges;
use crate::Message;
use crate::store::{Mailbox, Mailboxes};

/// The mailbox that a session has open, and what the client knows of it.
///
/// Message numbers are positions in `known`; they change only when the client is told (RFC 3501 §7.4.1).
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) place: Place,
    pub(super) read_only: bool,
    /// The rights of who has it open (RFC 4314 §2.1).
    pub(super) rights: String,
    /// The identifiers that the last SEARCH saved, sorted (RFC 5182).
    pub(super) saved: Vec<u32>,
    known: Vec<Known>,
    validity: u32,
    /// Up to here everything was told; none if something is left.
    told_up_to: Option<u64>,
    keywords: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    uid: u32,
    /// The last change that the client was told of.
    modseq: u64,
    recent: bool,
}

/// The flags that every mailbox has.
pub(super) const FLAGS: &[&str] = &["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

impl Selected {
    /// Opens a mailbox; nothing is said.
    pub(super) fn open(
        boxes: &mut Mailboxes,
        place: Place,
        rights: String,
        read_only: bool,
    ) -> Option<Selected> {
        let mailbox = boxes.folders.get_mut(&place.mailbox)?;
        let mut selected = Selected {
            place,
            read_only,
            rights,
            saved: Vec::new(),
            known: Vec::new(),
            validity: mailbox.validity,
            told_up_to: Some(mailbox.modseq),
            keywords: mailbox.keywords().to_vec(),
        };
        selected.learn(mailbox);
        Some(selected)
    }

    /// How many messages the client knows of.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    /// How many of them are recent to this session.
    pub(super) fn recent(&self) -> usize {
        self.known.iter().filter(|k| k.recent).count()
    }

    /// The largest identifier that the client knows of; 0 if there is none.
    pub(super) fn largest_uid(&self) -> u32 {
        self.known.last().map_or(0, |k| k.uid)
    }

    /// Number and identifier of each message.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, u32)> {
        (1u32..).zip(self.known.iter().map(|k| k.uid))
    }

    /// The keywords that the client knows of.
    pub(super) fn keywords(&self) -> &[String] {
        &self.keywords
    }

    /// Whether the message is recent to this session.
    pub(super) fn is_recent(&self, uid: u32) -> bool {
        self.at(uid).is_some_and(|at| self.known[at].recent)
    }

    /// Whether the user has a right.
    pub(super) fn may(&self, right: char) -> bool {
        self.rights.contains(right)
    }

    /// Whether the user may change this flag (RFC 4314 §4).
    pub(super) fn may_change(&self, flag: &str) -> bool {
        match flag.to_ascii_lowercase().as_str() {
            "\\seen" => self.may('s'),
            "\\deleted" => self.may('t'),
            _ => self.may('w'),
        }
    }

    /// Takes note that the client has been told of this change, so that it is not told again.
    pub(super) fn told(&mut self, uid: u32, modseq: u64) {
        if let Some(at) = self.at(uid) {
            self.known[at].modseq = modseq;
        }
    }

    /// Whether this is still the mailbox that was opened.
    pub(super) fn holds(&self, boxes: &Mailboxes) -> bool {
        boxes.folders.get(&self.place.mailbox).is_some_and(|m| m.validity == self.validity)
    }

    /// Tells what has changed: expunged, new, and messages with other flags.
    pub(super) fn sync(
        &mut self,
        boxes: &mut Mailboxes,
        may_expunge: bool,
        enabled: Enabled,
        out: &mut Vec<u8>,
    ) {
        let Some(mailbox) =
            boxes.folders.get_mut(&self.place.mailbox).filter(|m| m.validity == self.validity)
        else {
            return;
        };
        if self.told_up_to == Some(mailbox.modseq) {
            return;
        }
        let complete = self.tell_expunged(mailbox, may_expunge, enabled, out);
        self.tell_keywords(mailbox, out);
        let before = self.known.len();
        self.learn(mailbox);
        if self.known.len() > before {
            out.extend_from_slice(format!("* {} EXISTS\r\n", self.known.len()).as_bytes());
            if !enabled.rev2 {
                out.extend_from_slice(format!("* {} RECENT\r\n", self.recent()).as_bytes());
            }
        }
        let mut messages = mailbox.messages.iter().peekable();
        for (number, known) in (1u32..).zip(&mut self.known) {
            while messages.next_if(|m| m.uid < known.uid).is_some() {}
            if let Some(message) = messages.next_if(|m| m.uid == known.uid)
                && message.modseq != known.modseq
            {
                known.modseq = message.modseq;
                let recent = known.recent && !enabled.rev2;
                out.extend_from_slice(&changed(number, message, recent, enabled, false));
            }
        }
        self.told_up_to = complete.then_some(mailbox.modseq);
    }

    /// Whether nothing is left to tell.
    fn tell_expunged(&mut self, mailbox: &Mailbox, may: bool, enabled: Enabled, out: &mut Vec<u8>) -> bool {
        let mut there = mailbox.messages.iter().map(|m| m.uid).peekable();
        let gone: Vec<(u32, u32)> = self
            .numbered()
            .filter(|&(_, uid)| {
                while there.next_if(|&other| other < uid).is_some() {}
                there.next_if_eq(&uid).is_none()
            })
            .collect();
        if gone.is_empty() || !may {
            return gone.is_empty();
        }
        if enabled.qresync {
            let set = ranges(gone.iter().map(|&(_, uid)| (uid, uid)));
            out.extend_from_slice(format!("* VANISHED {set}\r\n").as_bytes());
        } else {
            // Backwards, so that no number that is told is changed by another one.
            for (number, _) in gone.iter().rev() {
                out.extend_from_slice(format!("* {number} EXPUNGE\r\n").as_bytes());
            }
        }
        let is_gone = |uid: u32| gone.binary_search_by_key(&uid, |&(_, uid)| uid).is_ok();
        self.known.retain(|k| !is_gone(k.uid));
        self.saved.retain(|&uid| !is_gone(uid));
        true
    }

    /// RFC 3501 §7.2.6: a keyword that is new is announced before it is used.
    pub(super) fn tell_keywords(&mut self, mailbox: &Mailbox, out: &mut Vec<u8>) {
        let known = |flag: &String| self.keywords.iter().any(|k| k.eq_ignore_ascii_case(flag));
        if self.keywords.len() == mailbox.keywords().len() {
            return;
        }
        let new: Vec<String> = mailbox.keywords().iter().filter(|flag| !known(flag)).cloned().collect();
        if !new.is_empty() {
            self.keywords.extend(new);
            out.extend_from_slice(self.flags_line().as_bytes());
        }
    }

    /// `* FLAGS (…)`
    pub(super) fn flags_line(&self) -> String {
        let keywords: String = self.keywords.iter().map(|k| format!(" {k}")).collect();
        format!("* FLAGS ({}{keywords})\r\n", FLAGS.join(" "))
    }

    fn learn(&mut self, mailbox: &mut Mailbox) {
        let largest = self.largest_uid();
        let from = mailbox.messages.partition_point(|m| m.uid <= largest);
        for message in &mailbox.messages[from..] {
            let recent = message.uid >= mailbox.recent_from;
            self.known.push(Known { uid: message.uid, modseq: message.modseq, recent });
        }
        // RFC 3501 §6.3.2: EXAMINE must not take away the recent state.
        if !self.read_only {
            mailbox.recent_from = mailbox.next_uid;
        }
    }

    fn at(&self, uid: u32) -> Option<usize> {
        self.known.binary_search_by_key(&uid, |k| k.uid).ok()
    }
}

/// What is said of a message whose flags have changed.
pub(super) fn changed(
    number: u32,
    message: &Message,
    recent: bool,
    enabled: Enabled,
    with_uid: bool,
) -> Vec<u8> {
    let uid = match with_uid || enabled.qresync {
        true => format!("UID {} ", message.uid),
        false => String::new(),
    };
    let modseq = match enabled.condstore {
        true => format!(" MODSEQ ({})", message.modseq),
        false => String::new(),
    };
    format!("* {number} FETCH ({uid}FLAGS ({}){modseq})\r\n", flags(message, recent)).into_bytes()
}

/// The flags of a message, with blanks between them.
pub(super) fn flags(message: &Message, recent: bool) -> String {
    let recent = recent.then_some("\\Recent");
    message.flags.iter().map(String::as_str).chain(recent).collect::<Vec<_>>().join(" ")
}
