//! Addresses of header fields, taken apart but not decoded, as ENVELOPE, SORT and DISPLAYFROM see them
//! (RFC 5322 §3.4 and §4.4, RFC 9051 §7.5.2).

/// An entry of an address list. Without a host it is the beginning of a group, whose name stands in `mailbox`; without a
/// mailbox as well it is the end of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// The display name without its quotes, or else the comment behind the address.
    pub(crate) name: Option<Vec<u8>>,
    /// The obsolete route, e.g. `@a.example,@b.example`.
    pub(crate) route: Option<Vec<u8>>,
    /// The local part without its quotes.
    pub(crate) mailbox: Option<Vec<u8>>,
    /// The domain; empty where the address has none.
    pub(crate) host: Option<Vec<u8>>,
}

/// Reads an address list as well as it can be read; a group becomes a mark for its beginning, and one for its end.
pub(crate) fn addresses(field: &[u8]) -> Vec<Address> {
    let mut list = List::default();
    for token in tokens(field) {
        match token {
            Token::Comment(text) => list.comment = Some(text),
            Token::Special(b'<') if list.angle.is_none() => list.angle = Some(Spec::default()),
            Token::Special(b'>') => list.in_angle_ended = true,
            Token::Special(b':') => match &mut list.angle {
                Some(spec) if !list.in_angle_ended => spec.end_route(),
                _ => list.begin_group(),
            },
            Token::Special(b',') => match &mut list.angle {
                // The domains of a route are parted by commas.
                Some(spec) if !list.in_angle_ended && spec.local.is_empty() && spec.host.is_some() => {
                    spec.push_at_end(b",");
                }
                _ => list.end_address(),
            },
            Token::Special(b';') => list.end_group(),
            Token::Special(byte) => list.special(byte),
            Token::Word(word) => list.word(word),
        }
    }
    list.end_group();
    list.found
}

/// What was read so far.
#[derive(Default)]
struct List {
    found: Vec<Address>,
    words: Vec<Vec<u8>>,
    /// The address, if it is not in angle brackets.
    plain: Spec,
    angle: Option<Spec>,
    in_angle_ended: bool,
    comment: Option<Vec<u8>>,
    in_group: bool,
}

impl List {
    fn word(&mut self, word: Vec<u8>) {
        match &mut self.angle {
            Some(spec) if !self.in_angle_ended => spec.push_at_end(&word),
            _ => {
                self.plain.push_at_end(&word);
                self.words.push(word);
            }
        }
    }

    fn special(&mut self, byte: u8) {
        let spec = match &mut self.angle {
            Some(spec) if !self.in_angle_ended => spec,
            _ => &mut self.plain,
        };
        match byte {
            b'@' => spec.at(),
            byte => spec.push_at_end(&[byte]),
        }
    }

    fn end_address(&mut self) {
        let words = std::mem::take(&mut self.words);
        let plain = std::mem::take(&mut self.plain);
        let comment = self.comment.take().filter(|c| !c.is_empty());
        self.in_angle_ended = false;
        let phrase = words.join(&b' ');
        let (spec, name) = match self.angle.take() {
            Some(spec) => (spec, Some(phrase).filter(|p| !p.is_empty()).or(comment)),
            None if plain.host.is_some() => (plain, comment),
            None if words.is_empty() => return,
            None => (Spec { local: phrase, ..Spec::default() }, comment),
        };
        self.found.push(Address {
            name,
            route: spec.route,
            mailbox: Some(spec.local),
            host: Some(spec.host.unwrap_or_default()),
        });
    }

    fn begin_group(&mut self) {
        if self.in_group {
            // A group holds no group.
            return self.end_address();
        }
        let name = std::mem::take(&mut self.words).join(&b' ');
        self.plain = Spec::default();
        self.angle = None;
        self.in_angle_ended = false;
        self.comment = None;
        self.in_group = true;
        self.found.push(Address { mailbox: Some(name), ..Address::default() });
    }

    fn end_group(&mut self) {
        self.end_address();
        if std::mem::take(&mut self.in_group) {
            self.found.push(Address::default());
        }
    }
}

/// An address as it is being read.
#[derive(Default)]
struct Spec {
    route: Option<Vec<u8>>,
    local: Vec<u8>,
    host: Option<Vec<u8>>,
}

impl Spec {
    fn push_at_end(&mut self, text: &[u8]) {
        self.host.as_mut().unwrap_or(&mut self.local).extend_from_slice(text);
    }

    fn at(&mut self) {
        match &mut self.host {
            Some(host) if self.local.is_empty() && (host.is_empty() || host.ends_with(b",")) => {
                host.push(b'@')
            }
            // The last @ counts.
            Some(host) => {
                self.local.push(b'@');
                self.local.append(host);
            }
            None => self.host = Some(Vec::new()),
        }
    }

    /// At the colon behind a route (RFC 5322 §4.4, `obs-route`).
    fn end_route(&mut self) {
        match self.host.take() {
            Some(domains) if self.local.is_empty() => self.route = Some([&b"@"[..], &domains].concat()),
            host => {
                self.host = host;
                self.push_at_end(b":");
            }
        }
    }
}

enum Token {
    Word(Vec<u8>),
    Special(u8),
    Comment(Vec<u8>),
}

fn tokens(field: &[u8]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut bytes = field.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'(' => {
                let mut text = Vec::new();
                let mut depth = 1_usize;
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'(' => depth += 1,
                        b')' => depth -= 1,
                        _ => {}
                    }
                    match byte {
                        _ if depth == 0 => break,
                        b'\\' => text.extend(bytes.next()),
                        b'\r' | b'\n' => {}
                        byte => text.push(byte),
                    }
                }
                found.push(Token::Comment(text.trim_ascii().to_vec()));
            }
            b'"' => {
                let mut word = Vec::new();
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => word.extend(bytes.next()),
                        b'\r' | b'\n' => {}
                        byte => word.push(byte),
                    }
                }
                found.push(Token::Word(word));
            }
            b'[' => {
                // A domain literal; colons in it are its own.
                let mut word = vec![byte];
                while let Some(next) = bytes.next_if(|b| !b" \t\r\n<>,;\"".contains(b)) {
                    word.push(next);
                    if next == b']' {
                        break;
                    }
                }
                found.push(Token::Word(word));
            }
            b'<' | b'>' | b',' | b';' | b':' | b'@' => found.push(Token::Special(byte)),
            byte => {
                let mut word = vec![byte];
                while let Some(next) = bytes.next_if(|b| !b" \t\r\n()<>,;:@\"[".contains(b)) {
                    word.push(next);
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
        let text = |part: &Option<Vec<u8>>| {
            part.as_ref().map_or("-".to_owned(), |p| format!("{:?}", String::from_utf8_lossy(p)))
        };
        let all: Vec<String> = addresses(field.as_bytes())
            .iter()
            .map(|a| [&a.name, &a.route, &a.mailbox, &a.host].map(text).join(" "))
            .collect();
        all.join(" | ")
    }

    #[test]
    fn addresses_in_all_their_forms() {
        for (field, expected) in [
            ("Terry Gray <gray@cac.washington.edu>", r#""Terry Gray" - "gray" "cac.washington.edu""#),
            ("a@b, \"C, D\" <c@d>", r#"- - "a" "b" | "C, D" - "c" "d""#),
            ("=?UTF-8?Q?J=C3=B6rg?= <j@x> (comment (nested))", r#""=?UTF-8?Q?J=C3=B6rg?=" - "j" "x""#),
            ("a@b (A. B.)", r#""A. B." - "a" "b""#),
            ("group: a@b, c@d;", r#"- - "group" - | - - "a" "b" | - - "c" "d" | - - - -"#),
            ("undisclosed-recipients:;", r#"- - "undisclosed-recipients" - | - - - -"#),
            ("A:;, b@c, D: e@f", r#"- - "A" - | - - - - | - - "b" "c" | - - "D" - | - - "e" "f" | - - - -"#),
            ("\"quoted local\"@x", r#"- - "quoted local" "x""#),
            ("\"a\\\"b\" <\"c d\"@x>", r#""a\"b" - "c d" "x""#),
            ("<@a.example,@b.example:joe@c>", r#"- "@a.example,@b.example" "joe" "c""#),
            ("Joe <@a:joe@c>", r#""Joe" "@a" "joe" "c""#),
            ("a@[IPv6:::1], b@[1.2.3.4]", r#"- - "a" "[IPv6:::1]" | - - "b" "[1.2.3.4]""#),
            ("a . b @ c . d", r#"- - "a.b" "c.d""#),
            ("a@b@c", r#"- - "a@b" "c""#),
            ("<>", r#"- - "" """#),
            ("only a name", r#"- - "only a name" """#),
            ("[list] <l@x>", r#""[list]" - "l" "x""#),
            ("a@b; c@d", r#"- - "a" "b" | - - "c" "d""#),
            ("", ""),
            (" , ,", ""),
        ] {
            assert_eq!(shown(field), expected, "{field}");
        }
    }

    #[test]
    fn anything_is_read() {
        for field in
            ["<<>>", "(((", "\"", "a@", "@", ":;:;", "<a:b:c>", "<@,@,:>", "x:y:z@q;", "\\", "[", "<@a,@b"]
        {
            let _ = addresses(field.as_bytes());
        }
        assert!(addresses("(".repeat(100_000).as_bytes()).is_empty());
        assert_eq!(addresses("[,".repeat(100_000).as_bytes()).len(), 100_000);
    }
}
