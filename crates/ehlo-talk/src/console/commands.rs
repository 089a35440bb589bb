//! The commands of the console.

use super::{Console, Do, Held, Hidden, Purpose, Statement, View};
use crate::{Hint, Show, caps, message};
use ehlo_core::{Protocol, escape};
use ehlo_wire::imap::{decode_mutf7, encode_mutf7, quote};

impl Console {
    pub(super) fn command(&mut self, name: &'static str, arguments: &str, view: &View<'_>) {
        let needs_connection = matches!(
            name,
            "starttls"
                | "tls"
                | "do"
                | "login"
                | "auth"
                | "data"
                | "append"
                | "fetch"
                | "raw"
                | "caps"
                | "certs"
        );
        let setting = name == "tls" && matches!(arguments, "on" | "off");
        if needs_connection && !self.connected && !setting {
            self.refused += 1;
            return self.note("not-connected", &[]);
        }
        match name {
            "help" => {
                let about = (!arguments.is_empty()).then(|| arguments.trim_start_matches(':').to_owned());
                self.show(Show::Help(about));
            }
            "explain" => self.explain(arguments),
            "caps" => {
                let (list, stamp) = (self.context.caps.clone(), self.stamp.clone());
                if list.is_empty() && stamp.is_none() {
                    return self.note("no-caps", &[]);
                }
                self.show(Show::Capabilities { list, stamp });
            }
            "certs" => match view.tls {
                Some(tls) => self.show(Show::Certificates(Box::new(tls.clone()))),
                None => self.note("no-tls", &[]),
            },
            "b64" => self.base64(arguments, view),
            "yes" => match self.held.take() {
                Some(Held::Line(line)) => self.type_line(line, true, view),
                Some(Held::Statement(statement)) => {
                    self.out.push_back(Do::Statement(Statement { confirmed: true, ..statement }));
                }
                None => self.note("nothing-held", &[]),
            },
            "quiet" => {
                self.quiet = arguments != "off";
                self.note(if self.quiet { "quiet-on" } else { "quiet-off" }, &[]);
            }
            "tag" => {
                self.context.tags = arguments != "off";
                self.note(if self.context.tags { "tag-on" } else { "tag-off" }, &[]);
            }
            "starttls" => {
                self.upgrade_once = true;
                let word = if self.settings.protocol == Some(Protocol::Pop3) { "STLS" } else { "STARTTLS" };
                self.own(word);
            }
            "tls" => self.tls(arguments, view),
            "login" => {
                let user = (!arguments.is_empty()).then(|| arguments.to_owned());
                self.statement("C login {{user}} {{password}}".to_owned(), user, true);
            }
            "auth" => self.auth(arguments),
            "data" => self.data(arguments, view),
            "append" => {
                let (mailbox, file) = word(arguments);
                if mailbox.is_empty() || self.settings.protocol != Some(Protocol::Imap) {
                    return self.wrong(name);
                }
                self.purpose = Some(Purpose::Append(mailbox.to_owned()));
                self.out.push_back(Do::Compose((!file.is_empty()).then(|| file.to_owned())));
            }
            "fetch" => self.fetch(arguments),
            "raw" if arguments.starts_with('"') => self.statement(format!("C raw {arguments}"), None, false),
            "assert" | "capture" if !arguments.is_empty() => {
                self.statement(format!("{name} {arguments}"), None, false);
            }
            "do" if !arguments.is_empty() => {
                let is_login = arguments.contains("password");
                self.statement(arguments.to_owned(), None, is_login);
            }
            "connect" => {
                self.out.push_back(Do::Open((!arguments.is_empty()).then(|| arguments.to_owned())));
            }
            "reconnect" => self.out.push_back(Do::Open(None)),
            "close" => self.out.push_back(Do::Close),
            "save" if !arguments.is_empty() => self.out.push_back(Do::Save(arguments.to_owned())),
            "lesson" => self.lesson(arguments),
            "quit" => self.end(view),
            _ => self.wrong(name),
        }
    }

    fn wrong(&mut self, name: &str) {
        self.refused += 1;
        self.show(Show::Help(Some(name.to_owned())));
    }

    fn statement(&mut self, line: String, user: Option<String>, is_login: bool) {
        let statement = Statement { line, user, is_login, confirmed: false };
        if is_login && self.context.refused_logins >= 2 {
            self.hint(Hint::new("third-login").with("count", self.context.refused_logins));
            self.held = Some(Held::Statement(statement));
            return self.note("held", &[]);
        }
        self.out.push_back(Do::Statement(statement));
    }

    /// Takes note that a statement needs a confirmation: it would send a password in the clear.
    pub fn held_back(&mut self, statement: Statement) {
        self.hint(Hint::new("secret-clear"));
        self.held = Some(Held::Statement(statement));
        self.note("held", &[]);
    }

    /// Takes note that a statement was run. `failed`: the key of a note that says what did not come out, or none.
    pub fn ran(&mut self, held_true: bool, view: &View<'_>) {
        if !held_true {
            self.failed_assertion = true;
        }
        self.waiting = None;
        self.wait_if_due(view);
    }

    fn explain(&mut self, text: &str) {
        let protocol = self.settings.protocol;
        let (text, verb) = match (text.is_empty(), self.last.clone()) {
            (true, Some(last)) => last,
            (true, None) => return self.note("nothing-said", &[]),
            (false, _) => (text.to_owned(), String::new()),
        };
        self.show(Show::Explain { text, verb, protocol });
    }

    fn base64(&mut self, text: &str, view: &View<'_>) {
        let asked = self.state(view).authenticating;
        match (asked, text.is_empty()) {
            (true, true) => self.out.push_back(Do::Ask(Hidden::Answer)),
            (true, false) => self.answer(text.as_bytes(), view),
            (false, true) => self.wrong("b64"),
            (false, false) => {
                let mut lines = vec![escape(&crate::encode(text.as_bytes()))];
                // Almost any word is base64 of something; what is no text is nothing that anybody meant.
                let decoded = crate::decode(text.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
                let readable = |text: &String| !text.is_empty() && !text.chars().any(char::is_control);
                lines.extend(decoded.filter(readable).map(|text| format!("← {}", escape(text.as_bytes()))));
                self.show(Show::Lines(lines));
            }
        }
    }

    /// Answers the question of a login.
    pub(super) fn answer(&mut self, text: &[u8], view: &View<'_>) {
        let encoded = crate::encode(text);
        let line = match self.settings.protocol {
            Some(Protocol::Sieve) => [b"\"", &encoded[..], b"\""].concat(),
            _ => encoded,
        };
        self.type_line(line, false, view);
    }

    fn tls(&mut self, arguments: &str, view: &View<'_>) {
        match arguments {
            "on" | "off" => {
                self.auto_tls = arguments == "on";
                self.note(if self.auto_tls { "tls-on" } else { "tls-off" }, &[]);
            }
            _ if view.tls.is_some() => self.note("tls-already", &[]),
            _ => {
                let options = arguments
                    .split(' ')
                    .filter_map(|w| w.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                self.out.push_back(Do::Upgrade(options));
            }
        }
    }

    fn auth(&mut self, arguments: &str) {
        let (mechanism, user) = word(arguments);
        let good = !mechanism.is_empty()
            && mechanism.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !good {
            let offered = caps::mechanisms(self.settings.protocol, &self.context.caps);
            self.refused += 1;
            let list = if offered.is_empty() { "–".to_owned() } else { offered.join(", ") };
            return self.note("which-mechanism", &[("offered", &list)]);
        }
        let user = (!user.is_empty()).then(|| user.to_owned());
        self.statement(
            format!("C auth {} {{{{user}}}} {{{{password}}}}", mechanism.to_lowercase()),
            user,
            true,
        );
    }

    fn data(&mut self, file: &str, view: &View<'_>) {
        if !matches!(self.settings.protocol, Some(Protocol::Smtp | Protocol::Lmtp)) {
            return self.wrong("data");
        }
        let source = (!file.is_empty()).then(|| file.to_owned());
        if self.state(view).in_data {
            self.purpose = Some(Purpose::MailData);
            self.out.push_back(Do::Compose(source));
        } else {
            self.when_asked = Some(source);
            self.own("DATA");
        }
    }

    /// Takes a text that was composed; none if there is none.
    pub fn given(&mut self, text: Option<Vec<u8>>, _view: &View<'_>) {
        let Some(purpose) = self.purpose.take() else { return };
        let Some(text) = text else {
            self.refused += 1;
            return self.note("not-composed", &[]);
        };
        match purpose {
            Purpose::MailData => {
                let bytes = message::stuffed(&text);
                for id in message::lacks(&message::with_crlf(&text)) {
                    self.hint(Hint::new(id));
                }
                let lines = bytes.iter().filter(|&&b| b == b'\n').count() - 1;
                self.note("data-sent", &[("lines", &lines)]);
                self.out.push_back(Do::Send(bytes));
            }
            Purpose::Append(mailbox) => {
                let bytes = message::with_crlf(&text);
                let plus = caps::has(&self.context.caps, "LITERAL+")
                    || (caps::has(&self.context.caps, "LITERAL-") && bytes.len() <= 4096);
                let mark = if plus { "+" } else { "" };
                let line = format!("APPEND {} {{{}{mark}}}", wire_name(&mailbox), bytes.len());
                if plus {
                    self.tags += 1;
                    let line = crate::tagged(line.as_bytes(), self.tags);
                    self.show(Show::Sent(line.clone()));
                    self.note("literal-sent", &[("octets", &bytes.len())]);
                    // The line, the literal and the end of the line are one command (RFC 7888 §3).
                    self.out.push_back(Do::Send([&line[..], b"\r\n", &bytes, b"\r\n"].concat()));
                } else {
                    self.literal = Some(bytes);
                    self.own(line);
                }
            }
        }
    }

    fn fetch(&mut self, number: &str) {
        let good = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let line = match self.settings.protocol {
            Some(Protocol::Imap) if good => format!("FETCH {number} (BODY.PEEK[])"),
            Some(Protocol::Pop3) if good => format!("RETR {number}"),
            _ => return self.wrong("fetch"),
        };
        self.fetching = true;
        self.own(line);
    }
}

/// The name of a mailbox as it goes over the wire, in quotes where it needs them.
fn wire_name(name: &str) -> String {
    let wire = match name.is_ascii() && decode_mutf7(name.as_bytes()).is_some() {
        true => name.to_owned(),
        false => encode_mutf7(name),
    };
    let plain =
        !wire.is_empty() && wire.bytes().all(|b| b.is_ascii_alphanumeric() || b"./_-&,+".contains(&b));
    if plain {
        return wire;
    }
    quote(wire.as_bytes()).map_or(wire, |quoted| String::from_utf8_lossy(&quoted).into_owned())
}

/// The first word, which may stand in quotes, and the rest.
fn word(text: &str) -> (&str, &str) {
    if let Some(rest) = text.strip_prefix('"')
        && let Some((inner, rest)) = rest.split_once('"')
    {
        return (inner, rest.trim());
    }
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    (first, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_out_in_modified_utf7() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("Entw&APw-rfe", "Entw&APw-rfe"),
            ("Sent Items", "\"Sent Items\""),
            ("R&D", "R&-D"),
        ] {
            assert_eq!(wire_name(name), wire);
        }
        assert_eq!(word("\"Sent Items\" x.eml"), ("Sent Items", "x.eml"));
    }
}
