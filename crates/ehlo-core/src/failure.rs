use crate::{Anchor, Span};
use serde::{Deserialize, Serialize};

/// The dialogue cannot go on. How far it got and why it stopped are two axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was being done.
    pub stage: Stage,
    /// What went wrong.
    pub cause: Cause,
    /// Where it shows in the transcript, if it does.
    pub at: Option<Anchor>,
}

impl Failure {
    /// A failure that the transcript does not show yet; the recorder adds the place.
    pub fn new(stage: Stage, cause: Cause) -> Failure {
        Failure { stage, cause, at: None }
    }

    /// The same failure with the place where it shows.
    pub fn at(mut self, anchor: Anchor) -> Failure {
        self.at = Some(anchor);
        self
    }
}

/// What was being done when a dialogue failed. The stage is worth as much as the code: the same `421` means
/// "full" in a greeting and "too slow" behind DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Looking up the host name.
    Resolve,
    /// Making the TCP connection.
    Connect,
    /// Waiting for the first words of the server.
    Greeting,
    /// EHLO, CAPA, CAPABILITY.
    Capabilities,
    /// STARTTLS or STLS, up to its answer.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// Logging in.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA or BDAT, up to the end of the message.
    Data,
    /// Any other command.
    Command,
    /// QUIT, LOGOUT, closing.
    Quit,
}

impl Stage {
    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::Greeting => "greeting",
            Stage::Capabilities => "capabilities",
            Stage::StartTls => "start-tls",
            Stage::Handshake => "handshake",
            Stage::Auth => "auth",
            Stage::Mail => "mail",
            Stage::Rcpt => "rcpt",
            Stage::Data => "data",
            Stage::Command => "command",
            Stage::Quit => "quit",
        }
    }
}

/// Why a dialogue cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Cause {
    /// The host name has no address.
    NoAddress {
        /// What the resolver said, escaped.
        detail: String,
    },
    /// Nothing listens at the port (RST in answer to SYN).
    Refused,
    /// No route to the address.
    Unreachable {
        /// What the system said, escaped.
        detail: String,
    },
    /// Nothing came in time.
    TimedOut {
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// The deadline of the service or of the whole run passed.
    Deadline {
        /// How long this dialogue had been going on, in milliseconds.
        after_ms: u64,
    },
    /// The connection was reset.
    Reset,
    /// The peer closed the connection.
    Closed,
    /// The peer sent a TLS alert.
    TlsAlert {
        /// Its name as in RFC 8446 §6, e.g. `handshake_failure`.
        alert: String,
    },
    /// The TLS handshake failed on our side.
    TlsFailed {
        /// What the TLS library said, escaped.
        detail: String,
    },
    /// The peer answered a TLS hello with something that is not TLS.
    NotTls {
        /// Its first line, escaped.
        first: String,
    },
    /// The peer speaks another protocol.
    OtherProtocol {
        /// Which, in lower case: `smtp`, `pop3`, `imap`, `sieve`, `http`, `ssh`.
        spoken: String,
    },
    /// A line, a reply or a literal is larger than the reader takes.
    TooLarge {
        /// Which cap was hit: `line`, `lines`, `reply`, `literal`, `handshake`.
        what: String,
        /// The cap, in bytes or lines.
        limit: u64,
    },
    /// The server said no in a way that ends the dialogue.
    Rejected {
        /// The reply code, status or response code, as sent; of a greeting without one, its first line. Escaped.
        code: String,
    },
    /// Bytes stood in the buffer between the answer to STARTTLS and the handshake: somebody put them there
    /// (RFC 9051 §6.2.1).
    InjectedBeforeTls {
        /// The bytes.
        span: Span,
    },
    /// We refused to send a secret over a line that is not safe.
    UnsafeForSecret {
        /// Why it is not: `clear`, `unverified`, `out-of-step`.
        why: String,
    },
    /// The server offers nothing that could be used here.
    NotOffered {
        /// What was wanted.
        what: String,
    },
    /// The operating system failed us in another way.
    Io {
        /// What it said, escaped.
        detail: String,
    },
}

impl Cause {
    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(&self) -> &'static str {
        match self {
            Cause::NoAddress { .. } => "no-address",
            Cause::Refused => "refused",
            Cause::Unreachable { .. } => "unreachable",
            Cause::TimedOut { .. } => "timed-out",
            Cause::Deadline { .. } => "deadline",
            Cause::Reset => "reset",
            Cause::Closed => "closed",
            Cause::TlsAlert { .. } => "tls-alert",
            Cause::TlsFailed { .. } => "tls-failed",
            Cause::NotTls { .. } => "not-tls",
            Cause::OtherProtocol { .. } => "other-protocol",
            Cause::TooLarge { .. } => "too-large",
            Cause::Rejected { .. } => "rejected",
            Cause::InjectedBeforeTls { .. } => "injected-before-tls",
            Cause::UnsafeForSecret { .. } => "unsafe-for-secret",
            Cause::NotOffered { .. } => "not-offered",
            Cause::Io { .. } => "io",
        }
    }

    /// Whether the network or the peer's load may be to blame, so that nothing follows about the feature tested.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Cause::Refused
                | Cause::Unreachable { .. }
                | Cause::TimedOut { .. }
                | Cause::Deadline { .. }
                | Cause::Reset
                | Cause::Closed
                | Cause::Io { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_back_as_written() {
        let failure = Failure::new(Stage::Greeting, Cause::TimedOut { waited_ms: 30_000 });
        let json = serde_json::to_value(&failure).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"stage": "greeting", "cause": {"is": "timed-out", "waited_ms": 30_000}, "at": null})
        );
        assert_eq!(serde_json::from_value::<Failure>(json).unwrap(), failure);
    }

    #[test]
    fn ids_are_those_of_the_serialised_form() {
        for cause in [Cause::Refused, Cause::Rejected { code: "421".into() }, Cause::Closed] {
            assert_eq!(serde_json::to_value(&cause).unwrap()["is"], cause.id());
        }
        assert_eq!(serde_json::to_value(Stage::StartTls).unwrap(), Stage::StartTls.id());
    }
}
