use crate::guard::Exposure;
use crate::verbs::is_imap_verb;
use crate::{Context, has_tag, message};
use ehlo_core::{Params, Protocol, escape};
use ehlo_wire::imap::{decode_mutf7, encode_mutf7};

/// Something to say of a line that is typed. It changes nothing: the line goes out as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Its key below `talk/hint/`.
    pub id: &'static str,
    /// What stands in its places, escaped.
    pub params: Params,
}

impl Hint {
    pub(crate) fn new(id: &'static str) -> Hint {
        Hint { id, params: Params::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Hint {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }
}

impl Context {
    /// What is to be said of a line before it is sent, the most important first.
    pub fn hints(&self, line: &str) -> Vec<Hint> {
        let state = self.state();
        let mut found = Vec::new();
        if line.starts_with(':') && !state.in_data {
            return found;
        }
        if state.in_data {
            in_data(line, &self.message, &mut found);
            return found;
        }
        if let Some(left) = self.literal {
            let bytes = line.len() as u64 + 2;
            found.push(Hint::new("literal").with("left", left).with("typed", bytes));
            return found;
        }
        match self.exposure(line.as_bytes()) {
            Exposure::Clear => found.push(Hint::new("secret-clear")),
            Exposure::Unverified => found.push(Hint::new("secret-unverified")),
            Exposure::Hashed => found.push(Hint::new("secret-hashed")),
            Exposure::None => {}
        }
        if state.authenticating {
            let bare = line.trim_matches('"');
            if line != "*" && crate::decode(bare.as_bytes()).is_none() && !line.is_empty() {
                found.push(Hint::new("not-base64"));
            }
            return found;
        }
        if self.login_refused && crate::guard::looks_encoded(self.protocol, line) {
            found.push(Hint::new("answer-unasked"));
        }
        if line.bytes().any(|b| b < b' ' || b == 127) {
            found.push(Hint::new("control"));
        }
        match self.protocol {
            Some(Protocol::Smtp | Protocol::Lmtp) => self.smtp(line, &mut found),
            Some(Protocol::Pop3) => self.pop3(line, &mut found),
            Some(Protocol::Imap) => self.imap(line, &mut found),
            Some(Protocol::Sieve) | None => {}
        }
        found
    }

    fn smtp(&self, line: &str, found: &mut Vec<Hint>) {
        let upper = line.to_ascii_uppercase();
        if line == "." {
            found.push(Hint::new("lone-dot"));
        }
        if self.data_refused
            && looks_like_field(line)
            && !upper.starts_with("MAIL FROM:")
            && !upper.starts_with("RCPT TO:")
        {
            found.push(Hint::new("header-after-refusal"));
            return;
        }
        for verb in ["MAIL FROM:", "RCPT TO:"] {
            let Some(rest) = upper.strip_prefix(verb) else { continue };
            if rest.starts_with(' ') {
                found.push(Hint::new("blank-after-colon").with("verb", verb));
            }
            let path = rest.trim_start();
            if !path.is_empty() && !path.starts_with('<') {
                found.push(
                    Hint::new("no-brackets").with("address", escape(line[verb.len()..].trim().as_bytes())),
                );
            }
        }
        let wants = |verb: &str| upper.starts_with(verb) && !upper.contains(':');
        if wants("MAIL FROM") || wants("RCPT TO") {
            found.push(Hint::new("no-colon"));
        }
        if upper.starts_with("MAIL") && !self.introduced {
            found.push(Hint::new("no-hello").with("verb", hello(self.protocol)));
        }
        if upper.starts_with("HELO") {
            found.push(Hint::new("helo"));
        }
        if upper == "EHLO" || upper == "HELO" || upper == "LHLO" {
            found.push(Hint::new("hello-name"));
        }
    }

    fn pop3(&self, line: &str, found: &mut Vec<Hint>) {
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("DELE ") {
            found.push(Hint::new("dele"));
        }
    }

    fn imap(&self, line: &str, found: &mut Vec<Hint>) {
        if self.idling {
            if !line.eq_ignore_ascii_case("DONE") {
                found.push(Hint::new("idle"));
            }
            return;
        }
        let tagged = has_tag(line);
        let command = match (tagged, line.split_once(' ')) {
            (true, Some((_, rest))) => rest,
            _ => line,
        };
        if !tagged && !self.tags && !line.is_empty() {
            found.push(Hint::new("no-tag"));
        }
        let upper = command.to_ascii_uppercase();
        let mut words = upper.split(' ');
        let mut verb = words.next().unwrap_or_default();
        if verb == "UID" {
            verb = words.next().unwrap_or_default();
        }
        match verb {
            "FETCH" if sets_seen(&upper) && !self.read_only => found.push(Hint::new("sets-seen")),
            "SELECT" => found.push(Hint::new("select")),
            "EXPUNGE" | "CLOSE" if !self.read_only => found.push(Hint::new("expunge").with("verb", verb)),
            _ => {}
        }
        if is_imap_verb(verb)
            && !matches!(verb, "SEARCH" | "LOGIN" | "APPEND" | "AUTHENTICATE" | "SORT" | "THREAD" | "STORE")
        {
            for name in names(command) {
                // In UTF-8 as it is typed, or with an `&` that begins no sequence (RFC 3501 §5.1.3).
                if !name.is_ascii() || name.contains('&') && decode_mutf7(name.as_bytes()).is_none() {
                    found.push(
                        Hint::new("mutf7")
                            .with("name", escape(name.as_bytes()))
                            .with("wire", encode_mutf7(name)),
                    );
                }
            }
        }
    }
}

fn hello(protocol: Option<Protocol>) -> &'static str {
    if protocol == Some(Protocol::Lmtp) { "LHLO" } else { "EHLO" }
}

/// Whether a FETCH asks for text without `.PEEK` (RFC 9051 §6.4.5).
fn sets_seen(upper: &str) -> bool {
    upper.contains("BODY[")
        || upper.contains("BINARY[")
        || upper.split([' ', '(', ')']).any(|w| w == "RFC822" || w == "RFC822.TEXT")
}

/// The words and quoted strings behind the verb, which may be names of mailboxes.
fn names(command: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = command;
    while let Some(at) = rest.find('"') {
        found.extend(rest[..at].split(' ').filter(|w| !w.is_empty()));
        let Some(end) = rest[at + 1..].find('"') else { break };
        found.push(&rest[at + 1..at + 1 + end]);
        rest = &rest[at + end + 2..];
    }
    found.extend(rest.split(' ').filter(|w| !w.is_empty()));
    found
}

/// Whether a line looks like a field of a header.
fn looks_like_field(line: &str) -> bool {
    let Some((name, _)) = line.split_once(':') else { return line.is_empty() };
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn in_data(line: &str, message: &[u8], found: &mut Vec<Hint>) {
    if line == "." {
        let lacks = message::lacks(message);
        found.extend(lacks.into_iter().map(Hint::new));
        return;
    }
    if line.starts_with('.') && !line.starts_with("..") {
        found.push(Hint::new("unstuffed"));
    }
    if line.len() > 998 {
        found.push(Hint::new("long-line"));
    }
    let upper = line.to_ascii_uppercase();
    let is_command = ["QUIT", "RSET", "NOOP"].contains(&upper.as_str())
        || upper.starts_with("MAIL FROM:<")
        || upper.starts_with("RCPT TO:<");
    if is_command {
        found.push(Hint::new("command-in-data"));
    }
}
