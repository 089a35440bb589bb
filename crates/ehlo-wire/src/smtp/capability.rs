use super::Reply;
use crate::Parsed;
use ehlo_core::{Deviation, DeviationKind, Span};

/// What an EHLO or LHLO reply says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ehlo {
    /// The name that the server gives itself: the first word.
    pub host: Option<Vec<u8>>,
    /// The rest of the first line.
    pub greeting: Vec<u8>,
    /// The extensions.
    pub keywords: Vec<Keyword>,
}

/// One extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// Its keyword, upper case; `AUTH=` for the form of old clients.
    pub name: String,
    /// Its parameters, as sent.
    pub args: Vec<Vec<u8>>,
    /// The line.
    pub span: Span,
}

/// Reads a 250 reply to EHLO or LHLO (RFC 5321 §4.1.1.1).
pub fn ehlo(reply: &Reply) -> Parsed<Ehlo> {
    let mut ehlo = Ehlo::default();
    let mut deviations = Vec::new();
    for (index, line) in reply.lines.iter().enumerate() {
        let words: Vec<&[u8]> = line.text.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
        if index == 0 {
            ehlo.host = words.first().map(|w| w.to_vec());
            ehlo.greeting = words.iter().skip(1).copied().collect::<Vec<_>>().join(&b' ');
            continue;
        }
        let Some((&first, args)) = words.split_first() else { continue };
        let mut args: Vec<Vec<u8>> = args.iter().map(|a| a.to_vec()).collect();
        let mut deviate = |kind| deviations.push(Deviation::new(kind, line.text_span));
        let name = match first.iter().position(|&b| b == b'=') {
            // `AUTH=PLAIN`: never standard, offered for clients of the last century.
            Some(at) if first[..at].eq_ignore_ascii_case(b"AUTH") => {
                deviate(DeviationKind::AuthEquals);
                if !first[at + 1..].is_empty() {
                    args.insert(0, first[at + 1..].to_vec());
                }
                "AUTH=".to_owned()
            }
            _ => {
                // ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
                if !first.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-') || first[0] == b'-' {
                    deviate(DeviationKind::BadKeyword);
                }
                ehlo_core::escape(&first.to_ascii_uppercase())
            }
        };
        if ehlo.keywords.iter().any(|k: &Keyword| k.name == name) {
            deviate(DeviationKind::RepeatedCapability);
        }
        ehlo.keywords.push(Keyword { name, args, span: line.text_span });
    }
    Parsed::new(ehlo, deviations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Assembler;
    use crate::{Framer, FramerEvent, FramerMode};

    fn read(bytes: &[u8]) -> Parsed<Ehlo> {
        let mut framer = Framer::new(FramerMode::Lines, &ehlo_core::Limits::default());
        framer.push(bytes);
        let mut assembler = Assembler::default();
        loop {
            let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no reply") };
            if let Some(reply) = assembler.push(&unit, false) {
                return ehlo(&reply.value);
            }
        }
    }

    #[test]
    fn keywords_and_their_parameters() {
        let read = read(b"250-mail.example.test at your service\r\n250-size 10240000\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=PLAIN\r\n250 XXXXXXXA\r\n");
        let ehlo = read.value;
        assert_eq!(ehlo.host.unwrap(), b"mail.example.test");
        assert_eq!(ehlo.greeting, b"at your service");
        let names: Vec<_> = ehlo.keywords.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(names, ["SIZE", "AUTH", "AUTH=", "XXXXXXXA"]);
        assert_eq!(ehlo.keywords[1].args, [b"PLAIN".to_vec(), b"LOGIN".to_vec()]);
        assert_eq!(read.deviations.iter().map(|d| d.kind).collect::<Vec<_>>(), [DeviationKind::AuthEquals]);
    }

    #[test]
    fn odd_keywords_are_kept_and_told() {
        let read = read(b"250-x\r\n250-\xff\x1b[1m\r\n250-SIZE\r\n250-  \r\n250 SIZE 5\r\n");
        let names: Vec<_> = read.value.keywords.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(names, [r"\xff\x1b[1M", "SIZE", "SIZE"]);
        assert_eq!(
            read.deviations.iter().map(|d| d.kind).collect::<Vec<_>>(),
            [DeviationKind::BadKeyword, DeviationKind::RepeatedCapability]
        );
    }
}
