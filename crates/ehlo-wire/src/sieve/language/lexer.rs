use super::Fault;

/// A token, and the offset where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// The tokens of RFC 5228 §8.1. Identifiers and tags are in lower case: case does not matter in them (§2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Identifier(String),
    Tag(String),
    Number(u64),
    Text(String),
    /// One of `[ ] { } ( ) , ;`
    Sign(char),
    End,
}

impl Kind {
    /// How it is called in a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Kind::Identifier(name) => name.clone(),
            Kind::Tag(name) => format!(":{name}"),
            Kind::Number(n) => format!("the number {n}"),
            Kind::Text(_) => "a string".into(),
            Kind::Sign(c) => c.to_string(),
            Kind::End => "the end of the script".into(),
        }
    }
}

/// Cuts a script into tokens; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, (usize, Fault)> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token.kind == Kind::End;
        found.push(token);
        if end {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Result<Token, (usize, Fault)> {
        self.skip_white()?;
        let at = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(Token { at, kind: Kind::End }) };
        let kind = match first {
            '[' | ']' | '{' | '}' | '(' | ')' | ',' | ';' => {
                self.at += 1;
                Kind::Sign(first)
            }
            '"' => self.quoted()?,
            '0'..='9' => self.number()?,
            ':' => {
                self.at += 1;
                match self.identifier() {
                    Some(name) => Kind::Tag(name),
                    None => return Err((at, Fault::BadCharacter(':'))),
                }
            }
            _ => match self.identifier() {
                Some(name) if name == "text" && self.rest().starts_with(':') => self.multi_line(at)?,
                Some(name) => Kind::Identifier(name),
                None => return Err((at, Fault::BadCharacter(first))),
            },
        };
        Ok(Token { at, kind })
    }

    /// Blanks, ends of lines and comments (RFC 5228 §2.3).
    fn skip_white(&mut self) -> Result<(), (usize, Fault)> {
        loop {
            let rest = self.rest();
            let white = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if white > 0 {
                self.at += white;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.split_once("*/") {
                    Some((inside, _)) => self.at += inside.len() + 4,
                    None => return Err((self.at, Fault::OpenComment)),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn identifier(&mut self) -> Option<String> {
        let rest = self.rest();
        let length = rest.bytes().take_while(|&b| b.is_ascii_alphanumeric() || b == b'_').count();
        let name = rest[..length].to_ascii_lowercase();
        let starts = name.starts_with(|c: char| !c.is_ascii_digit());
        self.at += if starts { length } else { 0 };
        starts.then_some(name)
    }

    fn number(&mut self) -> Result<Kind, (usize, Fault)> {
        let at = self.at;
        let rest = self.rest();
        let length = rest.bytes().take_while(|&b| b.is_ascii_alphanumeric() || b == b'_').count();
        let word = rest[..length].to_owned();
        self.at += length;
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor = match word[digits.len()..].to_ascii_uppercase().as_str() {
            "" => Some(1),
            "K" => Some(1u64 << 10),
            "M" => Some(1 << 20),
            "G" => Some(1 << 30),
            _ => None,
        };
        let number = digits.parse::<u64>().ok().zip(factor).and_then(|(n, f)| n.checked_mul(f));
        number.map(Kind::Number).ok_or((at, Fault::BadNumber(word)))
    }

    fn quoted(&mut self) -> Result<Kind, (usize, Fault)> {
        let at = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    return Ok(Kind::Text(text));
                }
                // RFC 5228 §2.4.2: what is escaped stands for itself.
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        Err((at, Fault::OpenString))
    }

    /// `text:` and lines up to one that is a dot alone.
    fn multi_line(&mut self, at: usize) -> Result<Kind, (usize, Fault)> {
        self.at += 1;
        let rest = self.rest();
        let head = rest.find('\n').ok_or((at, Fault::OpenText))?;
        let tail = rest[..head].trim_matches([' ', '\t', '\r']);
        if !tail.is_empty() && !tail.starts_with('#') {
            let wanted = Fault::Wanted { wanted: "the end of the line", found: tail.to_owned() };
            return Err((self.at, wanted));
        }
        self.at += head + 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let (line, length) = match rest.find('\n') {
                Some(end) => (&rest[..end], end + 1),
                None => (rest, rest.len()),
            };
            let ended = line.strip_suffix('\r').unwrap_or(line) == ".";
            if length == 0 && !ended {
                return Err((at, Fault::OpenText));
            }
            if !ended {
                text.push_str(line.strip_prefix('.').filter(|l| l.starts_with('.')).unwrap_or(line));
                text.push('\n');
            }
            self.at += length;
            if ended {
                return Ok(Kind::Text(text));
            }
        }
    }
}
