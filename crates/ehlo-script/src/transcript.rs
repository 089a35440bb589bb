use ehlo_core::{CloseKind, DataSort, EntryKind, Protocol, Side, Span, Transcript, escape};
use std::fmt::Write as _;

/// A transcript, and what a reader needs to know to play it again.
#[derive(Clone, Copy)]
pub struct Described<'a> {
    /// What happened.
    pub transcript: &'a Transcript,
    /// The URL of the service.
    pub url: &'a str,
    /// What was spoken.
    pub protocol: Protocol,
}

/// Writes dialogues as one script: each connection is a step, secrets are expressions, and bytes that no line can hold
/// stand in `raw` statements, so that the file never carries control characters.
pub fn write_transcripts(title: &str, transcripts: &[Described<'_>]) -> String {
    let mut out = format!("format: 1\ntitle: {}\n", one_line(title));
    for described in transcripts {
        let _ = write!(out, "\n== {}\n", one_line(&described.transcript.label));
        Writer { described, out: &mut out, login: Login::None }.write();
    }
    out
}

struct Writer<'a> {
    described: &'a Described<'a>,
    out: &'a mut String,
    login: Login,
}

/// Which secret a line of the client holds, by its place in the dialogue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Login {
    None,
    Plain,
    User,
    Password,
    CramMd5,
    Other,
}

impl Writer<'_> {
    fn write(&mut self) {
        let transcript = self.described.transcript;
        let mut entries = transcript.entries.iter().peekable();
        while let Some(entry) = entries.next() {
            match &entry.kind {
                EntryKind::Connect { address, .. } => {
                    self.line(&format!("# {address}"));
                    self.line(&format!("C connect {}", self.described.url));
                }
                EntryKind::Data { span, sort: DataSort::Line } => {
                    // A line that announces a literal belongs together with what follows it.
                    let mut whole = *span;
                    let mut plain = true;
                    // So does, in ManageSieve, the rest of the line: a response is compared as a whole.
                    let mut rest = false;
                    while let Some(EntryKind::Data { span: next, sort }) = entries.peek().map(|e| &e.kind) {
                        let literal =
                            *sort == DataSort::Literal || ends_with_literal(&transcript.visible(whole));
                        if next.side != whole.side || next.from != whole.to || !(literal || rest) {
                            break;
                        }
                        rest = *sort == DataSort::Literal && self.described.protocol == Protocol::Sieve;
                        whole = whole.join(*next);
                        plain = false;
                        entries.next();
                    }
                    if plain { self.data(whole) } else { self.raw(whole) }
                }
                EntryKind::Data { span, .. } => self.raw(*span),
                EntryKind::Handshake { tls } => {
                    let sni = tls.sni.as_ref().map_or(String::new(), |sni| format!(" sni={sni}"));
                    self.line(&format!("C tls{sni}"));
                    self.line(&format!("# {} {}", tls.version, tls.suite));
                }
                EntryKind::Deviation { deviation } => {
                    self.line(&format!("# {}: {}", deviation.kind.id(), deviation.span));
                }
                EntryKind::Failure { failure } => {
                    self.line(&format!("# {}: {}", failure.stage.id(), failure.cause.id()));
                }
                EntryKind::Closed { by: Side::Client, .. } => self.line("C close"),
                EntryKind::Closed { by: Side::Server, how } => {
                    // What had no end of line was taken for a unit only when the connection was over. It came before, and
                    // is nothing that can be waited for: often it is an alert of TLS.
                    while let Some(next) = entries.peek().map(|e| &e.kind) {
                        match next {
                            EntryKind::Data { span, .. } if span.side == Side::Server => {
                                self.line(&format!("# {}", escape(&transcript.visible(*span))));
                            }
                            EntryKind::Deviation { deviation } => {
                                self.line(&format!("# {}: {}", deviation.kind.id(), deviation.span));
                            }
                            _ => break,
                        }
                        entries.next();
                    }
                    let how = match how {
                        CloseKind::Reset => "# reset",
                        CloseKind::Truncated => "# without close_notify",
                        CloseKind::End | CloseKind::CloseNotify => "",
                    };
                    if !how.is_empty() {
                        self.line(how);
                    }
                    self.line("S closed");
                }
                EntryKind::Note { id, .. } if id == "compressed" => self.line("C compress"),
                EntryKind::Note { id, params } if id == "statement" => {
                    let last = statement_end(&mut entries);
                    self.line(params.get("line").map_or("", String::as_str));
                    self.last_word(last);
                }
                EntryKind::Note { id, .. } => self.line(&format!("# {id}")),
                _ => {}
            }
        }
    }

    /// The reply that a statement leaves for the line that follows it.
    fn last_word(&mut self, last: Option<Span>) {
        let Some(span) = last else { return };
        if self.described.protocol != Protocol::Imap {
            return self.data(span);
        }
        let bytes = self.described.transcript.visible(span);
        let text = escape(bytes.strip_suffix(b"\r\n").unwrap_or(&bytes));
        // The statement has made its tag by itself.
        let rest = text.split_once(' ').filter(|(tag, _)| !matches!(*tag, "*" | "+")).map(|(_, rest)| rest);
        match rest {
            Some(rest) => self.line(&format!("S: % {}", rest.replace("{{", "{{{{"))),
            None => self.data(span),
        }
    }

    fn data(&mut self, span: Span) {
        let transcript = self.described.transcript;
        let bytes = transcript.visible(span);
        let Some(body) = bytes.strip_suffix(b"\r\n") else { return self.raw(span) };
        let Ok(text) = std::str::from_utf8(body) else { return self.raw(span) };
        // What the escaper would change cannot stand in a line; a backslash alone can.
        if escape(text.replace('\\', "/").as_bytes()) != text.replace('\\', "/") {
            return self.raw(span);
        }
        if means_more(self.described.protocol, text) {
            return self.raw(span);
        }
        let secrets = transcript.secrets_in(Span::new(span.side, span.from, span.from + body.len() as u64));
        let mut line = String::new();
        let mut at = span.from;
        let piece = |from: u64, to: u64| {
            String::from_utf8_lossy(&body[(from - span.from) as usize..(to - span.from) as usize])
                .replace("{{", "{{{{")
        };
        for secret in secrets {
            line.push_str(&piece(at, secret.from));
            let before = line.clone();
            line.push_str(&self.expression(span.side, &before));
            at = secret.to;
        }
        line.push_str(&piece(at, span.from + body.len() as u64));
        if span.side == Side::Client {
            self.follow(&line);
        } else if !is_continuation(self.described.protocol, text) {
            self.login = Login::None;
        }
        let blank = if line.is_empty() { "" } else { " " };
        self.line(&format!("{}:{blank}{line}", span.side.letter()));
    }

    /// What stands for a secret: the expression that yields it.
    fn expression(&mut self, side: Side, before: &str) -> String {
        if side == Side::Server {
            return "{{:str}}".into();
        }
        let upper = before.to_ascii_uppercase();
        let sieve = self.described.protocol == Protocol::Sieve;
        let words: Vec<&str> = upper.split_whitespace().map(|w| bare(sieve, w)).collect();
        let expression = match words.as_slice() {
            [.., "PLAIN"] => "sasl_plain(user, password)",
            [.., "LOGIN"] => "b64(user)",
            ["PASS"] => "password",
            ["APOP", _] => "apop(password)",
            [_, "LOGIN", _] => "quote(password)",
            [] => match self.login {
                Login::Plain => "sasl_plain(user, password)",
                Login::User => "b64(user)",
                Login::Password => "b64(password)",
                Login::CramMd5 => "cram_md5(user, password)",
                Login::None | Login::Other => "secret",
            },
            _ => "secret",
        };
        // In ManageSieve the quotes belong to the secret.
        let quote = if sieve { "\"" } else { "" };
        format!("{quote}{{{{{expression}}}}}{quote}")
    }

    /// Takes note of a login that begins or goes on.
    fn follow(&mut self, line: &str) {
        let upper = line.to_ascii_uppercase();
        let sieve = self.described.protocol == Protocol::Sieve;
        let words: Vec<&str> = upper.split_whitespace().map(|w| bare(sieve, w)).collect();
        let mechanism = match words.as_slice() {
            ["AUTHENTICATE", mechanism, ..] if sieve => Some(*mechanism),
            ["AUTH", mechanism, ..] | [_, "AUTHENTICATE", mechanism, ..] => Some(*mechanism),
            _ => None,
        };
        self.login = match (mechanism, self.login) {
            (Some("PLAIN"), _) => Login::Plain,
            (Some("LOGIN"), _) if words.last() != Some(&"LOGIN") => Login::Password,
            (Some("LOGIN"), _) => Login::User,
            (Some("CRAM-MD5"), _) => Login::CramMd5,
            (Some(_), _) => Login::Other,
            (None, Login::User) => Login::Password,
            (None, other) => other,
        };
    }

    fn raw(&mut self, span: Span) {
        let transcript = self.described.transcript;
        let bytes = transcript.visible(span);
        let mut text = String::new();
        for &byte in &bytes {
            match byte {
                b'\r' => text.push_str("\\r"),
                b'\n' => text.push_str("\\n"),
                b'\t' => text.push_str("\\t"),
                b'"' => text.push_str("\\\""),
                b'\\' => text.push_str("\\\\"),
                b' '..=b'~' => text.push(char::from(byte)),
                other => {
                    let _ = write!(text, "\\x{other:02x}");
                }
            }
        }
        self.line(&format!("{} raw \"{}\"", span.side.letter(), text.replace("{{", "{{{{")));
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// Leaves out what a statement did by itself; the last line that the server said.
fn statement_end<'a>(entries: &mut impl Iterator<Item = &'a ehlo_core::Entry>) -> Option<Span> {
    let mut last = None;
    for entry in entries {
        match &entry.kind {
            EntryKind::Note { id, .. } if id == "statement-end" => return last,
            EntryKind::Data { span, sort: DataSort::Line } if span.side == Side::Server => last = Some(*span),
            _ => {}
        }
    }
    last
}

/// A word without the quotes that ManageSieve wants.
fn bare(sieve: bool, word: &str) -> &str {
    if sieve { word.trim_matches('"') } else { word }
}

fn is_continuation(protocol: Protocol, line: &str) -> bool {
    match protocol {
        Protocol::Smtp | Protocol::Lmtp => line.starts_with('3'),
        // A challenge.
        Protocol::Sieve => line.starts_with('"'),
        _ => line.starts_with('+') && !line.starts_with("+OK"),
    }
}

fn ends_with_literal(bytes: &[u8]) -> bool {
    let body = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    body.strip_suffix(b"}").is_some_and(|inner| {
        let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit() || **b == b'+').count();
        digits > 0 && inner.len() > digits && inner[inner.len() - digits - 1] == b'{'
    })
}

/// Whether a line would mean something else in a script than what it is: any number of lines, a tag, a literal.
fn means_more(protocol: Protocol, text: &str) -> bool {
    let imap = protocol == Protocol::Imap;
    let sieve = protocol == Protocol::Sieve;
    text == "..."
        || (imap && (text == "%" || text.starts_with("% ")))
        || ((imap || sieve)
            && (ends_with_literal(text.as_bytes()) || text.contains("{<") || text.contains("{=")))
        // Inside a bracket the first characters of an item may be marks.
        || (imap && ["!", "?", "=(", "~("].iter().any(|mark| text.contains(&format!("({mark}")) || text.contains(&format!(" {mark}"))))
}

fn one_line(text: &str) -> String {
    escape(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{Tick, TranscriptId};

    fn written(protocol: Protocol, turns: &[(Side, &[u8], &[&str])]) -> String {
        let mut transcript = Transcript::new(TranscriptId(0), "test (main)", 1 << 20);
        transcript.push(Tick(0), EntryKind::Connect { address: "127.0.0.1:25".into(), local: None });
        for (side, bytes, secrets) in turns {
            let span = transcript.record(*side, bytes, Tick(1));
            transcript.push(Tick(1), EntryKind::Data { span, sort: DataSort::Line });
            for secret in *secrets {
                let at = bytes.windows(secret.len()).position(|w| w == secret.as_bytes()).unwrap() as u64;
                let from = span.from + at;
                transcript.mark_secret(Span::new(*side, from, from + secret.len() as u64));
            }
        }
        let described = Described { transcript: &transcript, url: "smtp://lab.test", protocol };
        write_transcripts("a test", &[described])
    }

    #[test]
    fn secrets_of_managesieve_stand_in_quotes() {
        use Side::{Client, Server};
        let text = written(
            Protocol::Sieve,
            &[
                (Client, b"AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\n", &["\"AGEAYg==\""]),
                (Server, b"NO\r\n", &[]),
                (Client, b"AUTHENTICATE \"LOGIN\"\r\n", &[]),
                (Server, b"\"VXNlcm5hbWU6\"\r\n", &[]),
                (Client, b"\"YWxpY2U=\"\r\n", &["\"YWxpY2U=\""]),
                (Server, b"\"UGFzc3dvcmQ6\"\r\n", &[]),
                (Client, b"\"Yg==\"\r\n", &["\"Yg==\""]),
                (Server, b"OK\r\n", &[]),
            ],
        );
        for line in [
            "C: AUTHENTICATE \"PLAIN\" \"{{sasl_plain(user, password)}}\"",
            "C: \"{{b64(user)}}\"",
            "C: \"{{b64(password)}}\"",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn secrets_are_expressions() {
        use Side::{Client, Server};
        let text = written(
            Protocol::Smtp,
            &[
                (Server, b"220 lab.test\r\n", &[]),
                (Client, b"AUTH PLAIN AGEAYg==\r\n", &["AGEAYg=="]),
                (Server, b"535 no\r\n", &[]),
                (Client, b"AUTH LOGIN\r\n", &[]),
                (Server, b"334 VXNlcm5hbWU6\r\n", &[]),
                (Client, b"YWxpY2U=\r\n", &["YWxpY2U="]),
                (Server, b"334 UGFzc3dvcmQ6\r\n", &[]),
                (Client, b"d29uZGVybGFuZA==\r\n", &["d29uZGVybGFuZA=="]),
                (Server, b"235 welcome wonderland\r\n", &["wonderland"]),
            ],
        );
        assert_eq!(
            text,
            "format: 1\ntitle: a test\n\n== test (main)\n# 127.0.0.1:25\nC connect smtp://lab.test\nS: 220 lab.test\n\
             C: AUTH PLAIN {{sasl_plain(user, password)}}\nS: 535 no\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n\
             C: {{b64(user)}}\nS: 334 UGFzc3dvcmQ6\nC: {{b64(password)}}\nS: 235 welcome {{:str}}\n"
        );
    }

    #[test]
    fn what_a_statement_did_by_itself_is_one_line() {
        let mut transcript = Transcript::new(TranscriptId(0), "test", 1 << 20);
        let note = |id: &str, line: &str| EntryKind::Note {
            id: id.to_owned(),
            params: [("line".to_owned(), line.to_owned())].into(),
        };
        let address = "127.0.0.1:143".to_owned();
        transcript.push(Tick(0), EntryKind::Connect { address, local: None });
        transcript.push(Tick(0), note("statement", "C auth scram-sha-256 {{user}} {{password}}"));
        for (side, bytes) in [
            (Side::Client, &b"s1 AUTHENTICATE SCRAM-SHA-256\r\n"[..]),
            (Side::Server, b"+ \r\n"),
            (Side::Client, b"bixhPXg=\r\n"),
            (Side::Server, b"s1 OK [CAPABILITY IMAP4rev1] in\r\n"),
        ] {
            let span = transcript.record(side, bytes, Tick(1));
            transcript.push(Tick(1), EntryKind::Data { span, sort: DataSort::Line });
        }
        transcript.push(Tick(2), note("statement-end", ""));
        let described = Described { transcript: &transcript, url: "imap://lab", protocol: Protocol::Imap };
        let text = write_transcripts("x", &[described]);
        let wanted = "C auth scram-sha-256 {{user}} {{password}}\nS: % OK [CAPABILITY IMAP4rev1] in\n";
        assert!(text.ends_with(wanted), "{text}");
        let parsed = crate::parse("x", &text, &crate::NoFiles);
        assert!(parsed.is_ok(), "{text}{parsed:?}");
    }

    #[test]
    fn logins_of_pop3_and_imap() {
        use Side::Client;
        let text = written(
            Protocol::Imap,
            &[
                (Client, b"a1 LOGIN alice \"wonder land\"\r\n", &["\"wonder land\""]),
                (Client, b"PASS wonderland\r\n", &["wonderland"]),
                (
                    Client,
                    b"APOP alice 0123456789abcdef0123456789abcdef\r\n",
                    &["0123456789abcdef0123456789abcdef"],
                ),
            ],
        );
        assert!(text.contains("C: a1 LOGIN alice {{quote(password)}}\nC: PASS {{password}}\nC: APOP alice {{apop(password)}}\n"), "{text}");
    }

    #[test]
    fn what_no_line_can_hold_is_raw() {
        use Side::Server;
        let text = written(
            Protocol::Smtp,
            &[
                (Server, b"220 \x1b[2J\xff \"x\" {{y}}\n", &[]),
                (Server, b"250 {{z}} \\Seen\r\n", &[]),
                (Server, "250 Grüße\r\n".as_bytes(), &[]),
                (Server, b"\r\n", &[]),
            ],
        );
        let raw =
            "S raw \"220 \\x1b[2J\\xff \\\"x\\\" {{{{y}}\\n\"\nS: 250 {{{{z}} \\Seen\nS: 250 Grüße\nS:\n";
        assert!(text.ends_with(raw), "{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn literals_stay_with_their_line() {
        use Side::Server;
        let text = written(
            Protocol::Imap,
            &[
                (Server, b"* LIST () \"/\" {3}\r\n", &[]),
                (Server, b"a b\r\n", &[]),
                (Server, b"x OK\r\n", &[]),
            ],
        );
        assert!(text.contains("S raw \"* LIST () \\\"/\\\" {3}\\r\\na b\\r\\n\"\nS: x OK\n"), "{text}");
    }
}
