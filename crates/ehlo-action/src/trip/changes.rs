//! How a message differs from what was sent.

use super::fields::{RawField, split};
use super::parts;
use ehlo_core::escape;
use ehlo_core::trip::{BodyChange, ChangedField, Difference, TripChanges, TripField};

/// So many octets on each side of a difference are shown.
const EXCERPT: usize = 40;

/// Compares what came with what was sent.
pub fn changes(sent: &[u8], received: &[u8]) -> TripChanges {
    let (sent_fields, sent_body) = split(sent);
    let (received_fields, received_body) = split(received);
    let mut found = TripChanges {
        body_sent: sent_body.len() as u64,
        body_received: received_body.len() as u64,
        ..TripChanges::default()
    };
    header(&sent_fields, &received_fields, &mut found);
    if sent_body != received_body {
        found.first = Some(difference(sent_body, received_body));
        (found.body, found.parts) = body(sent, received, sent_body, received_body);
    }
    found
}

fn header(sent: &[RawField], received: &[RawField], found: &mut TripChanges) {
    let mut used = vec![false; received.len()];
    let mut pairs: Vec<(usize, Option<usize>)> = Vec::new();
    // Servers add on top, so what was sent is looked for from below; what says the same goes before what does not.
    for exact in [true, false] {
        for (index, field) in sent.iter().enumerate().rev() {
            if pairs.iter().any(|(known, _)| *known == index) {
                continue;
            }
            let same = |other: &RawField| {
                other.name.eq_ignore_ascii_case(&field.name)
                    && (!exact || other.unfolded() == field.unfolded())
            };
            let at = (0..received.len()).rev().find(|&at| !used[at] && same(&received[at]));
            match at {
                Some(at) => {
                    used[at] = true;
                    pairs.push((index, Some(at)));
                }
                None if !exact => pairs.push((index, None)),
                None => {}
            }
        }
    }
    pairs.sort_unstable();
    for (index, at) in pairs {
        let field = &sent[index];
        let Some(other) = at.map(|at| &received[at]) else {
            found.removed.push(told(field));
            continue;
        };
        if field.unfolded() != other.unfolded() {
            found.changed.push(ChangedField {
                name: escape(&field.name),
                sent: field.shown(),
                received: other.shown(),
            });
        } else if without_line_ends(&field.raw) != without_line_ends(&other.raw) {
            found.refolded.push(escape(&field.name));
        }
    }
    found.added =
        received.iter().zip(&used).filter(|(_, used)| !**used).map(|(field, _)| told(field)).collect();
}

fn told(field: &RawField) -> TripField {
    TripField { name: escape(&field.name), value: field.shown() }
}

/// How a line ends is told of the body, and where it is folded stays visible.
fn without_line_ends(raw: &[u8]) -> Vec<u8> {
    raw.iter().copied().filter(|&b| b != b'\r').collect()
}

/// Where two bodies part.
fn difference(sent: &[u8], received: &[u8]) -> Difference {
    let at = sent.iter().zip(received).position(|(a, b)| a != b).unwrap_or(sent.len().min(received.len()));
    let line = sent[..at].iter().filter(|&&b| b == b'\n').count() + 1;
    let from = at.saturating_sub(EXCERPT / 2);
    // From the beginning of the line, if that is near.
    let from = sent[from..at].iter().rposition(|&b| b == b'\n').map_or(from, |n| from + n + 1);
    let excerpt = |bytes: &[u8]| escape(&bytes[from.min(bytes.len())..(at + EXCERPT).min(bytes.len())]);
    Difference { offset: at as u64, line: line as u64, sent: excerpt(sent), received: excerpt(received) }
}

/// Makes what differs in one respect the same.
type Levelled = fn(&[u8]) -> Vec<u8>;

/// What servers are known to do to a body; taken together, in this order.
const KNOWN: &[(BodyChange, Levelled)] = &[
    (BodyChange::LineEndings, line_endings),
    (BodyChange::TrailingBlanks, trailing_blanks),
    (BodyChange::Dots, dots),
    (BodyChange::FromLines, from_lines),
    (BodyChange::LinesFolded, line_breaks),
    (BodyChange::EightBit, eighth_bit),
];

fn body(
    sent: &[u8],
    received: &[u8],
    sent_body: &[u8],
    received_body: &[u8],
) -> (Vec<BodyChange>, Vec<ehlo_core::trip::PartChange>) {
    // The parts of a message say what their encoding, charset or file is, and whether what they hold is the same.
    let (in_parts, parts) = parts::compare(sent, received);
    if let Some(kinds) = in_parts {
        return (kinds, parts);
    }
    if let Some(kinds) = fewest(sent_body, received_body) {
        return (kinds, parts);
    }
    let mut kinds = Vec::new();
    let (ours, theirs) = (line_endings(sent_body), line_endings(received_body));
    if bare(received_body) != bare(sent_body) {
        kinds.push(BodyChange::LineEndings);
    }
    let (ours, theirs) = (ours.trim_ascii_end(), theirs.trim_ascii_end());
    kinds.push(if ours.starts_with(theirs) {
        BodyChange::Cut
    } else if theirs.starts_with(ours) {
        BodyChange::Appended
    } else {
        BodyChange::Content
    });
    (kinds, parts)
}

/// The fewest of the known changes that explain all of the difference.
fn fewest(sent: &[u8], received: &[u8]) -> Option<Vec<BodyChange>> {
    /// Larger bodies are not worth trying everything.
    const LARGEST: usize = 1 << 20;
    let most = if sent.len().max(received.len()) > LARGEST { 1 } else { 3 };
    let mut choices: Vec<u32> = (1..1 << KNOWN.len()).filter(|set: &u32| set.count_ones() <= most).collect();
    choices.sort_by_key(|set| (set.count_ones(), *set));
    let chosen =
        |set: u32| (0..KNOWN.len()).filter(move |index| set & (1 << index) != 0).map(|index| KNOWN[index]);
    let level = |bytes: &[u8], set| chosen(set).fold(bytes.to_vec(), |bytes, (_, levelled)| levelled(&bytes));
    let set = choices.into_iter().find(|set| level(sent, *set) == level(received, *set))?;
    Some(chosen(set).map(|(kind, _)| kind).collect())
}

/// Whether there are line ends that are not CR LF.
fn bare(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| match bytes[at] {
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    })
}

fn line_endings(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
            b'\r' => out.push(b'\n'),
            other => out.push(other),
        }
    }
    out
}

fn by_line(bytes: &[u8], each: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let lines: Vec<Vec<u8>> = bytes.split(|&b| b == b'\n').map(each).collect();
    lines.join(&b'\n')
}

fn trailing_blanks(bytes: &[u8]) -> Vec<u8> {
    let mut out = by_line(bytes, |line| {
        let (line, end) = match line.strip_suffix(b"\r") {
            Some(line) => (line, &b"\r"[..]),
            None => (line, &b""[..]),
        };
        [line.trim_ascii_end(), end].concat()
    });
    while matches!(out.last(), Some(b'\r' | b'\n')) {
        out.pop();
    }
    out
}

fn dots(bytes: &[u8]) -> Vec<u8> {
    by_line(bytes, |line| {
        let text = line.iter().position(|&b| b != b'.').unwrap_or(line.len());
        line[text..].to_vec()
    })
}

fn from_lines(bytes: &[u8]) -> Vec<u8> {
    by_line(bytes, |line| {
        let text = line.iter().position(|&b| b != b'>').unwrap_or(line.len());
        match line[text..].starts_with(b"From ") {
            true => line[text..].to_vec(),
            false => line.to_vec(),
        }
    })
}

fn line_breaks(bytes: &[u8]) -> Vec<u8> {
    // Sendmail ends a line that it breaks with an exclamation mark.
    bytes.iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != b'!').collect()
}

fn eighth_bit(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|b| b.is_ascii() && *b != b'?').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sent: &str, received: &[u8]) -> TripChanges {
        let message = [b"Subject: x\r\n\r\n", received].concat();
        changes(format!("Subject: x\r\n\r\n{sent}").as_bytes(), &message)
    }

    #[test]
    fn what_happens_to_bodies_is_called_by_its_name() {
        use BodyChange::*;
        let sent = "one  \r\n.two\r\nFrom here\r\nümlaut\r\nlong line here\r\n";
        for (received, wanted) in [
            (sent.as_bytes().to_vec(), vec![]),
            (sent.replace("\r\n", "\n").into_bytes(), vec![LineEndings]),
            (sent.replace("one  ", "one").into_bytes(), vec![TrailingBlanks]),
            (format!("{sent}\r\n").into_bytes(), vec![TrailingBlanks]),
            (sent.replace(".two", "..two").into_bytes(), vec![Dots]),
            (sent.replace("From", ">From").into_bytes(), vec![FromLines]),
            (sent.replace("line here", "line\r\n here").into_bytes(), vec![LinesFolded]),
            (sent.replace('ü', "??").into_bytes(), vec![EightBit]),
            (sent.replace("From", ">From").replace("\r\n", "\n").into_bytes(), vec![LineEndings, FromLines]),
            (sent.as_bytes()[..11].to_vec(), vec![Cut]),
            (format!("{sent}advertisement\r\n").into_bytes(), vec![Appended]),
            (sent.replace("two", "twp").into_bytes(), vec![Content]),
            (sent.replace("two", "twp").replace("\r\n", "\n").into_bytes(), vec![LineEndings, Content]),
        ] {
            let found = of(sent, &received);
            assert_eq!(found.body, wanted, "{:?}", String::from_utf8_lossy(&received));
            assert_eq!(found.first.is_none(), wanted.is_empty());
            assert_eq!(found.is_faithful(), wanted.is_empty());
        }
    }

    #[test]
    fn the_first_difference_is_shown_with_what_is_around_it() {
        let first = of("one\r\ntwo\r\n", b"one\r\ntwo!\r\n").first.unwrap();
        assert_eq!((first.offset, first.line), (8, 2));
        assert_eq!(first.sent, "two\\x0d\\x0a");
        assert_eq!(first.received, "two!\\x0d\\x0a");
        // At the end there is nothing, and nothing fails.
        let cut = of("one\r\ntwo\r\n", b"").first.unwrap();
        assert_eq!((cut.offset, cut.received.as_str()), (0, ""));
    }

    #[test]
    fn fields_are_added_removed_changed_and_folded_otherwise() {
        let sent = b"Subject: a  b\r\nX-One: 1\r\nX-Two: 2\r\nX-Two: 2\r\nTo: x\r\n\r\n";
        let received =
            b"Return-Path: <a>\r\nX-Two: 3\r\nSubject: a\r\n b\r\nx-one: 1\r\nX-Two: 2\r\nTo: y\r\n\r\n";
        let found = changes(sent, received);
        assert_eq!(found.added, [TripField { name: "Return-Path".into(), value: "<a>".into() }]);
        assert_eq!(found.refolded, ["Subject"]);
        let changed: Vec<(&str, &str, &str)> =
            found.changed.iter().map(|c| (c.name.as_str(), c.sent.as_str(), c.received.as_str())).collect();
        assert_eq!(changed, [("X-Two", "2", "3"), ("To", "x", "y")]);
        assert!(found.removed.is_empty());
        let without = changes(sent, b"Subject: a  b\r\nX-Two: 2\r\nX-Two: 2\r\nTo: x\r\n\r\n");
        assert_eq!(without.removed.len(), 1);
        assert_eq!(without.removed[0].name, "X-One");
    }

    #[test]
    fn whatever_comes_is_compared() {
        let sent = b"A: b\r\n\r\nbody\r\n";
        for hostile in [
            &b""[..],
            b"\0",
            b"\xff\xfe\n\n",
            b"A: b",
            b"\r\r\r\n",
            &[b'\n'; 5000],
            b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n--",
        ] {
            let found = changes(sent, hostile);
            assert!(found.first.is_some() || found.body.is_empty());
            for text in found.first.iter().flat_map(|d| [&d.sent, &d.received]) {
                assert!(ehlo_core::is_escaped(text));
            }
        }
    }
}
