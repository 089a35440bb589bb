//! What is spoken in a foreign text, and what its lines mean.

/// What is spoken, as far as it can be told from the lines themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Smtp,
    Lmtp,
    Pop3,
    Imap,
    Sieve,
}

/// What a line of the server does to the command before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Asks for more: `334`, `354`, `+ …`.
    Continue,
    /// Ends it well.
    Ok,
    /// Ends it badly.
    Refused,
    /// Neither: data, or a reply that goes on.
    Other,
}

const SMTP_COMMANDS: &[&str] = &[
    "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "VRFY", "EXPN", "HELP", "AUTH", "STARTTLS",
    "ETRN",
];
const POP3_COMMANDS: &[&str] =
    &["USER", "PASS", "APOP", "STAT", "RETR", "DELE", "UIDL", "TOP", "CAPA", "STLS", "AUTH", "LIST"];
const IMAP_COMMANDS: &[&str] = &[
    "CAPABILITY",
    "LOGIN",
    "AUTHENTICATE",
    "STARTTLS",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "APPEND",
    "CHECK",
    "CLOSE",
    "EXPUNGE",
    "SEARCH",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "UID",
    "IDLE",
    "NAMESPACE",
    "ENABLE",
    "ID",
    "UNSELECT",
    "NOOP",
    "LOGOUT",
    "SORT",
    "THREAD",
    "GETQUOTA",
    "GETQUOTAROOT",
    "GETACL",
    "SETACL",
    "MYRIGHTS",
    "GETMETADATA",
    "SETMETADATA",
    "COMPRESS",
    "NOTIFY",
    "REPLACE",
];
const SIEVE_COMMANDS: &[&str] = &[
    "PUTSCRIPT",
    "LISTSCRIPTS",
    "SETACTIVE",
    "GETSCRIPT",
    "DELETESCRIPT",
    "RENAMESCRIPT",
    "CHECKSCRIPT",
    "HAVESPACE",
];

impl Language {
    /// The word for it in a header.
    pub(super) fn id(self) -> &'static str {
        match self {
            Language::Smtp => "smtp",
            Language::Lmtp => "lmtp",
            Language::Pop3 => "pop3",
            Language::Imap => "imap",
            Language::Sieve => "sieve",
        }
    }

    /// The target of `connect` where TLS begins with the first byte, if there is such a service.
    pub(super) fn tls_target(self) -> Option<&'static str> {
        match self {
            Language::Smtp => Some("submissions"),
            Language::Pop3 => Some("pop3s"),
            Language::Imap => Some("imaps"),
            Language::Lmtp | Language::Sieve => None,
        }
    }

    /// Whether a line may end in the size of a literal.
    pub(super) fn has_literals(self) -> bool {
        matches!(self, Language::Imap | Language::Sieve)
    }

    /// Guesses what is spoken. It does not matter whose line is whose: the grammars hardly overlap, and the few lines
    /// of mail that look like a command are outvoted.
    pub(super) fn guess<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Language> {
        let (mut smtp, mut lmtp, mut pop3, mut imap, mut sieve) = (0u32, 0u32, 0u32, 0u32, 0u32);
        for line in lines {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default().to_ascii_uppercase();
            let second = words.next().unwrap_or_default().to_ascii_uppercase();
            if is_smtp_reply(line) || SMTP_COMMANDS.contains(&first.as_str()) {
                smtp += 1;
            }
            if first == "LHLO" {
                lmtp += 1;
            }
            if first == "+OK" || first == "-ERR" {
                pop3 += 2;
            } else if POP3_COMMANDS.contains(&first.as_str()) {
                pop3 += 1;
            }
            let untagged = first == "*" && !second.is_empty();
            if untagged
                || IMAP_COMMANDS.contains(&second.as_str())
                || matches!(second.as_str(), "OK" | "NO" | "BAD")
            {
                imap += 1;
            }
            if SIEVE_COMMANDS.contains(&first.as_str())
                || first == "\"IMPLEMENTATION\""
                || first == "\"SIEVE\""
            {
                sieve += 3;
            }
        }
        let most = smtp.max(pop3).max(imap).max(sieve);
        match most {
            0 if lmtp == 0 => None,
            _ if lmtp > 0 => Some(Language::Lmtp),
            _ if sieve == most => Some(Language::Sieve),
            _ if pop3 == most => Some(Language::Pop3),
            _ if imap == most => Some(Language::Imap),
            _ => Some(Language::Smtp),
        }
    }

    /// What a line of the server does.
    pub(super) fn reply(self, line: &str) -> Reply {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        match self {
            Language::Smtp | Language::Lmtp => match (is_smtp_reply(line), line.as_bytes()) {
                (true, [_, _, _, b'-', ..]) => Reply::Other,
                (true, [b'2', ..]) => Reply::Ok,
                (true, [b'3', ..]) => Reply::Continue,
                (true, [b'4' | b'5', ..]) => Reply::Refused,
                _ => Reply::Other,
            },
            Language::Pop3 if first.eq_ignore_ascii_case("+OK") => Reply::Ok,
            Language::Pop3 if first.eq_ignore_ascii_case("-ERR") => Reply::Refused,
            Language::Pop3 | Language::Imap if first == "+" => Reply::Continue,
            Language::Pop3 => Reply::Other,
            Language::Imap if first == "*" => Reply::Other,
            Language::Imap => match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "OK" => Reply::Ok,
                "NO" | "BAD" => Reply::Refused,
                _ => Reply::Other,
            },
            Language::Sieve => match first.to_ascii_uppercase().as_str() {
                "OK" => Reply::Ok,
                "NO" | "BYE" => Reply::Refused,
                _ => Reply::Other,
            },
        }
    }

    /// Whether a line is what a server says first.
    pub(super) fn is_greeting(self, line: &str) -> bool {
        let upper = line.to_ascii_uppercase();
        match self {
            Language::Smtp | Language::Lmtp => {
                is_smtp_reply(line) && ["220", "421", "521", "554"].iter().any(|c| line.starts_with(c))
            }
            Language::Pop3 => upper.starts_with("+OK") || upper.starts_with("-ERR"),
            Language::Imap => ["* OK", "* PREAUTH", "* BYE"].iter().any(|g| upper.starts_with(g)),
            Language::Sieve => upper.starts_with('"') || upper.starts_with("OK"),
        }
    }

    /// Whether a line begins like a command that a person types.
    pub(super) fn is_command(self, line: &str) -> bool {
        let mut words = line.split_whitespace().map(str::to_ascii_uppercase);
        let first = words.next().unwrap_or_default();
        match self {
            Language::Smtp => SMTP_COMMANDS.contains(&first.as_str()),
            Language::Lmtp => first == "LHLO" || SMTP_COMMANDS.contains(&first.as_str()),
            Language::Pop3 => POP3_COMMANDS.contains(&first.as_str()),
            Language::Imap => words.next().is_some_and(|second| IMAP_COMMANDS.contains(&second.as_str())),
            Language::Sieve => {
                SIEVE_COMMANDS.contains(&first.as_str())
                    || matches!(first.as_str(), "CAPABILITY" | "AUTHENTICATE" | "STARTTLS" | "LOGOUT")
            }
        }
    }
}

/// Three digits, and nothing, a blank or a hyphen behind them.
pub(super) fn is_smtp_reply(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() >= 3
        && bytes[..3].iter().all(u8::is_ascii_digit)
        && matches!(bytes.get(3), None | Some(b' ' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_guessed() {
        let guess = |text: &str| Language::guess(text.lines());
        assert_eq!(guess("220 x\nEHLO y\n250 x"), Some(Language::Smtp));
        assert_eq!(guess("220 x\nLHLO y\n250 x"), Some(Language::Lmtp));
        assert_eq!(guess("+OK x\nLIST\n+OK\n250 400\n."), Some(Language::Pop3));
        assert_eq!(guess("* OK x\na NOOP\na OK"), Some(Language::Imap));
        assert_eq!(guess("\"IMPLEMENTATION\" \"x\"\nOK"), Some(Language::Sieve));
        assert_eq!(guess("nothing of the kind"), None);
    }

    #[test]
    fn replies() {
        assert_eq!(Language::Smtp.reply("250-x"), Reply::Other);
        assert_eq!(Language::Smtp.reply("354 go on"), Reply::Continue);
        assert_eq!(Language::Pop3.reply("+ abc"), Reply::Continue);
        assert_eq!(Language::Imap.reply("a1 NO x"), Reply::Refused);
        assert_eq!(Language::Imap.reply("* OK x"), Reply::Other);
        assert!(!is_smtp_reply("2200 x") && !is_smtp_reply("22"));
    }
}
