use crate::lint::lint;
use crate::{Parsed, Unit};
use ehlo_core::facts::Answered;
use ehlo_core::{Deviation, DeviationKind, Side, Span, escape};
use std::fmt;

/// A reply: one code, one or more lines (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code of the last line; none if that is no reply line at all.
    pub code: Option<u16>,
    /// The enhanced status code of the first line that has one.
    pub enhanced: Option<EnhancedStatusCode>,
    /// The lines.
    pub lines: Vec<ReplyLine>,
    /// The bytes it was read from.
    pub span: Span,
}

/// One line of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyLine {
    /// Its code, if it begins with three digits.
    pub code: Option<u16>,
    /// Its enhanced status code.
    pub enhanced: Option<EnhancedStatusCode>,
    /// The text behind code and separator, the enhanced status code included.
    pub text: Vec<u8>,
    /// The bytes of the text.
    pub text_span: Span,
}

/// `class.subject.detail` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedStatusCode {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl fmt::Display for EnhancedStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Reply {
    /// How it takes the command it answers, by the first digit.
    pub fn answered(&self) -> Answered {
        match self.code.map(|c| c / 100) {
            Some(2) => Answered::Accepted,
            Some(3) => Answered::Continue,
            Some(4) => Answered::Later,
            Some(5) => Answered::Refused,
            _ => Answered::Nonsense,
        }
    }

    /// Its lines, escaped, joined by ` / `.
    pub fn shown(&self) -> String {
        let code = self.code.map_or(String::new(), |c| format!("{c} "));
        let lines: Vec<String> = self.lines.iter().map(|l| escape(&l.text)).collect();
        format!("{code}{}", lines.join(" / ")).trim_end().to_owned()
    }
}

/// Puts the lines of a reply together.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    lines: Vec<ReplyLine>,
    span: Option<Span>,
    deviations: Vec<Deviation>,
}

/// The longest reply line, ending included (RFC 5321 §4.5.3.1.5).
const LONGEST_LINE: usize = 512;

impl Assembler {
    /// How many lines of a reply are here that is not complete.
    pub fn pending_lines(&self) -> usize {
        self.lines.len()
    }

    /// How many bytes they have.
    pub fn pending_bytes(&self) -> u64 {
        self.span.map_or(0, Span::len)
    }

    /// Takes the next line; yields the reply if that was its last.
    pub fn push(&mut self, unit: &Unit, utf8_allowed: bool) -> Option<Parsed<Reply>> {
        let span = Span::new(Side::Server, unit.from, unit.to());
        self.span = Some(self.span.map_or(span, |s| s.join(span)));
        self.deviations.extend(lint(unit, Side::Server, LONGEST_LINE, utf8_allowed));
        let body = unit.first_line();
        let mut deviate = |kind, from: usize, to: usize| {
            let span = Span::new(Side::Server, unit.from + from as u64, unit.from + to as u64);
            self.deviations.push(Deviation::new(kind, span));
        };

        let code = match body {
            [a, b, c, ..] if [a, b, c].iter().all(|d| d.is_ascii_digit()) => {
                Some([a, b, c].iter().fold(0u16, |n, &d| n * 10 + u16::from(d - b'0')))
            }
            _ => None,
        };
        let (text_at, more) = match (code, body.get(3)) {
            (None, _) => {
                let kind = if body.is_empty() { DeviationKind::EmptyLine } else { DeviationKind::NotAReply };
                deviate(kind, 0, body.len());
                // Inside a multi-line reply a line without a code is taken as more text; alone it is a reply.
                (0, !self.lines.is_empty())
            }
            (Some(_), None) => (3, false),
            (Some(_), Some(b' ')) => (4, false),
            (Some(_), Some(b'-')) => (4, true),
            (Some(_), Some(_)) => {
                deviate(DeviationKind::BadSeparator, 3, 4);
                (3, false)
            }
        };
        if let Some(code) = code {
            // RFC 5321 §4.2: the first digit is 2 to 5, the second 0 to 5.
            if !(200..=559).contains(&code) || code / 10 % 10 > 5 {
                deviate(DeviationKind::CodeOutOfRange, 0, 3);
            }
            if self.lines.iter().rev().find_map(|l| l.code).is_some_and(|before| before != code) {
                deviate(DeviationKind::CodesDiffer, 0, 3);
            }
        }

        let text = &body[text_at..];
        let enhanced = match enhanced(text) {
            Enhanced::None => None,
            Enhanced::Bad(len) => {
                deviate(DeviationKind::BadEnhancedCode, text_at, text_at + len);
                None
            }
            Enhanced::Good(found, len) => {
                if code.is_some_and(|c| c / 100 != u16::from(found.class)) {
                    deviate(DeviationKind::EnhancedClassDiffers, text_at, text_at + len);
                }
                Some(found)
            }
        };
        let text_from = unit.from + text_at as u64;
        self.lines.push(ReplyLine {
            code,
            enhanced,
            text: text.to_vec(),
            text_span: Span::new(Side::Server, text_from, text_from + text.len() as u64),
        });
        (!more).then(|| self.finish(span))
    }

    /// Ends the reply where the stream ended.
    pub fn cut_short(&mut self) -> Option<Parsed<Reply>> {
        let span = self.span?;
        Some(self.finish(span))
    }

    fn finish(&mut self, last: Span) -> Parsed<Reply> {
        let lines = std::mem::take(&mut self.lines);
        let reply = Reply {
            code: lines.iter().rev().find_map(|l| l.code),
            enhanced: lines.iter().find_map(|l| l.enhanced),
            lines,
            span: self.span.take().unwrap_or(last),
        };
        Parsed::new(reply, std::mem::take(&mut self.deviations))
    }
}

enum Enhanced {
    None,
    Bad(usize),
    Good(EnhancedStatusCode, usize),
}

/// The enhanced status code at the beginning of a text. Only what is plainly meant as one is called a bad one.
fn enhanced(text: &[u8]) -> Enhanced {
    let word = text.split(|&b| b == b' ').next().unwrap_or_default();
    let parts: Vec<&[u8]> = word.split(|&b| b == b'.').collect();
    let [class, subject, detail] = parts[..] else { return Enhanced::None };
    let all_digits = |s: &[u8]| !s.is_empty() && s.iter().all(u8::is_ascii_digit);
    if !matches!(class, b"2" | b"4" | b"5") || !all_digits(subject) || !all_digits(detail) {
        return Enhanced::None;
    }
    let number = |s: &[u8]| -> Option<u16> {
        let leading_zero = s.len() > 1 && s[0] == b'0';
        (s.len() <= 3 && !leading_zero).then(|| s.iter().fold(0, |n, &d| n * 10 + u16::from(d - b'0')))
    };
    match (number(subject), number(detail)) {
        (Some(subject), Some(detail)) => {
            Enhanced::Good(EnhancedStatusCode { class: class[0] - b'0', subject, detail }, word.len())
        }
        _ => Enhanced::Bad(word.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};
    use ehlo_core::Limits;

    fn replies(bytes: &[u8]) -> Vec<(Reply, Vec<DeviationKind>)> {
        let mut framer = Framer::new(FramerMode::Lines, &Limits::default());
        framer.push(bytes);
        let mut assembler = Assembler::default();
        let mut found = Vec::new();
        while let Some(FramerEvent::Unit(unit)) = framer.next() {
            if let Some(reply) = assembler.push(&unit, false) {
                found.push((reply.value, reply.deviations.iter().map(|d| d.kind).collect()));
            }
        }
        found
    }

    #[test]
    fn a_multi_line_reply_is_one() {
        let found =
            replies(b"250-mail.example.test\r\n250-SIZE 10240000\r\n250 CHUNKING\r\n221 2.0.0 Bye\r\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0.shown(), "250 mail.example.test / SIZE 10240000 / CHUNKING");
        assert_eq!(found[0].0.span, Span::new(Side::Server, 0, 56));
        assert_eq!(found[1].0.enhanced.unwrap().to_string(), "2.0.0");
        assert!(found.iter().all(|(_, deviations)| deviations.is_empty()));
    }

    #[test]
    fn whatever_comes_is_read() {
        use DeviationKind::*;
        for (bytes, code, expected) in [
            (&b"220\r\n"[..], Some(220), vec![]),
            (b"220 hi\n", Some(220), vec![BareLf]),
            (b"hello\r\n", None, vec![NotAReply]),
            (b"\r\n", None, vec![EmptyLine]),
            (b"250-a\r\n550 b\r\n", Some(550), vec![CodesDiffer]),
            (b"250-a\r\nwhat\r\n250 b\r\n", Some(250), vec![NotAReply]),
            (b"250_ok\r\n", Some(250), vec![BadSeparator]),
            (b"999 ok\r\n", Some(999), vec![CodeOutOfRange]),
            (b"550 2.1.0 no\r\n", Some(550), vec![EnhancedClassDiffers]),
            (b"550 5.01.1 no\r\n", Some(550), vec![BadEnhancedCode]),
            (b"550 5.1 no\r\n", Some(550), vec![]),
            (b"220 5.6.7.8 hi\r\n", Some(220), vec![]),
            (b"250 gr\xfc\xdfe\0\x1b[2J\r\n", Some(250), vec![Nul, ControlCharacter, EightBit]),
        ] {
            let found = replies(bytes);
            assert_eq!(found.len(), 1, "{}", escape(bytes));
            assert_eq!(found[0].0.code, code, "{}", escape(bytes));
            assert_eq!(found[0].1, expected, "{}", escape(bytes));
        }
    }
}
