//! What is done before a script begins, and taken away afterwards: itself dialogue, in the same notation.

use ehlo_core::Protocol;
use ehlo_script::{Prepared, Script, Value, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What prepares the first connection up to `state`; none if there is nothing to do.
pub(crate) fn preparation(protocol: Protocol, state: Prepared, messages: usize) -> Option<String> {
    if state == Prepared::Connected {
        return None;
    }
    let mut out = format!("title: preparation\nprotocol: {}\n", protocol.id());
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    let logs_in = state >= Prepared::Authenticated;
    match protocol {
        Protocol::Imap => {
            line("S: * OK|PREAUTH");
            if logs_in {
                line("C login {{user}} {{password}}\nS: % OK");
            }
        }
        Protocol::Pop3 => {
            line("S: +OK");
            if logs_in {
                line("C login {{user}} {{password}}\nS: +OK");
            }
        }
        Protocol::Sieve => {
            line("S: OK");
            if logs_in {
                line("C login {{user}} {{password}}\nS: OK");
            }
        }
        Protocol::Smtp | Protocol::Lmtp => {
            line("S: 220");
            let hello = if protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
            if logs_in {
                line("C login {{user}} {{password}}\nS: 235");
            } else {
                line(&format!("if S.tls.version == none\nC: {hello} {{{{helo}}}}\nS: 250\nend"));
            }
        }
    }
    if !logs_in {
        // RFC 5804 §2.2: ManageSieve servers say again what they can do.
        let again = if protocol == Protocol::Sieve { "\nS: OK" } else { "" };
        line(&format!("if S.tls.version == none\nC starttls{again}\nend"));
    }
    if protocol == Protocol::Imap && state >= Prepared::Mailbox {
        line("C: % LIST \"\" \"\"\nS: * LIST {{:any}} {{sep:any}} {{:any}}\nS: % OK");
        line("C: % CREATE {{mailbox}}\nS: % OK");
        for number in 1..=messages {
            line(&format!("C: % APPEND {{{{mailbox}}}} {{=message{number}}}\nS: % OK"));
        }
        if state == Prepared::Selected {
            line("C: % SELECT {{mailbox}}\nS: % OK");
        }
    }
    Some(out)
}

/// Lists the mailboxes of a script that has ended.
pub(crate) const LEFTOVERS: &str = "title: cleanup\nprotocol: imap\nS: * OK|PREAUTH\n\
    C login {{user}} {{password}}\nS: % OK\nC: % LIST \"\" \"{{mailbox}}*\"\nS: % OK\ncapture names = S.lines\n";

/// Removes mailboxes, those inside others first.
pub(crate) fn removal(names: &[Vec<u8>]) -> String {
    let mut out = String::from("title: cleanup\nprotocol: imap\n");
    for at in 0..names.len() {
        out.push_str(&format!("C: % DELETE {{{{quote(name{at})}}}}\nS: % OK|NO\n"));
    }
    out
}

/// The names of the mailboxes in `* LIST` lines.
pub(crate) fn listed(lines: &Value, mailbox: &str) -> Vec<Vec<u8>> {
    use ehlo_wire::{Framer, FramerEvent, FramerMode, imap};
    let mut framer = Framer::new(FramerMode::ImapResponses, &ehlo_core::Limits::default());
    for line in lines.items() {
        framer.push(&line);
        framer.push(b"\r\n");
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    while let Some(FramerEvent::Unit(unit)) = framer.next() {
        let response = imap::parse_response(&unit).value;
        let item = response.data("LIST").and_then(imap::list_item);
        // What does not begin with our own name is not ours, whatever the server says.
        names.extend(item.map(|i| i.name).filter(|n| n.starts_with(mailbox.as_bytes())));
    }
    names.sort_by_key(|n| std::cmp::Reverse(n.len()));
    names
}

/// Fills a maildrop by IMAP. It must be empty, unless its mail may be thrown away.
pub(crate) fn filling(messages: usize, disposable: bool) -> String {
    let mut out = String::from(
        "title: preparation of the maildrop\nprotocol: imap\nS: * OK|PREAUTH\nC login {{user}} {{password}}\nS: % OK\n\
         C: % SELECT INBOX\nS: * {{held:num}} EXISTS\nS: % OK\n",
    );
    let emptying =
        "if {{held}} != 0\nC: % STORE 1:* +FLAGS.SILENT (\\Deleted)\nS: % OK\nC: % EXPUNGE\nS: % OK\nend\n";
    if disposable {
        out.push_str(emptying);
    } else {
        out.push_str("skip if {{held}} != 0 because \"the maildrop holds mail that is not ours\"\n");
    }
    for number in 1..=messages {
        out.push_str(&format!("C: % APPEND INBOX {{=message{number}}}\nS: % OK\n"));
    }
    out
}

/// Empties a maildrop that was ours.
pub(crate) const EMPTYING: &str = "title: cleanup of the maildrop\nprotocol: imap\nS: * OK|PREAUTH\n\
    C login {{user}} {{password}}\nS: % OK\nC: % SELECT INBOX\nS: * {{held:num}} EXISTS\nS: % OK\n\
    if {{held}} != 0\nC: % STORE 1:* +FLAGS.SILENT (\\Deleted)\nS: % OK\nC: % EXPUNGE\nS: % OK\nend\n";

/// A script of our own.
pub(crate) fn own(text: &str) -> Arc<Script> {
    match parse("(ehlo)", text, &ehlo_script::NoFiles) {
        Ok(script) => Arc::new(script),
        Err((_, errors)) => unreachable!("a script of our own cannot be read: {errors:?}\n{text}"),
    }
}

/// The mails as variables.
pub(crate) fn with_messages(variables: &mut BTreeMap<String, Value>, messages: &[Vec<u8>]) {
    for (at, message) in messages.iter().enumerate() {
        variables.insert(format!("message{}", at + 1), Value::Text(message.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_scripts_can_be_read() {
        for protocol in [Protocol::Smtp, Protocol::Lmtp, Protocol::Pop3, Protocol::Imap, Protocol::Sieve] {
            for &(_, state) in Prepared::ALL {
                if let Some(text) = preparation(protocol, state, 3) {
                    own(&text);
                }
            }
        }
        for text in [LEFTOVERS, EMPTYING, &filling(2, true), &filling(2, false), &removal(&[b"x".to_vec()])] {
            own(text);
        }
    }

    #[test]
    fn only_our_own_mailboxes_are_removed() {
        let lines = Value::List(vec![
            b"* LIST (\\HasChildren) \".\" ehlo-1".to_vec(),
            b"* LIST () \".\" \"ehlo-1.a b\"".to_vec(),
            b"* LIST () \".\" INBOX".to_vec(),
            b"x OK done".to_vec(),
        ]);
        assert_eq!(listed(&lines, "ehlo-1"), [b"ehlo-1.a b".to_vec(), b"ehlo-1".to_vec()]);
    }
}
