//! What a server said in passing, found again in the transcript.

use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};
use ehlo_core::{Anchor, EntryId, EntryKind, Side, Span, escape};
use ehlo_dialogue::{Dialogue, Login};
use ehlo_wire::sasl::Trouble;

/// More digits than any number of iterations that is meant.
const LONGEST_NUMBER: usize = 40;

/// Data of mailboxes, or an alert, in what an IMAP server has said so far (RFC 9051 §11.3).
pub(super) fn early_data(dialogue: &Dialogue) -> Option<ProbeFacts> {
    find(dialogue, ProbeId::EarlyData, early_kind)
}

/// A referral in what an IMAP server has said (RFC 2221 §4, RFC 2193 §4).
pub(super) fn referral(dialogue: &Dialogue) -> Option<ProbeFacts> {
    find(dialogue, ProbeId::Referral, |line| {
        let upper = line.to_ascii_uppercase();
        let from = upper.find("[REFERRAL ")? + "[REFERRAL ".len();
        Some(line[from..].split(']').next().unwrap_or_default().to_owned())
    })
}

/// A login whose success is not to be believed.
pub(super) fn server_proof(dialogue: &Dialogue) -> Option<ProbeFacts> {
    noted(dialogue, ProbeId::ServerProof, &["wrong-server-proof", "no-server-proof"])
}

/// A server that says that it sees another TLS connection than this one (RFC 5802 §7).
pub(super) fn binding_mismatch(dialogue: &Dialogue) -> Option<ProbeFacts> {
    noted(dialogue, ProbeId::BindingMismatch, &["binding-mismatch"])
}

/// How often the password is to be hashed, as the server wants it (RFC 5802 §5.1, `i`).
pub(super) fn scram_iterations(dialogue: &Dialogue, login: &Login) -> Option<ProbeFacts> {
    let (span, number) = login.messages.iter().find_map(|(span, told)| {
        let number = told.decoded.field("iteration-count").filter(|_| told.from == Side::Server)?;
        Some((*span, number.to_owned()))
    })?;
    if number.is_empty() || number.len() > LONGEST_NUMBER || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let too_many = matches!(login.trouble, Some(Trouble::TooManyIterations { .. }));
    Some(ProbeFacts {
        id: ProbeId::ScramIterations,
        answer: if too_many { Answered::Refused } else { Answered::Continue },
        reply: None,
        detail: Some(number),
        at: vec![dialogue.evidence(Anchor::Bytes(span))],
        took_us: 0,
    })
}

/// What the dialogue has noted about a login: the first of `what`.
fn noted(dialogue: &Dialogue, id: ProbeId, what: &[&str]) -> Option<ProbeFacts> {
    let (index, what) = dialogue.transcript().entries.iter().enumerate().find_map(|(index, entry)| {
        let EntryKind::Note { id, .. } = &entry.kind else { return None };
        let noted = id.strip_prefix("sasl-")?;
        what.contains(&noted).then(|| (index, noted.to_owned()))
    })?;
    let entry = EntryId(u32::try_from(index).unwrap_or(u32::MAX));
    Some(ProbeFacts {
        id,
        answer: Answered::Nonsense,
        reply: None,
        detail: Some(what),
        at: vec![dialogue.evidence(Anchor::Entry(entry))],
        took_us: 0,
    })
}

/// The first line of the server of which `what` says something.
fn find(dialogue: &Dialogue, id: ProbeId, what: impl Fn(&str) -> Option<String>) -> Option<ProbeFacts> {
    let transcript = dialogue.transcript();
    let end = transcript.sent_by(Side::Server);
    let said = transcript.visible(Span::new(Side::Server, 0, end));
    let mut from = 0;
    for line in said.split_inclusive(|&b| b == b'\n') {
        let to = from + line.len() as u64;
        let text = escape(line.trim_ascii_end());
        if let Some(detail) = what(&text) {
            let span = Span::new(Side::Server, from, to);
            return Some(ProbeFacts {
                id,
                answer: Answered::Accepted,
                reply: Some(text),
                detail: Some(detail),
                at: vec![dialogue.evidence(Anchor::Bytes(span))],
                took_us: 0,
            });
        }
        from = to;
    }
    None
}

/// The kind of data that a line tells, if there should be none yet.
fn early_kind(line: &str) -> Option<String> {
    const DATA: &[&str] = &["LIST", "LSUB", "STATUS", "SEARCH", "FLAGS"];
    const NUMBERED: &[&str] = &["FETCH", "EXISTS", "RECENT", "EXPUNGE"];
    let mut words = line.strip_prefix("* ")?.split(' ');
    let first = words.next()?.to_ascii_uppercase();
    let second = words.next().unwrap_or_default().to_ascii_uppercase();
    if DATA.contains(&first.as_str()) {
        return Some(first);
    }
    if first.bytes().all(|b| b.is_ascii_digit()) && NUMBERED.contains(&second.as_str()) {
        return Some(second);
    }
    second.starts_with("[ALERT]").then(|| "ALERT".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_early() {
        for (line, kind) in [
            ("* 23 EXISTS", Some("EXISTS")),
            ("* list () \"/\" INBOX", Some("LIST")),
            ("* OK [ALERT] update now", Some("ALERT")),
            ("* OK [CAPABILITY IMAP4rev1] ready", None),
            ("* CAPABILITY IMAP4rev1 LIST-STATUS", None),
            ("* OK LIST is a word", None),
            ("* 23", None),
            ("a1 OK", None),
        ] {
            assert_eq!(early_kind(line).as_deref(), kind, "{line}");
        }
    }
}
