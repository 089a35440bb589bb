use std::fmt::{self, Write as _};

/// Bytes of a peer, made safe for a terminal, a log or a report: the only way they get there.
///
/// UTF-8 text is shown as it is. Control characters (C0, DEL, C1), bidirectional and invisible code points,
/// line and paragraph separators, private-use and unassigned "tag" characters, and bytes that are not UTF-8 are
/// shown as `\x1b` or `\u{202e}`. A backslash that would make the result ambiguous is doubled; any other stays
/// single, so that IMAP's `\Seen` reads as it was sent.
///
/// ```
/// assert_eq!(ehlo_core::escape(b"220 \x1b[2Jhi \xff"), r"220 \x1b[2Jhi \xff");
/// ```
pub fn escape(bytes: &[u8]) -> String {
    Escaped(bytes).to_string()
}

/// [`escape`] as a value to print.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let text = chunk.valid();
            for (at, c) in text.char_indices() {
                match c {
                    '\\' if looks_like_escape(&text[at + 1..], chunk.invalid()) => f.write_str(r"\\")?,
                    c if c < ' ' || c == '\x7f' => write!(f, "\\x{:02x}", u32::from(c))?,
                    c if hidden(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether `text` could come from [`escape`]: nothing in it moves a cursor or hides.
///
/// ```
/// assert!(ehlo_core::is_escaped(r"220 \x1b[2J") && !ehlo_core::is_escaped("220 \x1b[2J"));
/// ```
pub fn is_escaped(text: &str) -> bool {
    !text.chars().any(|c| c < ' ' || c == '\x7f' || hidden(c))
}

/// Whether a backslash before `rest` (and then `invalid`) could be taken for the beginning of one of our own escapes.
fn looks_like_escape(rest: &str, invalid: &[u8]) -> bool {
    match rest.chars().next() {
        None => !invalid.is_empty(),
        Some('\\' | 'x') => true,
        Some('u') => rest.starts_with("u{"),
        Some(c) => c < ' ' || c == '\x7f' || hidden(c),
    }
}

/// Code points that change how other text looks, or that cannot be seen.
fn hidden(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'            // C1 controls
        | '\u{ad}'                     // soft hyphen
        | '\u{34f}' | '\u{61c}'        // combining grapheme joiner, Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // blank fillers
        | '\u{180b}'..='\u{180f}'      // Mongolian selectors
        | '\u{200b}'..='\u{200f}'      // zero width, direction marks
        | '\u{2028}'..='\u{202e}'      // separators, bidirectional embedding
        | '\u{2060}'..='\u{206f}'      // invisible operators, isolates
        | '\u{fe00}'..='\u{fe0f}'      // variation selectors
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'      // interlinear annotation, unassigned specials
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // shorthand and musical format controls
        | '\u{e000}'..='\u{f8ff}'      // private use: may be drawn as anything
        | '\u{e0000}'..='\u{e0fff}'    // tags, variation selectors supplement
        | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays() {
        assert_eq!(escape("250 Grüße – ok \\Seen \\*".as_bytes()), "250 Grüße – ok \\Seen \\*");
    }

    #[test]
    fn nothing_that_moves_a_cursor_gets_through() {
        let hostile =
            "\x1b]8;;http://x\x07click\x1b]8;;\x07 \r\n\t\u{9b}31m \u{202e}txt\u{2066} \u{200b}\u{e0041}";
        let shown = escape(hostile.as_bytes());
        assert!(shown.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{shown}");
    }

    #[test]
    fn an_escape_is_never_ambiguous() {
        assert_eq!(escape(br"\x1b"), r"\\x1b");
        assert_eq!(escape(b"\x1b"), r"\x1b");
        assert_eq!(escape(br"\\Seen"), r"\\\Seen");
        let inputs: [&[u8]; 6] = [b"\\\x1b", br"\x1b", b"\x1b", br"\\x1b", b"\\\xff", br"\xff"];
        let mut shown: Vec<String> = inputs.iter().map(|i| escape(i)).collect();
        shown.sort();
        shown.dedup();
        assert_eq!(shown.len(), inputs.len());
    }

    #[test]
    fn broken_utf8_is_shown_byte_by_byte() {
        assert_eq!(escape(b"a\xc3(\xe2\x82"), r"a\xc3(\xe2\x82");
    }
}
