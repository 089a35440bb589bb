//! IMAP4rev1 (RFC 3501) as far as its core goes, with LITERAL+, SASL-IR, ID, IDLE, NAMESPACE, UIDPLUS, UNSELECT,
//! CHILDREN and SPECIAL-USE.

mod address;
mod fetch;
mod folders;
mod messages;
mod mime;
mod search;
mod selected;

use super::Talk;
use super::sasl::{Login, LoginStep};
use crate::Point;
use crate::context::Context;
use ehlo_wire::imap::{Request, Value, decode_mutf7, quote};
use ehlo_wire::server::{ImapInput, ImapServer};
use selected::Selected;

/// IMAP.
pub(super) struct Imap {
    server: ImapServer,
    account: Option<String>,
    selected: Option<Selected>,
    login: Option<(Login, String)>,
    idle: Option<String>,
    failures: u32,
}

/// How a command ends: the status line behind the tag.
type Answer = Result<String, Refusal>;

/// Why a command is not done.
enum Refusal {
    /// It cannot be done.
    No(String),
    /// It makes no sense.
    Bad(String),
}

fn no<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::No(text.into()))
}

fn bad<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Bad(text.into()))
}

impl Imap {
    pub(super) fn new() -> Imap {
        Imap {
            server: ImapServer::new(),
            account: None,
            selected: None,
            login: None,
            idle: None,
            failures: 0,
        }
    }

    fn capabilities(&self, cx: &Context<'_>) -> String {
        let mut words = vec!["IMAP4rev1", "LITERAL+", "SASL-IR", "ID"];
        if self.account.is_some() {
            words.extend(["IDLE", "NAMESPACE", "UIDPLUS", "UNSELECT", "CHILDREN", "SPECIAL-USE"]);
            return words.join(" ");
        }
        let tls = cx.tls.is_some() && !cx.settings.capabilities_frozen;
        let starttls = if tls { cx.settings.starttls_after_tls } else { cx.settings.starttls_offered };
        if starttls {
            words.push("STARTTLS");
        }
        if !tls && cx.settings.logindisabled {
            words.push("LOGINDISABLED");
        }
        let mechanisms = cx.mechanisms().iter().map(|m| format!("AUTH={m}")).collect::<Vec<_>>();
        words.extend(mechanisms.iter().map(String::as_str));
        words.join(" ")
    }

    fn request(&mut self, request: &Request, cx: &mut Context<'_>) {
        let Some(tag) = request.tag.clone() else {
            self.failures += 1;
            return cx.send(
                Point::Reply,
                "",
                b"* BAD a command begins with a tag, e.g. a1 NOOP\r\n".to_vec(),
            );
        };
        let mut out = Vec::new();
        let name = request.name.as_str();
        match name {
            "" => {
                self.failures += 1;
                return finish(cx, name, out, &tag, bad("a command is missing behind the tag"));
            }
            "AUTHENTICATE" => return self.authenticate(&tag, &request.args, cx),
            "STARTTLS" => return self.starttls(&tag, cx),
            "IDLE" => return self.begin_idle(tag, cx),
            "LOGOUT" => {
                out.extend_from_slice(b"* BYE until next time\r\n");
                finish(cx, name, out, &tag, Ok("OK done".into()));
                return cx.close();
            }
            _ => {}
        }
        let answer = self.run(name, &request.args, &mut out, cx);
        if matches!(answer, Err(Refusal::Bad(_))) {
            self.failures += 1;
        }
        finish(cx, name, out, &tag, answer);
        if self.failures > 20 && !*cx.stopped {
            cx.send(Point::Reply, "", b"* BYE too many errors\r\n".to_vec());
            cx.close();
        }
    }

    fn run(&mut self, name: &str, args: &[Value], out: &mut Vec<u8>, cx: &mut Context<'_>) -> Answer {
        match name {
            "CAPABILITY" => {
                out.extend_from_slice(format!("* CAPABILITY {}\r\n", self.capabilities(cx)).as_bytes());
                return Ok("OK that is it".into());
            }
            "NOOP" | "CHECK" => {
                self.sync(out, true, cx);
                return Ok("OK done".into());
            }
            "ID" => {
                out.extend_from_slice(b"* ID (\"name\" \"ehlo lab\")\r\n");
                return Ok("OK nice to meet you".into());
            }
            "LOGIN" => return self.log_in(args, cx),
            _ => {}
        }
        let Some(account) = self.account.clone() else {
            return match KNOWN.contains(&name) {
                true => bad("log in first"),
                false => bad("unknown command"),
            };
        };
        let (uid, verb) = match name.strip_prefix("UID ") {
            Some(verb) => (true, verb),
            None => (false, name),
        };
        match (uid, verb) {
            (false, "NAMESPACE") => {
                out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
                Ok("OK done".into())
            }
            (false, "SELECT" | "EXAMINE") => self.select(args, verb == "EXAMINE", &account, out, cx),
            (false, "CREATE") => folders::create(&account, args, cx),
            (false, "DELETE") => folders::delete(&account, args, cx),
            (false, "RENAME") => folders::rename(&account, args, cx),
            (false, "SUBSCRIBE" | "UNSUBSCRIBE") => {
                folders::subscribe(&account, args, verb == "SUBSCRIBE", cx)
            }
            (false, "LIST" | "LSUB") => folders::list(&account, args, verb, out, cx),
            (false, "STATUS") => folders::status(&account, args, out, cx),
            (false, "APPEND") => {
                let answer = messages::append(&account, args, cx);
                self.sync(out, true, cx);
                answer
            }
            (false, "CLOSE" | "UNSELECT") => {
                let Some(selected) = self.selected.take() else { return bad("select a mailbox first") };
                if verb == "CLOSE" && !selected.read_only {
                    messages::expunge(&selected, None, &account, cx);
                }
                Ok("OK done".into())
            }
            (_, "EXPUNGE" | "FETCH" | "STORE" | "COPY" | "SEARCH") => {
                self.with_messages(uid, verb, args, &account, out, cx)
            }
            _ => bad("unknown command"),
        }
    }

    fn with_messages(
        &mut self,
        uid: bool,
        verb: &str,
        args: &[Value],
        account: &str,
        out: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Answer {
        let Some(selected) = &mut self.selected else { return bad("select a mailbox first") };
        let answer = match verb {
            "EXPUNGE" => {
                if selected.read_only {
                    return no("the mailbox is open for reading only");
                }
                let only = match (uid, args) {
                    (false, []) => None,
                    (true, [set]) => Some(messages::sequence_set(set)?),
                    _ => return bad("EXPUNGE, or UID EXPUNGE with a set of identifiers"),
                };
                messages::expunge(selected, only.as_ref(), account, cx);
                Ok("OK done".into())
            }
            "FETCH" => fetch::fetch(selected, uid, args, account, out, cx),
            "STORE" => messages::store(selected, uid, args, account, out, cx),
            "COPY" => messages::copy(selected, uid, args, account, cx),
            _ => search::search(selected, uid, args, account, out, cx),
        };
        // RFC 3501 §7.4.1: no EXPUNGE while FETCH, STORE or SEARCH with message numbers is answered.
        let may_expunge = uid || !matches!(verb, "FETCH" | "STORE" | "SEARCH");
        self.sync(out, may_expunge, cx);
        answer
    }

    fn sync(&mut self, out: &mut Vec<u8>, may_expunge: bool, cx: &mut Context<'_>) {
        if let (Some(selected), Some(account)) = (&mut self.selected, &self.account) {
            cx.lab.store().with(account, |boxes| selected.sync(boxes, may_expunge, out));
        }
    }

    fn select(
        &mut self,
        args: &[Value],
        read_only: bool,
        account: &str,
        out: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Answer {
        let [name] = args else { return bad("a mailbox name is wanted") };
        let name = folder_name(name)?;
        self.selected = None;
        let selected = cx.lab.store().with(account, |boxes| Selected::open(boxes, &name, read_only, out));
        self.selected = selected.flatten();
        match &self.selected {
            None => no("[NONEXISTENT] there is no such mailbox"),
            Some(_) if read_only => Ok("OK [READ-ONLY] done".into()),
            Some(_) => Ok("OK [READ-WRITE] done".into()),
        }
    }

    fn log_in(&mut self, args: &[Value], cx: &mut Context<'_>) -> Answer {
        if self.account.is_some() {
            return bad("somebody is logged in already");
        }
        let [user, password] = args else { return bad("LOGIN user password") };
        let (Some(user), Some(password)) = (user.astring(), password.astring()) else {
            return bad("LOGIN user password");
        };
        if !cx.clear_auth_allowed() && cx.settings.logindisabled {
            return no("[PRIVACYREQUIRED] only inside TLS: say STARTTLS first");
        }
        let user = String::from_utf8_lossy(user).into_owned();
        if !cx.lab.lets_in(&user, password) {
            self.failures += 5;
            return no("[AUTHENTICATIONFAILED] user or password is wrong");
        }
        self.enter(user.split('@').next().unwrap_or(&user), cx)
    }

    fn enter(&mut self, user: &str, cx: &mut Context<'_>) -> Answer {
        let Some(account) = cx.lab.account_of(user) else {
            return no("[AUTHENTICATIONFAILED] user or password is wrong");
        };
        self.account = Some(account);
        Ok(format!("OK [CAPABILITY {}] welcome", self.capabilities(cx)))
    }

    fn authenticate(&mut self, tag: &str, args: &[Value], cx: &mut Context<'_>) {
        let name = "AUTHENTICATE";
        let word = |v: &Value| v.astring().map(|b| String::from_utf8_lossy(b).into_owned());
        let (Some(mechanism), true) = (args.first().and_then(word), args.len() <= 2) else {
            return finish(cx, name, Vec::new(), tag, bad("AUTHENTICATE mechanism [initial-response]"));
        };
        if self.account.is_some() {
            return finish(cx, name, Vec::new(), tag, bad("somebody is logged in already"));
        }
        let initial = args.get(1).and_then(Value::astring);
        let (login, step) = Login::begin(&mechanism, initial, cx);
        self.login_step(login, step, tag, cx);
    }

    fn login_step(&mut self, login: Option<Login>, step: LoginStep, tag: &str, cx: &mut Context<'_>) {
        let answer = match step {
            LoginStep::Ask(challenge) => {
                self.login = login.map(|login| (login, tag.to_owned()));
                self.server.expect_line();
                return cx.send(Point::Reply, "AUTHENTICATE", format!("+ {challenge}\r\n").into_bytes());
            }
            LoginStep::In(account) => self.enter(&account, cx),
            LoginStep::Wrong => {
                self.failures += 5;
                no("[AUTHENTICATIONFAILED] user or password is wrong")
            }
            LoginStep::Cancelled => bad("login cancelled"),
            LoginStep::Malformed => bad("this cannot be decoded"),
            LoginStep::Unknown => no("unknown mechanism"),
            LoginStep::NeedsTls => no("[PRIVACYREQUIRED] only inside TLS: say STARTTLS first"),
        };
        finish(cx, "AUTHENTICATE", Vec::new(), tag, answer);
    }

    fn starttls(&mut self, tag: &str, cx: &mut Context<'_>) {
        let refusal = if cx.tls.is_some() {
            bad("TLS is on already")
        } else if self.account.is_some() {
            bad("not after the login")
        } else if !cx.settings.starttls_honoured {
            bad("unknown command")
        } else {
            Ok("OK go ahead".to_owned())
        };
        let accepted = refusal.is_ok();
        let point = if accepted { Point::StartTls } else { Point::Reply };
        cx.send(point, "STARTTLS", status_line(tag, refusal));
        if accepted && !*cx.stopped {
            cx.start_tls();
        }
    }

    fn begin_idle(&mut self, tag: String, cx: &mut Context<'_>) {
        if self.account.is_none() {
            return finish(cx, "IDLE", Vec::new(), &tag, bad("log in first"));
        }
        let mut out = b"+ waiting\r\n".to_vec();
        self.sync(&mut out, true, cx);
        self.idle = Some(tag);
        self.server.expect_line();
        cx.send(Point::Reply, "IDLE", out);
    }

    fn line(&mut self, line: &[u8], cx: &mut Context<'_>) {
        if let Some(tag) = self.idle.take() {
            let mut out = Vec::new();
            self.sync(&mut out, true, cx);
            let done = line.trim_ascii().eq_ignore_ascii_case(b"DONE");
            let answer = if done { Ok("OK done".into()) } else { bad("DONE was expected") };
            return finish(cx, "IDLE", out, &tag, answer);
        }
        if let Some((mut login, tag)) = self.login.take() {
            let step = login.respond(line, cx);
            self.login_step(Some(login), step, &tag, cx);
        }
    }

    fn literal(&mut self, size: u64, synchronising: bool, cx: &mut Context<'_>) {
        // Before the login nobody needs more than a long password.
        let largest = if self.account.is_some() { cx.settings.largest_message as u64 } else { 8192 };
        if size <= largest {
            self.server.accept_literal();
            if synchronising {
                cx.send(Point::Reply, "+", b"+ go ahead\r\n".to_vec());
            }
            return;
        }
        let request = self.server.refuse_literal();
        if synchronising {
            let tag = request.and_then(|r| r.tag).unwrap_or_else(|| "*".into());
            finish(cx, "", Vec::new(), &tag, no("[TOOBIG] the literal is too large"));
        } else {
            // RFC 7888 §4: the octets come in any case; the only way not to read them is to close.
            cx.send(Point::Reply, "", b"* BYE [TOOBIG] the literal is too large\r\n".to_vec());
            cx.close();
        }
    }
}

impl Talk for Imap {
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
                Some(ImapInput::Request(request)) => self.request(&request.value, cx),
                Some(ImapInput::Line(line)) => self.line(&line, cx),
                Some(ImapInput::Literal(announced)) => {
                    self.literal(announced.size, announced.synchronising, cx)
                }
                Some(ImapInput::TooLong) => {
                    cx.send(Point::Reply, "", b"* BYE the line is too long\r\n".to_vec());
                    cx.close();
                }
            }
        }
    }

    fn tls_started(&mut self) {
        self.server.forget();
        self.login = None;
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

/// The commands that need a login.
const KNOWN: &[&str] = &[
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "APPEND",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "SEARCH",
    "FETCH",
    "STORE",
    "COPY",
    "NAMESPACE",
    "UID FETCH",
    "UID STORE",
    "UID COPY",
    "UID SEARCH",
    "UID EXPUNGE",
];

fn finish(cx: &mut Context<'_>, command: &str, mut out: Vec<u8>, tag: &str, answer: Answer) {
    out.extend_from_slice(&status_line(tag, answer));
    let point = if command == "CAPABILITY" { Point::Capabilities } else { Point::Reply };
    cx.send(point, command, out);
}

fn status_line(tag: &str, answer: Answer) -> Vec<u8> {
    let text = match answer {
        Ok(text) => text,
        Err(Refusal::No(text)) => format!("NO {text}"),
        Err(Refusal::Bad(text)) => format!("BAD {text}"),
    };
    format!("{tag} {text}\r\n").into_bytes()
}

/// A mailbox name as text. INBOX is INBOX whatever the case (RFC 3501 §5.1).
fn folder_name(value: &Value) -> Result<String, Refusal> {
    let Some(wire) = value.astring() else { return bad("a mailbox name is wanted") };
    let Some(name) = decode_mutf7(wire) else {
        return no("[CANNOT] the mailbox name is not in modified UTF-7");
    };
    let name = name.strip_suffix('/').unwrap_or(&name);
    if name.eq_ignore_ascii_case("INBOX") { Ok("INBOX".into()) } else { Ok(name.to_owned()) }
}

/// A string for the wire: quoted if that is possible, else a literal.
fn string(bytes: &[u8]) -> Vec<u8> {
    match quote(bytes) {
        Some(quoted) if bytes.len() < 1000 => quoted,
        _ => [format!("{{{}}}\r\n", bytes.len()).as_bytes(), bytes].concat(),
    }
}

/// A string, or NIL.
fn nstring(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.map_or_else(|| b"NIL".to_vec(), string)
}
