//! IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) with their extensions; [`capability`] lists them.

mod acl;
mod append;
mod capability;
mod commands;
mod copy;
mod fetch;
mod folders;
mod list;
mod login;
mod name;
mod quota;
mod refusal;
mod search;
mod select;
mod selected;
mod sets;
mod sort;
mod status;
mod store;
mod text;

use super::sasl::Login;
use super::{Kept, Talk, named};
use crate::Point;
use crate::context::Context;
use commands::{COMMANDS, When};
use ehlo_core::DeviationKind;
use ehlo_wire::Parsed;
use ehlo_wire::imap::{Request, Value};
use ehlo_wire::server::{ImapInput, ImapServer};
use refusal::{Answer, Refusal, bad, no};
use selected::Selected;

/// So many errors end a session: nobody who means well makes them.
const MOST_ERRORS: u32 = 20;

/// IMAP.
pub(super) struct Imap {
    server: ImapServer,
    account: Option<String>,
    selected: Option<Selected>,
    login: Option<(Login, String)>,
    /// Who would be logged in if a login that was begun in the clear counted for one: for a fault.
    begun: Option<String>,
    idle: Option<String>,
    enabled: Enabled,
    compressed: bool,
    errors: u32,
}

/// What the client has turned on (RFC 5161).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Enabled {
    condstore: bool,
    qresync: bool,
    utf8: bool,
    rev2: bool,
}

/// A command while it is carried out.
struct Run<'a> {
    tag: &'a str,
    /// Whether `UID` stands in front.
    uid: bool,
    args: &'a [Value],
    /// What is said before the tagged answer.
    out: Vec<u8>,
}

impl Run<'_> {
    fn tell(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }
}

impl Imap {
    pub(super) fn new() -> Imap {
        Imap {
            server: ImapServer::new(),
            account: None,
            selected: None,
            login: None,
            begun: None,
            idle: None,
            enabled: Enabled::default(),
            compressed: false,
            errors: 0,
        }
    }

    /// Who is logged in. Commands that need that are not run without.
    fn user(&self) -> &str {
        self.account.as_deref().unwrap_or_default()
    }

    /// Whether names and strings go over the wire as UTF-8 (RFC 6855 §3, RFC 9051 §5.1).
    fn utf8(&self) -> bool {
        self.enabled.utf8 || self.enabled.rev2
    }

    fn request(&mut self, parsed: &Parsed<Request>, cx: &mut Context<'_>) {
        let request = &parsed.value;
        let Some(tag) = request.tag.as_deref() else {
            self.errors += 1;
            let text = b"* BAD a command begins with a tag, e.g. a1 NOOP\r\n".to_vec();
            cx.send(Point::Reply, "", text);
            return self.count_errors(cx);
        };
        let user = named::imap_user(&request.name, &request.args);
        if cx.intercepted(&request.name, tag, user.as_deref()) {
            return;
        }
        let mut run = Run { tag, uid: false, args: &request.args, out: Vec::new() };
        let answer = self.run(&request.name, parsed, &mut run, cx);
        match answer {
            // The command has answered, or will later.
            None => {}
            Some(answer) => {
                if matches!(answer, Err(Refusal::Bad(_))) {
                    self.errors += 1;
                }
                let over = request.name == "LOGOUT" && answer.is_ok();
                finish(cx, &request.name, run.out, tag, answer);
                if over {
                    cx.close();
                }
            }
        }
        self.count_errors(cx);
    }

    fn run(
        &mut self,
        name: &str,
        parsed: &Parsed<Request>,
        run: &mut Run<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Answer> {
        if name.is_empty() {
            return Some(bad("a command is missing behind the tag"));
        }
        let (uid, verb) = match name.strip_prefix("UID ") {
            Some(verb) => (true, verb),
            None => (false, name),
        };
        let Some(command) = COMMANDS.iter().find(|c| c.name == verb && (c.uid || !uid)) else {
            return Some(bad("unknown command"));
        };
        if let Some(broken) = parsed.deviations.iter().find_map(|d| broken(&d.kind)) {
            return Some(bad(broken));
        }
        run.uid = uid;
        match command.when {
            When::Any => {}
            When::NotAuthenticated if self.account.is_some() => {
                return Some(bad("somebody is logged in already"));
            }
            When::NotAuthenticated => {}
            When::Authenticated | When::Selected if self.account.is_none() => {
                return Some(bad("log in first"));
            }
            When::Selected if self.selected.is_none() => return Some(bad("select a mailbox first")),
            When::Authenticated | When::Selected => {}
        }
        (command.run)(self, run, cx)
    }

    /// Tells what has changed in the open mailbox. EXPUNGE must wait while numbers are in use
    /// (RFC 3501 §7.4.1).
    fn sync(&mut self, run: &mut Vec<u8>, may_expunge: bool, cx: &Context<'_>) {
        let enabled = self.enabled;
        if let Some(selected) = &mut self.selected {
            let place = selected.place.clone();
            cx.lab.store().with(&place.account, |boxes| {
                // What cannot be looked at now is looked at the next time.
                let _ = boxes.look(&place.mailbox);
                selected.sync(boxes, may_expunge, enabled, run);
            });
        }
    }

    fn count_errors(&mut self, cx: &mut Context<'_>) {
        if self.errors > MOST_ERRORS && !*cx.stopped {
            cx.send(Point::Reply, "", b"* BYE too many errors\r\n".to_vec());
            cx.close();
        }
    }

    fn begin_idle(&mut self, run: &mut Run<'_>, cx: &mut Context<'_>) -> Option<Answer> {
        if !run.args.is_empty() {
            return Some(bad("IDLE has no arguments"));
        }
        let mut out = b"+ waiting\r\n".to_vec();
        self.sync(&mut out, true, cx);
        self.idle = Some(run.tag.to_owned());
        self.server.expect_line();
        cx.send(Point::Reply, "IDLE", out);
        None
    }

    fn line(&mut self, line: &[u8], cx: &mut Context<'_>) {
        if let Some(tag) = self.idle.take() {
            let mut out = Vec::new();
            self.sync(&mut out, true, cx);
            let done = line.trim_ascii().eq_ignore_ascii_case(b"DONE");
            let answer = if done { Ok("OK done".into()) } else { bad("DONE was expected") };
            return finish(cx, "IDLE", out, &tag, answer);
        }
        self.login_line(line, cx);
    }

    fn literal(&mut self, size: u64, synchronising: bool, cx: &mut Context<'_>) {
        // Before the login nobody needs more than a long password.
        let largest = if self.account.is_some() { cx.settings.largest_message as u64 } else { 8192 };
        let refusal = match size <= largest {
            true if synchronising => self.refused_early(size, cx),
            true => None,
            false => Some("NO [TOOBIG] the literal is too large".to_owned()),
        };
        let Some(refusal) = refusal else {
            self.server.accept_literal();
            if synchronising {
                cx.send(Point::Reply, "+", b"+ go ahead\r\n".to_vec());
            }
            return;
        };
        let request = self.server.refuse_literal();
        if synchronising {
            let (tag, name) = match request {
                Some(request) => (request.tag.unwrap_or_else(|| "*".into()), request.name),
                None => ("*".into(), String::new()),
            };
            cx.send(Point::Reply, &name, format!("{tag} {refusal}\r\n").into_bytes());
        } else {
            // RFC 7888 §4: the octets come in any case; the only way not to read them is to close.
            cx.send(Point::Reply, "", b"* BYE [TOOBIG] the literal is too large\r\n".to_vec());
            cx.close();
        }
    }

    /// Why a message that is announced cannot be kept: so that it need not be sent (RFC 3501 §6.3.11 and the
    /// advice of RFC 9208 §5.1).
    fn refused_early(&mut self, size: u64, cx: &Context<'_>) -> Option<String> {
        let request = self.server.announcing()?;
        if request.name != "APPEND" {
            return None;
        }
        let target = name::place(request.args.first()?, self.user(), self.utf8()).ok()?;
        append::refused(&target, self.user(), size, cx).map(|refusal| refusal.status())
    }
}

impl Talk for Imap {
    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    fn greet(&mut self, cx: &mut Context<'_>) {
        if let Some(account) = cx.settings.preauth.clone() {
            self.account = Some(account);
            let text = format!("* PREAUTH {} {}\r\n", cx.settings.host_name, cx.settings.banner);
            return cx.send(Point::Greeting, "", text.into_bytes());
        }
        let capabilities = self.capabilities(cx);
        let text =
            format!("* OK [CAPABILITY {capabilities}] {} {}\r\n", cx.settings.host_name, cx.settings.banner);
        cx.send(Point::Greeting, "", text.into_bytes());
    }

    fn receive(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        self.server.push(bytes);
        while !*cx.stopped {
            match self.server.next() {
                None => return,
                Some(ImapInput::Request(request)) => self.request(&request, cx),
                Some(ImapInput::Line(line)) => self.line(&line, cx),
                Some(ImapInput::Literal(announced)) => {
                    self.literal(announced.size, announced.synchronising, cx);
                }
                Some(ImapInput::TooLong) => {
                    cx.send(Point::Reply, "", b"* BYE the line is too long\r\n".to_vec());
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

    fn watched(&self) -> Option<&str> {
        self.idle.as_ref()?;
        self.selected.as_ref().map(|selected| selected.place.account.as_str())
    }

    fn wake(&mut self, cx: &mut Context<'_>) {
        if self.idle.is_some() {
            let mut out = Vec::new();
            self.sync(&mut out, true, cx);
            if !out.is_empty() {
                cx.send(Point::Push, "IDLE", out);
            }
        }
    }

    fn refuse_cleartext(&mut self, cx: &mut Context<'_>) {
        cx.send(Point::Reply, "", b"* BYE TLS handshake was expected, not text\r\n".to_vec());
    }
}

/// Why a command that was sent like this is not carried out; none if it can be read all the same.
fn broken(kind: &DeviationKind) -> Option<&'static str> {
    Some(match kind {
        DeviationKind::Unclosed => "a quote or bracket is never closed",
        DeviationKind::Unopened => "a bracket is closed that was never opened",
        DeviationKind::BadQuoted => "in quotes, only \" and \\ may follow a \\, and no control characters",
        DeviationKind::TooDeep => "brackets are nested too deep",
        DeviationKind::BadAtom => "an atom holds a character that it must not",
        _ => return None,
    })
}

fn finish(cx: &mut Context<'_>, command: &str, mut out: Vec<u8>, tag: &str, answer: Answer) {
    let status = match answer {
        Ok(text) => text,
        Err(refusal) => refusal.status(),
    };
    out.extend_from_slice(format!("{tag} {status}\r\n").as_bytes());
    let point = if command == "CAPABILITY" { Point::Capabilities } else { Point::Reply };
    cx.send(point, command, out);
}
