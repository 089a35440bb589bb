//! Base64 as people paste it: with what stood around it, and with what was lost or added on the way.

use super::faults::Fault;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ehlo_wire::sasl::Kind;
use ehlo_wire::sasl::decode::recognise;

/// Who sent something, as far as the line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// `334 …`, `+ …`
    Server,
    /// `AUTH PLAIN …`
    Client,
    /// A bare word.
    Unknown,
}

/// A line that holds base64, or was meant to.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// Who sent it.
    pub(crate) sender: Sender,
    /// The mechanism that the line names, in upper case.
    pub(crate) mechanism: Option<String>,
    /// The base64, without what stood around it.
    pub(crate) encoded: String,
    /// What it means, if anything.
    pub(crate) bytes: Option<Vec<u8>>,
    /// What is wrong with the encoding.
    pub(crate) faults: Vec<Fault>,
}

/// How a line is wrapped by `base64` and by MIME.
const WRAPPED: [usize; 3] = [76, 64, 72];

/// The blobs of a text, in order. A blob that `base64` wrapped is put together again.
pub(crate) fn read(text: &[u8]) -> Vec<Blob> {
    let lines: Vec<Line> = text.split(|&b| b == b'\n').filter_map(Line::of).collect();
    let mut blobs = Vec::new();
    let mut rest = lines.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let more = first.continued(after);
        let (own, next) = after.split_at(more);
        let mut encoded = first.encoded.clone();
        own.iter().for_each(|line| encoded.extend_from_slice(&line.encoded));
        blobs.push(blob(first, &encoded, more > 0));
        rest = next;
    }
    blobs
}

struct Line {
    sender: Sender,
    mechanism: Option<String>,
    encoded: Vec<u8>,
}

impl Line {
    /// `None` for an empty line.
    fn of(line: &[u8]) -> Option<Line> {
        let mut line = line.trim_ascii();
        let mut sender = Sender::Unknown;
        for (mark, whose) in [
            (&b"S: "[..], Sender::Server),
            (b"C: ", Sender::Client),
            (b"<~ ", Sender::Server),
            (b"~> ", Sender::Client),
            (b"<- ", Sender::Server),
            (b"-> ", Sender::Client),
            (b"< ", Sender::Server),
            (b"> ", Sender::Client),
        ] {
            if let Some(rest) = line.strip_prefix(mark) {
                (line, sender) = (rest.trim_ascii(), whose);
                break;
            }
        }
        if line.is_empty() {
            return None;
        }
        // Microsoft's servers greet with the name of a machine: `* OK The Microsoft … ready. [QgBM…]`.
        let greets = [&b"* OK "[..], b"+OK "].iter().any(|status| line.starts_with(status));
        if greets
            && let Some(inside) = line.strip_suffix(b"]")
            && let Some(open) = inside.iter().rposition(|&b| b == b'[')
        {
            let encoded = inside[open + 1..].to_vec();
            return Some(Line { sender: Sender::Server, mechanism: None, encoded });
        }
        let words: Vec<&[u8]> = line.splitn(5, |&b| b == b' ').collect();
        let is =
            |at: usize, word: &str| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()));
        let name = |at: usize| {
            let name = words.get(at).map(|w| w.trim_ascii_end()).filter(|w| w.len() <= 20)?;
            Some(String::from_utf8_lossy(name).trim_matches('"').to_ascii_uppercase())
        };
        // Where the base64 begins, counted in words.
        let (sender, mechanism, at) = if is(0, "334") || is(0, "+") {
            (Sender::Server, None, 1)
        } else if is(0, "AUTH") || is(0, "AUTHENTICATE") {
            (Sender::Client, name(1), 2)
        } else if is(1, "AUTHENTICATE") {
            (Sender::Client, name(2), 3)
        } else {
            (sender, None, 0)
        };
        let skipped: usize = words.iter().take(at).map(|w| w.len() + 1).sum();
        let encoded = line.get(skipped..).unwrap_or_default().trim_ascii().to_vec();
        Some(Line { sender, mechanism, encoded })
    }

    /// How many of the next lines belong to this one.
    fn continued(&self, after: &[Line]) -> usize {
        let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        if !WRAPPED.contains(&self.encoded.len()) || !self.encoded.iter().all(is_base64) {
            return 0;
        }
        let fits = |line: &&Line| {
            line.mechanism.is_none()
                && line.sender != Sender::Server
                && line.encoded.len() <= self.encoded.len()
                && line.encoded.iter().all(|b| is_base64(b) || *b == b'=')
        };
        let full = |line: &&Line| fits(line) && line.encoded.len() == self.encoded.len();
        let whole = after.iter().take_while(full).count();
        whole + usize::from(after.get(whole).as_ref().is_some_and(fits))
    }
}

fn blob(line: &Line, encoded: &[u8], wrapped: bool) -> Blob {
    let mut faults = Vec::new();
    if wrapped {
        faults.push(Fault::Wrapped);
    }
    let (mut bytes, mut found) = decode(encoded);
    if bytes.is_none() && is_clear(encoded) {
        (bytes, found) = (Some(encoded.to_vec()), Vec::new());
    }
    if bytes.is_none() && is_prose(encoded) {
        // A password may be sought in vain at the end of a refusal: it is the last question of the server.
        let last = encoded.rsplit(|&b| b == b' ').next().unwrap_or_default();
        let asked = decode(last).0.filter(|b| recognise(b) == Some(Kind::LoginPrompt) && b.ends_with(b":"));
        let sender = if asked.is_some() { Sender::Server } else { line.sender };
        return Blob {
            sender,
            mechanism: None,
            encoded: String::from_utf8_lossy(encoded).into_owned(),
            bytes: asked,
            faults: Vec::new(),
        };
    }
    faults.append(&mut found);
    Blob {
        sender: line.sender,
        mechanism: line.mechanism.clone(),
        encoded: String::from_utf8_lossy(encoded).into_owned(),
        bytes,
        faults,
    }
}

/// Whether it is a message of a login that somebody has decoded already.
fn is_clear(text: &[u8]) -> bool {
    let is_word = !text.contains(&b' ');
    match recognise(text) {
        Some(Kind::ScramClientFirst | Kind::ScramServerFirst | Kind::ScramClientFinal) => is_word,
        // Not the address of somebody.
        Some(Kind::CramChallenge) => is_word && text.get(1).is_some_and(u8::is_ascii_digit),
        Some(Kind::DigestChallenge | Kind::DigestResponse | Kind::OauthError) => true,
        _ => is_word && super::token::claims(text).is_some(),
    }
}

/// Whether it is a sentence, which was never meant to be base64.
fn is_prose(text: &[u8]) -> bool {
    let words: Vec<&[u8]> = text.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
    words.len() > 1
        && (words.len() > 3
            || text.iter().any(|b| matches!(b, b':' | b'.' | b',' | b'<'))
            || words[0].len() == 3)
}

/// Leaves out of a session what is no part of a login, if anything is. A mechanism that is named without a message is
/// that of the next message of the client.
pub(crate) fn of_logins(blobs: Vec<Blob>) -> Vec<Blob> {
    // Commands of four letters are base64 by chance, as are some lines of a list of capabilities.
    const COMMANDS: &[&str] =
        &["QUIT", "RSET", "DATA", "NOOP", "STAT", "STLS", "CAPA", "UIDL", "LIST", "STARTTLS"];
    let is_command = |b: &Blob| {
        COMMANDS.iter().any(|c| b.encoded.eq_ignore_ascii_case(c)) || b.faults.contains(&Fault::Blanks)
    };
    let is_message =
        |b: &Blob| b.bytes.is_some() && (b.mechanism.is_none() || !b.encoded.is_empty()) && !is_command(b);
    let is_marked = |b: &Blob| b.sender == Sender::Server || b.mechanism.is_some();
    if !blobs.iter().any(is_message) {
        return blobs;
    }
    let is_session = blobs.len() > 1 && blobs.iter().any(is_marked);
    let mut named = None;
    let mut kept = Vec::with_capacity(blobs.len());
    for mut blob in blobs {
        if blob.mechanism.is_some() && blob.encoded.is_empty() {
            named = blob.mechanism;
        } else if is_message(&blob) || !is_session {
            if blob.sender != Sender::Server && blob.mechanism.is_none() {
                blob.mechanism = named.take();
            }
            kept.push(blob);
        }
    }
    kept
}

/// Decodes leniently, and tells what was forgiven. No bytes if too little makes sense.
pub(crate) fn decode(encoded: &[u8]) -> (Option<Vec<u8>>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut text = encoded.trim_ascii();
    // RFC 4954 §4: a single `=` is an empty initial response.
    if text == b"=" {
        return (Some(Vec::new()), faults);
    }
    for quote in [b'"', b'\''] {
        if let [first, inner @ .., last] = text
            && *first == quote
            && *last == quote
        {
            faults.push(Fault::Quoted);
            text = inner;
        }
    }
    let mut clean = Vec::with_capacity(text.len());
    let (mut blanks, mut url_safe) = (false, false);
    for &byte in text {
        match byte {
            b' ' | b'\t' | b'\r' => blanks = true,
            b'-' | b'_' => {
                url_safe = true;
                clean.push(if byte == b'-' { b'+' } else { b'/' });
            }
            b => clean.push(b),
        }
    }
    let padding = clean.iter().rev().take_while(|b| **b == b'=').count();
    let body = &clean[..clean.len() - padding];
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    if !body.iter().all(is_base64) {
        faults.push(if body.contains(&b'=') { Fault::PaddingInside } else { Fault::NotBase64 });
        return (None, faults);
    }
    if blanks {
        faults.push(Fault::Blanks);
    }
    if url_safe {
        faults.push(Fault::UrlSafe);
    }
    let wanted = match body.len() % 4 {
        1 => {
            faults.push(Fault::CutOff);
            return (None, faults);
        }
        rest => (4 - rest) % 4,
    };
    if padding < wanted {
        faults.push(Fault::NoPadding);
    } else if padding > wanted {
        faults.push(Fault::TooMuchPadding);
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    (GeneralPurpose::new(&STANDARD, config).decode(body).ok(), faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Blob {
        let mut blobs = read(text.as_bytes());
        assert_eq!(blobs.len(), 1, "{text}");
        blobs.remove(0)
    }

    #[test]
    fn what_stands_around_is_left_out() {
        for (text, sender, mechanism) in [
            ("VXNlcm5hbWU6", Sender::Unknown, None),
            ("334 VXNlcm5hbWU6\r\n", Sender::Server, None),
            ("+ VXNlcm5hbWU6", Sender::Server, None),
            ("S: 334 VXNlcm5hbWU6", Sender::Server, None),
            ("<~  334 VXNlcm5hbWU6", Sender::Server, None),
            (" ~> VXNlcm5hbWU6", Sender::Client, None),
            ("* OK The Microsoft Exchange IMAP4 service is ready. [VXNlcm5hbWU6]", Sender::Server, None),
            ("AUTH PLAIN VXNlcm5hbWU6", Sender::Client, Some("PLAIN")),
            ("auth login VXNlcm5hbWU6", Sender::Client, Some("LOGIN")),
            ("cc authenticate plain VXNlcm5hbWU6", Sender::Client, Some("PLAIN")),
        ] {
            let blob = one(text);
            assert_eq!(blob.bytes.as_deref(), Some(&b"Username:"[..]), "{text}");
            assert_eq!((blob.sender, blob.mechanism.as_deref()), (sender, mechanism), "{text}");
            assert_eq!(blob.faults, [], "{text}");
        }
        assert_eq!(one("334 ").bytes.as_deref(), Some(&b""[..]));
        assert!(read(b"\n\r\n").is_empty());
    }

    #[test]
    fn what_was_lost_on_the_way_is_told() {
        for (text, fault) in [
            ("dXNlcjE", Fault::NoPadding),
            ("\"dXNlcjE=\"", Fault::Quoted),
            ("dXNl cjE=", Fault::Blanks),
            ("dXNlcjE===", Fault::TooMuchPadding),
        ] {
            let blob = one(text);
            assert_eq!((blob.bytes.as_deref(), blob.faults), (Some(&b"user1"[..]), vec![fault]), "{text}");
        }
        assert_eq!(one("_-8=").faults, [Fault::UrlSafe]);
        for (text, fault) in [
            ("dXNlc", Fault::CutOff),
            ("dXNl\x1bjE=", Fault::NotBase64),
            ("dXNlcg==dXNlcg==", Fault::PaddingInside),
        ] {
            let blob = one(text);
            assert_eq!((blob.bytes, blob.faults), (None, vec![fault]), "{text}");
        }
    }

    #[test]
    fn what_was_decoded_already_is_taken_as_it_is() {
        for text in [
            "n,,n=user,r=abc",
            "r=abc,s=QSXCRQ==,i=4096",
            "<1896.697170952@x.example>",
            "realm=\"a b\",nonce=\"y\"",
        ] {
            let blob = one(text);
            assert_eq!((blob.bytes.as_deref(), blob.faults), (Some(text.as_bytes()), vec![]), "{text}");
        }
        for text in [
            "<bob@x.example>",
            "v=spf1 -all",
            "535 5.7.8 Error: no",
            "535 no",
            "235 2.7.0 Authentication successful",
        ] {
            let blob = one(text);
            assert_eq!((blob.bytes, blob.faults.contains(&Fault::Blanks)), (None, false), "{text}");
        }
        let asked = one("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6");
        assert_eq!((asked.bytes.as_deref(), asked.sender), (Some(&b"Password:"[..]), Sender::Server));
    }

    #[test]
    fn the_rest_of_a_session_is_left_out() {
        let session = b"220 x ESMTP\nEHLO y\n250-x\n250 AUTH PLAIN\nAUTH PLAIN\n334 \nAGJvYgBnZWhlaW0=\n235 2.7.0 ok\nDATA\nMAIL FROM:<a@b>\n250 ok\n";
        let blobs = of_logins(read(session));
        let kept: Vec<(&str, Option<&str>)> =
            blobs.iter().map(|b| (b.encoded.as_str(), b.mechanism.as_deref())).collect();
        assert_eq!(kept, [("", None), ("AGJvYgBnZWhlaW0=", Some("PLAIN"))]);
        assert_eq!(of_logins(read(b"AUTH PLAIN")).len(), 1);
        assert_eq!(of_logins(read(b"nonsense!\ndXNlcg==")).len(), 2);
    }

    #[test]
    fn wrapped_lines_are_joined_and_others_are_not() {
        let long = base64::engine::general_purpose::STANDARD.encode([b'x'; 100]);
        let wrapped = format!("{}\n{}\n", &long[..76], &long[76..]);
        let blob = one(&wrapped);
        assert_eq!((blob.bytes, blob.faults), (Some(vec![b'x'; 100]), vec![Fault::Wrapped]));
        assert_eq!(read(b"334 VXNlcm5hbWU6\ndXNlcg==\n334 UGFzc3dvcmQ6\n").len(), 3);
    }
}
