//! What can go wrong on request. A fault changes settings, or acts at a moment of the protocol.
//!
//! One family of faults is one file; each fault is a line in [`FAULTS`].

mod auth;
mod banner;
mod certificate;
mod connection;
mod hostile;
mod stage;
mod starttls;

use crate::{Service, Settings};
use ehlo_core::{Family, Protocol, Scheme};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something that can go wrong.
pub trait Fault: Sync {
    /// What is known about it.
    fn meta(&self) -> &'static FaultMeta;
    /// Whether it can do with this argument; if not, what it wants.
    fn check(&self, _argument: Option<&str>) -> Result<(), &'static str> {
        Ok(())
    }
    /// Changes how a service behaves.
    fn configure(&self, _settings: &mut Settings, _argument: Option<&str>) {}
    /// Acts at a moment.
    fn on(&self, _moment: &Moment<'_>, _argument: Option<&str>) -> FaultAction {
        FaultAction::Pass
    }
}

/// What is known about a fault.
#[derive(Clone, Copy, Debug)]
pub struct FaultMeta {
    /// Its id in kebab-case.
    pub id: &'static str,
    /// An argument that it takes, by example; none if it takes none.
    pub example: Option<&'static str>,
}

/// A moment at which a fault can act: a reply is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The service.
    pub service: Service,
    /// Which moment.
    pub point: Point,
    /// The command that is answered, in upper case; empty if none is.
    pub command: &'a str,
    /// What is about to be sent.
    pub reply: &'a [u8],
    /// How many connections this service has had, this one included.
    pub connection: u64,
    /// Whether TLS is on.
    pub tls: bool,
    /// The name of the server.
    pub host_name: &'a str,
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
    /// Resets the connection.
    Reset,
    /// Says something and closes.
    Close {
        /// What is said; may be nothing.
        say: Vec<u8>,
    },
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
    &auth::ClearOffered,
    &auth::ClearAccepted,
    &auth::Missing,
    &auth::OnMx,
    &auth::LogindisabledMissing,
    &auth::LogindisabledIgnored,
    &auth::Preauth,
    &auth::ApopMissing,
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
    &stage::Silence,
    &stage::Close,
    &stage::Reset,
    &stage::Drip,
    &stage::Reply,
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

/// Where a fault strikes. What is not named is not restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    scheme: Option<Scheme>,
    protocol: Option<Protocol>,
    family: Option<Family>,
}

/// Why a fault cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// There is none of that name.
    Unknown(String),
    /// What stands behind `@` is no service, protocol or family.
    BadScope(String),
    /// The argument is missing or wrong.
    BadArgument {
        /// The fault.
        id: &'static str,
        /// What it wants.
        wanted: &'static str,
    },
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultError::Unknown(name) => write!(f, "there is no fault {name:?}"),
            FaultError::BadScope(text) => {
                write!(
                    f,
                    "{text:?} is no place for a fault: a scheme (imaps), a protocol (imap) or a family (v6) is wanted"
                )
            }
            FaultError::BadArgument { id, wanted } => write!(f, "the fault {id} wants {wanted}"),
        }
    }
}

impl std::error::Error for FaultError {}

impl ActiveFault {
    /// Reads `NAME[=ARGUMENT][@PLACE[+PLACE…]]`, e.g. `cert-expired@imaps`, `greeting-delay=8@smtp+v6`.
    ///
    /// # Errors
    /// [`FaultError`] that says which part is wrong.
    pub fn parse(text: &str) -> Result<ActiveFault, FaultError> {
        let (head, scope) = match text.rsplit_once('@') {
            Some((head, places)) => (head, Scope::parse(places)?),
            None => (text, Scope::default()),
        };
        let (name, argument) = match head.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (head, None),
        };
        let fault = FAULTS
            .iter()
            .copied()
            .find(|f| f.meta().id == name)
            .ok_or_else(|| FaultError::Unknown(name.to_owned()))?;
        let bad = |wanted| FaultError::BadArgument { id: fault.meta().id, wanted };
        if argument.is_some() && fault.meta().example.is_none() {
            return Err(bad("no argument"));
        }
        fault.check(argument).map_err(bad)?;
        let argument = argument.map(Arc::from);
        Ok(ActiveFault { fault, argument, scope })
    }

    /// What is known about it.
    pub fn meta(&self) -> &'static FaultMeta {
        self.fault.meta()
    }

    pub(crate) fn configure(&self, settings: &mut Settings) {
        self.fault.configure(settings, self.argument.as_deref());
    }

    pub(crate) fn on(&self, moment: &Moment<'_>) -> FaultAction {
        self.fault.on(moment, self.argument.as_deref())
    }
}

impl fmt::Debug for ActiveFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}@{:?}", self.meta().id, self.argument, self.scope)
    }
}

impl Scope {
    /// Whether the fault strikes there.
    pub fn holds(&self, service: Service) -> bool {
        self.scheme.is_none_or(|s| s == service.scheme)
            && self.protocol.is_none_or(|p| p == service.scheme.protocol())
            && self.family.is_none_or(|f| f == service.family)
    }

    fn parse(text: &str) -> Result<Scope, FaultError> {
        let mut scope = Scope::default();
        for place in text.split('+') {
            match place {
                "v4" => scope.family = Some(Family::V4),
                "v6" => scope.family = Some(Family::V6),
                // The names of protocols are those of their plain schemes; `smtp` means port 25 alone.
                "any-smtp" => scope.protocol = Some(Protocol::Smtp),
                "any-pop3" => scope.protocol = Some(Protocol::Pop3),
                "any-imap" => scope.protocol = Some(Protocol::Imap),
                name => match Scheme::from_name(name) {
                    Some(scheme) => scope.scheme = Some(scheme),
                    None => return Err(FaultError::BadScope(place.to_owned())),
                },
            }
        }
        Ok(scope)
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
        assert_eq!(ActiveFault::parse("cert-expired@moon").unwrap_err(), FaultError::BadScope("moon".into()));
        assert!(matches!(ActiveFault::parse("greeting-delay"), Err(FaultError::BadArgument { .. })));
        assert!(matches!(ActiveFault::parse("greeting-delay=x"), Err(FaultError::BadArgument { .. })));
        assert!(matches!(ActiveFault::parse("cert-expired=5"), Err(FaultError::BadArgument { .. })));
    }
}
