use crate::command::COMMANDS;
use crate::verbs::When;
use crate::{Context, caps, has_tag, verbs};
use ehlo_core::Protocol;

/// What a word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The whole word.
    pub text: String,
    /// What follows it, for the list of candidates; empty if nothing does.
    pub note: String,
}

impl Completion {
    fn plain(text: impl Into<String>) -> Completion {
        Completion { text: text.into(), note: String::new() }
    }
}

impl Context {
    /// What the word that ends at the end of `line` may become, and where that word begins: what the server offers
    /// now and the state of the session allows.
    pub fn complete(&self, line: &str) -> (usize, Vec<Completion>) {
        if let Some(rest) = line.strip_prefix(':') {
            return self.complete_command(line, rest);
        }
        if self.is_continuing() {
            let done = self.idling && "DONE".starts_with(&line.to_ascii_uppercase());
            return (0, done.then(|| Completion::plain("DONE")).into_iter().collect());
        }
        // A tag stays where it is.
        let at = match self.protocol {
            Some(Protocol::Imap) => match line.split_once(' ') {
                Some((tag, rest)) if has_tag(line) || is_tag_and_part(tag, rest) => tag.len() + 1,
                _ => 0,
            },
            _ => 0,
        };
        let typed = &line[at..];
        let upper = typed.to_ascii_uppercase();
        let from = word_start(typed);
        let word = &typed[from..];
        let head = upper[..from].trim();
        let mechanisms = || caps::mechanisms(self.protocol, &self.caps);
        let candidates: Vec<Completion> = match (self.protocol, head) {
            (_, "") => self.verbs_now(),
            (Some(Protocol::Imap), "UID") => ["FETCH", "STORE", "COPY", "MOVE", "SEARCH", "EXPUNGE"]
                .into_iter()
                .map(Completion::plain)
                .collect(),
            (_, "AUTH" | "AUTHENTICATE") => mechanisms().into_iter().map(Completion::plain).collect(),
            (Some(Protocol::Imap), _) => self.imap_words(head),
            (Some(Protocol::Smtp | Protocol::Lmtp), _) => self.smtp_words(head),
            _ => Vec::new(),
        };
        let fits =
            |c: &Completion| c.text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
        let mut found: Vec<Completion> = candidates.into_iter().filter(fits).collect();
        // `MAIL FROM:` and `RCPT TO:` are one word to whoever types them.
        if from > 0 && head.len() <= 4 && matches!(self.protocol, Some(Protocol::Smtp | Protocol::Lmtp)) {
            let whole =
                self.verbs_now().into_iter().filter(|c| c.text.starts_with(&upper)).collect::<Vec<_>>();
            if !whole.is_empty() {
                return (at, whole);
            }
        }
        found.dedup();
        (at + from, found)
    }

    fn complete_command(&self, line: &str, rest: &str) -> (usize, Vec<Completion>) {
        let begins =
            |word: &str, part: &str| word.get(..part.len()).is_some_and(|b| b.eq_ignore_ascii_case(part));
        let Some((name, argument)) = rest.split_once(' ') else {
            let found = COMMANDS.iter().filter(|c| begins(c.name, rest));
            let found = found.map(|c| Completion { text: c.name.to_owned(), note: c.arguments.to_owned() });
            return (1, found.collect());
        };
        let candidates: Vec<String> = match name {
            "auth" => caps::mechanisms(self.protocol, &self.caps),
            "quiet" | "tag" | "tls" => vec!["on".to_owned(), "off".to_owned()],
            "help" => {
                let own = COMMANDS.iter().map(|c| c.name.to_owned());
                own.chain(verbs(self.protocol).into_iter().map(|v| v.name.to_owned())).collect()
            }
            "append" => self.folders.clone(),
            "lesson" => ["smtp", "pop3", "imap", "next", "stop"].map(str::to_owned).to_vec(),
            _ => Vec::new(),
        };
        let found = candidates.into_iter().filter(|c| begins(c, argument)).map(Completion::plain).collect();
        (line.len() - argument.len(), found)
    }

    /// The commands that make sense now.
    fn verbs_now(&self) -> Vec<Completion> {
        let state = self.state();
        let smtp = matches!(self.protocol, Some(Protocol::Smtp | Protocol::Lmtp));
        let offered = |needs: &str| needs.is_empty() || self.caps.is_empty() || caps::has(&self.caps, needs);
        let fits = |when: When| match when {
            When::Always => true,
            When::Before => !state.authenticated,
            When::After => smtp || state.authenticated,
            When::Selected => state.selected.is_some(),
        };
        verbs(self.protocol)
            .into_iter()
            .filter(|v| offered(v.needs) && fits(v.when))
            .filter(|v| !(state.tls && matches!(v.name, "STARTTLS" | "STLS")))
            .map(|v| Completion { text: v.name.to_owned(), note: v.arguments.to_owned() })
            .collect()
    }

    fn imap_words(&self, head: &str) -> Vec<Completion> {
        let verb = head.trim_start_matches("UID ").split(' ').next().unwrap_or_default();
        let words: &[&str] = match verb {
            "SELECT" | "EXAMINE" | "DELETE" | "RENAME" | "STATUS" | "SUBSCRIBE" | "UNSUBSCRIBE"
            | "APPEND" | "COPY" | "MOVE" | "GETQUOTAROOT" => {
                let inbox = std::iter::once("INBOX".to_owned());
                let known =
                    self.folders.iter().filter(|f| !f.eq_ignore_ascii_case("INBOX")).map(|f| quoted(f));
                return inbox.chain(known).map(Completion::plain).collect();
            }
            "FETCH" => &[
                "(FLAGS)",
                "(ENVELOPE)",
                "(BODYSTRUCTURE)",
                "(BODY.PEEK[HEADER])",
                "(BODY.PEEK[])",
                "(UID FLAGS INTERNALDATE RFC822.SIZE)",
            ],
            "STORE" => &["+FLAGS", "-FLAGS", "FLAGS", "(\\Seen)", "(\\Deleted)", "(\\Flagged)"],
            "SEARCH" => &[
                "ALL", "UNSEEN", "SEEN", "FLAGGED", "SUBJECT", "FROM", "TO", "SINCE", "BEFORE", "TEXT", "UID",
            ],
            "ENABLE" => return self.caps.iter().map(|c| Completion::plain(c.name.clone())).collect(),
            _ => &[],
        };
        words.iter().map(|w| Completion::plain(*w)).collect()
    }

    fn smtp_words(&self, head: &str) -> Vec<Completion> {
        let with = |needs: &str, text: &str| {
            (self.caps.is_empty() || caps::has(&self.caps, needs)).then(|| Completion::plain(text))
        };
        if head.starts_with("MAIL FROM:") {
            [
                ("SIZE", "SIZE="),
                ("8BITMIME", "BODY=8BITMIME"),
                ("SMTPUTF8", "SMTPUTF8"),
                ("DSN", "RET=HDRS"),
                ("DSN", "ENVID="),
            ]
            .into_iter()
            .filter_map(|(needs, text)| with(needs, text))
            .collect()
        } else if head.starts_with("RCPT TO:") {
            ["NOTIFY=SUCCESS,FAILURE", "NOTIFY=NEVER"]
                .into_iter()
                .filter_map(|text| with("DSN", text))
                .collect()
        } else {
            Vec::new()
        }
    }
}

/// `a1 SEL`: a tag, and a command that is not whole yet.
fn is_tag_and_part(tag: &str, rest: &str) -> bool {
    tag.bytes().any(|b| b.is_ascii_digit()) && !rest.contains(' ')
}

/// Where the word at the end of a line begins; blanks in quotes belong to it.
fn word_start(line: &str) -> usize {
    let mut quoted = false;
    let mut from = 0;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => from = at + 1,
            _ => {}
        }
    }
    from
}

fn quoted(name: &str) -> String {
    if name.contains([' ', '"', '\\', '(', ')']) {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        name.to_owned()
    }
}
