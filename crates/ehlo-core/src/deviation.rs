use crate::Span;
use serde::{Deserialize, Serialize};

/// The peer broke a rule. Reading goes on: a deviation is data, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deviation {
    /// Which rule.
    pub kind: DeviationKind,
    /// The bytes that broke it.
    pub span: Span,
}

impl Deviation {
    /// A deviation of `kind` at `span`.
    pub fn new(kind: DeviationKind, span: Span) -> Deviation {
        Deviation { kind, span }
    }
}

macro_rules! deviation_kinds {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $reference:literal;)*) => {
        /// The rules a peer can break, as a closed vocabulary: each kind has an id (for data and texts) and a source.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum DeviationKind {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl DeviationKind {
            /// All kinds.
            pub const ALL: &'static [DeviationKind] = &[$(DeviationKind::$name,)*];

            /// The id in kebab-case, as in JSON and in the knowledge data.
            pub fn id(self) -> &'static str {
                match self { $(DeviationKind::$name => $id,)* }
            }

            /// The section that sets the rule.
            pub fn reference(self) -> &'static str {
                match self { $(DeviationKind::$name => $reference,)* }
            }
        }
    };
}

deviation_kinds! {
    /// A line ends in LF without CR.
    BareLf = "bare-lf", "RFC 5321 §2.3.8";
    /// A CR stands inside a line.
    BareCr = "bare-cr", "RFC 5321 §2.3.8";
    /// A NUL byte stands in a line.
    Nul = "nul", "RFC 5321 §4.5.2";
    /// A byte above 127 stands where only US-ASCII is allowed.
    EightBit = "eight-bit", "RFC 5321 §4.2";
    /// A control character other than CR, LF and TAB stands in a line.
    ControlCharacter = "control-character", "RFC 5321 §4.2";
    /// A reply line is longer than the protocol allows (the reader's own cap is far above that).
    LineTooLong = "line-too-long", "RFC 5321 §4.5.3.1.5";
    /// The connection ended inside a line.
    UnfinishedLine = "unfinished-line", "RFC 5321 §2.3.8";
    /// A line that is no reply at all.
    NotAReply = "not-a-reply", "RFC 5321 §4.2";
    /// An empty line where a reply was due.
    EmptyLine = "empty-line", "RFC 5321 §4.2";
    /// The reply code is outside 200 to 559.
    CodeOutOfRange = "code-out-of-range", "RFC 5321 §4.2";
    /// The lines of one reply carry different codes.
    CodesDiffer = "codes-differ", "RFC 5321 §4.2.1";
    /// After the code stands neither a blank nor a hyphen.
    BadSeparator = "bad-separator", "RFC 5321 §4.2";
    /// The enhanced status code is not of the form class.subject.detail.
    BadEnhancedCode = "bad-enhanced-code", "RFC 2034 §4";
    /// The class of the enhanced status code contradicts the reply code.
    EnhancedClassDiffers = "enhanced-class-differs", "RFC 2034 §4";
    /// A keyword of the EHLO reply has characters that are not allowed.
    BadKeyword = "bad-keyword", "RFC 5321 §4.1.1.1";
    /// `AUTH=` instead of `AUTH `: the form of old clients, never standardised.
    AuthEquals = "auth-equals", "RFC 4954 §3";
    /// The same capability is listed twice.
    RepeatedCapability = "repeated-capability", "RFC 5321 §4.1.1.1";
    /// A status word is not in upper case.
    WrongCase = "wrong-case", "RFC 1939 §3";
    /// The response has no text where one is required.
    MissingText = "missing-text", "RFC 9051 §9";
    /// More than one blank separates two parts.
    ExtraSpace = "extra-space", "RFC 9051 §9";
    /// A blank stands at the end of a line.
    TrailingSpace = "trailing-space", "RFC 9051 §9";
    /// A multi-line response ended without its final dot.
    MissingDot = "missing-dot", "RFC 1939 §3";
    /// A response code lacks its closing bracket.
    UnclosedCode = "unclosed-code", "RFC 9051 §9";
    /// A list or a quoted string is not closed.
    Unclosed = "unclosed", "RFC 9051 §9";
    /// A closing bracket without an opening one.
    Unopened = "unopened", "RFC 9051 §9";
    /// Lists are nested deeper than the reader follows.
    TooDeep = "too-deep", "RFC 9051 §9";
    /// An atom holds a character that must be quoted.
    BadAtom = "bad-atom", "RFC 9051 §4.1";
    /// A quoted string holds a character that needs a literal, or a wrong escape.
    BadQuoted = "bad-quoted", "RFC 9051 §4.3";
    /// A literal is announced in the form of the other side: clients write `{n+}`, servers `{n}` (ManageSieve).
    BadLiteral = "bad-literal", "RFC 5804 §4";
    /// A number is missing, malformed, or too large.
    BadNumber = "bad-number", "RFC 9051 §4.2";
    /// The tag is not one that was sent, or has characters that a tag must not have.
    BadTag = "bad-tag", "RFC 9051 §2.2.1";
    /// The tagged response carries a tag that no pending command has.
    UnknownTag = "unknown-tag", "RFC 9051 §2.2.1";
    /// A response that the protocol does not know at this place.
    UnexpectedResponse = "unexpected-response", "RFC 9051 §7";
    /// Required items are missing from a structured response.
    MissingItem = "missing-item", "RFC 9051 §7";
    /// The server spoke although nothing was asked.
    UnaskedReply = "unasked-reply", "RFC 5321 §3.1";
    /// The timestamp for APOP is not a well-formed `<…@…>`.
    BadApopStamp = "bad-apop-stamp", "RFC 1939 §7";
    /// A SASL challenge is not valid base64.
    BadBase64 = "bad-base64", "RFC 4422 §4";
    /// A length in a TLS message does not fit what follows, or the message ends too early.
    TlsBadLength = "tls-bad-length", "RFC 8446 §3.4";
    /// Bytes stand behind the end of a TLS message.
    TlsTrailingBytes = "tls-trailing-bytes", "RFC 8446 §3.4";
    /// A TLS message that has no place there.
    TlsUnexpectedMessage = "tls-unexpected-message", "RFC 8446 §4";
    /// The server chose what was not offered: a version, a suite, a compression method, an extension.
    TlsNotOffered = "tls-not-offered", "RFC 8446 §4.1.3";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case_unique_and_round_trip() {
        let mut ids: Vec<_> = DeviationKind::ALL.iter().map(|k| k.id()).collect();
        assert!(
            ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
        );
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
        for &kind in DeviationKind::ALL {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.id()));
            assert_eq!(serde_json::from_str::<DeviationKind>(&json).unwrap(), kind);
        }
    }
}
