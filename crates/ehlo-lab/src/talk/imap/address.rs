//! Addresses of header fields as ENVELOPE wants them: taken apart, but not decoded (RFC 3501 §7.4.2).

use super::nstring;

/// The address list of a header field, in the form of ENVELOPE; NIL if there is none.
pub(super) fn address_list(field: Option<&[u8]>) -> Vec<u8> {
    let addresses = field.map_or(Vec::new(), parse);
    if addresses.is_empty() {
        return b"NIL".to_vec();
    }
    let mut out = b"(".to_vec();
    for address in addresses {
        let parts = [address.name.as_deref(), None, address.mailbox.as_deref(), address.host.as_deref()];
        out.push(b'(');
        out.extend_from_slice(&parts.map(nstring).join(&b' '));
        out.push(b')');
    }
    out.push(b')');
    out
}

#[derive(Default, PartialEq, Eq, Debug)]
struct Parsed {
    name: Option<Vec<u8>>,
    mailbox: Option<Vec<u8>>,
    host: Option<Vec<u8>>,
}

enum Token {
    Word(Vec<u8>),
    Special(u8),
}

/// Reads an address list as well as it can be read; a group becomes a begin and an end mark.
fn parse(field: &[u8]) -> Vec<Parsed> {
    let mut found = Vec::new();
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut angle: Option<Vec<u8>> = None;
    let mut in_angle = false;
    let mut in_group = false;
    let mut flush = |words: &mut Vec<Vec<u8>>, angle: &mut Option<Vec<u8>>| {
        let phrase = words.join(&b' ');
        words.clear();
        match angle.take() {
            Some(spec) => found.push(address((!phrase.is_empty()).then_some(phrase), &spec)),
            None if phrase.is_empty() => {}
            None => found.push(address(None, &phrase.split(|&b| b == b' ').collect::<Vec<_>>().concat())),
        }
        std::mem::take(&mut found)
    };
    let mut all = Vec::new();
    for token in tokens(field) {
        match token {
            Token::Special(b'<') => {
                in_angle = true;
                angle = Some(Vec::new());
            }
            Token::Special(b'>') => in_angle = false,
            Token::Special(b':') if !in_angle && !in_group => {
                in_group = true;
                let name = words.join(&b' ');
                words.clear();
                all.push(Parsed { name: None, mailbox: Some(name), host: None });
            }
            Token::Special(b',') => all.extend(flush(&mut words, &mut angle)),
            Token::Special(b';') => {
                all.extend(flush(&mut words, &mut angle));
                if std::mem::take(&mut in_group) {
                    all.push(Parsed::default());
                }
            }
            Token::Special(byte) => match &mut angle {
                Some(spec) if in_angle => spec.push(byte),
                _ => words.push(vec![byte]),
            },
            Token::Word(word) => match &mut angle {
                Some(spec) if in_angle => spec.extend_from_slice(&word),
                _ => words.push(word),
            },
        }
    }
    all.extend(flush(&mut words, &mut angle));
    if in_group {
        all.push(Parsed::default());
    }
    all
}

fn address(name: Option<Vec<u8>>, spec: &[u8]) -> Parsed {
    let (mailbox, host) = match spec.iter().rposition(|&b| b == b'@') {
        Some(at) => (spec[..at].to_vec(), spec[at + 1..].to_vec()),
        None => (spec.to_vec(), Vec::new()),
    };
    Parsed { name, mailbox: Some(mailbox), host: Some(host) }
}

fn tokens(field: &[u8]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut bytes = field.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'(' => {
                let mut depth = 1;
                while depth > 0 {
                    match bytes.next() {
                        Some(b'(') => depth += 1,
                        Some(b')') => depth -= 1,
                        Some(b'\\') => drop(bytes.next()),
                        Some(_) => {}
                        None => break,
                    }
                }
            }
            b'"' => {
                let mut word = Vec::new();
                loop {
                    match bytes.next() {
                        None | Some(b'"') => break,
                        Some(b'\\') => word.extend(bytes.next()),
                        Some(b'\r' | b'\n') => {}
                        Some(byte) => word.push(byte),
                    }
                }
                found.push(Token::Word(word));
            }
            b'<' | b'>' | b',' | b';' | b':' | b'@' => found.push(Token::Special(byte)),
            byte => {
                let mut word = vec![byte];
                while let Some(&next) = bytes.peek() {
                    if b" \t\r\n()<>,;:@\"".contains(&next) {
                        break;
                    }
                    word.push(next);
                    bytes.next();
                }
                found.push(Token::Word(word));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: &str) -> String {
        String::from_utf8(address_list(Some(field.as_bytes()))).unwrap()
    }

    #[test]
    fn addresses_in_all_their_forms() {
        for (field, expected) in [
            ("Terry Gray <gray@cac.washington.edu>", r#"(("Terry Gray" NIL "gray" "cac.washington.edu"))"#),
            ("a@b, \"C, D\" <c@d>", r#"((NIL NIL "a" "b")("C, D" NIL "c" "d"))"#),
            ("=?UTF-8?Q?J=C3=B6rg?= <j@x> (comment (nested))", r#"(("=?UTF-8?Q?J=C3=B6rg?=" NIL "j" "x"))"#),
            (
                "group: a@b, c@d;",
                r#"((NIL NIL "group" NIL)(NIL NIL "a" "b")(NIL NIL "c" "d")(NIL NIL NIL NIL))"#,
            ),
            ("undisclosed-recipients:;", r#"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"#),
            ("\"quoted local\"@x", r#"((NIL NIL "quotedlocal" "x"))"#),
            ("<>", r#"((NIL NIL "" ""))"#),
            ("", "NIL"),
        ] {
            assert_eq!(shown(field), expected, "{field}");
        }
    }
}
