//! The mistakes of building logins by hand.

/// A mistake; its texts are `sasl-fault/<id>` and `sasl-fault/<id>/advice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Base64 over several lines.
    Wrapped,
    /// In quotes.
    Quoted,
    /// Blanks inside.
    Blanks,
    /// `-` and `_`.
    UrlSafe,
    /// No `=` where it is due.
    NoPadding,
    /// More `=` than are due.
    TooMuchPadding,
    /// `=` in the middle: two in one line.
    PaddingInside,
    /// Characters that base64 does not have.
    NotBase64,
    /// A length that base64 cannot have.
    CutOff,
    /// A line feed at the end, from `echo`.
    NewlineEnd,
    /// CR LF at the end.
    CrlfEnd,
    /// `-ne` and the like at the beginning.
    EchoOption,
    /// `\0` as two characters.
    LiteralNul,
    /// No NUL although it is PLAIN.
    NoNul,
    /// The NUL at the beginning is missing.
    OneNul,
    /// More than two.
    ManyNuls,
    /// No user in PLAIN.
    NoUser,
    /// No password in PLAIN.
    NoPassword,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// What comes out is base64 again.
    Twice,
    /// The time of a token is over.
    TokenExpired,
    /// The time of a token has not come.
    TokenEarly,
}

impl Fault {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: &'static [Fault] = &[
        Fault::Wrapped,
        Fault::Quoted,
        Fault::Blanks,
        Fault::UrlSafe,
        Fault::NoPadding,
        Fault::TooMuchPadding,
        Fault::PaddingInside,
        Fault::NotBase64,
        Fault::CutOff,
        Fault::NewlineEnd,
        Fault::CrlfEnd,
        Fault::EchoOption,
        Fault::LiteralNul,
        Fault::NoNul,
        Fault::OneNul,
        Fault::ManyNuls,
        Fault::NoUser,
        Fault::NoPassword,
        Fault::NotUtf8,
        Fault::Twice,
        Fault::TokenExpired,
        Fault::TokenEarly,
    ];

    /// Its id.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Fault::Wrapped => "wrapped",
            Fault::Quoted => "quoted",
            Fault::Blanks => "blanks",
            Fault::UrlSafe => "url-safe",
            Fault::NoPadding => "no-padding",
            Fault::TooMuchPadding => "too-much-padding",
            Fault::PaddingInside => "padding-inside",
            Fault::NotBase64 => "not-base64",
            Fault::CutOff => "cut-off",
            Fault::NewlineEnd => "newline-end",
            Fault::CrlfEnd => "crlf-end",
            Fault::EchoOption => "echo-option",
            Fault::LiteralNul => "literal-nul",
            Fault::NoNul => "no-nul",
            Fault::OneNul => "one-nul",
            Fault::ManyNuls => "many-nuls",
            Fault::NoUser => "no-user",
            Fault::NoPassword => "no-password",
            Fault::NotUtf8 => "not-utf8",
            Fault::Twice => "twice",
            Fault::TokenExpired => "token-expired",
            Fault::TokenEarly => "token-early",
        }
    }
}

/// What is wrong with what a client means to send, apart from its layout: text that a shell spoilt. Yields the text as it
/// was meant, too.
pub(crate) fn of_text(bytes: &[u8]) -> (Vec<u8>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut meant = bytes;
    if let Some(rest) = meant.strip_suffix(b"\r\n") {
        faults.push(Fault::CrlfEnd);
        meant = rest;
    } else if let Some(rest) = meant.strip_suffix(b"\n") {
        faults.push(Fault::NewlineEnd);
        meant = rest;
    }
    for option in [&b"-ne "[..], b"-en ", b"-n ", b"-e "] {
        if let Some(rest) = meant.strip_prefix(option) {
            faults.push(Fault::EchoOption);
            meant = rest;
            break;
        }
    }
    if std::str::from_utf8(meant).is_err() {
        faults.push(Fault::NotUtf8);
    }
    (meant.to_vec(), faults)
}

/// Puts NUL where `\0`, `\000` or `\x00` was written out.
pub(crate) fn with_nuls(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut found = false;
    while let Some((&first, after)) = rest.split_first() {
        let written = [&b"\\000"[..], b"\\x00", b"\\0"].into_iter().find(|w| rest.starts_with(w));
        match written {
            Some(written) => {
                found = true;
                out.push(0);
                rest = &rest[written.len()..];
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_knowledge::{Lang, text};

    #[test]
    fn every_mistake_is_explained() {
        for fault in Fault::ALL {
            for key in [format!("sasl-fault/{}", fault.id()), format!("sasl-fault/{}/advice", fault.id())] {
                assert!(text(Lang::De, &key).is_some(), "{key}");
            }
        }
        assert_eq!(ehlo_knowledge::keys("sasl-fault/").count(), Fault::ALL.len() * 2);
    }

    #[test]
    fn what_a_shell_spoils() {
        let of = |bytes: &[u8]| of_text(bytes);
        assert_eq!(of(b"user\n"), (b"user".to_vec(), vec![Fault::NewlineEnd]));
        assert_eq!(of(b"-ne user\r\n"), (b"user".to_vec(), vec![Fault::CrlfEnd, Fault::EchoOption]));
        assert_eq!(of(b"p\xe4ss").1, [Fault::NotUtf8]);
        assert_eq!(of("päss".as_bytes()).1, []);
        assert_eq!(with_nuls(br"a\0b\000c").as_deref(), Some(&b"a\0b\0c"[..]));
        assert_eq!(with_nuls(b"a\\nb"), None);
    }
}
