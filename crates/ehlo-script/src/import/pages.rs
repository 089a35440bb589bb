//! The pages of an RFC: their headers and footers are no part of the text, but say which RFC it is.

/// The text of an input without what belongs to the pages.
#[derive(Debug)]
pub(super) struct Paper<'a> {
    /// The lines and their numbers. An empty line is one that stands in the text.
    pub(super) lines: Vec<(usize, &'a str)>,
    /// `RFC 5321 §D.1`
    pub(super) reference: Option<String>,
}

/// Takes the pages away.
pub(super) fn paper(text: &str) -> Paper<'_> {
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut from_header = None;
    let mut from_text = None;
    let mut section = None;
    let mut dialogue = false;
    let mut at_break = false;
    for (number, raw) in text.lines().enumerate() {
        // The form feed between two pages.
        if raw.contains('\u{c}') {
            break_page(&mut lines);
            at_break = true;
        }
        let line = raw.trim_end().trim_start_matches('\u{c}');
        if is_footer(line) {
            break_page(&mut lines);
            at_break = true;
            continue;
        }
        if line.is_empty() {
            if !at_break {
                lines.push((number + 1, line));
            }
            continue;
        }
        if let Some(reference) = page_header(line) {
            if reference.starts_with("RFC") && from_header.is_none() {
                from_header = Some(reference);
            }
            break_page(&mut lines);
            at_break = true;
            continue;
        }
        at_break = false;
        let trimmed = line.trim_start();
        let is_dialogue = ["C:", "S:", "R:"].iter().any(|m| trimmed.starts_with(m));
        if !is_dialogue && !dialogue {
            section = heading(line).or(section);
        }
        if !is_dialogue && from_text.is_none() {
            from_text = named(line);
        }
        dialogue |= is_dialogue;
        // Comments of recordings; they may hold more than the dialogue shows.
        if !line.starts_with('#') {
            lines.push((number + 1, line));
        }
    }
    let reference = from_header.or(from_text).map(|rfc| match section {
        Some(section) => format!("{rfc} §{section}"),
        None => rfc,
    });
    Paper { lines, reference }
}

/// The empty lines in front of a page break are none of the text.
fn break_page(lines: &mut Vec<(usize, &str)>) {
    while lines.last().is_some_and(|(_, line)| line.is_empty()) {
        lines.pop();
    }
}

/// `Klensin                     Standards Track                   [Page 82]`
fn is_footer(line: &str) -> bool {
    line.ends_with(']')
        && line.rfind("[Page ").is_some_and(|at| {
            let number = line[at + 6..line.len() - 1].trim();
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// `RFC 5321                          SMTP                      October 2008`
fn page_header(line: &str) -> Option<String> {
    let draft = line.starts_with("Internet-Draft");
    let year =
        line.split_whitespace().last().is_some_and(|w| w.len() == 4 && w.bytes().all(|b| b.is_ascii_digit()));
    if !year || !line.contains("   ") || !(draft || line.starts_with("RFC ")) {
        return None;
    }
    Some(named(line).unwrap_or_default())
}

/// The first RFC that a line names.
pub(super) fn named(line: &str) -> Option<String> {
    line.match_indices("RFC").find_map(|(at, _)| {
        let rest = line[at + 3..].trim_start_matches([' ', '-']);
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u32 = rest[..digits].parse().ok()?;
        (digits >= 3).then(|| format!("RFC {number}"))
    })
}

/// The number of a section: `4.3.2.  Command-Reply Sequences`, `D.1.  A Typical SMTP Transaction Scenario`.
fn heading(line: &str) -> Option<String> {
    let (number, title) = line.split_once("  ").or_else(|| line.split_once(' '))?;
    let number = number.trim_end_matches('.');
    let title = title.trim_start();
    let mut parts = number.split('.');
    let first = parts.next()?;
    let letter = first.len() == 1 && first.bytes().all(|b| b.is_ascii_uppercase()) && number.contains('.');
    let is_number = |p: &str| !p.is_empty() && p.len() <= 2 && p.bytes().all(|b| b.is_ascii_digit());
    let fits = (letter || is_number(first)) && parts.all(is_number);
    // A table of contents ends in dots and page numbers.
    let is_title = title.starts_with(|c: char| c.is_ascii_uppercase())
        && !title.contains(" . .")
        && !title.contains("....");
    (fits && is_title).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_and_the_reference_stays() {
        let text = "D.1.  A Typical Scenario\n\n   C: a\n\n\n\nKlensin        Standards Track        [Page 82]\n\u{c}\n\
                    RFC 5321                  SMTP                 October 2008\n\n\n     b\n   S: c\n";
        let found = paper(text);
        assert_eq!(
            found.lines,
            [(1, "D.1.  A Typical Scenario"), (2, ""), (3, "   C: a"), (12, "     b"), (13, "   S: c")]
        );
        assert_eq!(found.reference.as_deref(), Some("RFC 5321 §D.1"));
    }

    #[test]
    fn names_and_headings() {
        assert_eq!(named("see RFC-1939 for it"), Some("RFC 1939".into()));
        assert_eq!(named("RFCs are many"), None);
        assert_eq!(heading("4.3.2.  Command-Reply Sequences"), Some("4.3.2".into()));
        assert_eq!(heading("10. Example POP3 Session"), Some("10".into()));
        assert_eq!(heading("10. Example . . . . 19"), None);
        assert_eq!(heading("220 Ready"), None);
        assert_eq!(heading("A message"), None);
    }
}
