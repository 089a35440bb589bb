//! Sessions that were copied from elsewhere: what of them did not succeed.

use ehlo_script::import::{detect, import};

/// A dialogue, as far as it needs to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialogue {
    /// `smtp`, `lmtp`, `pop3`, `imap` or `sieve`; empty if nothing tells.
    pub(super) protocol: String,
    /// How many commands there are.
    pub(super) commands: usize,
    /// What did not succeed, in order.
    pub(super) refused: Vec<Refused>,
}

/// A reply that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The command that it answers, without its arguments and its tag; empty for a greeting.
    pub(super) command: String,
    /// The lines of the reply.
    pub(super) reply: String,
}

/// Reads a session. `None` if nothing in the text was said by a client.
pub(super) fn read(text: &str) -> Option<Dialogue> {
    // The importer knows who said what, and puts expressions where secrets stood.
    let script = import(detect(text)?, text, "").script;
    let protocol = script.lines().find_map(|l| l.strip_prefix("protocol: ")).unwrap_or_default().to_owned();
    let mut dialogue = Dialogue { protocol, commands: 0, refused: Vec::new() };
    let mut command = String::new();
    let mut reply = Vec::new();
    let mut in_message = false;
    for line in script.lines() {
        if let Some(said) = line.strip_prefix("C: ") {
            if !is_data(said, in_message) {
                dialogue.commands += 1;
                command = verb(said, &dialogue.protocol);
            }
            continue;
        }
        let Some(said) = line.strip_prefix("S: ") else { continue };
        reply.push(said);
        if goes_on(said, &dialogue.protocol) {
            continue;
        }
        let whole = std::mem::take(&mut reply);
        in_message = said.starts_with("354");
        if is_refusal(said, &dialogue.protocol) {
            dialogue.refused.push(Refused { command: command.clone(), reply: whole.join("\n") });
        }
        if in_message {
            command = "end-of-data".into();
        }
    }
    (dialogue.commands > 0).then_some(dialogue)
}

/// Whether a line of the client is no command: an answer in a login, or mail.
fn is_data(said: &str, in_message: bool) -> bool {
    in_message || said.starts_with("{{") || !said.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The words of a command that say what it is.
fn verb(said: &str, protocol: &str) -> String {
    let mut words = said.split_whitespace();
    if protocol == "imap" {
        words.next();
    }
    let word = |w: Option<&str>| w.unwrap_or_default().to_ascii_uppercase();
    let first = word(words.next());
    match first.as_str() {
        "UID" => format!("UID {}", word(words.next())),
        _ => first.split(':').next().unwrap_or_default().to_owned(),
    }
}

/// Whether more lines of the same reply follow.
fn goes_on(said: &str, protocol: &str) -> bool {
    match protocol {
        "smtp" | "lmtp" => said.as_bytes().get(3) == Some(&b'-'),
        _ => false,
    }
}

fn is_refusal(said: &str, protocol: &str) -> bool {
    let words: Vec<&str> = said.split_whitespace().take(2).collect();
    let status = |at: usize, names: &[&str]| {
        words.get(at).is_some_and(|w| names.iter().any(|name| w.eq_ignore_ascii_case(name)))
    };
    match protocol {
        "pop3" => status(0, &["-ERR"]),
        "imap" => {
            status(1, &["NO", "BAD"]) || (status(1, &["BYE"]) && !said.to_lowercase().contains("logging out"))
        }
        "sieve" => status(0, &["NO", "BYE"]),
        _ => {
            said.len() >= 3
                && said.starts_with(['4', '5'])
                && said.as_bytes()[..3].iter().all(u8::is_ascii_digit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_found_with_its_command() {
        let session = "Trying 192.0.2.1...\nConnected to x.\nEscape character is '^]'.\n220 x ESMTP\nehlo me\n250-x\n250 AUTH LOGIN\nauth login\n334 VXNlcm5hbWU6\nYm9i\n334 UGFzc3dvcmQ6\nZ2VoZWlt\n535 5.7.8 Error: authentication failed\nmail from:<a@b>\n250 ok\nrcpt to:<c@d>\n550-5.7.1 no\n550 5.7.1 relaying denied\nquit\n221 bye\n";
        let dialogue = read(session).unwrap();
        let refused: Vec<(&str, &str)> =
            dialogue.refused.iter().map(|r| (r.command.as_str(), r.reply.as_str())).collect();
        assert_eq!(dialogue.protocol, "smtp");
        assert_eq!(
            refused,
            [
                ("AUTH", "535 5.7.8 Error: authentication failed"),
                ("RCPT", "550-5.7.1 no\n550 5.7.1 relaying denied")
            ]
        );
        assert_eq!(dialogue.commands, 5);
    }

    #[test]
    fn imap_too() {
        let session = "* OK ready\na1 login bob geheim\na1 NO [AUTHENTICATIONFAILED] no\na2 logout\n* BYE Logging out\na2 OK done\n";
        let dialogue = read(session).unwrap();
        assert_eq!(dialogue.refused.len(), 1, "{dialogue:?}");
        assert_eq!(dialogue.refused[0].command, "LOGIN");
    }

    #[test]
    fn a_reply_alone_is_no_dialogue() {
        for text in ["554 5.7.1 no", "220 x ESMTP", "* OK ready", "", "hello"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
