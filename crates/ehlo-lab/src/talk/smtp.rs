use super::sasl::{Login, LoginStep};
use super::{Talk, named};
use crate::context::Context;
use crate::{Delivered, Point};
use ehlo_core::{Role, Scheme, escape};
use ehlo_wire::server::{SmtpInput, SmtpServer, encode_reply};
use ehlo_wire::smtp::{MailArgs, Request};

/// The most recipients of one message (RFC 5321 §4.5.3.1.8: at least 100).
const MOST_RECIPIENTS: usize = 1000;

/// SMTP, submission and LMTP.
pub(super) struct Smtp {
    scheme: Scheme,
    server: SmtpServer,
    hello: Option<String>,
    user: Option<String>,
    login: Option<Login>,
    mail: Option<Envelope>,
    errors: u32,
}

struct Envelope {
    from: String,
    local: Vec<String>,
    foreign: Vec<String>,
    /// In the order in which they were accepted: LMTP answers for each.
    accepted: Vec<String>,
}

impl Smtp {
    pub(super) fn new(scheme: Scheme) -> Smtp {
        Smtp {
            scheme,
            server: SmtpServer::new(25 * 1024 * 1024),
            hello: None,
            user: None,
            login: None,
            mail: None,
            errors: 0,
        }
    }

    fn is_lmtp(&self) -> bool {
        self.scheme == Scheme::Lmtp
    }

    fn request(&mut self, request: Request, cx: &mut Context<'_>) {
        let (verb, subject) = named::smtp(&request);
        if cx.intercepted(&verb, "", subject.as_deref()) {
            return;
        }
        let mut say = |verb: &str, code, enhanced, text: &str| reply(cx, verb, code, enhanced, text);
        match request {
            Request::Hello { verb, name } => self.hello(verb, &name, cx),
            Request::Quit => {
                say("QUIT", 221, "2.0.0", "bye");
                cx.close();
            }
            Request::Noop => say("NOOP", 250, "2.0.0", "OK"),
            Request::Rset => {
                self.mail = None;
                say("RSET", 250, "2.0.0", "OK");
            }
            Request::Help => say(
                "HELP",
                214,
                "2.0.0",
                "This is the lab of ehlo: mail for local accounts is kept in memory",
            ),
            Request::Vrfy(_) => {
                say("VRFY", 252, "2.5.0", "cannot VRFY, but will take mail and try to deliver it")
            }
            Request::StartTls => self.start_tls(cx),
            Request::Auth { mechanism, initial } => self.auth(&mechanism, initial.as_deref(), cx),
            Request::Mail(args) => self.mail(&args, cx),
            Request::Rcpt(args) => self.rcpt(&args, cx),
            Request::Data => self.data(cx),
            Request::Syntax(syntax) => {
                self.errors += 1;
                let verb = syntax.split(' ').next().unwrap_or_default();
                reply(cx, verb, 501, "5.5.4", &format!("syntax: {syntax}"));
            }
            Request::Unknown(verb) => {
                self.errors += 1;
                reply(cx, &escape(&verb), 500, "5.5.1", "command not recognised");
            }
            _ => reply(cx, "", 502, "5.5.1", "command not implemented"),
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
        self.mail = None;
        self.hello = Some(escape(name));
        let host = cx.settings.host_name.clone();
        let peer = cx.settings.echoed_address.as_deref().unwrap_or(cx.peer);
        if verb == "HELO" {
            return cx.send(Point::Capabilities, verb, encode_reply(250, None, &[&host]));
        }
        let mut lines = vec![
            format!("{host} greets {} [{peer}]", escape(name)),
            "PIPELINING".into(),
            format!("SIZE {}", cx.settings.largest_message),
            "8BITMIME".into(),
            "ENHANCEDSTATUSCODES".into(),
        ];
        if cx.starttls_listed() {
            lines.push("STARTTLS".into());
        }
        let mechanisms = cx.mechanisms();
        if !mechanisms.is_empty() {
            lines.push(format!("AUTH {}", mechanisms.join(" ")));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        cx.send(Point::Capabilities, verb, encode_reply(250, None, &lines));
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
        if self.hello.is_none() {
            return reply(cx, "AUTH", 503, "5.5.1", "say EHLO first");
        }
        if !cx.settings.auth {
            return reply(cx, "AUTH", 503, "5.5.1", "there are no logins here");
        }
        if self.user.is_some() || self.mail.is_some() {
            return reply(cx, "AUTH", 503, "5.5.1", "not now");
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
            LoginStep::Wrong => {
                self.errors += 5;
                reply(cx, "AUTH", 535, "5.7.8", "user or password is wrong");
            }
            LoginStep::Cancelled => reply(cx, "AUTH", 501, "5.7.0", "login cancelled"),
            LoginStep::Malformed => reply(cx, "AUTH", 501, "5.5.2", "this cannot be decoded"),
            LoginStep::Unknown => reply(cx, "AUTH", 504, "5.5.4", "unknown mechanism"),
            LoginStep::NeedsTls => reply(cx, "AUTH", 538, "5.7.11", "only inside TLS: say STARTTLS first"),
        }
        self.login = None;
    }

    fn mail(&mut self, args: &MailArgs, cx: &mut Context<'_>) {
        if self.hello.is_none() {
            return reply(cx, "MAIL", 503, "5.5.1", "say EHLO first");
        }
        if cx.settings.auth_required && self.user.is_none() {
            return match cx.tls {
                None => reply(cx, "MAIL", 530, "5.7.0", "say STARTTLS first"),
                Some(_) => reply(cx, "MAIL", 530, "5.7.0", "log in first"),
            };
        }
        if self.mail.is_some() {
            return reply(cx, "MAIL", 503, "5.5.1", "there is a sender already");
        }
        for (name, value) in &args.parameters {
            match (name.as_str(), value.as_deref()) {
                ("SIZE", Some(size)) => {
                    match std::str::from_utf8(size).ok().and_then(|s| s.parse::<usize>().ok()) {
                        Some(size) if size > cx.settings.largest_message => {
                            return reply(cx, "MAIL", 552, "5.3.4", "the message is too large");
                        }
                        Some(_) => {}
                        None => return reply(cx, "MAIL", 501, "5.5.4", "SIZE is not a number"),
                    }
                }
                ("BODY", Some(kind))
                    if kind.eq_ignore_ascii_case(b"7BIT") || kind.eq_ignore_ascii_case(b"8BITMIME") => {}
                ("AUTH", Some(_)) if cx.settings.auth => {}
                _ => {
                    return reply(
                        cx,
                        "MAIL",
                        555,
                        "5.5.4",
                        &format!("parameter {} is not supported", escape(name.as_bytes())),
                    );
                }
            }
        }
        let address = args.path.address();
        let Ok(from) = String::from_utf8(address) else {
            return reply(cx, "MAIL", 553, "5.6.7", "the address is not in ASCII");
        };
        if !from.is_ascii() {
            return reply(cx, "MAIL", 553, "5.6.7", "the address is not in ASCII");
        }
        self.mail = Some(Envelope { from, local: Vec::new(), foreign: Vec::new(), accepted: Vec::new() });
        reply(cx, "MAIL", 250, "2.1.0", "OK");
    }

    fn rcpt(&mut self, args: &MailArgs, cx: &mut Context<'_>) {
        let Some(mail) = &mut self.mail else {
            return reply(cx, "RCPT", 503, "5.5.1", "say MAIL first");
        };
        if let Some((name, _)) = args.parameters.first() {
            return reply(
                cx,
                "RCPT",
                555,
                "5.5.4",
                &format!("parameter {} is not supported", escape(name.as_bytes())),
            );
        }
        if mail.accepted.len() >= MOST_RECIPIENTS {
            return reply(cx, "RCPT", 452, "4.5.3", "too many recipients");
        }
        let Some(address) = String::from_utf8(args.path.address()).ok().filter(|a| a.is_ascii()) else {
            return reply(cx, "RCPT", 553, "5.6.7", "the address is not in ASCII");
        };
        let domain = String::from_utf8_lossy(&args.path.domain).to_lowercase();
        let local_part = String::from_utf8_lossy(&args.path.local).into_owned();
        let here = domain == cx.lab.host_name()
            || (domain.is_empty() && local_part.eq_ignore_ascii_case("postmaster"));
        if !here {
            if self.user.is_none() {
                return reply(cx, "RCPT", 550, "5.7.1", "this is not a relay: log in first");
            }
            mail.foreign.push(address.clone());
        } else {
            let Some(owner) = owner(cx, &address) else {
                return reply(cx, "RCPT", 550, "5.1.1", "no such mailbox");
            };
            if !mail.local.iter().any(|o| o == owner) {
                mail.local.push(owner.to_owned());
            }
        }
        mail.accepted.push(address);
        reply(cx, "RCPT", 250, "2.1.5", "OK");
    }

    fn data(&mut self, cx: &mut Context<'_>) {
        match &self.mail {
            None => reply(cx, "DATA", 503, "5.5.1", "say MAIL first"),
            Some(mail) if mail.accepted.is_empty() => reply(cx, "DATA", 554, "5.5.1", "no valid recipients"),
            Some(_) => {
                self.server.expect_data();
                cx.send(
                    Point::Reply,
                    "DATA",
                    encode_reply(354, None, &["end with a line that holds a dot alone"]),
                );
            }
        }
    }

    fn message(&mut self, message: Option<Vec<u8>>, cx: &mut Context<'_>) {
        let Some(mail) = self.mail.take() else { return };
        // LMTP answers for each recipient (RFC 2033 §4.2).
        let answers = if self.is_lmtp() { mail.accepted.len() } else { 1 };
        if cx.intercepted_for(".", "", None, answers) {
            return;
        }
        let verdict = match message {
            None => Err((552, "5.3.4", "the message is too large")),
            Some(message) if message.len() > cx.settings.largest_message => {
                Err((552, "5.3.4", "the message is too large"))
            }
            // RFC 5321 §2.3.8: CR and LF only together; anything else is how messages are smuggled.
            Some(message) if has_bare_line_ends(&message) => {
                Err((554, "5.6.0", "CR or LF without the other"))
            }
            Some(message) => Ok(message),
        };
        let id = cx.lab.queue_id();
        if let Ok(message) = &verdict {
            self.store(&mail, message, &id, cx);
        }
        for index in 0..answers {
            match &verdict {
                Err((code, enhanced, text)) => reply(cx, ".", *code, enhanced, text),
                Ok(_) if self.is_lmtp() => {
                    reply(cx, ".", 250, "2.0.0", &format!("<{}> queued as {id}", mail.accepted[index]));
                }
                Ok(_) => reply(cx, ".", 250, "2.0.0", &format!("OK: queued as {id}")),
            }
        }
    }

    fn store(&self, mail: &Envelope, message: &[u8], id: &str, cx: &Context<'_>) {
        // RFC 3848: how the message came, in one word.
        let with = match (self.is_lmtp(), cx.tls.is_some(), self.user.is_some()) {
            (true, false, _) => "LMTP",
            (true, true, _) => "LMTPS",
            (_, false, false) => "ESMTP",
            (_, true, false) => "ESMTPS",
            (_, false, true) => "ESMTPA",
            (_, true, true) => "ESMTPSA",
        };
        let tls = cx.tls.map_or(String::new(), |tls| format!("\r\n\t(using {tls})"));
        let received = format!(
            "from {} ([{}]){tls}\r\n\tby {} (ehlo lab) with {with} id {id}",
            self.hello.as_deref().unwrap_or("unknown"),
            cx.peer,
            cx.settings.host_name
        );
        let mut delivered = Delivered {
            from: mail.from.clone(),
            to: Vec::new(),
            message: message.to_vec(),
            received,
            at: cx.now,
        };
        for account in &mail.local {
            let of_account = |address: &&String| owner(cx, address) == Some(account.as_str());
            delivered.to = mail.accepted.iter().filter(of_account).cloned().collect();
            let _ = crate::delivery::deliver(cx, account, &delivered);
        }
        if let (Some(user), false) = (&self.user, mail.foreign.is_empty()) {
            let _ = cx.lab.store().keep_outbound(user, &mail.foreign, &delivered);
        }
    }
}

impl Talk for Smtp {
    fn greet(&mut self, cx: &mut Context<'_>) {
        let protocol = if self.is_lmtp() { "LMTP" } else { "ESMTP" };
        let text = format!("{} {protocol} {}", cx.settings.host_name, cx.settings.banner);
        cx.send(Point::Greeting, "", encode_reply(220, None, &[text.trim_end()]));
    }

    fn receive(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        self.server.push(bytes);
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
                Some(SmtpInput::Chunk { .. } | SmtpInput::DroppedChunk) => {}
                Some(SmtpInput::TooLong) => {
                    reply(cx, "", 500, "5.5.6", "the line is too long");
                    cx.close();
                }
            }
        }
    }

    fn tls_started(&mut self) {
        self.server.forget();
        self.hello = None;
        self.user = None;
        self.login = None;
        self.mail = None;
    }

    fn refuse_cleartext(&mut self, cx: &mut Context<'_>) {
        let role = self.scheme.role();
        let text =
            if role == Role::Lmtp { "TLS was expected" } else { "TLS handshake was expected, not text" };
        reply(cx, "", 554, "5.5.0", text);
    }
}

/// The account that mail for `address` goes to, if its domain is ours.
fn owner<'a>(cx: &Context<'a>, address: &str) -> Option<&'a str> {
    let (local_part, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    if !domain.is_empty() && !domain.eq_ignore_ascii_case(cx.lab.host_name()) {
        return None;
    }
    let accounts = cx.lab.accounts();
    match local_part.to_lowercase().as_str() {
        // RFC 5321 §4.5.1: mail for postmaster must be taken.
        "postmaster" | "abuse" => accounts.names().next(),
        _ => accounts.owner_of(local_part),
    }
}

fn reply(cx: &mut Context<'_>, verb: &str, code: u16, enhanced: &str, text: &str) {
    cx.send(Point::Reply, verb, encode_reply(code, Some(enhanced), &[text]));
}

fn has_bare_line_ends(message: &[u8]) -> bool {
    let mut before = 0;
    for &byte in message {
        if (byte == b'\n') != (before == b'\r') {
            return true;
        }
        before = byte;
    }
    before == b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_come_in_pairs() {
        assert!(!has_bare_line_ends(b"a\r\nb\r\n"));
        for bad in [&b"a\nb"[..], b"a\rb", b"a\r\r\n", b"a\r"] {
            assert!(has_bare_line_ends(bad), "{bad:?}");
        }
    }
}
