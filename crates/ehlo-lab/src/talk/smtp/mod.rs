//! SMTP, submission and LMTP.

mod client;
mod envelope;
mod message;
mod parameters;
mod report;
mod transaction;

pub(crate) use message::Held;

use super::sasl::{Login, LoginStep};
use super::{Kept, Talk, named};
use crate::Point;
use crate::context::Context;
use client::Client;
use ehlo_core::{Role, Scheme, escape};
use ehlo_wire::server::{SmtpInput, SmtpServer, encode_reply};
use ehlo_wire::smtp::Request;
use envelope::{Envelope, Refusal};

/// The most recipients of one message (RFC 5321 §4.5.3.1.8: at least 100), said by RCPTMAX (RFC 9422 §4.2).
const MOST_RECIPIENTS: usize = 1000;
/// The most messages in one session, said by MAILMAX (RFC 9422 §4.1).
const MOST_MESSAGES: u32 = 100_000;
/// How long HOLDFOR may hold a message, in seconds (RFC 4865 §4); HOLDUNTIL is as good up to the year after the next.
const LONGEST_HOLD: i64 = 7 * crate::dates::DAY;

/// SMTP, submission and LMTP.
pub(super) struct Smtp {
    scheme: Scheme,
    server: SmtpServer,
    client: Client,
    /// Whether EHLO or LHLO was said, so that parameters mean something (RFC 5321 §4.1.1.11).
    extended: bool,
    user: Option<String>,
    login: Option<Login>,
    mail: Option<Envelope>,
    messages: u32,
    errors: u32,
}

impl Smtp {
    pub(super) fn new(scheme: Scheme) -> Smtp {
        Smtp {
            scheme,
            server: SmtpServer::new(25 * 1024 * 1024),
            client: Client::default(),
            extended: false,
            user: None,
            login: None,
            mail: None,
            messages: 0,
            errors: 0,
        }
    }

    fn is_lmtp(&self) -> bool {
        self.scheme == Scheme::Lmtp
    }

    fn request(&mut self, request: Request, cx: &mut Context<'_>) {
        // The octets of a chunk come whatever is answered: faults act on the end of the message instead.
        if !matches!(request, Request::Bdat { .. } | Request::BadChunk) {
            let (verb, subject) = named::smtp(&request);
            if cx.intercepted(&verb, "", subject.as_deref()) {
                return;
            }
        }
        // RFC 2920 §3.1: nothing follows these before they are answered; whoever does so all the same does not listen.
        let awaited = self.scheme == Scheme::Smtp && matches!(request, Request::Hello { .. } | Request::Data);
        if awaited && !cx.settings.pipelining_lax && !self.server.unread().is_empty() {
            let verb = if request == Request::Data { "DATA" } else { "EHLO" };
            reply(cx, verb, 554, "5.5.0", &format!("nothing may follow {verb} before its answer: closing"));
            return cx.close();
        }
        let xclient = cx.settings.xclient;
        let mut say = |verb: &str, code, enhanced, text: &str| reply(cx, verb, code, enhanced, text);
        match request {
            Request::Hello { verb, name } => self.hello(verb, &name, cx),
            Request::Quit => {
                say("QUIT", 221, "2.0.0", "bye");
                cx.close();
            }
            Request::Noop => say("NOOP", 250, "2.0.0", "OK"),
            Request::Rset => {
                self.end_transaction();
                say("RSET", 250, "2.0.0", "OK");
            }
            Request::Help => say(
                "HELP",
                214,
                "2.0.0",
                "This is the lab of ehlo: mail for local accounts is kept, and none goes out",
            ),
            Request::Vrfy(text) => self.verify(&text, cx),
            Request::Expn(list) => self.expand(&list, cx),
            Request::StartTls => self.start_tls(cx),
            Request::Auth { mechanism, initial } => self.auth(&mechanism, initial.as_deref(), cx),
            Request::Mail(args) => self.mail(&args, cx),
            Request::Rcpt(args) => self.rcpt(&args, cx),
            Request::Data => self.data(cx),
            Request::Bdat { .. } => self.chunk_announced(),
            Request::BadChunk => {
                // Where the chunk ends is not known, so what follows must not be taken for commands.
                say("BDAT", 501, "5.5.4", "syntax: BDAT size [LAST]; closing");
                cx.close();
            }
            Request::XClient(attributes) if xclient => self.xclient(&attributes, cx),
            Request::XForward(attributes) if xclient => self.xforward(&attributes, cx),
            Request::XClient(_) | Request::XForward(_) => {
                self.errors += 1;
                say("", 500, "5.5.1", "command not recognised");
            }
            Request::BadPath(verb) => {
                self.errors += 1;
                let enhanced = if verb == "RCPT" { "5.1.3" } else { "5.1.7" };
                say(verb, 501, enhanced, "this is no address in angle brackets");
            }
            Request::BadParameters(verb) => {
                self.errors += 1;
                say(verb, 501, "5.5.4", "the parameters are against the grammar");
            }
            Request::Syntax(syntax) => {
                self.errors += 1;
                let verb = syntax.split(' ').next().unwrap_or_default();
                say(verb, 501, "5.5.4", &format!("syntax: {syntax}"));
            }
            Request::Unknown(verb) if is_http(&verb) => {
                // A page has made a browser write a mail into a form: what follows must not be run.
                say("", 421, "4.7.0", "this is no web server, closing");
                cx.close();
            }
            Request::Unknown(verb) => {
                self.errors += 1;
                say(&escape(&verb), 500, "5.5.1", "command not recognised");
            }
        }
        if self.errors > 20 && !*cx.stopped {
            reply(cx, "", 421, "4.7.0", &format!("{} too many errors, closing", cx.settings.host_name));
            cx.close();
        }
    }

    fn hello(&mut self, verb: &'static str, name: &[u8], cx: &mut Context<'_>) {
        if (verb == "LHLO") != self.is_lmtp() {
            let wanted = if self.is_lmtp() { "this is LMTP: say LHLO" } else { "command not recognised" };
            return reply(cx, verb, 500, "5.5.1", wanted);
        }
        self.end_transaction();
        self.client.hello = Some(escape(name));
        self.extended = verb != "HELO";
        let host = cx.settings.host_name.clone();
        let lines = if self.extended {
            let peer = cx.settings.echoed_address.as_deref().unwrap_or(self.client.address(cx.peer));
            let mut lines = vec![format!("{host} greets {} [{peer}]", escape(name))];
            lines.extend(self.extensions(cx));
            lines
        } else {
            vec![host]
        };
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        cx.send(Point::Capabilities, verb, encode_reply(250, None, &lines));
    }

    /// What is offered now (RFC 5321 §2.2). What stands here is kept.
    fn extensions(&self, cx: &Context<'_>) -> Vec<String> {
        let mut lines: Vec<String> =
            vec!["PIPELINING".into(), format!("SIZE {}", cx.settings.largest_message)];
        let plain = ["8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME"];
        lines.extend(plain.map(str::to_owned));
        lines.push(format!("LIMITS MAILMAX={MOST_MESSAGES} RCPTMAX={MOST_RECIPIENTS}"));
        lines.extend(["DELIVERBY", "MT-PRIORITY"].map(str::to_owned));
        if !self.is_lmtp() {
            // LMTP answers for each recipient anyway; VRFY, EXPN and HELP are for people at port 25 and 587.
            lines.extend(["PRDR", "VRFY", "EXPN", "HELP"].map(str::to_owned));
        }
        if cx.settings.future_release {
            // A moment that moved on would make every answer another.
            let latest = crate::dates::rfc3339(crate::dates::year_after_next(cx.now));
            lines.push(format!("FUTURERELEASE {LONGEST_HOLD} {latest}"));
        }
        if cx.tls.is_some() {
            // RFC 8689 §2: never without TLS.
            lines.push("REQUIRETLS".into());
        }
        if cx.settings.xclient {
            lines.push("XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT".into());
            lines.push("XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE".into());
        }
        if cx.starttls_listed() {
            lines.push("STARTTLS".into());
        }
        let mechanisms = cx.mechanisms();
        if !mechanisms.is_empty() {
            lines.push(format!("AUTH {}", mechanisms.join(" ")));
        }
        lines
    }

    fn start_tls(&mut self, cx: &mut Context<'_>) {
        if cx.tls.is_some() {
            return reply(cx, "STARTTLS", 503, "5.5.1", "TLS is on already");
        }
        if !cx.settings.starttls_honoured {
            return reply(cx, "STARTTLS", 502, "5.5.1", "command not implemented");
        }
        cx.send(Point::StartTls, "STARTTLS", encode_reply(220, Some("2.0.0"), &["go ahead"]));
        if !*cx.stopped {
            cx.start_tls();
        }
    }

    fn auth(&mut self, mechanism: &str, initial: Option<&[u8]>, cx: &mut Context<'_>) {
        if self.client.hello.is_none() {
            return reply(cx, "AUTH", 503, "5.5.1", "say EHLO first");
        }
        if !cx.settings.auth {
            return reply(cx, "AUTH", 503, "5.5.1", "there are no logins here");
        }
        if self.user.is_some() || self.mail.is_some() {
            return reply(cx, "AUTH", 503, "5.5.1", "not now");
        }
        if initial.is_some() && Login::speaks_first(mechanism, cx) {
            return reply(cx, "AUTH", 501, "5.7.0", "the server speaks first in this mechanism");
        }
        let (login, step) = Login::begin(mechanism, initial, cx);
        self.login = login;
        self.login_step(step, cx);
    }

    fn login_step(&mut self, step: LoginStep, cx: &mut Context<'_>) {
        match step {
            LoginStep::Ask(challenge) => {
                self.server.expect_response();
                cx.send(Point::Reply, "AUTH", encode_reply(334, None, &[&challenge]));
                return;
            }
            LoginStep::In(account) => {
                self.user = Some(account);
                reply(cx, "AUTH", 235, "2.7.0", "welcome");
            }
            LoginStep::Wrong(user) => {
                self.errors += 5;
                let text = cx.turned_away(user.as_deref());
                reply(cx, "AUTH", 535, "5.7.8", text);
            }
            LoginStep::Cancelled => reply(cx, "AUTH", 501, "5.7.0", "login cancelled"),
            LoginStep::Malformed => reply(cx, "AUTH", 501, "5.5.2", "this cannot be decoded"),
            LoginStep::Unknown => reply(cx, "AUTH", 504, "5.5.4", "unknown mechanism"),
            LoginStep::NeedsTls => reply(cx, "AUTH", 538, "5.7.11", "only inside TLS: say STARTTLS first"),
        }
        self.login = None;
    }

    fn end_transaction(&mut self) {
        self.mail = None;
        self.server.drop_chunks();
    }
}

impl Talk for Smtp {
    fn greet(&mut self, cx: &mut Context<'_>) {
        self.server.set_largest_message(cx.settings.largest_message);
        let protocol = if self.is_lmtp() { "LMTP" } else { "ESMTP" };
        let text = format!("{} {protocol} {}", cx.settings.host_name, cx.settings.banner);
        cx.send(Point::Greeting, "", encode_reply(220, None, &[text.trim_end()]));
    }

    fn receive(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        match &cx.settings.fake_end {
            Some(fake) if self.server.is_in_data() => self.server.push(&with_real_end(bytes, fake)),
            _ => self.server.push(bytes),
        }
        while !*cx.stopped {
            match self.server.next() {
                None => return,
                Some(SmtpInput::Request(request)) => self.request(request, cx),
                Some(SmtpInput::Response(response)) => {
                    let step = match &mut self.login {
                        Some(login) => login.respond(&response, cx),
                        None => LoginStep::Cancelled,
                    };
                    self.login_step(step, cx);
                }
                Some(SmtpInput::Message(message)) => self.message(Some(message), cx),
                Some(SmtpInput::OversizeMessage) => self.message(None, cx),
                Some(SmtpInput::Chunk { oversize }) => self.chunk(oversize, cx),
                Some(SmtpInput::DroppedChunk) => self.chunk_dropped(cx),
                Some(SmtpInput::TooLong) => {
                    reply(cx, "", 500, "5.5.6", "the line is too long");
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
            self.client.hello = None;
            self.extended = false;
            self.user = None;
            self.mail = None;
        }
        left_over
    }

    fn account(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn refuse_cleartext(&mut self, cx: &mut Context<'_>) {
        let role = self.scheme.role();
        let text =
            if role == Role::Lmtp { "TLS was expected" } else { "TLS handshake was expected, not text" };
        reply(cx, "", 554, "5.5.0", text);
    }
}

fn reply(cx: &mut Context<'_>, verb: &str, code: u16, enhanced: &str, text: &str) {
    cx.send(Point::Reply, verb, encode_reply(code, Some(enhanced), &[text]));
}

fn refuse(cx: &mut Context<'_>, verb: &str, refusal: &Refusal) {
    reply(cx, verb, refusal.code, &refusal.enhanced, &refusal.text);
    if refusal.code == 421 {
        // RFC 5321 §4.2.1: who says 421 closes.
        cx.close();
    }
}

/// What a server reads that takes `fake` for the end of a message.
fn with_real_end(bytes: &[u8], fake: &[u8]) -> Vec<u8> {
    match memchr::memmem::find(bytes, fake) {
        Some(at) => [&bytes[..at], b"\r\n.\r\n", &bytes[at + fake.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

/// Whether a browser says this.
fn is_http(verb: &[u8]) -> bool {
    [&b"GET"[..], b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"CONNECT"].contains(&verb)
}
