//! What is worth saying about a message before it is sent.

use super::compose::Composition;
use super::message::Measured;
use ehlo_core::send::SendRemark;

/// Where envelope and header differ. Servers do not mind; people and filters may (RFC 5321 §3.3, RFC 5322 §3.6).
pub fn differences(composition: &Composition, sender: &str, recipients: &[String]) -> Vec<SendRemark> {
    let mut found = Vec::new();
    let shown = |address: &str| if address.is_empty() { "<>".to_owned() } else { address.to_owned() };
    let escaped = |text: &str| ehlo_core::escape(text.as_bytes());
    if let Some(from) = composition.from.as_ref().filter(|from| !from.address.eq_ignore_ascii_case(sender)) {
        let params = [("envelope", escaped(&shown(sender))), ("header", escaped(&from.address))];
        found.push(SendRemark::new("sender-differs", &params));
    }
    let named: Vec<&str> =
        composition.to.iter().chain(&composition.cc).map(|mailbox| mailbox.address.as_str()).collect();
    let is_named = |r: &String| named.iter().any(|n| n.eq_ignore_ascii_case(r));
    let hidden: Vec<String> = recipients.iter().filter(|r| !is_named(r)).map(|r| escaped(r)).collect();
    if !hidden.is_empty() {
        found.push(SendRemark::new("recipients-hidden", &[("who", hidden.join(", "))]));
    }
    let only_named: Vec<String> = named
        .iter()
        .filter(|n| !recipients.iter().any(|r| r.eq_ignore_ascii_case(n)))
        .map(|n| escaped(n))
        .collect();
    if !only_named.is_empty() {
        found.push(SendRemark::new("recipients-only-named", &[("who", only_named.join(", "))]));
    }
    found
}

/// The longest line without its end (RFC 5322 §2.1.1).
const LONGEST_LINE: u64 = 998;

/// What of a message is against the rules.
pub fn oddities(measured: &Measured, raw: bool) -> Vec<SendRemark> {
    let mut found = Vec::new();
    if measured.longest_line > LONGEST_LINE {
        found.push(SendRemark::new("long-line", &[("octets", measured.longest_line.to_string())]));
    }
    if measured.nul {
        found.push(SendRemark::new("nul", &[]));
    }
    if raw && measured.bare_line_ends {
        found.push(SendRemark::new("bare-line-ends", &[]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::address::mailbox;
    use super::*;

    #[test]
    fn differences_of_envelope_and_header_are_found() {
        let composition = Composition {
            from: Some(mailbox("Ceo <ceo@example.test>").unwrap()),
            to: vec![mailbox("bob@example.test").unwrap()],
            ..Composition::default()
        };
        let ids = |sender: &str, to: &[&str]| {
            let to: Vec<String> = to.iter().map(|t| (*t).to_owned()).collect();
            differences(&composition, sender, &to).into_iter().map(|r| r.id).collect::<Vec<_>>()
        };
        assert!(ids("CEO@example.test", &["bob@Example.test"]).is_empty());
        assert_eq!(ids("", &["bob@example.test"]), ["sender-differs"]);
        assert_eq!(ids("ceo@example.test", &["eve@x"]), ["recipients-hidden", "recipients-only-named"]);
    }

    #[test]
    fn what_is_against_the_rules_is_found() {
        let good = Measured { longest_line: 998, ..Measured::default() };
        assert!(oddities(&good, true).is_empty());
        let bad = Measured { longest_line: 999, nul: true, bare_line_ends: true, ..Measured::default() };
        assert_eq!(oddities(&bad, true).len(), 3);
    }
}
