//! Sessions that were copied from elsewhere: what of them did not succeed.

use ehlo_script::import::{NOT_SENT, detect, import};
use std::collections::VecDeque;

/// A dialogue, as far as it needs to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialogue {
    /// `smtp`, `lmtp`, `pop3`, `imap` or `sieve`; empty if nothing tells.
    pub(super) protocol: String,
    /// How many commands there are.
    pub(super) commands: usize,
    /// What did not succeed, in order.
    pub(super) refused: Vec<Refused>,
    /// Commands without an answer, in order.
    pub(super) unanswered: Vec<String>,
    /// Commands that the tool took for its own: ids of texts below `ui/explain-trap-`.
    pub(super) traps: Vec<&'static str>,
}

/// A reply that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The command that it answers, without its arguments and its tag; empty for a greeting.
    pub(super) command: String,
    /// The lines of the reply.
    pub(super) reply: String,
}

/// More commands than this do not wait for their answers, so that the time grows with the length of a text only.
const MOST_WAITING: usize = 100;
/// More unanswered commands than this are no help.
const MOST_UNANSWERED: usize = 20;

/// What `openssl s_client` prints when it takes a line for a command of its own.
const TRAPS: &[(&str, &str)] =
    &[("RENEGOTIATING", "renegotiate"), ("KEYUPDATE", "keyupdate"), ("DONE", "done")];

/// Reads a session. `None` if nothing in the text was said by a client.
pub(super) fn read(text: &str) -> Option<Dialogue> {
    // The importer knows who said what, and puts expressions where secrets stood.
    let imported = import(detect(text)?, text, "");
    let script = imported.script;
    let protocol = script.lines().find_map(|l| l.strip_prefix("protocol: ")).unwrap_or_default().to_owned();
    let mut reading =
        Reading { dialogue: Dialogue { protocol, ..Dialogue::default() }, ..Reading::default() };
    for line in script.lines() {
        if let Some(said) = line.strip_prefix("C: ") {
            reading.client(said);
        } else if line.starts_with("C auth ") {
            // A login that the notation does as a whole; where the tag stood does not matter.
            reading.command(String::new(), "AUTH".into());
        } else if line == "C reconnect" {
            reading.ends();
        } else if let Some(said) = line.strip_prefix("S: ") {
            reading.server(said);
        }
    }
    reading.ends();
    let mut dialogue = reading.dialogue;
    for note in imported.notes.iter().filter(|note| note.text == NOT_SENT) {
        let line = text.lines().nth(note.line.saturating_sub(1)).unwrap_or_default();
        let (_, verb) = command(line, dialogue.protocol == "imap");
        let counts = is_known(&verb) || matches!(verb.as_str(), "QUIT" | "LOGOUT");
        if counts && dialogue.unanswered.len() < MOST_UNANSWERED {
            dialogue.unanswered.push(verb);
        }
    }
    if dialogue.commands == 0 {
        return None;
    }
    let is_line = |mark: &str| text.lines().any(|l| l.strip_prefix("T: ").unwrap_or(l).trim_end() == mark);
    dialogue.traps = TRAPS.iter().filter(|(mark, _)| is_line(mark)).map(|(_, id)| *id).collect();
    Some(dialogue)
}

/// A command that waits for its answer.
struct Waiting {
    /// The tag of IMAP.
    tag: String,
    verb: String,
}

#[derive(Default)]
struct Reading {
    dialogue: Dialogue,
    waiting: VecDeque<Waiting>,
    /// The command that was answered last.
    last: String,
    /// The lines of a reply that goes on.
    reply: Vec<String>,
    in_message: bool,
}

impl Reading {
    fn client(&mut self, said: &str) {
        let imap = self.dialogue.protocol == "imap";
        if is_data(said, self.in_message, imap) {
            return;
        }
        let (tag, verb) = command(said, imap);
        self.command(tag, verb);
    }

    fn command(&mut self, tag: String, verb: String) {
        self.dialogue.commands += 1;
        // Whoever sends more at once does not want to know.
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { tag, verb });
    }

    fn server(&mut self, said: &str) {
        let protocol = self.dialogue.protocol.clone();
        self.reply.push(said.to_owned());
        if goes_on(said, &protocol) {
            return;
        }
        let whole = std::mem::take(&mut self.reply).join("\n");
        let is_mail = matches!(protocol.as_str(), "smtp" | "lmtp");
        self.in_message = is_mail && said.starts_with("354");
        let command = self.answered(said, &protocol);
        if is_refusal(said, &protocol) {
            self.dialogue.refused.push(Refused { command, reply: whole });
        }
        if self.in_message {
            self.waiting.push_front(Waiting { tag: String::new(), verb: "end-of-data".into() });
        }
    }

    /// The command that a line of the server answers; it waits no longer if that is its last line.
    fn answered(&mut self, said: &str, protocol: &str) -> String {
        let first = said.split(' ').next().unwrap_or_default();
        let (answers, goes_on) = match protocol {
            "imap" => {
                // The tag tells; where it is missing, servers take the verb for it.
                let at = self
                    .waiting
                    .iter()
                    .position(|w| w.tag == first || w.tag.is_empty() && w.verb == first.to_ascii_uppercase());
                if let Some(waiting) = at.and_then(|at| self.waiting.remove(at)) {
                    self.last.clone_from(&waiting.verb);
                    return waiting.verb;
                }
                // A login as a whole has lost its tag.
                (!first.is_empty() && first != "*" && first != "+", false)
            }
            "pop3" => (matches!(first, "+OK" | "-ERR"), false),
            "sieve" => (["OK", "NO", "BYE"].iter().any(|s| first.eq_ignore_ascii_case(s)), false),
            _ => (true, said.starts_with("334")),
        };
        if !answers || goes_on {
            return self.waiting.back().map_or_else(|| self.last.clone(), |w| w.verb.clone());
        }
        match self.waiting.pop_front() {
            Some(waiting) => {
                self.last.clone_from(&waiting.verb);
                waiting.verb
            }
            None => self.last.clone(),
        }
    }

    /// The connection has ended, or the text.
    fn ends(&mut self) {
        for waiting in self.waiting.drain(..) {
            // Nobody waits for the answer to a farewell; what is no command may be a line of a message.
            let counts = !matches!(waiting.verb.as_str(), "QUIT" | "LOGOUT") && is_known(&waiting.verb);
            if counts && self.dialogue.unanswered.len() < MOST_UNANSWERED {
                self.dialogue.unanswered.push(waiting.verb);
            }
        }
        self.last.clear();
        self.reply.clear();
        self.in_message = false;
    }
}

/// Whether a line of the client is no command: an answer in a login, or mail.
fn is_data(said: &str, in_message: bool, imap: bool) -> bool {
    // A tag of IMAP may be a dot.
    let tagged =
        || imap && said.split(' ').nth(1).is_some_and(|w| w.starts_with(|c: char| c.is_ascii_alphabetic()));
    in_message
        || said.starts_with("{{")
        || !(said.starts_with(|c: char| c.is_ascii_alphanumeric()) || tagged())
}

/// The tag of a command, and the words that say what it is.
fn command(said: &str, imap: bool) -> (String, String) {
    let mut words = said.split_whitespace();
    let upper = |w: Option<&str>| w.unwrap_or_default().to_ascii_uppercase();
    let mut first = words.next();
    let mut tag = String::new();
    // Who comes from another protocol forgets the tag.
    if imap
        && !first.is_some_and(|w| {
            words.clone().next().is_none()
                || is_imap_verb(w) && !words.clone().next().is_some_and(is_imap_verb)
        })
    {
        tag = first.unwrap_or_default().to_owned();
        first = words.next();
    }
    let verb = upper(first);
    let verb = match verb.as_str() {
        "UID" => format!("UID {}", upper(words.next())),
        _ => verb.split(':').next().unwrap_or_default().to_owned(),
    };
    (tag, verb)
}

/// Commands whose name is no tag that anybody would choose.
fn is_imap_verb(word: &str) -> bool {
    const VERBS: &[&str] = &[
        "CAPABILITY",
        "LOGIN",
        "AUTHENTICATE",
        "STARTTLS",
        "SELECT",
        "EXAMINE",
        "LIST",
        "LSUB",
        "STATUS",
        "FETCH",
        "SEARCH",
        "STORE",
        "APPEND",
        "NOOP",
        "LOGOUT",
        "IDLE",
        "NAMESPACE",
        "ENABLE",
        "EXPUNGE",
        "CREATE",
        "DELETE",
        "COPY",
        "MOVE",
        "CLOSE",
        "CHECK",
        "ID",
        "UID",
    ];
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// Whether it is a command of any of the protocols.
fn is_known(verb: &str) -> bool {
    const VERBS: &[&str] = &[
        "EHLO",
        "HELO",
        "LHLO",
        "MAIL",
        "RCPT",
        "DATA",
        "end-of-data",
        "BDAT",
        "RSET",
        "VRFY",
        "EXPN",
        "AUTH",
        "STLS",
        "USER",
        "PASS",
        "APOP",
        "STAT",
        "RETR",
        "DELE",
        "UIDL",
        "TOP",
        "CAPA",
        "PUTSCRIPT",
        "LISTSCRIPTS",
        "SETACTIVE",
        "GETSCRIPT",
        "DELETESCRIPT",
        "HAVESPACE",
        "CHECKSCRIPT",
    ];
    VERBS.contains(&verb) || is_imap_verb(verb) || verb.starts_with("UID ")
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
    fn who_forgets_the_tag_is_answered_all_the_same() {
        let session = "* OK ready\n. login bob geheim\n. OK in\nCAPABILITY\nCAPABILITY BAD Error in IMAP command\nselect INBOX\n* BAD no tag\nx logout\n* BYE Logging out\nx OK done\n";
        let dialogue = read(session).unwrap();
        let refused: Vec<&str> = dialogue.refused.iter().map(|r| r.command.as_str()).collect();
        assert_eq!((dialogue.commands, refused), (4, vec!["CAPABILITY", "SELECT"]), "{dialogue:?}");
    }

    #[test]
    fn replies_to_a_batch_find_their_commands() {
        let session = "C: EHLO x\nS: 250-y\nS: 250 PIPELINING\nC: MAIL FROM:<a@b>\nC: RCPT TO:<c@d>\nC: RCPT TO:<e@f>\nC: DATA\nS: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 354 go\nC: Subject: x\nC: \nC: .\nS: 451 later\nC: QUIT\nS: 221 bye\n";
        let dialogue = read(session).unwrap();
        let refused: Vec<&str> = dialogue.refused.iter().map(|r| r.command.as_str()).collect();
        assert_eq!(refused, ["RCPT", "end-of-data"], "{dialogue:?}");
        assert_eq!(dialogue.unanswered, [] as [&str; 0]);
    }

    #[test]
    fn a_login_as_a_whole_has_its_answer() {
        let session = "C: EHLO x\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2 dXNlcj1hYg==\nS: 334 eyJzdGF0dXMiOiI0MDAifQ==\nC: \nS: 535 5.7.8 no\nC: QUIT\nS: 221 bye\n";
        let dialogue = read(session).unwrap();
        let last = dialogue.refused.last().unwrap();
        assert_eq!((last.command.as_str(), last.reply.as_str()), ("AUTH", "535 5.7.8 no"), "{dialogue:?}");
    }

    #[test]
    fn what_openssl_swallowed_is_no_success() {
        let session = "CONNECTED(00000003)\n---\n250 CHUNKING\nEHLO x\n250 y\nMAIL FROM:<a@b>\n250 ok\nRCPT TO:<c@d>\nRENEGOTIATING\n4047:error:0A00010A:SSL routines:can_renegotiate:wrong ssl version:../ssl/ssl_lib.c:2287:\n";
        let dialogue = read(session).unwrap();
        assert_eq!(
            (dialogue.unanswered.len(), &dialogue.traps[..]),
            (1, &["renegotiate"][..]),
            "{dialogue:?}"
        );
        assert_eq!(dialogue.unanswered, ["RCPT"]);
    }

    #[test]
    fn a_reply_alone_is_no_dialogue() {
        for text in ["554 5.7.1 no", "220 x ESMTP", "* OK ready", "", "hello"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
