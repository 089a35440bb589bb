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

/// Parts of 8 bits are encoded as quoted-printable, as a server does for the next one that takes 7 only (RFC 6152 §3).
pub(super) static RECODED: Rule = Rule::delivery("mail-recoded", FAMILY, NOTHING, |mail, _| {
    let message = recoded(mail.message);
    if message == mail.message { DeliveryAction::Pass } else { DeliveryAction::Replace(message) }
});

/// Parts name another charset than they have.
pub(super) static CHARSET: Rule =
    Rule::delivery("mail-charset", FAMILY, word("iso-8859-1", "the name of a charset"), |mail, charset| {
        const NAMED: &[u8] = b"charset=utf-8";
        let mut out = Vec::with_capacity(mail.message.len());
        let mut rest = mail.message;
        while let Some(at) = rest.windows(NAMED.len()).position(|w| w.eq_ignore_ascii_case(NAMED)) {
            out.extend_from_slice(&rest[..at + b"charset=".len()]);
            out.extend_from_slice(charset.as_bytes());
            rest = &rest[at + NAMED.len()..];
        }
        if out.is_empty() {
            return DeliveryAction::Pass;
        }
        out.extend_from_slice(rest);
        DeliveryAction::Replace(out)
    });

/// A message whose parts of 8 bits are quoted-printable (RFC 2045 §6.7).
fn recoded(message: &[u8]) -> Vec<u8> {
    /// Where in a part a line stands.
    enum At {
        Header { eight_bit: bool },
        Body { eight_bit: bool },
    }
    let mut out = Vec::with_capacity(message.len());
    let mut at = At::Header { eight_bit: false };
    for line in message.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        at = match at {
            At::Header { eight_bit } if text.is_empty() => {
                out.extend_from_slice(line);
                At::Body { eight_bit }
            }
            At::Header { eight_bit } => {
                let is = text.eq_ignore_ascii_case(b"Content-Transfer-Encoding: 8bit");
                match is {
                    true => out.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n"),
                    false => out.extend_from_slice(line),
                }
                At::Header { eight_bit: eight_bit || is }
            }
            // A boundary begins the header of the next part.
            At::Body { .. } if text.starts_with(b"--") => {
                out.extend_from_slice(line);
                At::Header { eight_bit: false }
            }
            At::Body { eight_bit: true } => {
                quoted_printable(text, &mut out);
                out.extend_from_slice(&line[text.len()..]);
                At::Body { eight_bit: true }
            }
            At::Body { eight_bit: false } => {
                out.extend_from_slice(line);
                At::Body { eight_bit: false }
            }
        };
    }
    out
}

/// A line, without its end.
fn quoted_printable(line: &[u8], out: &mut Vec<u8>) {
    let mut width = 0;
    for (at, &byte) in line.iter().enumerate() {
        let last = at + 1 == line.len();
        let plain = matches!(byte, b' ' | b'\t') && !last || byte.is_ascii_graphic() && byte != b'=';
        let needed = if plain { 1 } else { 3 };
        if width + needed > 75 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        match plain {
            true => out.push(byte),
            false => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
        width += needed;
    }
}

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
