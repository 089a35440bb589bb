use std::net::{Ipv4Addr, Ipv6Addr};

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
    /// Whether the local part stood in quotes.
    pub quoted: bool,
}

/// What is wrong with a path that can be read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblem {
    /// The angle brackets are missing.
    Bare,
    /// The local part is no dot-string (RFC 5321 §4.1.2).
    Local,
    /// The domain is none (RFC 5321 §4.1.2).
    Domain,
    /// The address in brackets is none (RFC 5321 §4.1.3).
    Literal,
    /// It is longer than 256 octets (RFC 5321 §4.5.3.1.3).
    TooLong,
}

impl PathProblem {
    /// In a few words.
    pub fn text(self) -> &'static str {
        match self {
            PathProblem::Bare => "the address must stand in angle brackets",
            PathProblem::Local => "the local part is against the grammar",
            PathProblem::Domain => "the domain is against the grammar",
            PathProblem::Literal => "the address literal is none",
            PathProblem::TooLong => "the path is longer than 256 octets",
        }
    }
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

    /// The same as a mailbox of the grammar: the local part in quotes if it needs them.
    pub fn mailbox(&self) -> Vec<u8> {
        if self.local.is_empty() || is_dot_string(&self.local) {
            return self.address();
        }
        let mut mailbox = vec![b'"'];
        for &byte in &self.local {
            if byte == b'"' || byte == b'\\' {
                mailbox.push(b'\\');
            }
            mailbox.push(byte);
        }
        mailbox.push(b'"');
        if !self.domain.is_empty() {
            mailbox.push(b'@');
            mailbox.extend_from_slice(&self.domain);
        }
        mailbox
    }

    /// Whether it has octets beyond ASCII, which need SMTPUTF8 (RFC 6531 §3.3).
    pub fn needs_utf8(&self) -> bool {
        !self.local.is_ascii() || !self.domain.is_ascii()
    }

    /// What a strict server objects to; octets beyond ASCII are letters.
    pub fn problem(&self) -> Option<PathProblem> {
        if self.bare {
            return Some(PathProblem::Bare);
        }
        if self.is_null() {
            return None;
        }
        if self.mailbox().len() + 2 > 256 {
            return Some(PathProblem::TooLong);
        }
        if !self.quoted && !is_dot_string(&self.local) {
            return Some(PathProblem::Local);
        }
        match self.domain.strip_prefix(b"[") {
            Some(literal) => (!is_literal(literal)).then_some(PathProblem::Literal),
            None if self.domain.is_empty() => None,
            None => (!is_domain(&self.domain)).then_some(PathProblem::Domain),
        }
    }
}

fn is_dot_string(local: &[u8]) -> bool {
    local.split(|&b| b == b'.').all(|atom| {
        let fits = |&b: &u8| b.is_ascii_alphanumeric() || b >= 128 || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        !atom.is_empty() && atom.iter().all(fits)
    })
}

/// A domain of labels (RFC 5321 §4.1.2). An underscore is let pass: names with one are in use.
fn is_domain(domain: &[u8]) -> bool {
    domain.len() <= 255
        && domain.split(|&b| b == b'.').all(|label| {
            let fits = |&b: &u8| b.is_ascii_alphanumeric() || b >= 128 || b == b'-' || b == b'_';
            // A label in UTF-8 is longer than it is in the DNS, by a factor that nobody has to work out here.
            let longest = if label.is_ascii() { 63 } else { 252 };
            (1..=longest).contains(&label.len())
                && label.iter().all(fits)
                && !label.starts_with(b"-")
                && !label.ends_with(b"-")
        })
}

/// What follows the bracket of an address literal, the closing one included.
fn is_literal(text: &[u8]) -> bool {
    let Some(inner) = text.strip_suffix(b"]").and_then(|t| std::str::from_utf8(t).ok()) else { return false };
    match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => inner[5..].parse::<Ipv6Addr>().is_ok(),
        _ => inner.parse::<Ipv4Addr>().is_ok(),
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
    path.quoted = quoted;
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

    #[test]
    fn what_strict_servers_object_to() {
        use PathProblem::{Bare, Domain, Literal, Local, TooLong};
        let long = format!("<{}@example.test>", "x".repeat(300));
        for (text, expected) in [
            ("<>", None),
            ("<postmaster>", None),
            ("<a.B+3@example.test>", None),
            ("<!#$%&'*/=?^`{|}~@example.test>", None),
            ("<\"a..b.\"@example.test>", None),
            ("<jörg@bücher.example>", None),
            ("<a@[192.0.2.1]>", None),
            ("<a@[ipv6:2001:db8::1]>", None),
            ("a@example.test", Some(Bare)),
            ("<a..b@example.test>", Some(Local)),
            ("<.a@example.test>", Some(Local)),
            ("<a.@example.test>", Some(Local)),
            ("<a@b@example.test>", Some(Local)),
            ("<a@-example.test>", Some(Domain)),
            ("<a@example-.test>", Some(Domain)),
            ("<a@[192.0.2.999]>", Some(Literal)),
            ("<a@[192.0.2.1>", Some(Literal)),
            ("<a@[IPv6:nonsense]>", Some(Literal)),
            (&long, Some(TooLong)),
        ] {
            assert_eq!(parse_path(text.as_bytes()).unwrap().0.problem(), expected, "{text}");
        }
        let mailbox = |t: &str| parse_path(t.as_bytes()).unwrap().0.mailbox();
        assert_eq!(mailbox("<\"post\\master\"@x.test>"), b"postmaster@x.test");
        assert_eq!(mailbox("<\"a b\\\"\"@x.test>"), b"\"a b\\\"\"@x.test");
    }
}
