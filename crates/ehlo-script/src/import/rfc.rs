//! Dialogues as RFCs print them, and as `imtest` and its sisters do: every line begins with `C:` or `S:`.

use super::Imported;
use super::dialogue::{Turn, What, write};
use super::language::{Language, Reply, is_smtp_reply};
use super::output::Header;
use super::pages::{Paper, paper};

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
    /// `C & S:`
    Both,
    /// `T:`, a line of a tool in a recording; a line in brackets without a mark.
    Neither,
}

/// A line with its continuations.
#[derive(Debug)]
struct Entry {
    line: usize,
    side: Side,
    label: String,
    /// The column of the mark.
    column: usize,
    text: String,
    /// Which run of lines it belongs to, without prose between them.
    block: usize,
}

pub(super) fn import(text: &str, title: &str) -> Imported {
    let paper = paper(text);
    let mut entries = entries(&paper);
    let reversed = entries.iter().any(|e| e.label == "R") && !entries.iter().any(|e| e.side == Side::Client);
    for entry in &mut entries {
        // RFC 821 and RFC 3030 print the sender as S and the receiver as R.
        entry.side = match entry.side {
            Side::Server if reversed && entry.label != "R" => Side::Client,
            side => side,
        };
        if entry.label == "R" {
            entry.label.clear();
        }
    }
    strip_padding(&mut entries);
    let texts = entries.iter().filter(|e| e.side != Side::Neither).map(|e| e.text.as_str());
    let language = Language::guess(texts).unwrap_or(Language::Smtp);
    let mut header = Header::new(title, language);
    header.reference = paper.reference;
    write(header, &turns(language, &entries))
}

/// Finds the lines of the dialogue and joins what was wrapped.
fn entries(paper: &Paper<'_>) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let mut block = 0;
    // Whether the next line may continue the last entry.
    let mut open = false;
    for (line, text) in &paper.lines {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            open = false;
            continue;
        }
        if let Some((side, label, column, rest)) = mark(text) {
            let rest = rest.trim_end().to_owned();
            out.push(Entry { line: *line, side, label, column, text: rest, block });
            open = true;
            continue;
        }
        let indent = text.len() - text.trim_start().len();
        if open && let Some(last) = out.last_mut().filter(|e| indent > e.column && e.side != Side::Neither) {
            join(&mut last.text, trimmed);
            continue;
        }
        // What has no mark has no padding to compare, either.
        block += 1;
        if is_elision(trimmed) || is_direction(trimmed) || trimmed.starts_with("TLS connection established") {
            let column = indent;
            let text = trimmed.to_owned();
            out.push(Entry { line: *line, side: Side::Neither, label: String::new(), column, text, block });
        } else if text.starts_with("$ ") {
            // The command of the next recording.
            let text = "$".to_owned();
            out.push(Entry {
                line: *line,
                side: Side::Neither,
                label: String::new(),
                column: 0,
                text,
                block,
            });
        }
        block += 1;
        open = false;
    }
    out
}

/// What stands in front of a line: side, label, column, and the text behind it.
fn mark(text: &str) -> Option<(Side, String, usize, &str)> {
    let mut start = text.len() - text.trim_start().len();
    // `Example:    C: …`
    if let Some((word, after)) = text[start..].split_once(':')
        && word.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ').trim_end_matches('s') == "Example"
    {
        start = text.len() - after.trim_start().len();
    }
    let rest = &text[start..];
    let (mark, behind) = rest.split_once(':')?;
    if !behind.is_empty() && !behind.starts_with([' ', '\t']) {
        return None;
    }
    let (side, label) = match mark {
        "C" | "Client" => (Side::Client, ""),
        "S" | "Server" => (Side::Server, ""),
        "R" => (Side::Server, "R"),
        "T" => (Side::Neither, ""),
        "C & S" | "C&S" | "S & C" | "C/S" => (Side::Both, ""),
        _ => match (mark.as_bytes().first(), mark.get(1..)) {
            (Some(b'C'), Some(number)) if is_number(number) => (Side::Client, number),
            (Some(b'S'), Some(number)) if is_number(number) => (Side::Server, number),
            _ => return None,
        },
    };
    Some((side, label.to_owned(), start, behind))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Puts a continuation behind what it continues. Lines are wrapped at blanks; only long runs of base64 are cut.
fn join(text: &mut String, more: &str) {
    let is_base64 = |word: &str| {
        word.len() >= 30 && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
    };
    let last = text.split_whitespace().last().unwrap_or_default();
    let cut =
        is_base64(last) && more.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    if !cut && !text.trim().is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

/// Takes away the blanks between the mark and the text: those that all lines of a run have. What is left belongs to a
/// message or a literal.
fn strip_padding(entries: &mut [Entry]) {
    let mut from = 0;
    while from < entries.len() {
        let block = entries[from].block;
        let length = entries[from..].iter().take_while(|e| e.block == block).count();
        let run = &mut entries[from..from + length];
        let measured = run.iter().filter(|e| !e.text.trim().is_empty() && !is_direction(e.text.trim()));
        let common = measured.map(padding).min().unwrap_or(0);
        for entry in run {
            let own =
                if is_direction(entry.text.trim()) { padding(entry) } else { common.min(padding(entry)) };
            entry.text.drain(..own);
        }
        from += length;
    }
}

fn padding(entry: &Entry) -> usize {
    entry.text.len() - entry.text.trim_start().len()
}

/// What stands for lines that are left out.
fn is_elision(text: &str) -> bool {
    matches!(text, "..." | "[...]" | "[…]" | ". . ." | "…")
}

/// `<open connection>`: what happens, in words. A message may hold lines in angle brackets, too.
fn is_direction(text: &str) -> bool {
    const ABOUT: &[&str] = &[
        "connection",
        "connect",
        "tls",
        "negotiat",
        "wait",
        "sends",
        "message",
        "exchange",
        "layer",
        "encrypt",
        "server",
        "client",
        "response",
        "time passes",
    ];
    let Some(inside) = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')) else { return false };
    let lower = inside.to_ascii_lowercase();
    inside.contains(' ')
        && !inside.contains(['<', '>', '=', '@'])
        && ABOUT.iter().any(|word| lower.contains(word))
}

fn turns(language: Language, entries: &[Entry]) -> Vec<Turn> {
    let mut out: Vec<Turn> = Vec::new();
    // A handshake may be described in several lines; it is one.
    let mut handshake = false;
    let mut message = false;
    for entry in entries {
        let text = unpadded(language, &entry.text);
        let what = match entry.side {
            Side::Client | Side::Server | Side::Both if is_direction(text) => {
                let found = direction(language, entry, handshake);
                handshake &= found != What::Tls;
                found
            }
            Side::Both => What::Remark(text.to_owned()),
            Side::Neither if text == "$" && out.iter().any(is_line) => What::Again,
            Side::Neither if text == "$" => continue,
            Side::Neither if says_tls(text) => What::Tls,
            Side::Neither if is_direction(text) => {
                let found = direction(language, entry, handshake);
                handshake &= found != What::Tls;
                found
            }
            Side::Neither if is_elision(text) => What::Remark(text.to_owned()),
            // What a tool says to its user.
            Side::Neither => continue,
            Side::Client if text == "..." && !message => {
                What::Lost("lines of the client that are left out".into())
            }
            Side::Client => {
                let verb =
                    text.split_whitespace().nth(usize::from(language == Language::Imap)).unwrap_or_default();
                handshake |= verb.eq_ignore_ascii_case("STARTTLS") || verb.eq_ignore_ascii_case("STLS");
                message &= text != ".";
                What::Client(text.to_owned())
            }
            Side::Server => {
                message = matches!(language, Language::Smtp | Language::Lmtp) && text.starts_with("354");
                What::Server(text.to_owned())
            }
        };
        out.push(Turn { line: entry.line, label: entry.label.clone(), what });
    }
    out
}

/// Commands and replies begin with no blank, even where a listing aligns them; lines of messages may.
fn unpadded(language: Language, text: &str) -> &str {
    let trimmed = text.trim_start();
    let is_protocol = language.reply(trimmed) != Reply::Other
        || trimmed.starts_with("* ")
        || is_smtp_reply(trimmed)
        || language.is_command(trimmed);
    if is_protocol { trimmed } else { text }
}

fn is_line(turn: &Turn) -> bool {
    matches!(turn.what, What::Client(_) | What::Server(_))
}

/// What tools say when TLS is on.
fn says_tls(text: &str) -> bool {
    ["TLS connection established", "=== TLS started", "* SSL connection using", "TLS X.509 Verification"]
        .iter()
        .any(|sign| text.trim_start().starts_with(sign))
}

fn direction(language: Language, entry: &Entry, handshake: bool) -> What {
    let lower = entry.text.to_ascii_lowercase();
    let has = |word: &str| lower.contains(word);
    if has("wait") {
        What::Remark(entry.text.clone())
    } else if handshake && (has("tls") || has("ssl") || has("negotiat")) {
        What::Tls
    } else if (has("open") || has("connects")) && has("connect") && entry.side == Side::Client {
        What::Opened
    } else if (has("close") || has("drop") || has("disconnect")) && has("connect") {
        if entry.side == Side::Client { What::Closed } else { What::Hangup }
    } else if entry.side == Side::Server && language == Language::Pop3 && has("sends") {
        What::Server("...".to_owned())
    } else {
        What::Remark(entry.text.clone())
    }
}

#[cfg(test)]
mod tests;
