use super::super::{BindingKind, ChannelBinding};

/// A name as it stands in a message: `,` and `=` in another form (RFC 5802 §5.1, `saslname`).
pub(in super::super) fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// A name as it was meant; none if an equals sign stands there that escapes nothing.
pub(in super::super) fn unescaped(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("=2C") {
            out.push(',');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("=3D") {
            out.push('=');
            rest = after;
        } else {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Whether and how a login is tied to the TLS connection (RFC 5802 §7, `gs2-cbind-flag`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Flag {
    /// `n`: the client cannot.
    No,
    /// `y`: the client could, but thinks that the server cannot.
    Yes,
    /// `p=…`: it is, by this kind of binding.
    By(Vec<u8>),
}

/// The header of GS2 (RFC 5801 §4), and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Gs2<'a> {
    pub(in super::super) flag: Flag,
    /// The user to act as, if one is named.
    pub(in super::super) authzid: Option<String>,
    /// The header as it stands there, with both commas.
    pub(in super::super) header: &'a [u8],
    pub(in super::super) rest: &'a [u8],
}

impl<'a> Gs2<'a> {
    pub(in super::super) fn parse(message: &'a [u8]) -> Option<Gs2<'a>> {
        let first = message.iter().position(|&b| b == b',')?;
        let second = first + 1 + message[first + 1..].iter().position(|&b| b == b',')?;
        let flag = match &message[..first] {
            b"n" => Flag::No,
            b"y" => Flag::Yes,
            other => {
                let name = other.strip_prefix(b"p=").filter(|name| !name.is_empty())?;
                Flag::By(name.to_vec())
            }
        };
        let authzid = match &message[first + 1..second] {
            b"" => None,
            other => Some(unescaped(other.strip_prefix(b"a=")?).filter(|name| !name.is_empty())?),
        };
        let (header, rest) = message.split_at(second + 1);
        Some(Gs2 { flag, authzid, header, rest })
    }
}

/// The header that a client sends, and the binding that goes with it.
pub(super) fn header<'a>(
    binds: bool,
    bindings: &'a [ChannelBinding],
    plus_offered: bool,
    authzid: &str,
) -> Option<(String, Option<&'a ChannelBinding>)> {
    let best = BindingKind::ALL.iter().find_map(|kind| bindings.iter().find(|binding| binding.kind == *kind));
    let (flag, binding) = match (binds, best) {
        (true, best) => (format!("p={}", best?.kind.name()), best),
        // A server that offers channel binding would take `y` for a sign that somebody removed the offer.
        (false, Some(_)) if !plus_offered => ("y".to_owned(), None),
        (false, _) => ("n".to_owned(), None),
    };
    let authzid = if authzid.is_empty() { String::new() } else { format!("a={}", escaped(authzid)) };
    Some((format!("{flag},{authzid},"), binding))
}

/// The attributes of a message (`x=value`), in order; none if one is no attribute.
pub(in super::super) fn attributes(message: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    message
        .split(|&b| b == b',')
        .map(|part| match part {
            [name, b'=', value @ ..] if name.is_ascii_alphabetic() => Some((*name, value)),
            _ => None,
        })
        .collect()
}
