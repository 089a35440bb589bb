//! What comes.

use super::{Arrived, Awaited, Console, Do, Item, View};
use crate::show::Shown;
use crate::{Show, caps, changes};
use ehlo_core::facts::Answered;
use ehlo_core::{Protocol, escape};
use ehlo_wire::{Reply, imap, pop3};

/// No more names of mailboxes than this are kept for completing.
const MOST_FOLDERS: usize = 2000;

impl Console {
    /// Takes a reply.
    pub fn arrived(&mut self, arrived: Arrived, view: &View<'_>) {
        let answered = arrived.reply.as_ref().map_or(Answered::Accepted, Reply::answered);
        let took = match &self.waiting {
            Some(waiting) if arrived.completes => Some(view.now.since(waiting.since)),
            _ => None,
        };
        let counts = arrived.completes && arrived.verb != "greeting";
        if counts && matches!(answered, Answered::Later | Answered::Refused | Answered::Nonsense) {
            self.refused += 1;
        }
        if arrived.completes {
            let text: Vec<String> = arrived
                .bytes
                .split(|&b| b == b'\n')
                .map(|l| escape(l.strip_suffix(b"\r").unwrap_or(l)))
                .filter(|l| !l.is_empty())
                .take(20)
                .collect();
            self.last = Some((text.join("\n"), arrived.verb.clone()));
        }
        let message = self.fetched(&arrived);
        match message {
            Some(message) => self.show(Show::Message(message)),
            None => self.show(Show::Reply(Box::new(Shown {
                bytes: arrived.bytes.clone(),
                reply: arrived.reply.clone(),
                answered,
                verb: arrived.verb.clone(),
                took,
                explain: !self.quiet,
            }))),
        }
        self.last_word = view.now;
        if let Some(reply) = &arrived.reply {
            self.learn(reply, &arrived, answered, view);
        }
        self.stop_waiting(&arrived, answered, view);
        self.lesson_arrived(&arrived, answered, view);
    }

    /// The message in a reply, if one was asked for.
    fn fetched(&mut self, arrived: &Arrived) -> Option<Vec<u8>> {
        if !self.fetching {
            return None;
        }
        match arrived.reply.as_ref()? {
            Reply::Imap(response) => {
                let data = response.data("FETCH")?;
                let items = imap::fetch_items(data).value;
                let (_, value) = items.into_iter().find(|(name, _)| name.starts_with("BODY[]"))?;
                self.fetching = false;
                value.nstring().map(<[u8]>::to_vec)
            }
            Reply::Pop3(response) if arrived.verb == "RETR" && response.status == pop3::Status::Ok => {
                self.fetching = false;
                let mut message = Vec::new();
                for line in &response.data {
                    message.extend_from_slice(&line.text);
                    message.extend_from_slice(b"\r\n");
                }
                Some(message)
            }
            _ if arrived.completes => {
                self.fetching = false;
                None
            }
            _ => None,
        }
    }

    /// Learns what a reply tells.
    fn learn(&mut self, reply: &Reply, arrived: &Arrived, answered: Answered, view: &View<'_>) {
        let verb = arrived.verb.as_str();
        let accepted = answered == Answered::Accepted;
        if let Some(list) = caps::listed(reply, verb) {
            self.told_caps(list, verb);
        }
        if let (Reply::Pop3(response), "greeting") = (reply, verb) {
            self.stamp = pop3::apop_stamp(&response.text).map(|(stamp, _)| escape(stamp));
            if let Some(stamp) = self.stamp.clone().filter(|_| !self.quiet) {
                self.note("apop", &[("stamp", &stamp)]);
            }
        }
        match reply {
            Reply::Smtp(_) => match verb {
                "EHLO" | "HELO" | "LHLO" if accepted => {
                    self.context.introduced = true;
                    self.context.has_sender = false;
                }
                "MAIL" if accepted => self.context.has_sender = true,
                "RSET" if accepted => self.context.has_sender = false,
                "DATA" if arrived.completes => {
                    self.context.data_refused = matches!(answered, Answered::Later | Answered::Refused);
                    self.context.message.clear();
                }
                _ => {}
            },
            Reply::Imap(response) => {
                for name in ["LIST", "LSUB", "STATUS"] {
                    let Some(data) = response.data(name) else { continue };
                    let found = match name {
                        "STATUS" => imap::status_items(data).map(|s| s.name),
                        _ => imap::list_item(data).map(|item| item.name),
                    };
                    if let Some(folder) = found {
                        self.remember(&escape(&folder));
                    }
                }
                if verb == "IDLE" || (answered == Answered::Continue && pending(view, "IDLE")) {
                    self.context.idling = answered == Answered::Continue;
                }
            }
            Reply::Sieve(_) | Reply::Pop3(_) => {}
        }
        let is_login = matches!(verb, "AUTH" | "AUTHENTICATE" | "LOGIN" | "PASS" | "APOP");
        if is_login && arrived.completes {
            match answered {
                Answered::Refused | Answered::Later => {
                    self.context.login_refused = true;
                    self.context.refused_logins += 1;
                }
                Answered::Accepted => {
                    self.context.login_refused = false;
                    self.context.refused_logins = 0;
                }
                _ => {}
            }
        }
        let state = self.state(view);
        if state.authenticated && !self.was_authenticated {
            self.logged_in(reply);
        }
        self.was_authenticated = state.authenticated;
        if state.tls_next && arrived.completes && !self.busy {
            if self.auto_tls || self.upgrade_once {
                self.out.push_back(Do::Upgrade(Vec::new()));
            } else {
                self.note("tls-waits", &[]);
            }
        }
        // IMAP has no word for what it is.
        let greets = self.waiting.is_some_and(|w| w.what == Awaited::Greeting);
        if greets && arrived.completes && accepted {
            let listed = !self.context.caps.is_empty();
            if !listed && !matches!(self.settings.protocol, Some(Protocol::Sieve)) {
                self.ask();
            }
        }
    }

    /// The server says more to whoever is logged in: a list from before is void.
    fn logged_in(&mut self, reply: &Reply) {
        let before = self.context.caps.clone();
        match self.settings.protocol {
            // RFC 4954 §4: what EHLO says stays what it was.
            Some(Protocol::Smtp | Protocol::Lmtp) | None => {}
            Some(_) if caps::listed(reply, "").is_some() && !caps::is_sieve_ok(reply) => {}
            Some(_) => {
                self.earlier = Some((before, "login"));
                self.ask();
            }
        }
    }

    fn told_caps(&mut self, list: Vec<crate::Cap>, verb: &str) {
        let is_login = matches!(verb, "LOGIN" | "AUTHENTICATE");
        let before = match self.earlier.take() {
            // Nobody asked inside TLS, so that the login is what is new.
            Some((list, _)) if is_login => Some((list, "login")),
            Some(earlier) => Some(earlier),
            // A list that comes with the answer to a login replaces the one before.
            None if is_login => Some((self.context.caps.clone(), "login")),
            None if !self.context.caps.is_empty() => Some((self.context.caps.clone(), "again")),
            None => None,
        };
        if let Some((before, why)) = before {
            let (added, removed) = changes(&before, &list);
            let is_news = !added.is_empty() || !removed.is_empty();
            if is_news || why != "again" {
                self.show(Show::Changed { added, removed, why });
            }
        }
        self.context.caps = list;
    }

    fn remember(&mut self, folder: &str) {
        if self.context.folders.len() < MOST_FOLDERS && !self.context.folders.iter().any(|f| f == folder) {
            self.context.folders.push(folder.to_owned());
        }
    }

    /// Ends the wait, if this is what was waited for.
    fn stop_waiting(&mut self, arrived: &Arrived, answered: Answered, view: &View<'_>) {
        let Some(waiting) = self.waiting else { return };
        // A line without a tag can only be answered without one (RFC 9051 §7.1.3).
        let untagged_bad = !self.context.tags
            && matches!(&arrived.reply, Some(Reply::Imap(response)) if response.status().is_some_and(|s| {
                s.tag.is_none() && s.kind == imap::StatusKind::Bad
            }));
        if untagged_bad && waiting.what == Awaited::Answer {
            self.waiting = None;
            return;
        }
        if !arrived.completes {
            return;
        }
        let state = self.state(view);
        let pending = view.tracker.map_or(0, |t| t.pending().len());
        let over = match waiting.what {
            Awaited::Greeting => true,
            Awaited::Literal(octets) => {
                if answered == Answered::Continue {
                    self.context.literal = Some(octets);
                    self.send_literal();
                } else {
                    self.literal = None;
                }
                true
            }
            Awaited::Answer => {
                let imap = self.settings.protocol == Some(Protocol::Imap);
                state.authenticating
                    || state.in_data
                    || answered == Answered::Continue
                    || if imap { pending < waiting.before } else { pending == 0 }
            }
        };
        if over {
            self.waiting = None;
        }
        if let Some(source) = self.when_asked.take() {
            if state.in_data {
                self.out.push_back(Do::Compose(source));
                self.purpose = Some(super::Purpose::MailData);
            } else if pending > 0 {
                self.when_asked = Some(source);
            }
        }
    }

    /// Sends the literal that waited for leave to be sent.
    fn send_literal(&mut self) {
        let Some(bytes) = self.literal.take() else { return };
        self.context.literal = None;
        self.note("literal-sent", &[("octets", &bytes.len())]);
        self.out.push_back(Do::Send([&bytes[..], b"\r\n"].concat()));
    }

    /// Something came for a protocol that nobody knows.
    pub fn came(&mut self, bytes: Vec<u8>, view: &View<'_>) {
        self.last_word = view.now;
        self.waiting = None;
        self.show(Show::Reply(Box::new(Shown {
            bytes,
            reply: None,
            answered: Answered::Accepted,
            verb: String::new(),
            took: None,
            explain: false,
        })));
    }

    pub(super) fn own(&mut self, line: impl Into<Vec<u8>>) {
        self.queue.push_front(Item::Own(line.into()));
    }
}

fn pending(view: &View<'_>, verb: &str) -> bool {
    view.tracker.is_some_and(|t| t.pending().iter().any(|p| p.verb == verb))
}
