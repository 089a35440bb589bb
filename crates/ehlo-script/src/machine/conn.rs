use ehlo_core::facts::TlsFacts;
use ehlo_core::{CloseKind, Evidence, Protocol, Tick};
use ehlo_wire::sasl::ChannelBinding;
use ehlo_wire::{Reply, imap, pop3, smtp};
use std::collections::VecDeque;
use std::time::Duration;

/// A reply that came.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What it says.
    pub reply: Reply,
    /// The verb of the command that it answers; `greeting`; empty if nobody knows.
    pub verb: String,
    /// Its bytes, line endings included, secrets masked.
    pub bytes: Vec<u8>,
    /// Where it stands.
    pub at: Option<Evidence>,
    /// When it came.
    pub tick: Tick,
}

/// What was seen on a connection, for queries.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The replies of the last exchange.
    pub(crate) exchange: Vec<Arrived>,
    /// How long it took.
    pub(crate) took: Duration,
    /// What the server can do, in the words of `needs`.
    pub(crate) caps: Vec<String>,
    /// TLS, if it is on.
    pub(crate) tls: Option<Box<TlsFacts>>,
    /// What logins can be tied to; empty without TLS.
    pub(crate) bindings: Vec<ChannelBinding>,
    /// Where the connection goes.
    pub(crate) address: Option<String>,
    /// The time, in seconds since 1970.
    pub(crate) now: i64,
}

/// A connection, as the interpreter knows it.
#[derive(Clone, Debug)]
pub(super) struct Conn {
    pub(super) protocol: Protocol,
    pub(super) target: String,
    pub(super) options: Vec<(String, String)>,
    pub(super) open: bool,
    pub(super) closed: Option<CloseKind>,
    pub(super) queue: VecDeque<Arrived>,
    /// Tags of commands that are not answered, the oldest first.
    pub(super) tags: VecDeque<String>,
    pub(super) seen: Seen,
    pub(super) stamp: Option<Vec<u8>>,
    pub(super) greeted: bool,
    pub(super) sent_at: Tick,
    /// The end of mail data was sent: its answer may take long.
    pub(super) data_sent: bool,
    /// It goes to the server that the user named: what the user allows for that one holds here.
    pub(super) named_by_user: bool,
    /// A list of capabilities came.
    pub(super) caps_changed: bool,
}

impl Conn {
    pub(super) fn new(protocol: Protocol, now: i64) -> Conn {
        Conn {
            protocol,
            target: String::new(),
            options: Vec::new(),
            open: false,
            closed: None,
            queue: VecDeque::new(),
            tags: VecDeque::new(),
            seen: Seen { now, ..Seen::default() },
            stamp: None,
            greeted: false,
            sent_at: Tick(0),
            data_sent: false,
            named_by_user: false,
            caps_changed: false,
        }
    }

    /// Begins anew, as after connecting.
    pub(super) fn opened(
        &mut self,
        address: String,
        tls: Option<Box<TlsFacts>>,
        bindings: Vec<ChannelBinding>,
    ) {
        self.open = true;
        self.closed = None;
        self.queue.clear();
        self.tags.clear();
        self.seen = Seen { tls, bindings, address: Some(address), now: self.seen.now, ..Seen::default() };
        self.stamp = None;
        self.greeted = false;
        self.data_sent = false;
    }

    /// Learns what a reply tells about the server, then keeps it until it is asked for.
    pub(super) fn arrived(&mut self, arrived: Arrived) {
        match &arrived.reply {
            Reply::Smtp(reply)
                if matches!(arrived.verb.as_str(), "EHLO" | "LHLO") && reply.code == Some(250) =>
            {
                let mut caps = Vec::new();
                for keyword in smtp::ehlo(reply).value.keywords {
                    let word = if keyword.name == "AUTH=" { "AUTH" } else { &keyword.name };
                    if word == "AUTH" {
                        let mechanisms =
                            keyword.args.iter().map(|a| ehlo_core::escape(&a.to_ascii_uppercase()));
                        caps.extend(mechanisms.map(|m| format!("AUTH={m}")));
                    }
                    caps.push(word.to_owned());
                }
                self.seen.caps = caps;
                self.caps_changed = true;
            }
            Reply::Pop3(response) if arrived.verb == "greeting" => {
                self.stamp = pop3::apop_stamp(&response.line).map(|(stamp, _)| stamp.to_vec());
                if self.stamp.is_some() {
                    self.seen.caps = vec!["APOP".to_owned()];
                    self.caps_changed = true;
                }
            }
            Reply::Pop3(response) if arrived.verb == "CAPA" && response.status == pop3::Status::Ok => {
                let mut caps: Vec<String> = self.stamp.iter().map(|_| "APOP".to_owned()).collect();
                for line in &response.data {
                    let mut words = line.text.split(|&b| b == b' ').filter(|w| !w.is_empty());
                    let Some(name) = words.next() else { continue };
                    let name = ehlo_core::escape(&name.to_ascii_uppercase());
                    if name == "SASL" {
                        caps.extend(
                            words.map(|m| format!("AUTH={}", ehlo_core::escape(&m.to_ascii_uppercase()))),
                        );
                    }
                    caps.push(name);
                }
                self.seen.caps = caps;
                self.caps_changed = true;
            }
            Reply::Imap(response) => {
                if let Some(found) = imap::capabilities(response) {
                    self.seen.caps =
                        found.iter().map(|(c, _)| ehlo_core::escape(&c.to_ascii_uppercase())).collect();
                    self.caps_changed = true;
                }
            }
            Reply::Sieve(response) if response.lists_capabilities() => {
                let mut caps = Vec::new();
                for (name, value, _) in response.capabilities() {
                    let words = || {
                        let words = value.unwrap_or_default().split(|&b| b == b' ');
                        words.filter(|w| !w.is_empty()).map(ehlo_core::escape)
                    };
                    match name.as_str() {
                        "SASL" => caps.extend(words().map(|m| format!("AUTH={}", m.to_uppercase()))),
                        // RFC 5804 §1.7: the extensions of the language, which have names in lower case.
                        "SIEVE" => caps.extend(words().map(|e| format!("SIEVE={e}"))),
                        _ => {}
                    }
                    caps.push(name);
                }
                self.seen.caps = caps;
                self.caps_changed = true;
            }
            _ => {}
        }
        self.greeted = true;
        self.queue.push_back(arrived);
    }

    /// Whether secrets may travel.
    pub(super) fn is_safe(&self) -> bool {
        self.seen.tls.as_deref().is_some_and(TlsFacts::is_verified)
    }

    pub(super) fn has(&self, capability: &str) -> bool {
        self.seen.caps.iter().any(|c| c == capability)
    }
}
