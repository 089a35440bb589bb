//! What stands in a terminal after a session with `telnet`, `nc`, `openssl s_client` or `gnutls-cli`: lines of both sides
//! without marks. Whose they are follows from the grammar of the protocol.

mod noise;
#[cfg(test)]
mod tests;

use super::Imported;
use super::dialogue::{Turn, What, write};
use super::language::{Language, Reply, is_smtp_reply};
use super::output::Header;
use super::text::{as_shown, literal};
use noise::{Noise, noise};
use std::collections::VecDeque;

pub(super) fn import(text: &str, title: &str, over_tls: bool) -> Imported {
    let lines: Vec<String> = text.lines().map(as_shown).collect();
    let language = Language::guess(lines.iter().map(String::as_str)).unwrap_or(Language::Smtp);
    let mut reader = Reader::new(language, over_tls);
    for (number, line) in lines.iter().enumerate() {
        reader.number = number + 1;
        reader.line(line, &lines[number + 1..]);
    }
    write(Header::new(title, language), &reader.turns)
}

/// Whether a line calls one of the tools.
pub(super) fn is_called(line: &str) -> bool {
    noise::command(line).is_some()
}

/// Where the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was said yet.
    Before,
    /// It goes on.
    Open,
    /// It is over; what comes is the shell again.
    Over,
}

/// Of which lines the next ones are a part, whatever they look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A message of the client, up to a dot.
    Message,
    /// Data of a POP3 server, up to a dot.
    Data,
    /// Octets of a literal: who sends them, and how many are missing.
    Literal {
        client: bool,
        missing: usize,
    },
}

struct Reader {
    language: Language,
    over_tls: bool,
    turns: Vec<Turn>,
    number: usize,
    phase: Phase,
    inside: Inside,
    /// The first words of the client's lines: tags come back.
    tags: Vec<String>,
    /// Whether the answer has many lines, for each POP3 command that is not answered.
    pending: VecDeque<bool>,
    /// The server asked for more.
    challenged: bool,
    /// A login of ManageSieve goes on.
    login: bool,
    /// The command of the tool says that it does STARTTLS.
    starttls: bool,
    /// The command goes on in the next line.
    continued: bool,
    /// Within what `s_client` says about a session ticket.
    ticket: bool,
}

impl Reader {
    fn new(language: Language, over_tls: bool) -> Reader {
        Reader {
            language,
            over_tls,
            turns: Vec::new(),
            number: 0,
            phase: Phase::Before,
            inside: Inside::Nothing,
            tags: Vec::new(),
            pending: VecDeque::new(),
            challenged: false,
            login: false,
            starttls: false,
            continued: false,
            ticket: false,
        }
    }

    fn push(&mut self, what: What) {
        self.turns.push(Turn::new(self.number, what));
    }

    /// Reads a line; `rest` are those behind it.
    fn line(&mut self, text: &str, rest: &[String]) {
        if std::mem::take(&mut self.continued) {
            self.continued = text.ends_with('\\');
            return;
        }
        let inside = self.inside;
        match inside {
            Inside::Message => {
                if text == "." {
                    self.inside = Inside::Nothing;
                }
                return self.push(What::Client(text.to_owned()));
            }
            Inside::Data => {
                if text == "." {
                    self.inside = Inside::Nothing;
                }
                return self.push(What::Server(text.to_owned()));
            }
            Inside::Literal { client, missing } => return self.literal(text, client, missing),
            Inside::Nothing => {}
        }
        if self.is_noise(text) {
            return;
        }
        if text.is_empty() {
            if self.phase == Phase::Open && self.means_empty(rest) {
                self.client(text);
            }
            return;
        }
        match self.phase {
            Phase::Over => {}
            Phase::Open if self.is_server(text) => self.server(text),
            Phase::Open => self.client(text),
            Phase::Before if self.language.is_greeting(text) && !self.starttls => {
                self.phase = Phase::Open;
                if self.over_tls {
                    self.push(What::Tls);
                }
                // A greeting answers no command.
                self.push(What::Server(text.to_owned()));
                self.goes_on(text);
            }
            // Servers speak first. Where none does, the tool has hidden what came before TLS; the last line of that may
            // have come through.
            Phase::Before if self.over_tls && (self.is_leftover(text) || self.language.is_command(text)) => {
                self.phase = Phase::Open;
                self.push(What::StartTls);
                if !self.is_leftover(text) {
                    self.client(text);
                }
            }
            Phase::Before => {}
        }
    }

    /// The last line of an answer to what a tool sent by itself.
    fn is_leftover(&self, text: &str) -> bool {
        match self.language {
            Language::Smtp | Language::Lmtp => is_smtp_reply(text),
            Language::Imap => text.starts_with(". OK"),
            Language::Pop3 | Language::Sieve => self.starttls && self.language.reply(text) == Reply::Ok,
        }
    }

    fn is_noise(&mut self, text: &str) -> bool {
        if self.ticket {
            self.ticket = text != "---";
            return true;
        }
        // The end of IDLE.
        if self.challenged && text == "DONE" {
            return false;
        }
        let Some(found) = noise(text, self.over_tls) else { return false };
        match found {
            Noise::Nothing => {}
            Noise::Ticket => self.ticket = true,
            Noise::Command { starttls, continued } => {
                self.again();
                self.starttls = starttls;
                self.continued = continued;
            }
            Noise::Connected => self.again(),
            Noise::Hangup if self.phase == Phase::Open => {
                self.take_back(&['Q']);
                self.push(What::Hangup);
                self.phase = Phase::Over;
            }
            Noise::Hangup => self.phase = Phase::Over,
            Noise::Ended => {
                self.take_back(&['Q']);
                self.phase = Phase::Over;
            }
            Noise::OwnCommand => self.take_back(&['R', 'k', 'K', 'B']),
        }
        true
    }

    /// Another session begins.
    fn again(&mut self) {
        if self.turns.iter().any(|t| matches!(t.what, What::Server(_) | What::Client(_)))
            && self.phase != Phase::Before
        {
            self.push(What::Again);
        }
        let (turns, number) = (std::mem::take(&mut self.turns), self.number);
        let starttls = self.phase == Phase::Before && self.starttls;
        *self = Reader { turns, number, starttls, ..Reader::new(self.language, self.over_tls) };
    }

    /// `s_client` takes some letters at the beginning of a line for commands of its own; the line is not sent.
    fn take_back(&mut self, letters: &[char]) {
        let eaten = matches!(self.turns.last(), Some(Turn { what: What::Client(text), .. }) if text.starts_with(letters));
        if self.over_tls
            && eaten
            && let Some(turn) = self.turns.pop()
        {
            self.pending.pop_back();
            let text = super::NOT_SENT;
            self.turns.push(Turn::new(turn.line, What::Lost(text.to_owned())));
        }
    }

    /// Whether an empty line was sent: as the answer to a challenge, or where the server complains about it. Other
    /// empty lines are there for people.
    fn means_empty(&self, rest: &[String]) -> bool {
        let next = rest.iter().find(|l| !l.is_empty()).map(String::as_str).unwrap_or_default();
        if self.challenged {
            return self.is_server(next);
        }
        let last_by_server = matches!(self.turns.last(), Some(Turn { what: What::Server(_), .. }));
        let complains = match self.language {
            Language::Imap => ["* BAD", "* BYE"].iter().any(|b| next.starts_with(b)),
            _ => self.language.reply(next) == Reply::Refused,
        };
        last_by_server && complains
    }

    fn is_server(&self, text: &str) -> bool {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        match self.language {
            Language::Smtp | Language::Lmtp => is_smtp_reply(text),
            Language::Pop3 => first == "+" || first.starts_with("+OK") || first.starts_with("-ERR"),
            Language::Imap => {
                // A star alone cancels a login.
                text.starts_with("* ")
                    || first == "+"
                    || (self.language.reply(text) != Reply::Other && self.tags.iter().any(|t| t == first))
            }
            Language::Sieve => {
                let status = self.language.reply(text) != Reply::Other;
                status || (text.starts_with(['"', '{']) && !self.challenged)
            }
        }
    }

    fn server(&mut self, text: &str) {
        self.push(What::Server(text.to_owned()));
        let reply = self.language.reply(text);
        // In ManageSieve a challenge is a string like any other.
        self.challenged = reply == Reply::Continue || (self.login && reply == Reply::Other);
        self.login &= reply == Reply::Other;
        if self.language == Language::Pop3 && matches!(reply, Reply::Ok | Reply::Refused) {
            let many = self.pending.pop_front().unwrap_or(false);
            if many && reply == Reply::Ok {
                self.inside = Inside::Data;
            }
        }
        self.goes_on(text);
    }

    /// What a line of the server announces.
    fn goes_on(&mut self, text: &str) {
        let message = matches!(self.language, Language::Smtp | Language::Lmtp) && text.starts_with("354");
        if message && self.language.reply(text) == Reply::Continue {
            self.inside = Inside::Message;
        } else if self.language.has_literals()
            && let Some((_, missing, _)) = literal(text)
        {
            self.inside = Inside::Literal { client: false, missing };
        }
    }

    fn client(&mut self, text: &str) {
        self.push(What::Client(text.to_owned()));
        let answer = std::mem::take(&mut self.challenged);
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let second = words.next();
        if !answer {
            self.tags.push(first.to_owned());
            let many = match first.to_ascii_uppercase().as_str() {
                "RETR" | "TOP" | "CAPA" => true,
                "LIST" | "UIDL" | "AUTH" | "LANG" => second.is_none(),
                _ => false,
            };
            self.pending.push_back(many);
            self.login = self.language == Language::Sieve && first.eq_ignore_ascii_case("AUTHENTICATE");
        }
        if self.language.has_literals()
            && let Some((_, missing, _)) = literal(text)
        {
            self.inside = Inside::Literal { client: true, missing };
        } else if first.eq_ignore_ascii_case("BDAT")
            && let Some(missing) = second.and_then(|n| n.parse().ok())
        {
            self.inside = Inside::Literal { client: true, missing };
        }
    }

    /// Takes a line as a part of a literal.
    fn literal(&mut self, text: &str, client: bool, missing: usize) {
        let announced =
            matches!(self.turns.last().map(|t| &t.what), Some(What::Client(l)) if literal(l).is_some());
        if client && announced && self.is_server(text) {
            // Consent, or a refusal before the octets came.
            self.push(What::Server(text.to_owned()));
            if self.language.reply(text) != Reply::Continue {
                self.inside = Inside::Nothing;
            }
            return;
        }
        self.push(if client { What::Client(text.to_owned()) } else { What::Server(text.to_owned()) });
        self.inside = if missing > text.len() {
            match missing.checked_sub(text.len() + 2) {
                // BDAT ends with its octets; behind a literal the command goes on.
                Some(0) if !self.language.has_literals() => Inside::Nothing,
                Some(missing) => Inside::Literal { client, missing },
                None => Inside::Nothing,
            }
        } else {
            match text.get(missing..).and_then(literal) {
                Some((_, missing, _)) => Inside::Literal { client, missing },
                None => Inside::Nothing,
            }
        };
    }
}
