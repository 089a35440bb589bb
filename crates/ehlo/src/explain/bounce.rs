//! Messages that came back: delivery reports (RFC 3464), whole or in part.

use ehlo_core::escape;
use mail_parser::{MessageParser, MimeHeaders as _};

/// More recipients than this are no help.
const MOST: usize = 20;

/// What a report says of one recipient. Everything is escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recipient {
    /// To whom it was to go.
    pub(super) address: String,
    /// `failed`, `delayed`, `delivered` …
    pub(super) action: String,
    /// The enhanced status code.
    pub(super) status: String,
    /// Who said it.
    pub(super) host: String,
    /// What the other server said, without its type (`smtp;`).
    pub(super) diagnostic: String,
}

/// The recipients of a report; none if it is no report.
pub(super) fn recipients(input: &[u8]) -> Vec<Recipient> {
    let lower = input.to_ascii_lowercase();
    let has = |what: &str| lower.windows(what.len()).any(|w| w == what.as_bytes());
    if !has("final-recipient:") && !has("diagnostic-code:") && !has("original-recipient:") {
        return Vec::new();
    }
    let mut found = Vec::new();
    // Only what has a header is a message; a part of a report is read as it is.
    if has("content-type:")
        && let Some(message) = MessageParser::default().parse(input)
    {
        for part in &message.parts {
            let is_status = part
                .content_type()
                .is_some_and(|t| t.subtype().is_some_and(|s| s.eq_ignore_ascii_case("delivery-status")));
            if is_status {
                found.extend(groups(part.contents()));
            }
        }
    }
    if found.is_empty() {
        found.extend(groups(input));
    }
    found.truncate(MOST);
    found
}

/// Groups of fields, an empty line between two (RFC 3464 §2.1).
fn groups(text: &[u8]) -> Vec<Recipient> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    let mut recipient = Recipient::default();
    let mut field: Option<(String, String)> = None;
    for line in text.lines().chain([""]) {
        if let (true, Some((_, value))) =
            (line.starts_with([' ', '\t']) && !line.trim().is_empty(), &mut field)
        {
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        if let Some((name, value)) = field.take() {
            recipient.take(&name, &value);
        }
        if line.trim().is_empty() {
            let full = std::mem::take(&mut recipient);
            if !full.address.is_empty() || !full.diagnostic.is_empty() {
                found.push(full);
            }
            continue;
        }
        field = line.split_once(':').map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()));
    }
    found
}

impl Recipient {
    fn take(&mut self, name: &str, value: &str) {
        // `rfc822; bob@example.org`
        let typed = |value: &str| escape(value.split_once(';').map_or(value, |(_, v)| v).trim().as_bytes());
        match name {
            "final-recipient" => self.address = typed(value),
            "original-recipient" if self.address.is_empty() => self.address = typed(value),
            "action" => self.action = escape(value.to_ascii_lowercase().as_bytes()),
            // A comment may follow (RFC 3464 §2.3.4).
            "status" => self.status = escape(value.split([' ', '(']).next().unwrap_or_default().as_bytes()),
            "remote-mta" => self.host = typed(value),
            "diagnostic-code" => self.diagnostic = typed(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "From: MAILER-DAEMON@mx.example.org\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"x\"\r\nMIME-Version: 1.0\r\n\r\n--x\r\n\r\nI'm sorry.\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.7.1 (relay)\r\nRemote-MTA: dns; mail.example.net\r\nDiagnostic-Code: smtp; 554 5.7.1 <bob@example.net>:\r\n Relay access denied\r\n\r\nFinal-Recipient: rfc822; eve@example.net\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n--x--\r\n";

    #[test]
    fn a_report_is_read() {
        let found = recipients(REPORT.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            Recipient {
                address: "bob@example.net".into(),
                action: "failed".into(),
                status: "5.7.1".into(),
                host: "mail.example.net".into(),
                diagnostic: "554 5.7.1 <bob@example.net>: Relay access denied".into(),
            }
        );
        assert_eq!((found[1].action.as_str(), found[1].status.as_str()), ("delayed", "4.4.1"));
    }

    #[test]
    fn a_part_of_one_is_enough() {
        let found = recipients(b"Diagnostic-Code: smtp; 550 no such user\x1b[2J");
        assert_eq!(found[0].diagnostic, "550 no such user\\x1b[2J");
        assert!(recipients(b"550 no such user").is_empty());
        assert!(recipients(b"final-recipient:").is_empty());
        assert!(!recipients(b"final-recipient: \xff\xfe;\nstatus:\n\n").is_empty());
    }
}
