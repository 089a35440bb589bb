use super::sasl::{Login, LoginStep};
use super::{Kept, Talk, named};
use crate::context::Context;
use crate::store::MaildropLock;
use crate::{Message, Point, StoreError};
use ehlo_wire::pop3::Request;
use ehlo_wire::sasl::{Passwords, apop_verify};
use ehlo_wire::server::{Pop3Input, Pop3Server, encode_lines};
use memchr::memmem;

/// POP3, complete: RFC 1939, 2449, 2595, 3206, 5034, 6856.
pub(super) struct Pop3 {
    server: Pop3Server,
    stamp: String,
    user: Option<String>,
    login: Option<Login>,
    drop: Option<Maildrop>,
    /// Whether the client takes text in UTF-8 (RFC 6856 §2.1).
    utf8: bool,
    failures: u32,
}

/// The languages of the texts (RFC 6856 §3.1): `i-default` is what every server has.
const LANGUAGES: &[(&str, &str)] = &[("i-default", "Default language"), ("en", "English")];

/// A maildrop in the hands of a session: what is in it does not change, and DELE waits for QUIT (RFC 1939 §5, §6).
struct Maildrop {
    account: String,
    messages: Vec<(Message, bool)>,
    validity: u32,
    _lock: MaildropLock,
}

impl Pop3 {
    pub(super) fn new() -> Pop3 {
        Pop3 {
            server: Pop3Server::new(),
            stamp: String::new(),
            user: None,
            login: None,
            drop: None,
            utf8: false,
            failures: 0,
        }
    }

    fn request(&mut self, request: Request, cx: &mut Context<'_>) {
        let (verb, subject) = named::pop3(&request);
        if cx.intercepted(&verb, "", subject.as_deref()) {
            return;
        }
        match request {
            Request::Capa => self.capa(cx),
            Request::Quit => self.quit(cx),
            Request::Lang(tag) => lang(tag.as_deref(), cx),
            Request::Syntax(syntax) => {
                let verb = syntax.split(' ').next().unwrap_or_default();
                err(cx, verb, "", &format!("syntax: {syntax}"));
            }
            Request::Unknown(verb) => {
                self.failures += 1;
                err(cx, &ehlo_core::escape(&verb), "", "unknown command");
            }
            request => match &self.drop {
                None => self.authorization(request, cx),
                Some(_) => self.transaction(request, cx),
            },
        }
        if self.failures > 20 && !*cx.stopped {
            err(cx, "", "[SYS/TEMP] ", "too many errors, closing");
            cx.close();
        }
    }

    fn capa(&self, cx: &mut Context<'_>) {
        // RFC 2449 §6: what is announced in both states is the same in both; nothing here ever expires.
        let always = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"];
        let mut lines: Vec<String> = always.map(str::to_owned).to_vec();
        lines.extend(["UTF8 USER", "LANG", "IMPLEMENTATION ehlo-lab"].map(str::to_owned));
        if cx.tls.is_some() || cx.settings.clear_auth_offered || cx.settings.clear_auth_accepted {
            lines.push("USER".into());
        }
        let mechanisms = cx.mechanisms();
        if !mechanisms.is_empty() {
            lines.push(format!("SASL {}", mechanisms.join(" ")));
        }
        if cx.starttls_listed() && self.drop.is_none() {
            lines.push("STLS".into());
        }
        let text = format!("+OK capabilities follow\r\n{}\r\n.\r\n", lines.join("\r\n"));
        cx.send(Point::Capabilities, "CAPA", text.into_bytes());
    }

    fn quit(&mut self, cx: &mut Context<'_>) {
        if let Some(drop) = self.drop.take() {
            let gone: Vec<u32> = drop.messages.iter().filter(|(_, gone)| *gone).map(|(m, _)| m.uid).collect();
            let removed = match gone.is_empty() {
                true => Ok(()),
                false => cx
                    .lab
                    .store()
                    .with(&drop.account, |boxes| boxes.remove("INBOX", &gone))
                    .unwrap_or(Err(StoreError::NoAccount))
                    .map(std::mem::drop),
            };
            if removed.is_err() {
                // RFC 1939 §6: the session ends all the same, and what was marked is still there.
                err(cx, "QUIT", "[SYS/TEMP] ", "some messages could not be removed");
                return cx.close();
            }
            if !gone.is_empty() {
                cx.lab.store().announce();
            }
        }
        ok(cx, "QUIT", "bye");
        cx.close();
    }

    fn authorization(&mut self, request: Request, cx: &mut Context<'_>) {
        match request {
            Request::Stls if cx.tls.is_some() => err(cx, "STLS", "", "TLS is on already"),
            // RFC 6856 §2.1: what was said before TLS would not hold behind it.
            Request::Stls if self.utf8 => err(cx, "STLS", "", "not after UTF8"),
            Request::Stls if !cx.settings.starttls_honoured => err(cx, "STLS", "", "unknown command"),
            Request::Stls => {
                cx.send(Point::StartTls, "STLS", b"+OK go ahead\r\n".to_vec());
                if !*cx.stopped {
                    cx.start_tls();
                }
            }
            Request::Utf8 => {
                self.utf8 = true;
                ok(cx, "UTF8", "text may be in UTF-8");
            }
            Request::User(_) if !cx.clear_auth_allowed() => {
                err(cx, "USER", "[AUTH] ", "only inside TLS: say STLS first");
            }
            Request::User(name) => {
                self.user = Some(String::from_utf8_lossy(&name).into_owned());
                // RFC 1939 §7 allows to say no here; whoever does so tells strangers who has a mailbox.
                ok(cx, "USER", "and the password?");
            }
            Request::Pass(_) if !cx.clear_auth_allowed() => {
                err(cx, "PASS", "[AUTH] ", "only inside TLS: say STLS first");
            }
            Request::Pass(password) => match self.user.take() {
                None => err(cx, "PASS", "", "say USER first"),
                Some(user) => {
                    let right = cx.lets_in(&user, &password);
                    self.enter("PASS", if right { Ok(user) } else { Err(Some(user)) }, cx);
                }
            },
            Request::Apop { name, digest } if cx.settings.apop => {
                let name = String::from_utf8_lossy(&name).into_owned();
                let passwords = cx.passwords();
                let right = passwords.any_password(&name)
                    || passwords
                        .password(&name)
                        .is_some_and(|password| apop_verify(self.stamp.as_bytes(), &password, &digest));
                self.enter("APOP", if right { Ok(name) } else { Err(Some(name)) }, cx);
            }
            Request::Auth { mechanism: None, .. } => {
                let list = cx.mechanisms().join("\r\n");
                let list = if list.is_empty() { list } else { format!("{list}\r\n") };
                cx.send(Point::Reply, "AUTH", format!("+OK mechanisms follow\r\n{list}.\r\n").into_bytes());
            }
            Request::Auth { mechanism: Some(mechanism), initial: Some(_) }
                if Login::speaks_first(&mechanism, cx) =>
            {
                err(cx, "AUTH", "", "the server speaks first in this mechanism");
            }
            Request::Auth { mechanism: Some(mechanism), initial } => {
                let (login, step) = Login::begin(&mechanism, initial.as_deref(), cx);
                self.login = login;
                self.login_step(step, cx);
            }
            Request::Apop { .. } => err(cx, "APOP", "", "unknown command"),
            _ => {
                self.failures += 1;
                err(cx, "", "", "log in first");
            }
        }
    }

    fn login_step(&mut self, step: LoginStep, cx: &mut Context<'_>) {
        match step {
            LoginStep::Ask(challenge) => {
                self.server.expect_response();
                cx.send(Point::Reply, "AUTH", format!("+ {challenge}\r\n").into_bytes());
                return;
            }
            LoginStep::In(account) => self.enter("AUTH", Ok(account), cx),
            LoginStep::Wrong(user) => self.enter("AUTH", Err(user), cx),
            LoginStep::Cancelled => err(cx, "AUTH", "", "login cancelled"),
            LoginStep::Malformed => err(cx, "AUTH", "", "this cannot be decoded"),
            LoginStep::Unknown => err(cx, "AUTH", "", "unknown mechanism"),
            LoginStep::NeedsTls => err(cx, "AUTH", "[AUTH] ", "only inside TLS: say STLS first"),
        }
        self.login = None;
    }

    /// Opens the maildrop of a user whose password was right. The error is one who is not let in, if he was named.
    fn enter(&mut self, verb: &str, user: Result<String, Option<String>>, cx: &mut Context<'_>) {
        let account =
            user.as_deref().ok().and_then(|user| cx.lab.account_of(user.split('@').next().unwrap_or(user)));
        let Some(account) = account else {
            self.failures += 5;
            let named = user.map_or_else(|named| named, Some);
            let text = cx.turned_away(named.as_deref());
            return err(cx, verb, "[AUTH] ", text);
        };
        let Some(lock) = cx.lab.store().lock_maildrop(&account) else {
            return err(cx, verb, "[IN-USE] ", "another session has this maildrop");
        };
        let contents = cx.lab.store().with(&account, |boxes| {
            // What cannot be looked at is as it was.
            let _ = boxes.look("INBOX");
            let inbox = boxes.folders.get("INBOX");
            (inbox.map_or(0, |i| i.validity), inbox.map_or(Vec::new(), |i| i.messages.clone()))
        });
        let (validity, messages) = contents.unwrap_or_default();
        let octets: usize = messages.iter().map(|m| m.body.len()).sum();
        let text = format!("{} messages, {octets} octets", messages.len());
        let messages = messages.into_iter().map(|m| (m, false)).collect();
        self.drop = Some(Maildrop { account, messages, validity, _lock: lock });
        ok(cx, verb, &text);
    }

    fn transaction(&mut self, request: Request, cx: &mut Context<'_>) {
        let Some(drop) = &mut self.drop else { return };
        match request {
            Request::Stat => {
                let (count, octets) = drop.size();
                ok(cx, "STAT", &format!("{count} {octets}"));
            }
            Request::List(None) => {
                let (count, octets) = drop.size();
                let lines: String =
                    drop.present().map(|(n, m)| format!("{n} {}\r\n", m.body.len())).collect();
                let text = format!("+OK {count} messages, {octets} octets\r\n{lines}.\r\n");
                cx.send(Point::Reply, "LIST", text.into_bytes());
            }
            Request::Uidl(None) => {
                let validity = drop.validity;
                let lines: String =
                    drop.present().map(|(n, m)| format!("{n} {validity:x}.{:x}\r\n", m.uid)).collect();
                cx.send(Point::Reply, "UIDL", format!("+OK\r\n{lines}.\r\n").into_bytes());
            }
            Request::List(Some(n)) => match drop.get(n) {
                Some(message) => ok(cx, "LIST", &format!("{n} {}", message.body.len())),
                None => none_such(cx, "LIST", n),
            },
            Request::Uidl(Some(n)) => match drop.get(n) {
                Some(message) => ok(cx, "UIDL", &format!("{n} {:x}.{:x}", drop.validity, message.uid)),
                None => none_such(cx, "UIDL", n),
            },
            Request::Retr(n) => match drop.get(n) {
                Some(message) => {
                    let head = format!("+OK {} octets\r\n", message.body.len());
                    send_message(cx, "RETR", &head, message, self.utf8, |bytes| bytes);
                }
                None => none_such(cx, "RETR", n),
            },
            Request::Top(n, lines) => match drop.get(n) {
                Some(message) => {
                    send_message(cx, "TOP", "+OK\r\n", message, self.utf8, |bytes| top(bytes, lines));
                }
                None => none_such(cx, "TOP", n),
            },
            Request::Dele(n) => match drop.get(n).is_some() {
                true => {
                    drop.messages[n as usize - 1].1 = true;
                    ok(cx, "DELE", &format!("message {n} goes at QUIT"));
                }
                false => none_such(cx, "DELE", n),
            },
            Request::Rset => {
                for (_, gone) in &mut drop.messages {
                    *gone = false;
                }
                ok(cx, "RSET", "no message goes");
            }
            Request::Noop => ok(cx, "NOOP", ""),
            Request::Utf8 => err(cx, "UTF8", "", "not after the login"),
            _ => {
                self.failures += 1;
                err(cx, "", "", "not after the login");
            }
        }
    }
}

impl Maildrop {
    fn present(&self) -> impl Iterator<Item = (usize, &Message)> {
        self.messages.iter().enumerate().filter(|(_, (_, gone))| !gone).map(|(n, (m, _))| (n + 1, m))
    }

    fn size(&self) -> (usize, usize) {
        self.present().fold((0, 0), |(count, octets), (_, m)| (count + 1, octets + m.body.len()))
    }

    fn get(&self, number: u32) -> Option<&Message> {
        let index = (number as usize).checked_sub(1)?;
        self.messages.get(index).filter(|(_, gone)| !gone).map(|(m, _)| m)
    }
}

impl Talk for Pop3 {
    fn greet(&mut self, cx: &mut Context<'_>) {
        self.stamp = cx.apop_stamp();
        let stamp = if cx.settings.apop { format!(" {}", self.stamp) } else { String::new() };
        let text = format!("+OK {} {}{stamp}\r\n", cx.settings.host_name, cx.settings.banner);
        cx.send(Point::Greeting, "", text.into_bytes());
    }

    fn receive(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        self.server.push(bytes);
        while !*cx.stopped {
            match self.server.next() {
                None => return,
                Some(Pop3Input::Request(request)) => self.request(request, cx),
                Some(Pop3Input::Response(response)) => {
                    let step = match &mut self.login {
                        Some(login) => login.respond(&response, cx),
                        None => LoginStep::Cancelled,
                    };
                    self.login_step(step, cx);
                }
                Some(Pop3Input::TooLong) => {
                    err(cx, "", "", "the line is too long");
                    cx.close();
                }
            }
        }
    }

    fn tls_started(&mut self, kept: Kept) -> bool {
        let left_over = !self.server.unread().is_empty();
        if !kept.text {
            self.server.forget();
        }
        self.login = None;
        if !kept.state {
            self.user = None;
            self.utf8 = false;
        }
        left_over
    }

    fn account(&self) -> Option<&str> {
        self.drop.as_ref().map(|drop| drop.account.as_str())
    }

    fn refuse_cleartext(&mut self, cx: &mut Context<'_>) {
        err(cx, "", "[SYS/PERM] ", "TLS handshake was expected, not text");
    }
}

fn ok(cx: &mut Context<'_>, verb: &str, text: &str) {
    let blank = if text.is_empty() { "" } else { " " };
    cx.send(Point::Reply, verb, format!("+OK{blank}{text}\r\n").into_bytes());
}

fn err(cx: &mut Context<'_>, verb: &str, code: &str, text: &str) {
    cx.send(Point::Reply, verb, format!("-ERR {code}{text}\r\n").into_bytes());
}

/// Sends a message, or the part of it that `cut` leaves.
fn send_message(
    cx: &mut Context<'_>,
    verb: &str,
    head: &str,
    message: &Message,
    utf8: bool,
    cut: impl Fn(&[u8]) -> &[u8],
) {
    let Ok(bytes) = message.body.read() else {
        return err(cx, verb, "[SYS/TEMP] ", "the message cannot be read");
    };
    let header = memmem::find(&bytes, b"\r\n\r\n").map_or(&bytes[..], |at| &bytes[..at]);
    if !utf8 && !header.is_ascii() && std::str::from_utf8(header).is_ok() {
        // RFC 6856 §2.1, §5: who has not said UTF8 must not be sent such a header. Eight-bit text of another kind is
        // older than that, and goes through.
        return err(cx, verb, "[UTF8] ", "the header is in UTF-8: say UTF8 before the login");
    }
    cx.send(Point::Reply, verb, [head.as_bytes(), &encode_lines(cut(&bytes))].concat());
}

fn lang(tag: Option<&str>, cx: &mut Context<'_>) {
    match tag {
        None => {
            let list: String = LANGUAGES.iter().map(|(tag, name)| format!("{tag} {name}\r\n")).collect();
            cx.send(Point::Reply, "LANG", format!("+OK languages follow\r\n{list}.\r\n").into_bytes());
        }
        Some("*") => ok(cx, "LANG", "en English it is"),
        Some(tag) => match LANGUAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag)) {
            Some((known, name)) => ok(cx, "LANG", &format!("{known} {name} it is")),
            None => err(cx, "LANG", "", "there is no such language"),
        },
    }
}

fn none_such(cx: &mut Context<'_>, verb: &str, number: u32) {
    err(cx, verb, "", &format!("there is no message {number}"));
}

/// The header, the empty line, and so many lines of the body (RFC 1939 §7).
fn top(message: &[u8], lines: u64) -> &[u8] {
    let Some(header) = memmem::find(message, b"\r\n\r\n") else { return message };
    let mut end = header + 4;
    for _ in 0..lines {
        match memmem::find(&message[end..], b"\r\n") {
            Some(at) => end += at + 2,
            None => return message,
        }
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_cuts_the_body() {
        let message = b"A: b\r\n\r\none\r\ntwo\r\nthree";
        assert_eq!(top(message, 0), b"A: b\r\n\r\n");
        assert_eq!(top(message, 2), b"A: b\r\n\r\none\r\ntwo\r\n");
        assert_eq!(top(message, 9), &message[..]);
        assert_eq!(top(b"A: b\r\n", 0), b"A: b\r\n");
    }
}
