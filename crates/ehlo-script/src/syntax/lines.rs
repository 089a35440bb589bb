use super::header::field;
use super::payload::is_end_word;

/// A line of a file, with its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What it is.
    pub kind: LineKind,
    /// The whole of it.
    pub text: &'a str,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Nothing but blanks.
    Blank,
    /// `# …`
    Comment,
    /// `key: value` at the top.
    Field,
    /// `== name`
    Step,
    /// `C: …`, `S~ …`: what stands behind the prefix is payload.
    Dialogue,
    /// `C tls …`, `S closed`
    Verb,
    /// `word …`
    Statement,
    /// A line of a here document.
    Here,
    /// The word that ends a here document.
    HereEnd,
}

impl<'a> Line<'a> {
    /// The line without its ending.
    pub fn body(&self) -> &'a str {
        let body = self.text.strip_suffix('\n').unwrap_or(self.text);
        body.strip_suffix('\r').unwrap_or(body)
    }
}

/// Cuts a file into lines and tells what each is. Put together again, the lines are the file.
///
/// A here document whose end never comes is no here document: its lines are what they look like.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    let cut: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out: Vec<Line<'_>> = Vec::with_capacity(cut.len());
    let mut in_header = true;
    let mut at = 0;
    while at < cut.len() {
        let line = Line { kind: LineKind::Blank, text: cut[at] };
        let kind = kind_of(line.body(), in_header);
        in_header &= matches!(kind, LineKind::Blank | LineKind::Comment | LineKind::Field);
        out.push(Line { kind, text: cut[at] });
        at += 1;
        if !matches!(kind, LineKind::Dialogue | LineKind::Verb) {
            continue;
        }
        for end in here_words(line.body()) {
            let Some(length) =
                cut[at..].iter().position(|l| Line { kind: LineKind::Here, text: l }.body() == end)
            else {
                break;
            };
            out.extend(cut[at..at + length].iter().map(|l| Line { kind: LineKind::Here, text: l }));
            out.push(Line { kind: LineKind::HereEnd, text: cut[at + length] });
            at += length + 1;
        }
    }
    out
}

fn kind_of(body: &str, in_header: bool) -> LineKind {
    let trimmed = body.trim_start();
    if trimmed.is_empty() {
        // `C:` with blanks in front is no blank line; this is one.
        return LineKind::Blank;
    }
    if trimmed.starts_with('#') {
        return LineKind::Comment;
    }
    if body.starts_with("==") {
        return LineKind::Step;
    }
    if in_header && field(body).is_some() {
        return LineKind::Field;
    }
    match prefix(trimmed) {
        Some(prefix) if prefix.mode.is_some() => LineKind::Dialogue,
        Some(_) => LineKind::Verb,
        None => LineKind::Statement,
    }
}

/// The words that end the here documents of a line, in order: `{<<END}`, `{<<END+}`, or `<<END` as an argument.
fn here_words(body: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find("<<") {
        let before = &rest[..at];
        let word = &rest[at + 2..];
        let length = word
            .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
            .unwrap_or(word.len());
        let (end, after) = word.split_at(length);
        let literal = before.ends_with('{') && (after.starts_with('}') || after.starts_with("+}"));
        let argument = before.ends_with(' ') && (after.is_empty() || after.starts_with(' '));
        if is_end_word(end) && (literal || argument) {
            found.push(end);
        }
        rest = after;
    }
    found
}

/// What stands in front of a line of the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix<'a> {
    /// `C` or `S`.
    pub(crate) side: char,
    /// Which connection.
    pub(crate) label: &'a str,
    /// `?`, `!`, `>`
    pub(crate) mark: Option<char>,
    /// `:`, `=`, `~`; none for a verb.
    pub(crate) mode: Option<char>,
    /// Offset behind it, a blank included.
    pub(crate) length: usize,
}

/// The prefix of a line, if it has one.
pub(crate) fn prefix(line: &str) -> Option<Prefix<'_>> {
    let side = line.chars().next().filter(|c| matches!(c, 'C' | 'S'))?;
    let mut pos = 1;
    let rest = &line[pos..];
    let label = if let Some(name) = rest.strip_prefix('@') {
        let length =
            name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(name.len());
        pos += length + 1;
        if length == 0 {
            return None;
        }
        &name[..length]
    } else {
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        pos += length;
        &rest[..length]
    };
    let mark = line[pos..].chars().next().filter(|c| matches!(c, '?' | '!' | '>'));
    pos += usize::from(mark.is_some());
    let mode = line[pos..].chars().next();
    match mode {
        Some(c @ (':' | '=' | '~')) => {
            pos += 1;
            pos += usize::from(line[pos..].starts_with(' '));
            Some(Prefix { side, label, mark, mode: Some(c), length: pos })
        }
        Some(' ' | '\t') if mark.is_none() => Some(Prefix { side, label, mark, mode: None, length: pos + 1 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_kept() {
        let text =
            "title: x\r\n\n# c\nC data <<E\n.\nE\nS: 250\nlet a = b\n== step\nC: x {<<A}\n1\nA\n no end";
        let found = lines(text);
        assert_eq!(found.iter().map(|l| l.text).collect::<String>(), text);
        use LineKind::*;
        assert_eq!(
            found.iter().map(|l| l.kind).collect::<Vec<_>>(),
            [
                Field, Blank, Comment, Verb, Here, HereEnd, Dialogue, Statement, Step, Dialogue, Here,
                HereEnd, Statement
            ]
        );
    }

    #[test]
    fn prefixes() {
        let of = |l| prefix(l).map(|p| (p.side, p.label, p.mark, p.mode, p.length));
        assert_eq!(of("C: x"), Some(('C', "", None, Some(':'), 3)));
        assert_eq!(of("C:"), Some(('C', "", None, Some(':'), 2)));
        assert_eq!(of("S2!~ x"), Some(('S', "2", Some('!'), Some('~'), 5)));
        assert_eq!(of("S@imap>: x"), Some(('S', "imap", Some('>'), Some(':'), 9)));
        assert_eq!(of("C2 tls"), Some(('C', "2", None, None, 3)));
        assert_eq!(of("Capture"), None);
        assert_eq!(of("S? x"), None);
        assert_eq!(of("C@: x"), None);
    }
}
