mod scripts;

use super::sasl::{Login, LoginStep};
use super::{Kept, Talk};
use crate::context::Context;
use crate::{LARGEST_SCRIPT, Point};
use ehlo_wire::server::{SieveInput, SieveServer, encode_string};
use ehlo_wire::sieve::Request;
use ehlo_wire::sieve::language::EXTENSIONS;

/// So many points of failure end a session; a wrong password counts five.
const PATIENCE: u32 = 20;

/// ManageSieve, complete: RFC 5804. Scripts are checked, not executed.
pub(super) struct Sieve {
    server: SieveServer,
    login: Option<Login>,
    account: Option<String>,
    /// Who would be logged in if a login that was begun in the clear counted for one: for a fault.
    begun: Option<String>,
    failures: u32,
}

impl Sieve {
    pub(super) fn new() -> Sieve {
        Sieve {
            server: SieveServer::new(LARGEST_SCRIPT),
            login: None,
            account: None,
            begun: None,
            failures: 0,
        }
    }

    fn request(&mut self, request: Request, cx: &mut Context<'_>) {
        if cx.intercepted(&request.verb().to_ascii_uppercase(), "", None) {
            return;
        }
        match (request, self.account.clone()) {
            (Request::Capability, _) => {
                let list = self.capabilities(cx, "these are the capabilities");
                cx.send(Point::Capabilities, "CAPABILITY", list);
            }
            (Request::Logout, _) => {
                ok(cx, "LOGOUT", "bye");
                cx.close();
            }
            (Request::Noop(tag), _) => match tag {
                None => ok(cx, "NOOP", "nothing done"),
                Some(tag) => {
                    let reply = [b"OK (TAG ", &encode_string(&tag)[..], b") \"nothing done\"\r\n"].concat();
                    cx.send(Point::Reply, "NOOP", reply);
                }
            },
            (Request::StartTls, _) if cx.tls.is_some() => no(cx, "STARTTLS", "", "TLS is on already"),
            (Request::StartTls, Some(_)) => no(cx, "STARTTLS", "", "not after the login"),
            (Request::StartTls, None) if !cx.settings.starttls_honoured => {
                no(cx, "STARTTLS", "", "unknown command");
            }
            (Request::StartTls, None) => {
                cx.send(Point::StartTls, "STARTTLS", b"OK \"go ahead\"\r\n".to_vec());
                if !*cx.stopped {
                    cx.start_tls();
                }
            }
            (Request::Authenticate { .. }, Some(_)) => no(cx, "AUTHENTICATE", "", "you are logged in"),
            (Request::Authenticate { mechanism, initial }, None) => {
                let (login, step) = Login::begin(&mechanism, initial.as_deref(), cx);
                self.login = login;
                self.login_step(step, cx);
            }
            (Request::Unauthenticate, Some(_)) => {
                self.account = None;
                ok(cx, "UNAUTHENTICATE", "nobody is logged in");
            }
            (Request::Syntax(usage), _) => {
                self.failures += 1;
                let verb = usage.split(' ').next().unwrap_or_default();
                no(cx, verb, "", &format!("syntax: {usage}"));
            }
            (Request::Unknown(verb), _) => {
                self.failures += 1;
                no(cx, &verb, "", "unknown command");
            }
            (request, None) => {
                self.failures += 1;
                no(cx, request.verb(), "", "log in first");
            }
            (request, Some(account)) => scripts::answer(&account, request, cx),
        }
        self.lose_patience(cx);
    }

    fn lose_patience(&mut self, cx: &mut Context<'_>) {
        if self.failures > PATIENCE && !*cx.stopped {
            cx.send(Point::Reply, "", b"BYE (TRYLATER) \"too many errors, closing\"\r\n".to_vec());
            cx.close();
        }
    }

    fn login_step(&mut self, step: LoginStep, cx: &mut Context<'_>) {
        const VERB: &str = "AUTHENTICATE";
        match step {
            LoginStep::Ask(challenge) => {
                self.begun = cx.lab.accounts().names().next().map(str::to_owned);
                self.server.expect_response();
                let line = [encode_string(challenge.as_bytes()), b"\r\n".to_vec()].concat();
                cx.send(Point::Reply, VERB, line);
                return;
            }
            LoginStep::In(account) => {
                ok(cx, VERB, "logged in");
                self.account = Some(account);
            }
            LoginStep::Wrong(user) => {
                self.failures += 5;
                let text = cx.turned_away(user.as_deref());
                no(cx, VERB, "", text);
            }
            LoginStep::Cancelled => no(cx, VERB, "", "login cancelled"),
            LoginStep::Malformed => no(cx, VERB, "", "this cannot be decoded"),
            LoginStep::Unknown => no(cx, VERB, "", "unknown mechanism"),
            LoginStep::NeedsTls => no(cx, VERB, "ENCRYPT-NEEDED", "only inside TLS: say STARTTLS first"),
        }
        self.login = None;
    }

    /// What the server can do (RFC 5804 §1.7), ended by OK with `text`.
    fn capabilities(&self, cx: &Context<'_>, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut line = |name: &str, value: Option<&str>| {
            out.extend_from_slice(&encode_string(name.as_bytes()));
            if let Some(value) = value {
                out.push(b' ');
                out.extend_from_slice(&encode_string(value.as_bytes()));
            }
            out.extend_from_slice(b"\r\n");
        };
        line("IMPLEMENTATION", Some(&cx.settings.banner));
        line("VERSION", Some("1.0"));
        line("SIEVE", Some(&EXTENSIONS.join(" ")));
        line("NOTIFY", Some("mailto"));
        line("MAXREDIRECTS", Some("4"));
        line("LANGUAGE", Some("en"));
        line("SASL", Some(&cx.mechanisms().join(" ")));
        line("UNAUTHENTICATE", None);
        if cx.starttls_listed() {
            line("STARTTLS", None);
        }
        if let Some(account) = &self.account {
            line("OWNER", Some(account));
        }
        out.extend_from_slice(&[b"OK ", &encode_string(text.as_bytes())[..], b"\r\n"].concat());
        out
    }
}

impl Talk for Sieve {
    fn greet(&mut self, cx: &mut Context<'_>) {
        let text = format!("{} {}", cx.settings.host_name, cx.settings.banner);
        let greeting = self.capabilities(cx, &text);
        cx.send(Point::Greeting, "", greeting);
    }

    fn receive(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        self.server.push(bytes);
        while !*cx.stopped {
            match self.server.next() {
                None => return,
                Some(SieveInput::Request(request)) => self.request(request.value, cx),
                Some(SieveInput::Response(response)) => {
                    let step = match (&mut self.login, response) {
                        (Some(login), Some(response)) => login.respond(&response, cx),
                        // Not a string.
                        (Some(_), None) => LoginStep::Malformed,
                        (None, _) => LoginStep::Cancelled,
                    };
                    self.login_step(step, cx);
                    self.lose_patience(cx);
                }
                Some(SieveInput::Oversize(request)) => {
                    self.failures += 1;
                    self.login = None;
                    let text = format!("a script has no more than {LARGEST_SCRIPT} octets");
                    no(cx, request.verb(), "QUOTA/MAXSIZE", &text);
                    self.lose_patience(cx);
                }
                Some(SieveInput::TooLong) => {
                    cx.send(Point::Reply, "", b"BYE \"the line or literal is too long\"\r\n".to_vec());
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
        // A fault takes a login that was begun for one that was ended.
        let begun = self.begun.take().filter(|_| kept.state);
        self.account = self.account.take().or(begun);
        left_over
    }

    /// RFC 5804 §2.2: what the server can do is said again, unasked.
    fn secured(&mut self, cx: &mut Context<'_>) {
        let list = self.capabilities(cx, "inside TLS");
        cx.send(Point::Capabilities, "", list);
    }

    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    fn refuse_cleartext(&mut self, cx: &mut Context<'_>) {
        cx.send(Point::Reply, "", b"BYE \"TLS handshake was expected, not text\"\r\n".to_vec());
    }
}

fn ok(cx: &mut Context<'_>, verb: &str, text: &str) {
    cx.send(Point::Reply, verb, [b"OK ", &encode_string(text.as_bytes())[..], b"\r\n"].concat());
}

fn no(cx: &mut Context<'_>, verb: &str, code: &str, text: &str) {
    let code = if code.is_empty() { String::new() } else { format!("({code}) ") };
    let reply = [b"NO ", code.as_bytes(), &encode_string(text.as_bytes()), b"\r\n"].concat();
    cx.send(Point::Reply, verb, reply);
}
