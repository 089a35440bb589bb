use crate::{CertificateKind, WeakTls};
use ehlo_core::{Protocol, Role, Scheme};
use ehlo_wire::sasl::{BindingKind, ScramFlaws};
use std::time::Duration;

/// The mechanisms of a lab to which nothing else is said, in the order in which they are listed. ANONYMOUS is not among
/// them: a server that lets anybody in has to be asked for.
pub const MECHANISMS: &[&str] = &[
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "DIGEST-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-512-PLUS",
    "NTLM",
    "OAUTHBEARER",
    "XOAUTH2",
    "EXTERNAL",
];

/// How one service of the lab behaves. The defaults are what a well-kept server does; faults change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether the port is there at all.
    pub listening: bool,
    /// The name that the server gives itself.
    pub host_name: String,
    /// What stands behind the name in a greeting.
    pub banner: String,
    /// Whether TLS begins with the first byte.
    pub implicit_tls: bool,
    /// Which certificate is shown.
    pub certificate: CertificateKind,
    /// The names of the certificate that is shown to clients which ask for none of the host's own; none for the same.
    pub default_certificate: Option<Vec<String>>,
    /// Whether STARTTLS or STLS is listed before TLS.
    pub starttls_offered: bool,
    /// Whether STARTTLS or STLS is accepted.
    pub starttls_honoured: bool,
    /// Whether it is still listed inside TLS.
    pub starttls_after_tls: bool,
    /// What becomes of handshakes.
    pub handshake: Handshake,
    /// What TLS takes beside what is good.
    pub weak_tls: WeakTls,
    /// Whether the end of TLS is said (RFC 8446 §6.1).
    pub close_notify: bool,
    /// What comes after STARTTLS was accepted.
    pub after_starttls: AfterStartTls,
    /// What becomes of text that came in the clear behind STARTTLS.
    pub text_before_tls: TextBeforeTls,
    /// Whether what was said before TLS still holds inside it.
    pub state_before_tls_kept: bool,
    /// Whether logins are possible here at all (not on port 25, not for LMTP).
    pub auth: bool,
    /// The mechanisms, in the order in which they are listed.
    pub mechanisms: Vec<&'static str>,
    /// The name of the server in challenges, if it is another.
    pub inner_name: Option<String>,
    /// Whether NTLM version 1 is taken as well.
    pub ntlm_v1: bool,
    /// Whether logins are tied to another TLS connection than the client's, as if somebody sat in between.
    pub binding_altered: bool,
    /// The only kind of channel binding that is known; all that there are if none is named.
    pub binding_only: Option<BindingKind>,
    /// How SCRAM departs from what it should be.
    pub scram: ScramFlaws,
    /// Whether a login that is refused tells that there is no such user.
    pub tells_users: bool,
    /// How much longer it takes to refuse a user that there is.
    pub known_user_takes: Option<Duration>,
    /// Whether PLAIN, LOGIN and USER are listed before TLS.
    pub clear_auth_offered: bool,
    /// Whether they are accepted before TLS.
    pub clear_auth_accepted: bool,
    /// Whether LOGINDISABLED is listed before TLS (IMAP).
    pub logindisabled: bool,
    /// Whether mail is taken only after a login (submission).
    pub auth_required: bool,
    /// Whether the greeting holds a timestamp for APOP.
    pub apop: bool,
    /// The timestamp of every greeting, if it is always the same one, with its brackets (RFC 1939 §7).
    pub apop_stamp: Option<String>,
    /// The account that is logged in by the greeting already (IMAP PREAUTH).
    pub preauth: Option<String>,
    /// Whether the list of capabilities is the same before and after TLS.
    pub capabilities_frozen: bool,
    /// The address of the client that the answer to EHLO names; none for the real one.
    pub echoed_address: Option<String>,
    /// The largest message taken, in bytes.
    pub largest_message: usize,
    /// Whether submission holds messages until a time that the client names (RFC 4865).
    pub future_release: bool,
    /// Whether VRFY and EXPN tell strangers who is here (SMTP).
    pub tells_addresses: bool,
    /// Which mail for others is taken from strangers (SMTP).
    pub relays: Relays,
    /// What ends a message as well (SMTP).
    pub fake_end: Option<Vec<u8>>,
    /// Whether commands are taken that come in one segment with one whose answer they must wait for (SMTP).
    pub pipelining_lax: bool,
    /// What becomes of messages with CR or LF without the other (SMTP).
    pub bare_line_ends: BareLineEnds,
    /// Whether an account may send with its own address only (submission).
    pub own_sender_only: bool,
    /// Whether XCLIENT and XFORWARD are offered (SMTP): anybody may then give himself out for another.
    pub xclient: bool,
    /// Whether each connection begins with a PROXY header, which names the client.
    pub proxy_protocol: bool,
}

/// What a server does when a client begins a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It answers.
    Answered,
    /// It closes the connection.
    Closed,
    /// It says nothing any more.
    Stalled,
}

/// What a server does after it accepted STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterStartTls {
    /// The handshake, as it should.
    Handshake,
    /// It goes on in the clear.
    GoOnInClear,
    /// It answers cleartext with an error and closes.
    ErrorInClear,
    /// It sends a TLS alert and closes.
    Alert,
    /// It says nothing any more.
    Silence,
}

/// Which mail for others is taken from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relays {
    /// None, as it should.
    Nothing,
    /// All of it.
    Everything,
    /// What has a route in its address: `%`, `!` or a source route (RFC 5321 appendix C).
    Routes,
    /// All of it, and what is for somebody elsewhere comes to the account of that name here, so that it can be seen.
    Arriving,
}

/// What becomes of messages with CR or LF without the other (RFC 5321 §2.3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareLineEnds {
    /// They are refused, as they should.
    Refused,
    /// Each is made CR LF.
    Normalised,
    /// They are kept as they are.
    Kept,
}

/// What becomes of text that came in the clear behind STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextBeforeTls {
    /// It is thrown away, as it should.
    Forgotten,
    /// It is taken for the beginning of what is said inside TLS.
    Kept,
    /// The same, but only for what came apart from STARTTLS.
    KeptIfApart,
    /// The same, but only if it ends in LF without CR.
    KeptIfBareLf,
    /// It is taken for the beginning of the handshake, which fails.
    TakenForTls,
}

impl Settings {
    /// The defaults of a service.
    pub fn new(scheme: Scheme, host_name: &str) -> Settings {
        let role = scheme.role();
        Settings {
            protocol: scheme.protocol(),
            listening: true,
            host_name: host_name.to_owned(),
            banner: "ehlo lab".into(),
            implicit_tls: scheme.tls_mode() == ehlo_core::TlsMode::Implicit,
            certificate: CertificateKind::Good,
            default_certificate: None,
            starttls_offered: true,
            starttls_honoured: true,
            starttls_after_tls: false,
            handshake: Handshake::Answered,
            weak_tls: WeakTls::default(),
            close_notify: true,
            after_starttls: AfterStartTls::Handshake,
            text_before_tls: TextBeforeTls::Forgotten,
            state_before_tls_kept: false,
            auth: role.takes_logins(),
            mechanisms: MECHANISMS.to_vec(),
            inner_name: None,
            ntlm_v1: false,
            binding_altered: false,
            binding_only: None,
            scram: ScramFlaws::default(),
            tells_users: false,
            known_user_takes: None,
            clear_auth_offered: false,
            clear_auth_accepted: false,
            logindisabled: true,
            auth_required: role == Role::Submission,
            apop: true,
            apop_stamp: None,
            preauth: None,
            capabilities_frozen: false,
            echoed_address: None,
            largest_message: 25 * 1024 * 1024,
            future_release: role == Role::Submission,
            tells_addresses: false,
            relays: Relays::Nothing,
            fake_end: None,
            // RFC 2920 §3.1; LMTP and submission are for programs that were let in, and often written by hand.
            pipelining_lax: role != Role::Mx,
            bare_line_ends: BareLineEnds::Refused,
            own_sender_only: false,
            xclient: false,
            proxy_protocol: false,
        }
    }
}
