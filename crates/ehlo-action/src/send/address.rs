use ehlo_wire::smtp::parse_path;

/// A mailbox of a header: a name and an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, if it has one.
    pub name: Option<String>,
    /// The address without brackets; empty for the null reverse-path.
    pub address: String,
}

/// Why something is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressProblem {
    /// It holds CR, LF or NUL, which would change the meaning of a command (CWE-93).
    Injection,
    /// It is not of the form `local@domain`, `Name <local@domain>`.
    Form,
}

impl AddressProblem {
    /// Its id, as in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            AddressProblem::Injection => "injection",
            AddressProblem::Form => "form",
        }
    }
}

/// Reads `a@b`, `<a@b>`, `Name <a@b>`, `"Name, with comma" <a@b>`, parted by commas.
///
/// # Errors
/// An [`AddressProblem`], with the part that has it.
pub fn mailboxes(text: &str) -> Result<Vec<Mailbox>, (AddressProblem, String)> {
    parted(text).into_iter().map(|part| mailbox(part).map_err(|problem| (problem, part.to_owned()))).collect()
}

/// Reads one of them; `<>` is the null reverse-path.
///
/// # Errors
/// An [`AddressProblem`].
pub fn mailbox(text: &str) -> Result<Mailbox, AddressProblem> {
    if text.contains(['\r', '\n', '\0']) {
        return Err(AddressProblem::Injection);
    }
    let text = text.trim();
    let (name, address) = match (text.rfind('<'), text.ends_with('>')) {
        (Some(at), true) => (text[..at].trim(), &text[at + 1..text.len() - 1]),
        (None, false) => ("", text),
        _ => return Err(AddressProblem::Form),
    };
    let name = match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => name.to_owned(),
    };
    let path = format!("<{address}>");
    let fits = address.is_empty() && text == "<>"
        || parse_path(path.as_bytes()).is_some_and(|(path, rest)| {
            rest.is_empty() && !path.is_null() && !path.local.is_empty() && !address.starts_with(' ')
        });
    // RFC 5321 §4.5.1: `postmaster` needs no domain; everybody else does, and servers say so themselves.
    if !fits || address.bytes().any(|b| b.is_ascii_control()) {
        return Err(AddressProblem::Form);
    }
    Ok(Mailbox { name: Some(name).filter(|n| !n.is_empty()), address: address.to_owned() })
}

/// Parts a list at its commas, but not at those inside quotes or brackets.
fn parted(text: &str) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracket = true,
            '>' if !quoted => bracket = false,
            ',' if !quoted && !bracket => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The domain of an address; empty if it has none.
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_addresses() {
        let of = |text: &str| mailbox(text).map(|m| (m.name.unwrap_or_default(), m.address));
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(of("bob@example.test"), pair("", "bob@example.test"));
        assert_eq!(of(" <bob@example.test> "), pair("", "bob@example.test"));
        assert_eq!(of("Bob B <bob@example.test>"), pair("Bob B", "bob@example.test"));
        assert_eq!(of("\"B, \\\"b\\\"\" <b@x.test>"), pair("B, \"b\"", "b@x.test"));
        assert_eq!(of("jörg@exämple.test"), pair("", "jörg@exämple.test"));
        assert_eq!(of("\"a b\"@x.test"), pair("", "\"a b\"@x.test"));
        assert_eq!(of("<>"), pair("", ""));
        assert_eq!(of("postmaster"), pair("", "postmaster"));
        for bad in ["", "a b@x.test", "a@x.test>", "<a@x.test", "a@x.test> SIZE=1", "@", "a@b c"] {
            assert_eq!(mailbox(bad), Err(AddressProblem::Form), "{bad}");
        }
        for evil in ["a@b\r\nDATA", "a\nb@c", "a@b\0"] {
            assert_eq!(mailbox(evil), Err(AddressProblem::Injection), "{evil:?}");
        }
    }

    #[test]
    fn lists_are_parted_at_their_commas() {
        let of = |text: &str| mailboxes(text).map(|m| m.into_iter().map(|m| m.address).collect::<Vec<_>>());
        assert_eq!(of("a@x,b@y, \"C, D\" <c@z>,"), Ok(vec!["a@x".into(), "b@y".into(), "c@z".into()]));
        assert_eq!(of("a@x,b y"), Err((AddressProblem::Form, "b y".into())));
    }
}
