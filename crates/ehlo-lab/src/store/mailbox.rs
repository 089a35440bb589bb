use super::Message;
use std::collections::BTreeMap;

/// The folders that an account has from the beginning, with their special use (RFC 6154 §2).
pub(crate) const SPECIAL_USE: &[(&str, &str)] = &[
    ("Archive", "\\Archive"),
    ("Drafts", "\\Drafts"),
    ("Junk", "\\Junk"),
    ("Sent", "\\Sent"),
    ("Trash", "\\Trash"),
];

/// So many expunged messages of a mailbox are remembered one by one (RFC 7162 §3.2.7).
const MOST_VANISHED: usize = 10_000;

/// So many keywords of a mailbox are announced.
const MOST_KEYWORDS: usize = 1000;

/// What is known about a mailbox beside its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// E.g. `\Sent` (RFC 6154 §2).
    pub(crate) special_use: Option<String>,
    /// Whom else it is open to, with their rights (RFC 4314 §2); the owner has all.
    pub(crate) rights: BTreeMap<String, String>,
    /// Stays the same when it is renamed (RFC 8474 §4.1); 0 until the store gives it.
    pub(crate) id: u64,
}

/// A folder.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) validity: u32,
    pub(crate) next_uid: u32,
    /// Messages with smaller identifiers were announced as recent to somebody (RFC 3501 §2.3.2).
    pub(crate) recent_from: u32,
    /// In the order of their UIDs.
    pub(crate) messages: Vec<Message>,
    pub(crate) attributes: Attributes,
    /// The largest modification sequence that was given (RFC 7162 §3.1.2.1).
    pub(crate) modseq: u64,
    /// Which UIDs vanished, and when, oldest first.
    vanished: Vec<(u64, u32)>,
    /// What vanished up to here is not remembered one by one any more.
    forgotten: u64,
    keywords: Vec<String>,
}

impl Mailbox {
    pub(crate) fn new(validity: u32, attributes: Attributes) -> Mailbox {
        Mailbox {
            validity,
            next_uid: 1,
            recent_from: 1,
            messages: Vec::new(),
            attributes,
            modseq: 1,
            vanished: Vec::new(),
            forgotten: 0,
            keywords: Vec::new(),
        }
    }

    /// A mailbox as it was kept. Nothing is known about what vanished before, so all of that is told to who asks.
    pub(crate) fn kept(
        validity: u32,
        next_uid: u32,
        modseq: u64,
        attributes: Attributes,
        messages: Vec<Message>,
    ) -> Mailbox {
        let modseq = messages.iter().map(|m| m.modseq).max().unwrap_or(0).max(modseq).max(1);
        let mut mailbox = Mailbox::new(validity, attributes);
        mailbox.next_uid = next_uid.max(messages.last().map_or(1, |m| m.uid + 1));
        mailbox.recent_from = mailbox.next_uid;
        for message in &messages {
            mailbox.note_keywords(&message.flags);
        }
        mailbox.messages = messages;
        mailbox.modseq = modseq;
        mailbox.forgotten = modseq;
        mailbox
    }

    pub(crate) fn next_modseq(&mut self) -> u64 {
        self.modseq += 1;
        self.modseq
    }

    pub(crate) fn at(&self, uid: u32) -> Option<usize> {
        self.messages.binary_search_by_key(&uid, |m| m.uid).ok()
    }

    pub(crate) fn by_uid(&self, uid: u32) -> Option<&Message> {
        self.at(uid).map(|at| &self.messages[at])
    }

    pub(crate) fn unseen(&self) -> usize {
        self.messages.iter().filter(|m| !m.has("\\Seen")).count()
    }

    /// How many bytes are in it.
    pub(crate) fn size(&self) -> u64 {
        self.messages.iter().map(|m| m.body.len() as u64).sum()
    }

    /// The largest of the messages' own modification sequences and of what vanished.
    pub(crate) fn highest_modseq(&self) -> u64 {
        self.modseq
    }

    /// Takes messages away that are gone for good.
    pub(crate) fn forget(&mut self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        let modseq = self.next_modseq();
        self.messages.retain(|m| gone.binary_search(&m.uid).is_err());
        self.vanished.extend(gone.iter().map(|&uid| (modseq, uid)));
        if self.vanished.len() > MOST_VANISHED {
            let surplus = self.vanished.len() - MOST_VANISHED;
            self.forgotten = self.vanished[surplus - 1].0;
            self.vanished.drain(..surplus);
        }
    }

    /// The ranges of UIDs below the next one that vanished behind `since`; all that are gone if it is not known any
    /// more when they went, as RFC 7162 §3.2.7 allows.
    pub(crate) fn vanished_since(&self, since: u64) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        if since < self.forgotten {
            let mut from = 1;
            for message in &self.messages {
                if message.uid > from {
                    ranges.push((from, message.uid - 1));
                }
                from = message.uid + 1;
            }
            if self.next_uid > from {
                ranges.push((from, self.next_uid - 1));
            }
            return ranges;
        }
        let mut gone: Vec<u32> =
            self.vanished.iter().filter(|(when, _)| *when > since).map(|&(_, uid)| uid).collect();
        gone.sort_unstable();
        for uid in gone {
            match ranges.last_mut() {
                Some((_, to)) if *to + 1 >= uid => *to = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        ranges
    }

    /// The keywords that messages have or had, in the order in which they came up (RFC 3501 §7.2.6).
    pub(crate) fn keywords(&self) -> &[String] {
        &self.keywords
    }

    pub(super) fn note_keywords(&mut self, flags: &[String]) {
        for flag in flags.iter().filter(|f| !f.starts_with('\\')) {
            let known = self.keywords.iter().any(|k| k.eq_ignore_ascii_case(flag));
            if !known && self.keywords.len() < MOST_KEYWORDS {
                self.keywords.push(flag.clone());
            }
        }
    }
}
