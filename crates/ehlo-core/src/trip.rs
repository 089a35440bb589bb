//! What became of messages that were sent to see whether and how they arrive, as plain data.
//!
//! All text of servers and of messages is escaped.

use crate::Failure;
use crate::mailbox::Readable;
use crate::send::{SendAnswer, SendRemark};
use serde::{Deserialize, Serialize};

/// One message, from the first connection to the mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// The number of the message, from 1 on.
    pub number: u64,
    /// By what it is known again.
    pub token: String,
    /// Its Message-ID, without brackets, if it is known.
    pub message_id: Option<String>,
    /// Its size when it was sent, in octets.
    pub octets: u64,
    /// What came of it.
    pub verdict: TripVerdict,
    /// The parts of the way up to the moment when the server took it, in their order.
    pub stages: Vec<TripStage>,
    /// How often it was begun: more than once if it was put off and that was waited for.
    pub tries: u64,
    /// How much of the time was spent waiting for the next try, in microseconds.
    pub put_off_us: u64,
    /// Whether a refusal for now looks like greylisting (RFC 6647).
    pub greylisted: bool,
    /// The answer that decided about the recipient.
    pub answer: Option<SendAnswer>,
    /// The name under which the first server keeps it.
    pub queue_id: Option<String>,
    /// Why it was not begun, if it was not.
    pub problem: Option<SendRemark>,
    /// Why the dialogue broke off, if it did.
    pub failure: Option<Failure>,
    /// From the first connection to the answer that took it, without waits between tries, in microseconds.
    pub accepted_us: Option<u64>,
    /// From that answer until it was seen in the mailbox, in microseconds.
    pub arrival_us: Option<u64>,
    /// From the first connection until it was seen in the mailbox, with waits between tries, in microseconds.
    pub took_us: Option<u64>,
    /// The messages with its token that were seen, in the order in which they were. More than one is one too many.
    pub copies: Vec<TripCopy>,
}

impl Trip {
    /// Whether it came, once, where it should, and as it was sent.
    pub fn is_sound(&self) -> bool {
        self.verdict == TripVerdict::Arrived
            && self.copies.len() == 1
            && self.copies.iter().all(|copy| !copy.is_junk() && !copy.changes.is_damaged())
    }
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TripVerdict {
    /// It was seen in the mailbox.
    Arrived,
    /// It was accepted, and not seen within the time.
    Lost,
    /// The server would take it later (4yz).
    Deferred,
    /// The server does not want it (5yz).
    Refused,
    /// It was not sent.
    Unsent,
    /// The connection was lost before the last answer, and it was not seen within the time.
    Unknown,
    /// It was accepted, but the mailbox could not be looked into until the end.
    Unseen,
}

impl TripVerdict {
    /// All of them.
    pub const ALL: &'static [TripVerdict] = &[
        TripVerdict::Arrived,
        TripVerdict::Lost,
        TripVerdict::Deferred,
        TripVerdict::Refused,
        TripVerdict::Unsent,
        TripVerdict::Unknown,
        TripVerdict::Unseen,
    ];

    /// Its id, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            TripVerdict::Arrived => "arrived",
            TripVerdict::Lost => "lost",
            TripVerdict::Deferred => "deferred",
            TripVerdict::Refused => "refused",
            TripVerdict::Unsent => "unsent",
            TripVerdict::Unknown => "unknown",
            TripVerdict::Unseen => "unseen",
        }
    }
}

/// A part of the way to the first server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TripStage {
    /// `connect`, `greeting`, `tls`, `auth`, `transaction`.
    pub stage: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// More about it: the version of TLS, the mechanism.
    pub detail: Option<String>,
}

/// A message as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TripCopy {
    /// The folder.
    pub folder: Readable,
    /// What the folder is for: `inbox`, `junk` …
    pub special_use: Option<String>,
    /// Its UID (IMAP) or unique-id (POP3).
    pub uid: Option<String>,
    /// Whether it was found by its Message-ID only, after the wait, because the token is gone: when it came is not known.
    #[serde(default)]
    pub found_late: bool,
    /// From the answer that took it until it was seen, in microseconds.
    pub seen_us: u64,
    /// Its size, in octets.
    pub octets: u64,
    /// The servers that handled it, the first one first: what they wrote themselves, and nobody vouches for.
    pub hops: Vec<Hop>,
    /// What receivers wrote about who sent it (RFC 8601), unfolded.
    pub authentication_results: Vec<String>,
    /// How it differs from what was sent.
    pub changes: TripChanges,
}

impl TripCopy {
    /// Whether it lies where unwanted mail is put.
    pub fn is_junk(&self) -> bool {
        let name = self.folder.text.to_ascii_lowercase();
        self.special_use.as_deref() == Some("junk")
            || self.special_use.is_none()
                && ["junk", "spam"].iter().any(|word| name.rsplit(['/', '.']).next() == Some(word))
    }
}

/// What one `Received` field says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Who handed it over.
    pub from: Option<String>,
    /// Who took it.
    pub by: Option<String>,
    /// How: `ESMTPS`, `LMTP` …
    pub with: Option<String>,
    /// Under which name.
    pub id: Option<String>,
    /// The date, as written.
    pub date: Option<String>,
    /// The same in seconds since 1970, if it is one.
    pub at: Option<i64>,
    /// Seconds since the hop before, or since it was sent; negative if the clocks disagree.
    pub delay_s: Option<i64>,
    /// What is wrong with the date.
    pub oddity: Option<HopOddity>,
}

/// What is wrong with the date of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopOddity {
    /// There is none.
    NoDate,
    /// It is none.
    BadDate,
    /// It is earlier than that of the hop before: the clocks disagree.
    ClockBehind,
    /// It is later than when the message was seen: the clock is fast.
    ClockAhead,
}

impl HopOddity {
    /// All of them.
    pub const ALL: &'static [HopOddity] =
        &[HopOddity::NoDate, HopOddity::BadDate, HopOddity::ClockBehind, HopOddity::ClockAhead];

    /// Its id, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            HopOddity::NoDate => "no-date",
            HopOddity::BadDate => "bad-date",
            HopOddity::ClockBehind => "clock-behind",
            HopOddity::ClockAhead => "clock-ahead",
        }
    }
}

/// How a message differs from what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TripChanges {
    /// Header fields that were not there, `Received` included, in their order.
    pub added: Vec<TripField>,
    /// Header fields that are missing.
    pub removed: Vec<TripField>,
    /// Header fields that say something else.
    pub changed: Vec<ChangedField>,
    /// Names of header fields that say the same, but are folded otherwise.
    pub refolded: Vec<String>,
    /// How the body differs; empty if it is the same byte by byte.
    pub body: Vec<BodyChange>,
    /// Where the body differs first.
    pub first: Option<Difference>,
    /// Octets of the body that was sent.
    pub body_sent: u64,
    /// Octets of the body that came.
    pub body_received: u64,
    /// Parts that are not what they were.
    pub parts: Vec<PartChange>,
}

impl TripChanges {
    /// Whether what came is what was sent: that servers add fields to the header is as it should be.
    pub fn is_faithful(&self) -> bool {
        self.removed.is_empty() && self.changed.is_empty() && self.body.is_empty() && self.parts.is_empty()
    }

    /// Whether something that was written is missing, or says something else.
    pub fn is_damaged(&self) -> bool {
        !self.removed.is_empty()
            || !self.changed.is_empty()
            || self.body.iter().any(|kind| kind.is_damage())
            || self.parts.iter().any(|part| !matches!(part.what.as_str(), "encoding" | "charset"))
    }
}

impl BodyChange {
    /// Whether what somebody wrote is not what is read any more. Servers may encode otherwise what the next one does not
    /// take, and what a mailbox does to line ends and blanks is seen by no reader.
    pub fn is_damage(self) -> bool {
        match self {
            BodyChange::Dots
            | BodyChange::EightBit
            | BodyChange::Cut
            | BodyChange::Appended
            | BodyChange::Content => true,
            BodyChange::LineEndings
            | BodyChange::TrailingBlanks
            | BodyChange::LinesFolded
            | BodyChange::FromLines
            | BodyChange::Encoding
            | BodyChange::Charset => false,
        }
    }
}

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TripField {
    /// Its name.
    pub name: String,
    /// What it says, unfolded.
    pub value: String,
}

/// A header field that says something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedField {
    /// Its name.
    pub name: String,
    /// What was sent, unfolded.
    pub sent: String,
    /// What came, unfolded.
    pub received: String,
}

/// How a body differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyChange {
    /// Lines end otherwise: LF alone, or CR alone.
    LineEndings,
    /// Blanks at the ends of lines, or empty lines at the end, are gone or new.
    TrailingBlanks,
    /// Long lines were broken.
    LinesFolded,
    /// Lines that begin with a dot have one dot more or less.
    Dots,
    /// Lines that begin with `From ` begin otherwise.
    FromLines,
    /// Parts are encoded otherwise, and say the same.
    Encoding,
    /// Parts are in another charset, and say the same.
    Charset,
    /// The eighth bit is gone, or octets beyond ASCII are others.
    EightBit,
    /// The end is missing.
    Cut,
    /// Something follows that was not there.
    Appended,
    /// Something else stands there.
    Content,
}

impl BodyChange {
    /// All of them.
    pub const ALL: &'static [BodyChange] = &[
        BodyChange::LineEndings,
        BodyChange::TrailingBlanks,
        BodyChange::LinesFolded,
        BodyChange::Dots,
        BodyChange::FromLines,
        BodyChange::Encoding,
        BodyChange::Charset,
        BodyChange::EightBit,
        BodyChange::Cut,
        BodyChange::Appended,
        BodyChange::Content,
    ];

    /// Its id, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            BodyChange::LineEndings => "line-endings",
            BodyChange::TrailingBlanks => "trailing-blanks",
            BodyChange::LinesFolded => "lines-folded",
            BodyChange::Dots => "dots",
            BodyChange::FromLines => "from-lines",
            BodyChange::Encoding => "encoding",
            BodyChange::Charset => "charset",
            BodyChange::EightBit => "eight-bit",
            BodyChange::Cut => "cut",
            BodyChange::Appended => "appended",
            BodyChange::Content => "content",
        }
    }
}

/// Where two bodies differ first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The octet of the body, from 0 on.
    pub offset: u64,
    /// The line of the body that was sent, from 1 on.
    pub line: u64,
    /// What was sent there; empty at the end.
    pub sent: String,
    /// What came there; empty at the end.
    pub received: String,
}

/// A part that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartChange {
    /// The name of the file, or the media type of a part without one.
    pub name: String,
    /// What happened: `missing`, `added`, `changed`, `encoding`, `charset`, `type`, `name`.
    pub what: String,
    /// As it was.
    pub sent: String,
    /// As it came.
    pub received: String,
}

/// What is told while messages are on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TripEvent {
    /// The mailbox is opened.
    Opening,
    /// A message is being sent.
    Sending {
        /// Its number, from 1 on.
        number: u64,
        /// Of how many.
        of: u64,
    },
    /// It was put off, and will be tried again.
    PutOff {
        /// Its number.
        number: u64,
        /// After so many seconds.
        seconds: u64,
    },
    /// Messages are waited for.
    Waiting {
        /// So many have come.
        arrived: u64,
        /// Of so many that were accepted.
        of: u64,
    },
    /// The test messages are removed.
    Removing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_serialised_form() {
        for verdict in TripVerdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.id());
        }
        for oddity in HopOddity::ALL {
            assert_eq!(serde_json::to_value(oddity).unwrap(), oddity.id());
        }
        for change in BodyChange::ALL {
            assert_eq!(serde_json::to_value(change).unwrap(), change.id());
        }
    }

    #[test]
    fn junk_is_known_by_its_use_and_by_its_name() {
        let copy = |name: &str, special: Option<&str>| TripCopy {
            folder: Readable { text: name.into(), wire: None },
            special_use: special.map(str::to_owned),
            uid: None,
            found_late: false,
            seen_us: 0,
            octets: 0,
            hops: Vec::new(),
            authentication_results: Vec::new(),
            changes: TripChanges::default(),
        };
        assert!(copy("Werbung", Some("junk")).is_junk());
        assert!(copy("INBOX.Spam", None).is_junk());
        assert!(!copy("INBOX", Some("inbox")).is_junk());
        assert!(!copy("Junk", Some("archive")).is_junk());
        assert!(!copy("Antispam", None).is_junk());
    }
}
