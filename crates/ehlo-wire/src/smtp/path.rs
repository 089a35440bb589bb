/// A reverse-path or forward-path, taken apart (RFC 5321 §4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The part before the `@`, unquoted.
    pub local: Vec<u8>,
    /// The domain or address literal; empty for the null path and for `<postmaster>`.
    pub domain: Vec<u8>,
    /// Whether a source route stood in front, which is obsolete and ignored.
    pub routed: bool,
    /// Whether the angle brackets were missing, as typed by hand.
    pub bare: bool,
}

impl Path {
    /// Whether it is `<>`.
    pub fn is_null(&self) -> bool {
        self.local.is_empty() && self.domain.is_empty()
    }

    /// `local@domain` for comparing and showing.
    pub fn address(&self) -> Vec<u8> {
        let mut address = self.local.clone();
        if !self.domain.is_empty() {
            address.push(b'@');
            address.extend_from_slice(&self.domain);
        }
        address
    }
}

/// Reads a path at the beginning of `text`; yields it and what follows it. Blanks in front and missing brackets are
/// tolerated, as most servers do; `None` means that it is no path.
pub fn parse_path(text: &[u8]) -> Option<(Path, &[u8])> {
    let text = text.trim_ascii_start();
    let mut path = Path::default();
    let (inner, rest) = match text.strip_prefix(b"<") {
        Some(after) => {
            let close = end_of_path(after)?;
            (&after[..close], &after[close + 1..])
        }
        None => {
            path.bare = true;
            let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
            (&text[..end], &text[end..])
        }
    };
    if path.bare && inner.is_empty() {
        return None;
    }
    let mailbox = match inner.strip_prefix(b"@") {
        Some(route) => {
            path.routed = true;
            &route[route.iter().position(|&b| b == b':')? + 1..]
        }
        None => inner,
    };
    if mailbox.is_empty() {
        return (!path.routed).then_some((path, rest));
    }
    let (local, domain) = if mailbox.first() == Some(&b'"') {
        let (local, after) = unquote(mailbox)?;
        match after {
            [] => (local, &b""[..]),
            [b'@', domain @ ..] => (local, domain),
            _ => return None,
        }
    } else {
        match mailbox.iter().rposition(|&b| b == b'@') {
            Some(at) => (mailbox[..at].to_vec(), &mailbox[at + 1..]),
            None => (mailbox.to_vec(), &b""[..]),
        }
    };
    let quoted = mailbox.first() == Some(&b'"');
    let bad_local = local.is_empty()
        || (!quoted && local.iter().any(|&b| b <= b' ' || b == 127 || b"<>()[],;:\\\"".contains(&b)));
    let bad_domain = domain.iter().any(|&b| b <= b' ' || b == 127 || b"<>(),;\\\"@".contains(&b))
        || domain.starts_with(b".")
        || domain.ends_with(b".")
        || domain.windows(2).any(|w| w == b"..");
    let at_without_domain = mailbox.ends_with(b"@");
    if bad_local || bad_domain || at_without_domain {
        return None;
    }
    path.local = local;
    path.domain = domain.to_vec();
    Some((path, rest))
}

fn end_of_path(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut bytes = text.iter().enumerate().skip(1);
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return Some((out, &text[at + 1..])),
            b'\\' => out.push(*bytes.next()?.1),
            byte if byte < b' ' || byte == 127 => return None,
            byte => out.push(byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_path(text.as_bytes()) {
            None => "-".into(),
            Some((path, rest)) => format!(
                "{}|{}{}{}",
                String::from_utf8_lossy(&path.address()),
                String::from_utf8_lossy(rest),
                if path.routed { " routed" } else { "" },
                if path.bare { " bare" } else { "" }
            ),
        }
    }

    #[test]
    fn paths_are_read_as_servers_read_them() {
        for (text, expected) in [
            ("<>", "|"),
            ("<bob@example.test> SIZE=5", "bob@example.test| SIZE=5"),
            (" <bob@example.test>", "bob@example.test|"),
            ("bob@example.test", "bob@example.test| bare"),
            ("<Postmaster>", "Postmaster|"),
            ("<\"a b\\\"c>\"@example.test>", "a b\"c>@example.test|"),
            ("<@hop.test,@x.test:bob@example.test>", "bob@example.test| routed"),
            ("<bob@[192.0.2.1]>", "bob@[192.0.2.1]|"),
            ("<bob@[IPv6:2001:db8::1]>", "bob@[IPv6:2001:db8::1]|"),
            ("<jörg@example.test>", "jörg@example.test|"),
            ("<bob", "-"),
            ("", "-"),
            ("<bob@>", "-"),
            ("<@example.test>", "-"),
            ("<a b@example.test>", "-"),
            ("<bob@ex..test>", "-"),
            ("<bob@a@b>", "bob@a@b|"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
