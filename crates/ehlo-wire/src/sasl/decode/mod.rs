//! Messages of SASL taken apart, for showing: pure functions that never fail, whatever a peer sent.

pub(super) mod directives;
mod fields;
mod json;
mod ntlm;
mod recognise;
mod scram;
mod simple;
#[cfg(test)]
mod tests;

pub use fields::{Decoded, Field, Flaw, FlawKind};
pub use recognise::recognise;

use fields::Reader;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All of PLAIN (RFC 4616 §2).
    Plain,
    /// What a server asks for in LOGIN.
    LoginPrompt,
    /// The user name of LOGIN.
    LoginUser,
    /// The password of LOGIN.
    LoginPassword,
    /// The challenge of CRAM-MD5 (RFC 2195 §2).
    CramChallenge,
    /// The answer to it.
    CramResponse,
    /// `digest-challenge` (RFC 2831 §2.1.1).
    DigestChallenge,
    /// `digest-response` (RFC 2831 §2.1.2).
    DigestResponse,
    /// `response-auth` (RFC 2831 §2.1.3).
    DigestProof,
    /// `client-first-message` (RFC 5802 §7).
    ScramClientFirst,
    /// `server-first-message` (RFC 5802 §7).
    ScramServerFirst,
    /// `client-final-message` (RFC 5802 §7).
    ScramClientFinal,
    /// `server-final-message` (RFC 5802 §7).
    ScramServerFinal,
    /// NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1).
    NtlmNegotiate,
    /// CHALLENGE_MESSAGE (MS-NLMP §2.2.1.2).
    NtlmChallenge,
    /// AUTHENTICATE_MESSAGE (MS-NLMP §2.2.1.3).
    NtlmAuthenticate,
    /// All of XOAUTH2.
    Xoauth2,
    /// The first message of OAUTHBEARER (RFC 7628 §3.1).
    OauthBearer,
    /// What a server says in JSON of a token that it does not take (RFC 7628 §3.2.2).
    OauthError,
    /// All of EXTERNAL (RFC 4422 Appendix A).
    External,
    /// All of ANONYMOUS (RFC 4505 §2).
    Anonymous,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 21] = [
        Kind::Plain,
        Kind::LoginPrompt,
        Kind::LoginUser,
        Kind::LoginPassword,
        Kind::CramChallenge,
        Kind::CramResponse,
        Kind::DigestChallenge,
        Kind::DigestResponse,
        Kind::DigestProof,
        Kind::ScramClientFirst,
        Kind::ScramServerFirst,
        Kind::ScramClientFinal,
        Kind::ScramServerFinal,
        Kind::NtlmNegotiate,
        Kind::NtlmChallenge,
        Kind::NtlmAuthenticate,
        Kind::Xoauth2,
        Kind::OauthBearer,
        Kind::OauthError,
        Kind::External,
        Kind::Anonymous,
    ];

    /// Its id.
    pub fn id(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            Kind::LoginPrompt => "login-prompt",
            Kind::LoginUser => "login-user",
            Kind::LoginPassword => "login-password",
            Kind::CramChallenge => "cram-challenge",
            Kind::CramResponse => "cram-response",
            Kind::DigestChallenge => "digest-challenge",
            Kind::DigestResponse => "digest-response",
            Kind::DigestProof => "digest-proof",
            Kind::ScramClientFirst => "scram-client-first",
            Kind::ScramServerFirst => "scram-server-first",
            Kind::ScramClientFinal => "scram-client-final",
            Kind::ScramServerFinal => "scram-server-final",
            Kind::NtlmNegotiate => "ntlm-negotiate",
            Kind::NtlmChallenge => "ntlm-challenge",
            Kind::NtlmAuthenticate => "ntlm-authenticate",
            Kind::Xoauth2 => "xoauth2",
            Kind::OauthBearer => "oauthbearer",
            Kind::OauthError => "oauth-error",
            Kind::External => "external",
            Kind::Anonymous => "anonymous",
        }
    }
}

/// A message out of base64 (RFC 4648 §4); none if it is none.
pub fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// Takes a message apart, base64 already taken off. What cannot be read is left out and told as a flaw.
pub fn decode(kind: Kind, bytes: &[u8]) -> Decoded {
    let mut reader = Reader::new(kind, bytes);
    match kind {
        Kind::Plain => simple::plain(&mut reader),
        Kind::LoginPrompt => reader.text("prompt", bytes),
        Kind::LoginUser => reader.text("user", bytes),
        Kind::LoginPassword => reader.secret("password", bytes),
        Kind::CramChallenge => simple::cram_challenge(&mut reader),
        Kind::CramResponse => simple::cram_response(&mut reader),
        Kind::DigestChallenge | Kind::DigestResponse | Kind::DigestProof => {
            directives::digest(&mut reader, kind)
        }
        Kind::ScramClientFirst => scram::client_first(&mut reader),
        Kind::ScramServerFirst | Kind::ScramClientFinal | Kind::ScramServerFinal => {
            scram::attributes(&mut reader, kind, bytes);
        }
        Kind::NtlmNegotiate | Kind::NtlmChallenge | Kind::NtlmAuthenticate => ntlm::ntlm(&mut reader, kind),
        Kind::Xoauth2 => simple::xoauth2(&mut reader),
        Kind::OauthBearer => simple::oauthbearer(&mut reader),
        Kind::OauthError => json::error(&mut reader),
        Kind::External => reader.text("authzid", bytes),
        Kind::Anonymous => reader.text("trace", bytes),
    }
    reader.finish()
}
