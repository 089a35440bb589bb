/// Why a client gives up an exchange, or does not believe its success. None of them holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The challenge is not base64, or not what the mechanism says.
    NotUnderstood {
        /// What is wrong: a word of the mechanism, such as `nonce` or `base64`.
        what: &'static str,
    },
    /// The challenge is larger than any that makes sense.
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// The server asks on although the mechanism is at its end.
    Over,
    /// The server's proof that it knows the password is wrong: it is not the server that it should be.
    WrongServerProof,
    /// The server let the client in without proving that it knows the password.
    NoServerProof,
    /// The nonce of the client does not come back: somebody answers who did not see the question.
    ForeignNonce,
    /// The server asks for more computing than is allowed.
    TooManyIterations {
        /// The iteration count that the server names.
        asked: u64,
        /// The highest that is computed.
        cap: u32,
    },
    /// The server demands an extension that nobody has defined (RFC 5802 §5.1, `m`).
    MandatoryExtension,
    /// The server says what is wrong: `e=` of SCRAM, the error of OAuth.
    Server {
        /// What it says, escaped.
        text: String,
    },
    /// The mechanism ties the login to the TLS connection, but nothing to do that with is known.
    NoBinding,
    /// What the server has for the TLS connection is not what the client has: there are two connections, and somebody
    /// sits between them (RFC 5802 §7, `channel-bindings-dont-match`).
    BindingMismatch,
    /// The server knows NTLM version 1 only, which gives the password away.
    OnlyNtlmV1,
    /// User name or password hold a character that cannot be sent in the form that is wanted (RFC 4013 §2.3).
    Unprepared,
}

impl Trouble {
    /// One of each.
    pub const ALL: &'static [Trouble] = &[
        Trouble::NotUnderstood { what: "" },
        Trouble::TooLarge { limit: 0 },
        Trouble::Over,
        Trouble::WrongServerProof,
        Trouble::NoServerProof,
        Trouble::ForeignNonce,
        Trouble::TooManyIterations { asked: 0, cap: 0 },
        Trouble::MandatoryExtension,
        Trouble::Server { text: String::new() },
        Trouble::NoBinding,
        Trouble::BindingMismatch,
        Trouble::OnlyNtlmV1,
        Trouble::Unprepared,
    ];

    /// Its id in the knowledge.
    pub fn id(&self) -> &'static str {
        match self {
            Trouble::NotUnderstood { .. } => "not-understood",
            Trouble::TooLarge { .. } => "too-large",
            Trouble::Over => "over",
            Trouble::WrongServerProof => "wrong-server-proof",
            Trouble::NoServerProof => "no-server-proof",
            Trouble::ForeignNonce => "foreign-nonce",
            Trouble::TooManyIterations { .. } => "too-many-iterations",
            Trouble::MandatoryExtension => "mandatory-extension",
            Trouble::Server { .. } => "server",
            Trouble::NoBinding => "no-binding",
            Trouble::BindingMismatch => "binding-mismatch",
            Trouble::OnlyNtlmV1 => "only-ntlm-v1",
            Trouble::Unprepared => "unprepared",
        }
    }

    /// What its text has places for: names and values.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        match self {
            Trouble::NotUnderstood { what } => vec![("what", (*what).to_owned())],
            Trouble::TooLarge { limit } => vec![("limit", limit.to_string())],
            Trouble::TooManyIterations { asked, cap } => {
                vec![("asked", asked.to_string()), ("cap", cap.to_string())]
            }
            Trouble::Server { text } => vec![("text", text.clone())],
            _ => Vec::new(),
        }
    }

    /// Whether it means that the server is an impostor, and not merely that the login fails.
    pub fn is_deceit(&self) -> bool {
        matches!(
            self,
            Trouble::WrongServerProof
                | Trouble::NoServerProof
                | Trouble::ForeignNonce
                | Trouble::BindingMismatch
        )
    }
}
