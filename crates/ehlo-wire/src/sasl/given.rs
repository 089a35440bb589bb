use super::Trouble;
use std::borrow::Cow;

/// What the client's side of a mechanism needs besides the credentials. Time, randomness and what TLS knows come from
/// outside; a value of [`Given::default`] knows nothing and is predictable.
#[derive(Clone, Debug)]
pub struct Given {
    /// Bytes that nobody can guess: the client's nonce is made of them.
    pub random: [u8; 32],
    /// The time in seconds since 1970; NTLM says it.
    pub now: i64,
    /// The protocol as services are named (RFC 2831 §2.1.2): `smtp`, `lmtp`, `pop`, `imap`, `sieve`.
    pub service: &'static str,
    /// The host name of the server, as it was asked for.
    pub host: String,
    /// The port of the server; OAUTHBEARER says it.
    pub port: Option<u16>,
    /// What ties the login to the TLS connection, the best first; empty without TLS.
    pub bindings: Vec<ChannelBinding>,
    /// Whether the server offers any mechanism whose name ends in `-PLUS`: decides between the flags `n` and `y`
    /// (RFC 5802 §6).
    pub plus_offered: bool,
    /// How user name and password become bytes.
    pub password_form: PasswordForm,
    /// The realm to choose (DIGEST-MD5); the first that the server names if none.
    pub realm: Option<String>,
    /// The highest iteration count that is computed (SCRAM); a server may ask for more than a client can bear.
    pub iteration_cap: u32,
    /// Send NTLM version 1 to a server that knows nothing better. It gives the password away to whoever listens.
    pub ntlm_v1: bool,
}

/// The highest iteration count of SCRAM that is computed unless something else is asked for.
pub const ITERATION_CAP: u32 = 1_000_000;

impl Default for Given {
    fn default() -> Given {
        Given {
            random: [0; 32],
            now: 0,
            service: "smtp",
            host: String::new(),
            port: None,
            bindings: Vec::new(),
            plus_offered: false,
            password_form: PasswordForm::Prepared,
            realm: None,
            iteration_cap: ITERATION_CAP,
            ntlm_v1: false,
        }
    }
}

/// The name of a service in SASL (RFC 4422 §4), as the registry of GSSAPI service names has it.
pub fn service_name(protocol: ehlo_core::Protocol) -> &'static str {
    match protocol {
        ehlo_core::Protocol::Smtp => "smtp",
        ehlo_core::Protocol::Lmtp => "lmtp",
        ehlo_core::Protocol::Pop3 => "pop",
        ehlo_core::Protocol::Imap => "imap",
        ehlo_core::Protocol::Sieve => "sieve",
    }
}

/// What the server's side of a mechanism needs besides the passwords.
#[derive(Clone, Debug, Default)]
pub struct ServerGiven {
    /// Unique and unpredictable text of the form `<…@…>`: the challenge of CRAM-MD5.
    pub challenge: String,
    /// Bytes that nobody can guess: nonces are made of them.
    pub random: [u8; 32],
    /// Bytes that stay the same: the salts of SCRAM are made of them, so that each user has always the same one, and
    /// users who do not exist have one, too.
    pub salt_seed: [u8; 32],
    /// The time in seconds since 1970.
    pub now: i64,
    /// The host name of this server: the realm of DIGEST-MD5, the target of NTLM.
    pub host: String,
    /// What ties the login to the TLS connection.
    pub bindings: Vec<ChannelBinding>,
    /// Whether mechanisms with channel binding are offered: a client that says it can, but saw none, was deceived.
    pub plus_offered: bool,
    /// Whom the client's certificate names (EXTERNAL).
    pub certificate: Option<String>,
    /// Take NTLM version 1 as well, which old programs know alone. It gives the password away to whoever listens.
    pub ntlm_v1: bool,
    /// How SCRAM departs from what it should be.
    pub scram: ScramFlaws,
}

/// How a server's SCRAM departs from what it should be: for trying what clients make of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScramFlaws {
    /// The iteration count that is asked for, if another than the least that is allowed (RFC 7677 §4). Nobody is let in by
    /// one above [`ITERATION_CAP`], so that nobody can make the server compute it.
    pub iterations: Option<u32>,
    /// Whether a client is let in that is tied to whatever connection.
    pub any_binding: bool,
    /// Whether the server's proof is left out (RFC 5802 §3).
    pub no_proof: bool,
}

/// A kind of channel binding and its data (RFC 5056).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelBinding {
    /// Which.
    pub kind: BindingKind,
    /// The bytes, without the prefix of RFC 5056.
    pub data: Vec<u8>,
}

/// The kinds of channel bindings of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// Exported keying material of TLS 1.3 (RFC 9266).
    TlsExporter,
    /// The digest of the server's certificate (RFC 5929 §4).
    TlsServerEndPoint,
    /// The first Finished message; not for TLS 1.3 (RFC 5929 §3).
    TlsUnique,
}

impl BindingKind {
    /// All of them, the best first.
    pub const ALL: [BindingKind; 3] =
        [BindingKind::TlsExporter, BindingKind::TlsUnique, BindingKind::TlsServerEndPoint];

    /// Its name in the registry.
    pub fn name(self) -> &'static str {
        match self {
            BindingKind::TlsExporter => "tls-exporter",
            BindingKind::TlsServerEndPoint => "tls-server-end-point",
            BindingKind::TlsUnique => "tls-unique",
        }
    }
}

/// How a user name or a password becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordForm {
    /// UTF-8, prepared by SASLprep (RFC 4013) where the mechanism says so.
    #[default]
    Prepared,
    /// UTF-8 as it was typed.
    Raw,
    /// ISO 8859-1, as old clients send it.
    Latin1,
}

impl PasswordForm {
    /// The bytes of `text`. `prepare`: whether the mechanism says that SASLprep is applied.
    ///
    /// # Errors
    /// [`Trouble::Unprepared`] if SASLprep forbids a character, or if ISO 8859-1 has none for it.
    pub fn bytes(self, text: &str, prepare: bool) -> Result<Vec<u8>, Trouble> {
        match self {
            PasswordForm::Prepared if prepare => Ok(saslprep(text)?.into_owned().into_bytes()),
            PasswordForm::Prepared | PasswordForm::Raw => Ok(text.as_bytes().to_vec()),
            PasswordForm::Latin1 => latin1(text).ok_or(Trouble::Unprepared),
        }
    }
}

/// Text as RFC 4013 prepares it.
///
/// # Errors
/// [`Trouble::Unprepared`] if it holds a character that is forbidden, or mixes directions of writing.
pub fn saslprep(text: &str) -> Result<Cow<'_, str>, Trouble> {
    stringprep::saslprep(text).map_err(|_| Trouble::Unprepared)
}

/// Text in ISO 8859-1, if that has all its characters.
pub(super) fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4013() {
        // RFC 4013 §3
        for (typed, prepared) in [
            ("I\u{ad}X", Some("IX")),
            ("user", Some("user")),
            ("USER", Some("USER")),
            ("\u{aa}", Some("a")),
            ("\u{2168}", Some("IX")),
            ("\u{7}", None),
            ("\u{627}1", None),
        ] {
            assert_eq!(saslprep(typed).ok().as_deref(), prepared, "{typed:?}");
        }
    }

    #[test]
    fn forms_of_passwords() {
        let form = |form: PasswordForm| form.bytes("pä\u{a0}s", true);
        assert_eq!(form(PasswordForm::Prepared).unwrap(), "pä s".as_bytes());
        assert_eq!(form(PasswordForm::Raw).unwrap(), "pä\u{a0}s".as_bytes());
        assert_eq!(form(PasswordForm::Latin1).unwrap(), b"p\xe4\xa0s");
        assert_eq!(PasswordForm::Latin1.bytes("€", true), Err(Trouble::Unprepared));
        assert_eq!(PasswordForm::Prepared.bytes("\u{7}", false).unwrap(), b"\x07");
    }
}
