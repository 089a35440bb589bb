/// The mails of an mbox file, with CR LF line ends; `>From ` is unquoted (RFC 4155, mboxrd).
pub fn mbox(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut after_blank = true;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        if body.starts_with(b"From ") && after_blank {
            // The blank line in front of a separator belongs to the separator.
            if let Some(last) = messages.last_mut()
                && last.ends_with(b"\r\n\r\n")
            {
                last.truncate(last.len() - 2);
            }
            messages.push(Vec::new());
            after_blank = false;
            continue;
        }
        after_blank = body.is_empty();
        let Some(message) = messages.last_mut() else { continue };
        let unquoted =
            body.iter().position(|&b| b != b'>').is_some_and(|n| n > 0 && body[n..].starts_with(b"From "));
        message.extend_from_slice(if unquoted { &body[1..] } else { body });
        message.extend_from_slice(b"\r\n");
    }
    if let Some(last) = messages.last_mut()
        && last.ends_with(b"\r\n\r\n")
        && bytes.ends_with(b"\n\n")
    {
        last.truncate(last.len() - 2);
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_of_a_file() {
        let text = b"From a@b Thu Jan  1 00:00:00 1970\nSubject: one\n\nbody\n>From me\n>>From you\n\nFrom c@d Thu\nSubject: two\n\n";
        let found = mbox(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], b"Subject: one\r\n\r\nbody\r\nFrom me\r\n>From you\r\n");
        assert_eq!(found[1], b"Subject: two\r\n");
        assert!(mbox(b"no separator\n").is_empty());
    }

    #[test]
    fn a_mail_keeps_its_own_blank_lines() {
        let found = mbox(b"From x\nA: b\n\nlast\n\n\nFrom y\nA: c\n\nx\n");
        assert_eq!(found[0], b"A: b\r\n\r\nlast\r\n\r\n");
        assert_eq!(found[1], b"A: c\r\n\r\nx\r\n");
    }
}
