//! What was seen. A probe uses a connection and yields facts; checks judge facts and nothing else, so that a saved
//! run can be judged again when a rule changes.

mod account;
mod capability;
mod chain;
mod hello;
mod tls;

pub use account::{AccountFacts, FolderFacts, LoginFacts, LoginResult, NamespaceFacts};
pub use capability::{Capability, CapabilityFacts, Moment, is_masked_keyword};
pub use chain::ShownChain;
pub use hello::{ChosenFacts, HelloAnswer, HelloFacts, HelloQuestion, TlsProbeFacts, TlsProbeMode};
pub use tls::{CertificateFacts, NameMatch, PathFacts, TlsFacts};

use crate::{Address, Deviation, Endpoint, Evidence, Failure, TranscriptId};
use serde::{Deserialize, Serialize};

/// Everything that was seen in a run, enough to judge it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The clock, in seconds since 1970: dates of certificates are judged by it.
    pub now: i64,
    /// Whether the user asked to be judged as from the internet.
    pub as_outside: bool,
    /// Whether credentials were given.
    pub credentials_given: bool,
    /// The services, in the order of the report.
    pub services: Vec<ServiceFacts>,
}

/// What was seen of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// What was to be examined.
    pub endpoint: Endpoint,
    /// Its URL: the name of the service in the whole report.
    pub url: String,
    /// Services with the same value belong to one host and were looked at together; none for a single URL.
    pub host_group: Option<String>,
    /// How the peer may see us.
    pub vantage: Vantage,
    /// Every address, with what became of the connection.
    pub addresses: Vec<AddressFacts>,
    /// The connections that were made, the main one first.
    pub connections: Vec<ConnectionFacts>,
    /// The most connections that were allowed beside those for hand-made hellos; none in a document from before they were
    /// counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_connections: Option<u32>,
    /// Names that the service gives itself, looked up (only for an MX).
    pub names: Vec<NameFacts>,
    /// What hand-made hellos brought to light; none if none were sent.
    #[serde(default)]
    pub tls_probe: Option<TlsProbeFacts>,
    /// Why nothing could be tried, if so (no address).
    pub failure: Option<Failure>,
}

impl ServiceFacts {
    /// The connection on which the dialogue was led.
    pub fn main(&self) -> Option<&ConnectionFacts> {
        self.of(Purpose::Main).next()
    }

    /// The connections made for `purpose`.
    pub fn of(&self, purpose: Purpose) -> impl Iterator<Item = &ConnectionFacts> {
        self.connections.iter().filter(move |c| c.purpose == purpose)
    }

    /// How many connections were begun beside those for hand-made hellos, which are counted as handshakes.
    pub fn made_connections(&self) -> u32 {
        let began = self.connections.iter().filter(|c| c.purpose != Purpose::TlsHello).count();
        let failed = self.addresses.iter().filter(|a| a.failure.is_some()).count();
        u32::try_from(began + failed).unwrap_or(u32::MAX)
    }

    /// Whether any address answered.
    pub fn is_reachable(&self) -> bool {
        self.addresses.iter().any(|a| a.failure.is_none())
    }

    /// Whether it is a default port of a bare host that is simply not there: "not offered", no fault.
    pub fn is_absent(&self) -> bool {
        !self.endpoint.explicit
            && !self.addresses.is_empty()
            && self
                .addresses
                .iter()
                .all(|a| matches!(&a.failure, Some(f) if f.cause == crate::Cause::Refused))
    }
}

/// How the peer may see us. Servers trust loopback, their own address and private networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// As anybody on the internet. The embedded lab counts as this.
    Outside,
    /// The peer is a loopback address.
    Loopback,
    /// The peer has the address that we have.
    OwnAddress,
    /// The peer is in a private network.
    Private,
    /// A Unix socket.
    Unix,
}

impl Vantage {
    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Vantage::Outside => "outside",
            Vantage::Loopback => "loopback",
            Vantage::OwnAddress => "own-address",
            Vantage::Private => "private",
            Vantage::Unix => "unix",
        }
    }
}

/// One address of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressFacts {
    /// The address.
    pub address: Address,
    /// How long the connection took, in microseconds.
    pub connect_us: Option<u64>,
    /// Why there is no connection.
    pub failure: Option<Failure>,
    /// Where it shows.
    pub at: Evidence,
}

/// What a connection was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The dialogue itself.
    Main,
    /// The same service at another address.
    OtherAddress,
    /// Typing on in the clear after STARTTLS was accepted.
    CleartextAfterStartTls,
    /// A TLS hello to a port that stays silent.
    TlsOnSilence,
    /// A hand-made hello.
    TlsHello,
    /// A command behind STARTTLS, in one segment with it.
    StartTlsInjection,
    /// A command behind STARTTLS, in a segment of its own.
    StartTlsInjectionSplit,
    /// A mail transaction that is begun before TLS.
    StartTlsState,
    /// Questions about addresses (SMTP).
    SmtpPolicy,
    /// Whether mail for others is taken from strangers (SMTP).
    SmtpRelay,
    /// A message with something that must not end it (SMTP).
    SmtpSmuggling,
    /// The first messages of NTLM.
    AuthNtlm,
    /// A login that is tied to the TLS connection, rightly or wrongly.
    AuthBinding,
    /// A login by SCRAM.
    AuthScram,
    /// A login that must fail.
    AuthOracle,
    /// MAIL with another's address after a login.
    SubmissionSender,
    /// Commands that do not wait for an answer (SMTP).
    SmtpPipelining,
    /// LF without CR, in a command and in messages (SMTP).
    SmtpBareLf,
}

impl Purpose {
    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Purpose::Main => "main",
            Purpose::OtherAddress => "other-address",
            Purpose::CleartextAfterStartTls => "cleartext-after-start-tls",
            Purpose::TlsOnSilence => "tls-on-silence",
            Purpose::TlsHello => "tls-hello",
            Purpose::StartTlsInjection => "start-tls-injection",
            Purpose::StartTlsInjectionSplit => "start-tls-injection-split",
            Purpose::StartTlsState => "start-tls-state",
            Purpose::SmtpPolicy => "smtp-policy",
            Purpose::SmtpRelay => "smtp-relay",
            Purpose::SmtpSmuggling => "smtp-smuggling",
            Purpose::AuthNtlm => "auth-ntlm",
            Purpose::AuthBinding => "auth-binding",
            Purpose::AuthScram => "auth-scram",
            Purpose::AuthOracle => "auth-oracle",
            Purpose::SubmissionSender => "submission-sender",
            Purpose::SmtpPipelining => "smtp-pipelining",
            Purpose::SmtpBareLf => "smtp-bare-lf",
        }
    }
}

/// What was seen on one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionFacts {
    /// What it was made for.
    pub purpose: Purpose,
    /// Its transcript.
    pub transcript: TranscriptId,
    /// Where it went.
    pub address: Address,
    /// The address we came from.
    pub local: Option<String>,
    /// The first words of the server.
    pub greeting: Option<GreetingFacts>,
    /// What had come of a greeting that never became complete.
    pub partial_greeting: Option<Said>,
    /// What the server said it can do, at each moment it was asked.
    pub capabilities: Vec<CapabilityFacts>,
    /// What became of STARTTLS.
    pub starttls: Option<StartTlsFacts>,
    /// The TLS session.
    pub tls: Option<TlsFacts>,
    /// Questions of policy, with the server's answers.
    pub probes: Vec<ProbeFacts>,
    /// The login.
    pub login: Option<LoginFacts>,
    /// What the account sees.
    pub account: Option<AccountFacts>,
    /// Our address as the server named it in its answer to EHLO.
    pub echoed_address: Option<Said>,
    /// What the server says about itself: POP3 IMPLEMENTATION, IMAP ID.
    pub identity: Vec<Said>,
    /// Rules that the server broke.
    pub deviations: Vec<Deviation>,
    /// Why the dialogue ended before its end.
    pub failure: Option<Failure>,
}

impl ConnectionFacts {
    /// A connection of which nothing was seen yet.
    pub fn new(purpose: Purpose, transcript: TranscriptId, address: Address) -> ConnectionFacts {
        ConnectionFacts {
            purpose,
            transcript,
            address,
            local: None,
            greeting: None,
            partial_greeting: None,
            capabilities: Vec::new(),
            starttls: None,
            tls: None,
            probes: Vec::new(),
            login: None,
            account: None,
            echoed_address: None,
            identity: Vec::new(),
            deviations: Vec::new(),
            failure: None,
        }
    }

    /// The capabilities that a command listed at `moment`, else those of the greeting.
    pub fn capabilities_at(&self, moment: Moment) -> Option<&CapabilityFacts> {
        self.capabilities.iter().rfind(|c| c.moment == moment)
    }

    /// The answer to the question `id`.
    pub fn probe(&self, id: ProbeId) -> Option<&ProbeFacts> {
        self.probes.iter().find(|p| p.id == id)
    }
}

/// Words of the server that mean something, with the place where they stand. The text is escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What was said.
    pub text: String,
    /// Where.
    pub at: Evidence,
}

/// The first words of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreetingFacts {
    /// What they amount to.
    pub kind: GreetingKind,
    /// What is spoken here, as far as the first bytes tell.
    pub spoken: Spoken,
    /// The name that the server gives itself.
    pub host: Option<String>,
    /// The first line, escaped.
    pub text: String,
    /// The reply code, if it has one.
    pub code: Option<u16>,
    /// The timestamp for APOP, without its brackets.
    pub apop_stamp: Option<String>,
    /// From the connection (or the end of the TLS handshake) to the first byte, in microseconds.
    pub first_byte_us: u64,
    /// From the same moment to the last byte, in microseconds.
    pub last_byte_us: u64,
    /// Whether more came before anything was asked.
    pub more_followed: bool,
    /// Where it stands.
    pub at: Evidence,
}

/// What a greeting amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GreetingKind {
    /// `220`, `+OK`, `* OK`: go on.
    Ready,
    /// `* PREAUTH`: logged in already.
    Preauth,
    /// `4xx`, `5xx`, `-ERR`, `* BYE`: not now, not you.
    Refused,
    /// Something else.
    Other,
}

/// What is spoken, as far as the first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spoken {
    /// `220 …`, `554 …`
    Smtp,
    /// `+OK …`
    Pop3,
    /// `* OK …`
    Imap,
    /// `"IMPLEMENTATION" …`
    Sieve,
    /// A TLS record.
    Tls,
    /// `HTTP/…`
    Http,
    /// `SSH-…`
    Ssh,
    /// Nothing at all.
    Silence,
    /// Nothing we know.
    Unknown,
}

impl Spoken {
    /// The id in lower case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Spoken::Smtp => "smtp",
            Spoken::Pop3 => "pop3",
            Spoken::Imap => "imap",
            Spoken::Sieve => "sieve",
            Spoken::Tls => "tls",
            Spoken::Http => "http",
            Spoken::Ssh => "ssh",
            Spoken::Silence => "silence",
            Spoken::Unknown => "unknown",
        }
    }
}

/// What became of STARTTLS on one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartTlsFacts {
    /// Whether the server offered it.
    pub offered: bool,
    /// Its answer.
    pub answer: Answered,
    /// The answer's code, status or first words, escaped; none if it stayed silent.
    pub reply: Option<String>,
    /// Why the handshake did not come about.
    pub failure: Option<Failure>,
    /// Where it shows.
    pub at: Evidence,
}

/// How a server took a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// Yes: 2xx, `+OK`, `OK`.
    Accepted,
    /// More is wanted: 3xx, `+`.
    Continue,
    /// Later: 4xx.
    Later,
    /// No: 5xx, `-ERR`, `NO`, `BAD`.
    Refused,
    /// The connection ended.
    Closed,
    /// Nothing came in time.
    Silence,
    /// A TLS alert came instead of an answer.
    TlsAlert,
    /// Something that is no answer.
    Nonsense,
}

/// Questions that a probe asks a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeId {
    /// `AUTH PLAIN` without TLS and without an initial response.
    PlainAuthInClear,
    /// `USER` without TLS (POP3).
    UserInClear,
    /// `LOGIN` with made-up credentials without TLS, though LOGINDISABLED is shown (IMAP).
    LoginInClear,
    /// A command in the clear after STARTTLS was accepted.
    CleartextAfterStartTls,
    /// A command in the clear right behind STARTTLS, as far as it is answered inside TLS; [`Answered::Silence`] if it is
    /// not, as it should.
    InjectedCommand,
    /// The same, answered before TLS.
    InjectedCommandInClear,
    /// The first command inside TLS after such a one.
    CommandAfterInjection,
    /// MAIL before TLS.
    MailBeforeTls,
    /// RCPT as the first command inside TLS.
    RcptFromBeforeTls,
    /// RCPT without MAIL on the same connection.
    RcptWithoutMail,
    /// STARTTLS inside TLS.
    StartTlsInsideTls,
    /// VRFY of an address that nobody has.
    VrfyUnknown,
    /// VRFY of `postmaster`.
    VrfyPostmaster,
    /// EXPN of a list that there is not.
    ExpnUnknown,
    /// EXPN of `postmaster`.
    ExpnPostmaster,
    /// MAIL with the null reverse-path.
    MailNullSender,
    /// RCPT to `postmaster`; the detail is the address.
    RcptPostmaster,
    /// RCPT to an address of the server's own domain that nobody has; the detail is the address.
    RcptUnknown,
    /// MAIL and RCPT to somewhere else; the detail is both paths.
    RelayPattern,
    /// A message that was taken for somewhere else: [`Answered::Accepted`] if it arrived there.
    RelayedMail,
    /// A message with something that must not end it, the detail: [`Answered::Accepted`] if it ended it all the same,
    /// [`Answered::Silence`] if not.
    FakeEndOfData,
    /// The real end of the same message.
    RealEndOfData,
    /// The challenge of NTLM; the detail is what it tells.
    NtlmChallenge,
    /// Data of a mailbox, or an alert, before the login; the detail is the kind.
    EarlyData,
    /// A referral to another server (RFC 2221); the detail is the URL.
    Referral,
    /// A login in which the server did not prove that it knows the password; the detail is what is wrong.
    ServerProof,
    /// The iteration count that a server asks for in SCRAM, the detail; [`Answered::Refused`] if it is more than is computed.
    ScramIterations,
    /// A login that is tied to the TLS connection; the detail is the kind of binding.
    BoundLogin,
    /// The same, tied to another connection than this one.
    WronglyBoundLogin,
    /// The server says that it sees another TLS connection than the client.
    BindingMismatch,
    /// A command that takes no thinking, on a connection on which a login follows that must fail.
    BeforeOracle,
    /// A login under the name of the account, which is the detail, with a made-up password.
    KnownUser,
    /// The same under a made-up name, which is the detail.
    UnknownUser,
    /// MAIL without a login.
    MailWithoutAuth,
    /// RCPT to a stranger without a login.
    RcptWithoutAuth,
    /// A login that is begun before TLS, and not ended: USER (POP3), or AUTHENTICATE and `*`; the detail is the command.
    LoginBeforeTls,
    /// What goes on with such a login inside TLS; the detail is the command.
    LoginFromBeforeTls,
    /// PASS without USER on the same connection (POP3).
    PassWithoutUser,
    /// MAIL with the account's own address, and RCPT, after a login; the detail is the address.
    OwnSender,
    /// MAIL with another's address, and RCPT, after a login; the detail is the address.
    ForeignSender,
    /// A command that was sent in one segment with another, which must wait for its answer first; the detail is the other.
    NotAwaited,
    /// A command that ends in LF without CR; [`Answered::Silence`] if it is not taken for one.
    BareLfCommand,
    /// A message with LF without CR; the detail is how it went out, `DATA` or `BDAT`.
    BareLfMessage,
    /// How such a message came into the mailbox: [`Answered::Accepted`] as it was sent, [`Answered::Refused`] with CR LF,
    /// [`Answered::Silence`] not at all, [`Answered::Nonsense`] if the mailbox could not be looked into, the detail as above.
    BareLfArrived,
}

/// An answer to such a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeFacts {
    /// The question.
    pub id: ProbeId,
    /// How the server took it.
    pub answer: Answered,
    /// The answer's first line, escaped.
    pub reply: Option<String>,
    /// What exactly was asked or seen, where the question has more than one form; escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Question and answer.
    pub at: Vec<Evidence>,
    /// How long the answer took, in microseconds.
    pub took_us: u64,
}

/// A name that a server gives itself, looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameFacts {
    /// The name.
    pub name: String,
    /// Its addresses; none if it has none.
    pub addresses: Vec<String>,
    /// Why they are unknown, if the lookup gave no answer.
    pub failure: Option<Failure>,
    /// Where the name stands.
    pub at: Evidence,
}
