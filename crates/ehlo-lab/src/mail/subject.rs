//! The base subject of a message (RFC 5256 §2.1): what remains of a subject without Re:, Fwd: and the names of lists.

/// The base subject of a decoded subject, in its own letters, and whether it is that of a reply or a forward: whether a
/// `Re:` or `Fwd:`, a `(fwd)`, or a `[fwd: …]` was taken away.
pub(crate) fn base_subject(decoded: &str) -> (String, bool) {
    let single = single_blanks(decoded);
    let mut text = single.as_str();
    let mut refwd = false;
    loop {
        // Step 2: trailers.
        text = text.trim_end_matches(' ');
        while let Some(rest) = strip_suffix(text, "(fwd)") {
            text = rest.trim_end_matches(' ');
            refwd = true;
        }
        // Steps 3 to 5: leaders, then one blob, and again.
        loop {
            text = text.trim_start_matches(' ');
            let Some(rest) = leader(text) else { break };
            text = rest;
            refwd = true;
        }
        // No leader is left behind the blobs, or it would have been found through them: they all may go but a last one.
        while let Some(rest) = blob(text).filter(|rest| !rest.is_empty()) {
            text = rest;
        }
        // Step 6: [fwd: subject]
        match strip_prefix(text, "[fwd:").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => {
                text = inner;
                refwd = true;
            }
            None => return (text.to_owned(), refwd),
        }
    }
}

/// Tabs and line ends are blanks, and several of them are one (step 1).
fn single_blanks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if matches!(c, '\t' | '\r' | '\n') { ' ' } else { c };
        if c != ' ' || !out.ends_with(' ') {
            out.push(c);
        }
    }
    out
}

/// `*subj-blob subj-refwd`: what follows it.
fn leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = blob(rest) {
        rest = after;
    }
    let rest = strip_prefix(rest, "re")
        .or_else(|| strip_prefix(rest, "fwd"))
        .or_else(|| strip_prefix(rest, "fw"))?;
    let rest = rest.trim_start_matches(' ');
    blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `subj-blob`, i.e. `"[" *BLOBCHAR "]" *WSP`: what follows it.
fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    Some(inner[end..].strip_prefix(']')?.trim_start_matches(' '))
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(prefix.len())?;
    begin.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_subjects() {
        for (subject, base, refwd) in [
            ("budget", "budget", false),
            ("Re: budget", "budget", true),
            ("RE : re:budget", "budget", true),
            ("Fw: FWD: Budget (fwd) (FWD) ", "Budget", true),
            ("Fwd: [list] Budget (fwd)", "Budget", true),
            ("[list] Re[2]: budget", "budget", true),
            ("[a] [b] Re [c] : [d] budget [e]", "budget [e]", true),
            ("[a][b]", "[b]", false),
            ("[a]", "[a]", false),
            ("[a] [b] c", "c", false),
            ("[Fwd: Re: budget]", "budget", true),
            ("[fwd: [Fwd: [list] budget (fwd)]]", "budget", true),
            ("Re: [Fwd: budget] (fwd)", "budget", true),
            // The leader stands behind a blob that would have remained alone.
            ("[a] [b] Re:", "", true),
            ("Re: [a]", "[a]", true),
            ("[fwd:]", "", true),
            // Here [fwd: x] is a blob.
            ("[fwd: x] y", "y", false),
            ("[unclosed", "[unclosed", false),
            ("[[a]] b", "[[a]] b", false),
            ("  a\t\tb\r\n  c ", "a b c", false),
            ("Re: ", "", true),
            ("Re", "Re", false),
            ("Regarding: x", "Regarding: x", false),
            ("Reply: x", "Reply: x", false),
            ("Fwdd: x", "Fwdd: x", false),
            ("(fwd)", "", true),
            ("x(fwd)", "x", true),
            ("Aw: budget", "Aw: budget", false),
            ("\u{e9}\u{e9}", "\u{e9}\u{e9}", false),
            ("", "", false),
        ] {
            assert_eq!(base_subject(subject), (base.to_owned(), refwd), "{subject:?}");
        }
    }

    #[test]
    fn long_subjects_take_no_long_time() {
        for piece in ["[]", "re:", "[fwd:", "(fwd)", "[", " ", "re", "[a] re: [fwd: x "] {
            let _ = base_subject(&piece.repeat(200_000));
        }
        let _ = base_subject(&format!("{}{}", "[fwd:".repeat(100_000), "(fwd)]".repeat(100_000)));
    }
}
