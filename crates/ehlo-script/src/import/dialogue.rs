//! Writes a dialogue, whose lines are known to be the client's or the server's, as a script.

mod literals;
mod risk;
#[cfg(test)]
mod tests;

use super::Imported;
use super::language::{Language, Reply};
use super::output::{Header, Output};
use super::secret::{Login, whole_login};
use super::text::{end_word, escape, literal};
use risk::risk;
use std::collections::BTreeMap;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The client sent a line.
    Client(String),
    /// The server sent a line.
    Server(String),
    /// The server should send a line that a regular expression describes; it is escaped already.
    Match(String),
    /// The connection was opened.
    Opened,
    /// A new connection was opened, after all that came before.
    Again,
    /// A handshake.
    Tls,
    /// The tool did everything up to TLS by itself and showed nothing of it.
    StartTls,
    /// The client ended the connection.
    Closed,
    /// The server ended the connection.
    Hangup,
    /// A statement of the notation.
    Statement(String),
    /// A remark, which stays one; empty for an empty line.
    Remark(String),
    /// Something that cannot be carried over.
    Lost(String),
}

/// Something that happened, where, and on which connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The line of the input.
    pub(super) line: usize,
    /// What stands behind `C` and `S`.
    pub(super) label: String,
    /// What happened.
    pub(super) what: What,
}

impl Turn {
    /// A turn on the only connection.
    pub(super) fn new(line: usize, what: What) -> Turn {
        Turn { line, label: String::new(), what }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tls {
    #[default]
    None,
    Asked,
    Agreed,
}

#[derive(Debug, Default)]
struct Conn {
    spoken: bool,
    tls: Tls,
    login: Login,
    /// A password went out in this line and is not answered yet.
    password_at: Option<usize>,
    /// `C auth` stands for the lines up to the end of the login.
    whole: bool,
    /// The message comes next.
    data: bool,
    /// It was opened again, and nothing was said since.
    again: bool,
    /// Data of a POP3 server comes, up to a dot.
    listing: Option<usize>,
}

/// Writes a dialogue. The header is completed with what the dialogue tells.
pub(super) fn write(mut header: Header<'_>, turns: &[Turn]) -> Imported {
    let mut writer = Writer {
        language: header.language,
        turns,
        at: 0,
        conns: BTreeMap::new(),
        out: Output::default(),
        risk: None,
    };
    while writer.at < turns.len() {
        writer.turn();
    }
    let labels: Vec<String> = writer.conns.keys().cloned().collect();
    labels.iter().for_each(|label| writer.end_listing(label));
    let known: Vec<String> = writer.conns.values().flat_map(|c| c.login.known().iter().cloned()).collect();
    header.risk = header.risk.or(writer.risk);
    writer.out.finish(&header, &known)
}

struct Writer<'a> {
    language: Language,
    turns: &'a [Turn],
    at: usize,
    conns: BTreeMap<String, Conn>,
    out: Output,
    risk: Option<&'static str>,
}

impl Writer<'_> {
    fn conn(&mut self, label: &str) -> &mut Conn {
        self.conns.entry(label.to_owned()).or_default()
    }

    fn turn(&mut self) {
        let turns = self.turns;
        let turn = &turns[self.at];
        self.at += 1;
        let label = turn.label.as_str();
        let data = match &turn.what {
            What::Server(text) => self.language.reply(text) == Reply::Other || self.is_listed(label),
            What::Remark(_) | What::Lost(_) => true,
            _ => false,
        };
        if !data {
            self.end_listing(label);
        }
        match &turn.what {
            What::Client(text) => self.client(turn, text),
            What::Server(text) => self.server(turn, text),
            What::Match(regex) => {
                self.speaks(label);
                self.out.said(&format!("S{label}~"), regex);
            }
            What::Opened if !self.conn(label).spoken => {
                let target = self.language.id();
                self.out.line(format!("C{label} connect {target}"));
            }
            What::Opened | What::Again => {
                let login = std::mem::take(&mut self.conn(label).login);
                *self.conn(label) = Conn { login, again: true, ..Conn::default() };
            }
            What::Tls => self.tls(label),
            What::StartTls => self.starttls(label),
            What::Closed => self.out.line(format!("C{label} close")),
            What::Hangup => self.out.line(format!("S{label} closed")),
            What::Statement(text) => self.out.line(text.clone()),
            What::Remark(text) => self.out.comment(text),
            What::Lost(text) => self.out.lost_words(turn.line, text),
        }
    }

    /// A listing that is cut off would take what follows for data; data must be printed up to its dot.
    fn end_listing(&mut self, label: &str) {
        if let Some(line) = self.conn(label).listing.take() {
            self.out.note(line, "the data has no end; anything may follow");
            self.out.said(&format!("S{label}:"), "...");
            self.out.said(&format!("S{label}:"), ".");
        }
    }

    /// Whether a line of the server is data, whatever it looks like: a listing is open, and its dot comes.
    fn is_listed(&mut self, label: &str) -> bool {
        self.conn(label).listing.is_some()
            && self.turns[self.at..]
                .iter()
                .filter(|t| t.label == label)
                .map_while(|t| match &t.what {
                    What::Server(text) => Some(text),
                    _ => None,
                })
                .any(|text| text == ".")
    }

    /// Something is said: the connection must be there.
    fn speaks(&mut self, label: &str) {
        let conn = self.conn(label);
        conn.spoken = true;
        if std::mem::take(&mut conn.again) {
            self.out.line(format!("C{label} reconnect"));
        }
    }

    fn tls(&mut self, label: &str) {
        let (spoken, tls) = (self.conn(label).spoken, self.conn(label).tls);
        self.conn(label).tls = Tls::None;
        if tls != Tls::None {
            self.out.line(format!("C{label} tls"));
        } else if !spoken {
            // Connecting again is what this does, too.
            self.conn(label).again = false;
            self.conn(label).spoken = true;
            match self.language.tls_target() {
                Some(target) => self.out.line(format!("C{label} connect {target}")),
                None => {
                    self.out.line(format!("C{label} connect {}", self.language.id()));
                    self.out.line(format!("C{label} tls"));
                }
            }
        }
    }

    /// What a tool does before it shows anything.
    fn starttls(&mut self, label: &str) {
        let (greeting, hello) = match self.language {
            Language::Smtp => ("220", Some("EHLO {{helo}}")),
            Language::Lmtp => ("220", Some("LHLO {{helo}}")),
            Language::Pop3 => ("+OK", None),
            Language::Imap => ("* OK", None),
            Language::Sieve => ("OK", None),
        };
        self.speaks(label);
        self.out.said(&format!("S{label}:"), greeting);
        if let Some(hello) = hello {
            self.out.said(&format!("C{label}:"), hello);
            self.out.said(&format!("S{label}:"), "250");
        }
        self.out.line(format!("C{label} starttls"));
    }

    fn client(&mut self, turn: &Turn, text: &str) {
        let language = self.language;
        let label = turn.label.as_str();
        let prefix = format!("C{label}:");
        if self.conn(label).data {
            return self.message(turn);
        }
        if self.conn(label).whole {
            self.conn(label).login.learn_response(text.trim());
            return;
        }
        if self.conn(label).tls == Tls::Agreed {
            self.tls(label);
        }
        self.speaks(label);
        self.risk = self.risk.or_else(|| risk(language, text));
        let verb =
            text.split_whitespace().nth(usize::from(self.language == Language::Imap)).unwrap_or_default();
        if verb.eq_ignore_ascii_case("STARTTLS") || verb.eq_ignore_ascii_case("STLS") {
            self.conn(label).tls = Tls::Asked;
        }
        if let Some(whole) = whole_login(self.language, text) {
            if whole.initial || self.is_answered(label) {
                self.conn(label).whole = true;
                self.conn(label).login.begun(whole.response.as_deref());
                self.conn(label).password_at = Some(turn.line);
                match whole.verb() {
                    Some(verb) => {
                        self.out.line(format!("C{label} {verb}"));
                        self.out.note(turn.line, "the secrets of a login are left to `C auth`");
                    }
                    None => self.out.lost(turn.line, &format!("a login by {}", whole.mechanism)),
                }
                return;
            }
        } else if self.language.has_literals() && literal(text).is_some() {
            return self.with_literal(turn, text);
        }
        match self.conn(label).login.client(language, text) {
            Some(found) => {
                if let Some(secret) = &found.secret {
                    self.conn(label).password_at = Some(turn.line);
                    self.out.note(turn.line, &format!("{{{{{secret}}}}} stands for a secret"));
                }
                self.out.said(&prefix, &found.payload);
            }
            None => self.out.said(&prefix, &escape(text)),
        }
    }

    /// Whether the client answers a challenge before the login ends, and does not only cancel it.
    fn is_answered(&self, label: &str) -> bool {
        self.turns[self.at..]
            .iter()
            .filter(|t| t.label == label)
            .take_while(|t| match &t.what {
                What::Server(text) => !matches!(self.language.reply(text), Reply::Ok | Reply::Refused),
                _ => true,
            })
            .any(|t| matches!(&t.what, What::Client(text) if text.chars().any(char::is_alphanumeric)))
    }

    fn server(&mut self, turn: &Turn, text: &str) {
        let label = turn.label.as_str();
        let reply = if self.is_listed(label) { Reply::Other } else { self.language.reply(text) };
        if self.conn(label).data {
            self.conn(label).data = false;
            self.out.lost(turn.line, "the message, which is not shown; this one stands in for it");
            self.here(&format!("C{label} data <<"), &["Subject: test".into(), String::new()], "");
        }
        if self.conn(label).whole {
            match reply {
                Reply::Continue => return,
                // A challenge of ManageSieve.
                Reply::Other if self.language == Language::Sieve => return,
                Reply::Ok | Reply::Refused => self.conn(label).whole = false,
                Reply::Other => {}
            }
            if reply != Reply::Other && self.language == Language::Imap {
                // `C auth` has drawn a tag of its own.
                let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
                self.out.said(&format!("S{label}:"), &format!("% {}", escape(rest)));
                return self.answered(turn, reply);
            }
        }
        self.speaks(label);
        if self.language.has_literals() && literal(text).is_some() {
            return self.server_literal(turn, text);
        }
        self.out.said(&format!("S{label}:"), &escape(text));
        if self.language == Language::Pop3 && reply == Reply::Other {
            self.conn(label).listing = (text != ".").then_some(turn.line);
        }
        if matches!(self.language, Language::Smtp | Language::Lmtp) && text.starts_with("354") {
            self.conn(label).data = reply == Reply::Continue;
        }
        self.answered(turn, reply);
    }

    fn answered(&mut self, turn: &Turn, reply: Reply) {
        let conn = self.conn(&turn.label);
        if !matches!(reply, Reply::Ok | Reply::Refused) {
            return;
        }
        conn.login.ended();
        let password_at = conn.password_at.take();
        conn.tls = if conn.tls == Tls::Asked && reply == Reply::Ok { Tls::Agreed } else { Tls::None };
        if let (Some(line), Reply::Refused) = (password_at, reply) {
            self.out
                .lost(line, "this login was refused; if a wrong password was meant, write one in its place");
        }
    }

    /// The message behind DATA, up to the dot.
    fn message(&mut self, turn: &Turn) {
        let turns = self.turns;
        let mut lines = Vec::new();
        let mut ended = false;
        self.at -= 1;
        while let Some(next) = turns.get(self.at) {
            match &next.what {
                What::Client(text) if next.label == turn.label => {
                    self.at += 1;
                    if text == "." {
                        ended = true;
                        break;
                    }
                    // A dot was doubled for the wire (RFC 5321 §4.5.2); `C data` does so again.
                    lines.push(text.strip_prefix('.').unwrap_or(text).to_owned());
                }
                What::Remark(_) => self.at += 1,
                _ => break,
            }
        }
        self.conn(&turn.label).data = false;
        if !ended {
            self.out.note(turn.line, "the message has no end; one was added");
        }
        self.here(&format!("C{} data <<", turn.label), &lines, "");
    }

    /// A here document.
    fn here(&mut self, before: &str, lines: &[String], after: &str) {
        let word = end_word("MSG", lines);
        self.out.line(format!("{before}{word}{after}"));
        for line in lines {
            self.out.content(escape(line));
        }
        self.out.line(word);
    }
}
