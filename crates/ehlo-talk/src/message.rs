/// What a message lacks that mail programs and filters expect: keys of hints.
pub(crate) fn lacks(message: &[u8]) -> Vec<&'static str> {
    let mut found = Vec::new();
    // A message may begin with the blank line: then it has no header at all (RFC 5322 §3.5).
    let end = match message.starts_with(b"\r\n") {
        true => Some(0),
        false => message.windows(4).position(|w| w == b"\r\n\r\n"),
    };
    let only_header = end.is_none();
    let header = &message[..end.unwrap_or(message.len())];
    let lines: Vec<&[u8]> = header.split(|&b| b == b'\n').map(|l| l.trim_ascii_end()).collect();
    let is_field = |line: &[u8]| {
        line.iter()
            .position(|&b| b == b':')
            .is_some_and(|at| at > 0 && line[..at].iter().all(u8::is_ascii_graphic))
    };
    let first = lines
        .iter()
        .position(|l| !l.is_empty() && !is_field(l) && !l.starts_with(b" ") && !l.starts_with(b"\t"));
    if first.is_some() || (only_header && !message.is_empty()) {
        found.push("no-blank-line");
    }
    for (name, id) in [(&b"from:"[..], "no-from"), (b"date:", "no-date"), (b"message-id:", "no-message-id")] {
        let has = lines.iter().any(|l| l.len() >= name.len() && l[..name.len()].eq_ignore_ascii_case(name));
        if !has {
            found.push(id);
        }
    }
    found
}

/// Text as it goes into mail data: lines end with CRLF, a dot in front of a line is doubled, and the lone dot ends it
/// (RFC 5321 §4.5.2).
pub(crate) fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// Text with CRLF at the end of each line.
pub(crate) fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    for line in text.strip_suffix(b"\n").unwrap_or(text).split(|&b| b == b'\n') {
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_lacks() {
        for (text, wanted) in [
            ("From: a@b\r\nDate: x\r\nMessage-ID: <1@b>\r\n\r\nHello\r\n", &[][..]),
            ("From: a@b\r\nHello\r\n", &["no-blank-line", "no-date", "no-message-id"]),
            ("Hello\r\n", &["no-blank-line", "no-from", "no-date", "no-message-id"]),
            ("\r\nHello\r\n", &["no-from", "no-date", "no-message-id"]),
            ("From: a\r\nDate: x\r\nMessage-ID: <1>\r\n", &["no-blank-line"]),
        ] {
            assert_eq!(lacks(text.as_bytes()), wanted, "{text:?}");
        }
    }

    #[test]
    fn dots_are_doubled_and_lines_end_properly() {
        assert_eq!(stuffed(b".a\nb\r\n.\n"), b"..a\r\nb\r\n..\r\n.\r\n");
        assert_eq!(with_crlf(b"a\nb"), b"a\r\nb\r\n");
    }
}
