//! Faults of delivery: mail that was accepted comes otherwise, elsewhere, late or not at all.

use super::rule::{NOTHING, Rule, duration, word};
use super::seconds;
use crate::delivery::DeliveryAction;

const FAMILY: &str = "delivery";

/// Mail is accepted and never delivered.
pub(super) static LOST: Rule = Rule::delivery("mail-lost", FAMILY, NOTHING, |_, _| DeliveryAction::Lose);

/// Mail is delivered twice.
pub(super) static DOUBLED: Rule =
    Rule::delivery("mail-doubled", FAMILY, NOTHING, |_, _| DeliveryAction::Double);

/// A byte in the body of a mail is another.
pub(super) static ALTERED: Rule = Rule::delivery("mail-altered", FAMILY, NOTHING, |mail, _| {
    let mut message = mail.message.to_vec();
    let body = message.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
    let letter = (body..message.len()).find(|&at| message[at].is_ascii_alphanumeric());
    match letter {
        Some(at) => {
            // Another letter or digit of the same kind, so that the mail stays a sound one.
            message[at] = match message[at] {
                b'z' => b'a',
                b'Z' => b'A',
                b'9' => b'0',
                other => other + 1,
            };
            DeliveryAction::Replace(message)
        }
        None => DeliveryAction::Pass,
    }
});

/// A header field is missing.
pub(super) static FIELD_LOST: Rule =
    Rule::delivery("mail-field-lost", FAMILY, word("Subject", "the name of a header field"), |mail, name| {
        let mut out = Vec::new();
        let mut header = true;
        let mut dropping = false;
        let mut found = false;
        for line in mail.message.split_inclusive(|&b| b == b'\n') {
            if header && matches!(line, b"\r\n" | b"\n") {
                header = false;
            }
            let folded = matches!(line.first(), Some(b' ' | b'\t'));
            if header && !folded {
                let end = line.iter().position(|&b| b == b':').unwrap_or(0);
                dropping = line[..end].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes());
                found |= dropping;
            }
            if !(header && dropping) {
                out.extend_from_slice(line);
            }
        }
        if found { DeliveryAction::Replace(out) } else { DeliveryAction::Pass }
    });

/// A header field that was not there is put in front.
pub(super) static FIELD_ADDED: Rule = Rule::delivery(
    "mail-field-added",
    FAMILY,
    super::rule::takes("X-Spam-Flag: YES", "a header field", |a| {
        a.split_once(':').is_some_and(|(n, _)| !n.is_empty())
    }),
    |mail, field| DeliveryAction::Replace([field.as_bytes(), b"\r\n", mail.message].concat()),
);

/// Lines end in LF alone.
pub(super) static LINE_ENDS: Rule = Rule::delivery("mail-line-ends", FAMILY, NOTHING, |mail, _| {
    let message: Vec<u8> = mail.message.iter().copied().filter(|&b| b != b'\r').collect();
    if message == mail.message { DeliveryAction::Pass } else { DeliveryAction::Replace(message) }
});

/// The second half of a mail is missing.
pub(super) static CUT: Rule = Rule::delivery("mail-cut", FAMILY, NOTHING, |mail, _| {
    let half = mail.message.len() / 2;
    let line = mail.message[..half].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    DeliveryAction::Replace(mail.message[..line].to_vec())
});

/// Mail goes into another mailbox of the account.
pub(super) static MISFILED: Rule =
    Rule::delivery("mail-misfiled", FAMILY, word("Junk", "the name of a mailbox"), |_, mailbox| {
        DeliveryAction::File(mailbox.to_owned())
    });

/// Mail is delivered late.
pub(super) static LATE: Rule =
    Rule::delivery("mail-late", FAMILY, duration("5"), |_, time| match seconds(Some(time)) {
        Some(time) => DeliveryAction::Late(time),
        None => DeliveryAction::Pass,
    });

/// Mail goes to another account.
pub(super) static MISDELIVERED: Rule =
    Rule::delivery("mail-misdelivered", FAMILY, word("alice", "the name of an account"), |_, account| {
        DeliveryAction::Misdeliver(account.to_owned())
    });

/// Mail can for now not be stored, though everything before was accepted.
pub(super) static FULL: Rule =
    Rule::delivery("mail-store-full", FAMILY, NOTHING, |_, _| DeliveryAction::Refuse);
