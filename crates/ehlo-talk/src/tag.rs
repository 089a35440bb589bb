use crate::verbs::is_imap_verb;

/// Whether a line of IMAP begins with a tag. A command of its own in front is none, whatever follows: the person who
/// types `SELECT INBOX` does not mean the tag `SELECT`.
pub fn has_tag(line: &str) -> bool {
    let mut words = line.split(' ');
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    if first.is_empty() {
        return false;
    }
    if is_imap_verb(first) {
        // `LOGIN list geheim` logs a user in whose name is that of a command.
        return false;
    }
    if is_imap_verb(second) {
        return true;
    }
    if second.is_empty() {
        return false;
    }
    // Neither word is known: what looks like a tag is one.
    first.len() <= 2 || first.bytes().any(|b| b.is_ascii_digit()) || first == "*"
}

/// The line with a tag in front.
pub fn tagged(line: &[u8], number: u32) -> Vec<u8> {
    let mut out = format!("a{number} ").into_bytes();
    out.extend_from_slice(line);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_commands() {
        for (line, tag) in [
            ("a1 SELECT INBOX", true),
            ("aa capability", true),
            ("02 logout", true),
            (". NOOP", true),
            ("k1 fetch 1 flags", true),
            ("tag XFOO", false),
            ("a1 XFOO", true),
            ("capability", false),
            ("SELECT INBOX", false),
            ("LOGIN name gEhEiM!", false),
            ("LOGIN list geheim", false),
            ("UID FETCH 1 FLAGS", false),
            ("UID SEARCH ALL", false),
            ("XFOO", false),
            ("", false),
            ("DELETE select", false),
        ] {
            assert_eq!(has_tag(line), tag, "{line}");
        }
        assert_eq!(tagged(b"NOOP", 3), b"a3 NOOP");
    }
}
