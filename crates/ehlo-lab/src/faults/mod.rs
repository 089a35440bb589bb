//! What can go wrong on request. A fault changes settings, or acts at a moment of the protocol.
//!
//! One family of faults is one file; each fault is a line in [`FAULTS`].

mod auth;
mod banner;
mod capability;
mod certificate;
mod connection;
mod hostile;
mod mail;
mod mailbox;
mod policy;
mod relay;
pub(crate) mod reply;
mod rule;
mod scope;
mod shape;
mod stage;
mod starttls;
mod tls;
mod weak_tls;

pub(crate) use scope::Count;
pub use scope::{Circumstances, PLACES, Scope};

use crate::delivery::{Delivery, DeliveryAction};
use crate::{Service, Settings};
use ehlo_core::Protocol;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Something that can go wrong.
pub trait Fault: Sync {
    /// What is known about it.
    fn meta(&self) -> &FaultMeta;
    /// Whether it can do with this argument; if not, what it wants.
    fn check(&self, _argument: Option<&str>) -> Result<(), &'static str> {
        Ok(())
    }
    /// Changes how a service behaves.
    fn configure(&self, _settings: &mut Settings, _argument: Option<&str>) {}
    /// Acts when a command has come, before it is carried out. [`FaultAction::Replace`] answers it in its place.
    fn before(&self, _moment: &Moment<'_>, _argument: Option<&str>) -> FaultAction {
        FaultAction::Pass
    }
    /// Acts when a reply is about to be sent.
    fn on(&self, _moment: &Moment<'_>, _argument: Option<&str>) -> FaultAction {
        FaultAction::Pass
    }
    /// Whether it lets anybody in whatever the password, or nobody; none if it does not care.
    fn login(&self) -> Option<bool> {
        None
    }
    /// Acts when mail that was accepted is about to be delivered.
    fn deliver(&self, _delivery: &Delivery<'_>, _argument: Option<&str>) -> DeliveryAction {
        DeliveryAction::Pass
    }
}

/// What is known about a fault.
#[derive(Clone, Copy, Debug)]
pub struct FaultMeta {
    /// Its id in kebab-case.
    pub id: &'static str,
    /// The id of the family that it is listed with.
    pub family: &'static str,
    /// What it works on.
    pub acts: Acts,
    /// An argument that it takes, by example; none if it takes none.
    pub example: Option<&'static str>,
}

/// What a fault works on, which says what restricts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    /// How a service behaves. It holds for whole connections.
    Settings,
    /// Single commands and replies.
    Replies,
    /// The delivery of single messages.
    Delivery,
}

/// A moment at which a fault can act: a command is about to be carried out, or a reply about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The service.
    pub service: Service,
    /// Which moment.
    pub point: Point,
    /// The command that is answered, in upper case; empty if none is, `.` behind the end of DATA.
    pub command: &'a str,
    /// The tag of the command, `*` if there is none (IMAP).
    pub tag: &'a str,
    /// What is about to be sent; nothing before a command is carried out.
    pub reply: &'a [u8],
    /// How many connections this service has had, this one included.
    pub connection: u64,
    /// Whether TLS is on.
    pub tls: bool,
    /// The name of the server.
    pub host_name: &'a str,
    /// The address of the client.
    pub peer: &'a str,
    /// Who is logged in, or wants to be.
    pub account: Option<&'a str>,
    /// Whether the login has succeeded.
    pub logged_in: bool,
    /// The reverse-path of the mail transaction, without brackets.
    pub sender: Option<&'a str>,
    /// The recipient that was named last.
    pub recipient: Option<&'a str>,
    /// How many commands of this name the connection has given, this one included.
    pub nth: u64,
    /// How many recipients the mail transaction has been given, this one included.
    pub recipients: u64,
    /// How many replies the connection was given before this one.
    pub replies: u64,
    /// Seconds since 1970.
    pub now: i64,
    /// What the fault remembers of all connections.
    pub notes: &'a Notes,
}

impl Moment<'_> {
    /// What places ask for.
    pub fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            tls: self.tls,
            account: self.account,
            sender: self.sender,
            recipient: self.recipient,
            command: self.command,
            connection: self.connection,
        }
    }

    /// What is spoken.
    pub fn protocol(&self) -> Protocol {
        self.service.scheme.protocol()
    }
}

/// The most keys that a fault remembers; then it forgets all.
const MOST_NOTES: usize = 10_000;

/// What a fault remembers from one moment to the next, over all connections.
#[derive(Debug, Default)]
pub struct Notes(Mutex<BTreeMap<String, i64>>);

impl Notes {
    /// When this key was seen first: `now`, if it is seen for the first time.
    pub fn first_seen(&self, key: &str, now: i64) -> i64 {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= MOST_NOTES && !notes.contains_key(key) {
            notes.clear();
        }
        *notes.entry(key.to_owned()).or_insert(now)
    }

    /// Counts: 1 at the first call for this key.
    pub fn count(&self, key: &str) -> i64 {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= MOST_NOTES && !notes.contains_key(key) {
            notes.clear();
        }
        let number = notes.entry(key.to_owned()).or_insert(0);
        *number += 1;
        *number
    }
}

/// The kinds of moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A client has come; nothing was said.
    Accept,
    /// The greeting.
    Greeting,
    /// A list of capabilities that was asked for.
    Capabilities,
    /// The answer that STARTTLS or STLS is accepted.
    StartTls,
    /// A command has come that is not carried out yet.
    Command,
    /// Any other answer.
    Reply,
    /// News that nobody asked for.
    Push,
}

/// What a fault does at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// Nothing.
    Pass,
    /// Sends something else.
    Replace(Vec<u8>),
    /// Sends it in portions, with a wait behind each.
    Split {
        /// Bytes in a portion.
        portion: usize,
        /// The wait.
        gap: Duration,
    },
    /// Waits first.
    Delay(Duration),
    /// Sends nothing, and takes no notice of anything any more.
    Withhold,
    /// Sends something, and after that takes no notice of anything any more.
    Stall {
        /// What is sent.
        say: Vec<u8>,
    },
    /// Resets the connection.
    Reset,
    /// Says something and closes.
    Close {
        /// What is said; may be nothing.
        say: Vec<u8>,
    },
    /// Sends it, then after a time says something and closes.
    CloseLater {
        /// The time.
        after: Duration,
        /// What is said; may be nothing.
        say: Vec<u8>,
    },
    /// Sends it, and closes as soon as so many bytes of the client have come.
    CloseInInput(u64),
    /// Keeps it back until the next reply has been sent, if that comes at once.
    Hold,
}

/// All faults.
pub static FAULTS: &[&dyn Fault] = &[
    &connection::Refused,
    &connection::AcceptReset,
    &connection::Limit,
    &connection::SpeaksOther,
    &connection::TlsSwapped,
    &banner::GreetingDelay,
    &banner::GreetingDrip,
    &banner::GreetingText,
    &banner::GreetingRefused,
    &banner::GreetingTwice,
    &banner::GreetingBareLf,
    &banner::GreetingMultiLine,
    &banner::BannerName,
    &banner::BannerText,
    &banner::FirewallMasked,
    &banner::EchoAddress,
    &starttls::Hidden,
    &starttls::Unadvertised,
    &starttls::Refused,
    &starttls::Silent,
    &starttls::NoHandshake,
    &starttls::CleartextGoesOn,
    &starttls::CleartextError,
    &starttls::CleartextSilence,
    &starttls::Readvertised,
    &starttls::Injected,
    &starttls::NoCapabilities,
    &starttls::CapabilitiesFrozen,
    &starttls::TEXT_KEPT,
    &starttls::TEXT_KEPT_IF_APART,
    &starttls::TEXT_KEPT_IF_BARE_LF,
    &starttls::TEXT_TAKEN_FOR_TLS,
    &starttls::STATE_KEPT,
    &starttls::TWICE,
    &auth::ClearOffered,
    &auth::ClearAccepted,
    &auth::Missing,
    &auth::OnMx,
    &auth::LogindisabledMissing,
    &auth::LogindisabledIgnored,
    &auth::Preauth,
    &auth::ApopMissing,
    &auth::BINDING_ALTERED,
    &auth::BINDING_IGNORED,
    &auth::BINDING_ONLY,
    &auth::NTLM_V1,
    &auth::MECHANISMS,
    &auth::NTLM_HOST,
    &auth::WRONG_PROOF,
    &auth::NO_PROOF,
    &auth::ITERATIONS,
    &auth::USERS_TOLD,
    &auth::USERS_TIMED,
    &auth::SubmissionOpen,
    &certificate::EXPIRED,
    &certificate::NOT_YET_VALID,
    &certificate::EXPIRING,
    &certificate::WRONG_KEY,
    &certificate::SELF_SIGNED,
    &certificate::UNKNOWN_CA,
    &certificate::CHAIN_INCOMPLETE,
    &certificate::WRONG_NAME,
    &certificate::NAMES,
    &certificate::CN_ONLY,
    &certificate::ISSUER,
    &certificate::RSA,
    &certificate::SHA1,
    &stage::Silence,
    &stage::Close,
    &stage::Reset,
    &stage::Drip,
    &stage::Reply,
    &shape::REJECT,
    &shape::DELAY,
    &shape::PORTIONS,
    &shape::TRUNCATED,
    &shape::HEADLESS,
    &shape::DOUBLED,
    &shape::SWAPPED,
    &shape::CLOSE_AFTER,
    &shape::FAREWELL,
    &shape::CLOSE_IN_INPUT,
    &shape::BARE_LF,
    &shape::BARE_CR,
    &shape::NUL,
    &shape::OVERLONG,
    &shape::INJECT,
    &shape::INJECT_AFTER,
    &shape::EARLY_DATA,
    &capability::HIDDEN,
    &capability::INVENTED,
    &capability::REFUSED,
    &capability::EMPTY,
    &capability::LOWER_CASE,
    &capability::EHLO_REFUSED,
    &policy::LOGINS_REFUSED,
    &policy::LOGINS_TAKEN,
    &policy::LOGINS_LATER,
    &policy::LOGINS_SLOW,
    &policy::BAD_CHALLENGE,
    &policy::GREYLISTED,
    &policy::RATE_LIMIT,
    &policy::RECIPIENT_LIMIT,
    &policy::TARPIT,
    &relay::OPEN,
    &relay::TELLS,
    &relay::FAKE_END,
    &relay::LAX,
    &relay::BARE_LINE_ENDS,
    &relay::OWN_SENDER_ONLY,
    &tls::CLOSED,
    &tls::STALLED,
    &tls::NO_CLOSE_NOTIFY,
    &weak_tls::SSL2,
    &weak_tls::OLDEST,
    &weak_tls::NO_12,
    &weak_tls::NO_13,
    &weak_tls::NOTHING_GOOD,
    &weak_tls::SUITE,
    &weak_tls::DH,
    &weak_tls::DH_FAILS,
    &weak_tls::OLD_FAILS,
    &weak_tls::GROUP,
    &weak_tls::CLIENT_ORDER,
    &weak_tls::INTOLERANT,
    &weak_tls::SHA1,
    &weak_tls::COMPRESSION,
    &weak_tls::NO_RENEGOTIATION_INFO,
    &weak_tls::NO_EMS,
    &weak_tls::MAC_OUTSIDE,
    &weak_tls::FALLBACK_IGNORED,
    &weak_tls::ALPN_ECHOED,
    &weak_tls::ALPN_REFUSED,
    &weak_tls::HEARTBEAT,
    &weak_tls::SECOND,
    &weak_tls::DEFAULT_CERTIFICATE,
    &weak_tls::ONLY_NAMES,
    &weak_tls::NO_ALERTS,
    &mailbox::SIZE,
    &mailbox::LITERAL_SHORT,
    &mailbox::LITERAL_LONG,
    &mailbox::CLOSE_IN_LITERAL,
    &mailbox::ENDLESS_LITERAL,
    &mailbox::UIDVALIDITY,
    &mailbox::UIDNEXT,
    &mailbox::UIDS_FALLING,
    &mailbox::EXISTS,
    &mailbox::EXPUNGE,
    &mailbox::OTHER_MESSAGE,
    &mailbox::FETCH_EMPTY,
    &mailbox::IDLE_SILENT,
    &mailbox::IDLE_BYE,
    &mailbox::MUTF7,
    &mailbox::DATES,
    &mailbox::STRUCTURE,
    &mailbox::TAG_WRONG,
    &mailbox::TAG_MISSING,
    &mailbox::TAGGED_MISSING,
    &mailbox::STUFFING,
    &mailbox::TERMINATOR,
    &mailbox::UIDL,
    &mailbox::UIDL_DOUBLE,
    &mailbox::APOP_FIXED,
    &mailbox::APOP_MALFORMED,
    &mail::LOST,
    &mail::DOUBLED,
    &mail::ALTERED,
    &mail::FIELD_LOST,
    &mail::FIELD_ADDED,
    &mail::LINE_ENDS,
    &mail::RECODED,
    &mail::CHARSET,
    &mail::CUT,
    &mail::MISFILED,
    &mail::LATE,
    &mail::MISDELIVERED,
    &mail::FULL,
    &hostile::EndlessLine,
    &hostile::EndlessReply,
    &hostile::HugeLiteral,
    &hostile::Escapes,
    &hostile::Binary,
];

/// A fault with its argument, and where it is to strike.
#[derive(Clone)]
pub struct ActiveFault {
    fault: &'static dyn Fault,
    argument: Option<Arc<str>>,
    /// Where.
    pub scope: Scope,
}

/// Why a fault cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// There is none of that name.
    Unknown(String),
    /// One of what stands behind `@` is no place.
    BadScope {
        /// What stands there.
        place: String,
        /// What is wanted there.
        wanted: &'static str,
    },
    /// The argument is missing or wrong.
    BadArgument {
        /// The fault.
        id: &'static str,
        /// What it wants.
        wanted: &'static str,
    },
    /// The fault does not know what the scope asks for.
    NoSuchScope {
        /// The fault.
        id: &'static str,
        /// What restricts it instead.
        wanted: &'static str,
    },
    /// There is no persona of that name.
    UnknownPersona(String),
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultError::Unknown(name) => write!(f, "there is no fault {name:?}"),
            FaultError::UnknownPersona(name) => write!(f, "there is no persona {name:?}"),
            FaultError::BadScope { place, wanted } => {
                write!(f, "{place:?} is no place for a fault: {wanted} is wanted")
            }
            FaultError::BadArgument { id, wanted } => write!(f, "the fault {id} wants {wanted}"),
            FaultError::NoSuchScope { id, wanted } => {
                write!(f, "the fault {id} holds for whole connections: only {wanted} can restrict it")
            }
        }
    }
}

impl std::error::Error for FaultError {}

impl ActiveFault {
    /// Reads `NAME[=ARGUMENT][@PLACE[+PLACE…]]`, e.g. `cert-expired@imaps`, `greeting-delay=8@smtp+v6`,
    /// `reject=RCPT:4@to:bob@*+first:2`.
    ///
    /// The places begin behind the first `@` from which on everything is a place. An argument that holds an `@` is
    /// closed by places, or by `@all`.
    ///
    /// # Errors
    /// [`FaultError`] that says which part is wrong.
    pub fn parse(text: &str) -> Result<ActiveFault, FaultError> {
        let (head, scope) = split_scope(text)?;
        let (name, argument) = match head.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (head, None),
        };
        let fault = FAULTS
            .iter()
            .copied()
            .find(|f| f.meta().id == name)
            .ok_or_else(|| FaultError::Unknown(name.to_owned()))?;
        ActiveFault::new(fault, argument, scope)
    }

    /// A fault with its argument at its places.
    ///
    /// # Errors
    /// [`FaultError`] if argument or places are nothing for it.
    pub(crate) fn new(
        fault: &'static dyn Fault,
        argument: Option<&str>,
        scope: Scope,
    ) -> Result<ActiveFault, FaultError> {
        let id = fault.meta().id;
        let bad = |wanted| FaultError::BadArgument { id, wanted };
        if argument.is_some() && fault.meta().example.is_none() {
            return Err(bad("no argument"));
        }
        fault.check(argument).map_err(bad)?;
        if fault.meta().acts == Acts::Settings && scope.asks_dialogue() {
            let wanted = "services, families, conn:N, first:N, after:N, every:N, once and p:P";
            return Err(FaultError::NoSuchScope { id, wanted });
        }
        Ok(ActiveFault { fault, argument: argument.map(Arc::from), scope })
    }

    /// What is known about it.
    pub fn meta(&self) -> &'static FaultMeta {
        self.fault.meta()
    }

    /// Its argument.
    pub fn argument(&self) -> Option<&str> {
        self.argument.as_deref()
    }

    /// Whether it is decided for each connection if it holds.
    pub(crate) fn is_decided(&self) -> bool {
        self.meta().acts == Acts::Settings && self.scope.is_conditional()
    }

    pub(crate) fn configure(&self, settings: &mut Settings) {
        self.fault.configure(settings, self.argument.as_deref());
    }

    pub(crate) fn login(&self) -> Option<bool> {
        self.fault.login()
    }

    pub(crate) fn deliver(&self, delivery: &Delivery<'_>) -> DeliveryAction {
        self.fault.deliver(delivery, self.argument.as_deref())
    }

    pub(crate) fn before(&self, moment: &Moment<'_>) -> FaultAction {
        self.fault.before(moment, self.argument.as_deref())
    }

    pub(crate) fn on(&self, moment: &Moment<'_>) -> FaultAction {
        self.fault.on(moment, self.argument.as_deref())
    }
}

/// Where the places begin. If they begin nowhere, the error is about the last ones.
fn split_scope(text: &str) -> Result<(&str, Scope), FaultError> {
    let mut problem = None;
    for (at, _) in text.match_indices('@') {
        match Scope::parse(&text[at + 1..]) {
            Ok(scope) => return Ok((&text[..at], scope)),
            Err(error) => problem = Some(error),
        }
    }
    problem.map_or_else(|| Ok((text, Scope::default())), Err)
}

impl fmt::Display for ActiveFault {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meta().id)?;
        if let Some(argument) = &self.argument {
            write!(f, "={argument}")?;
        }
        let scope = self.scope.to_string();
        let ambiguous = self.argument.as_ref().is_some_and(|a| a.contains('@'));
        if scope != "all" || ambiguous { write!(f, "@{scope}") } else { Ok(()) }
    }
}

impl fmt::Debug for ActiveFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActiveFault({self})")
    }
}

/// Reads seconds, e.g. `8` or `0.5`.
fn seconds(argument: Option<&str>) -> Option<Duration> {
    let seconds: f64 = argument?.parse().ok()?;
    (0.0..=86_400.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// A refusal in the words of the protocol.
fn refusal(protocol: Protocol, code: u16, text: &str) -> Vec<u8> {
    match protocol {
        Protocol::Pop3 => format!("-ERR [SYS/TEMP] {text}\r\n"),
        Protocol::Imap => format!("* BYE [UNAVAILABLE] {text}\r\n"),
        Protocol::Sieve => format!("BYE (TRYLATER) \"{text}\"\r\n"),
        _ => format!("{code} {text}\r\n"),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{Family, Scheme};

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<_> = FAULTS.iter().map(|f| f.meta().id).collect();
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), FAULTS.len());
    }

    #[test]
    fn every_example_is_accepted() {
        for fault in FAULTS {
            let text = match fault.meta().example {
                Some(example) => format!("{}={example}", fault.meta().id),
                None => fault.meta().id.to_owned(),
            };
            assert!(ActiveFault::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn scopes() {
        let at = |scheme, family| Service { scheme, family };
        let fault = ActiveFault::parse("cert-expired@imaps+v6").unwrap();
        assert!(fault.scope.holds(at(Scheme::Imaps, Family::V6)));
        assert!(!fault.scope.holds(at(Scheme::Imaps, Family::V4)));
        assert!(!fault.scope.holds(at(Scheme::Imap, Family::V6)));
        assert_eq!(ActiveFault::parse("nonsense").unwrap_err(), FaultError::Unknown("nonsense".into()));
        assert!(matches!(ActiveFault::parse("cert-expired@moon"), Err(FaultError::BadScope { .. })));
        assert!(matches!(ActiveFault::parse("cert-expired@user:alice"), Err(FaultError::NoSuchScope { .. })));
        assert!(ActiveFault::parse("cert-expired@imaps+p:0.5").is_ok());
        let fault = ActiveFault::parse("reply=MAIL:250 a@b@from:*@c.test+once").unwrap();
        assert_eq!(fault.argument(), Some("MAIL:250 a@b"));
        assert_eq!(fault.to_string(), "reply=MAIL:250 a@b@from:*@c.test+first:1");
        assert_eq!(ActiveFault::parse("reply=MAIL:250 a@b@all").unwrap().argument(), Some("MAIL:250 a@b"));
        assert!(matches!(ActiveFault::parse("greeting-delay"), Err(FaultError::BadArgument { .. })));
        assert!(matches!(ActiveFault::parse("greeting-delay=x"), Err(FaultError::BadArgument { .. })));
        assert!(matches!(ActiveFault::parse("cert-expired=5"), Err(FaultError::BadArgument { .. })));
    }
}
