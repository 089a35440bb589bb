use ehlo_core::Protocol;

/// A command of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb {
    /// Its name, in upper case.
    pub name: &'static str,
    /// What follows it, as a reader of the RFC knows it; empty if nothing does.
    pub arguments: &'static str,
    /// Where it is defined.
    pub reference: &'static str,
    /// The capability without which it is not offered; empty if it always is.
    pub needs: &'static str,
    /// When it makes sense.
    pub when: When,
}

/// When a command makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// Before the login.
    Before,
    /// After the login; in SMTP without one, too.
    After,
    /// While a mailbox is selected.
    Selected,
}

const fn verb(
    name: &'static str,
    arguments: &'static str,
    reference: &'static str,
    needs: &'static str,
    when: When,
) -> Verb {
    Verb { name, arguments, reference, needs, when }
}

use When::{After, Always, Before, Selected};

/// The commands of SMTP.
const SMTP: &[Verb] = &[
    verb("EHLO", "NAME", "RFC 5321 §4.1.1.1", "", Always),
    verb("HELO", "NAME", "RFC 5321 §4.1.1.1", "", Always),
    verb("MAIL FROM:", "<ADDRESS> [PARAMETERS]", "RFC 5321 §4.1.1.2", "", After),
    verb("RCPT TO:", "<ADDRESS> [PARAMETERS]", "RFC 5321 §4.1.1.3", "", After),
    verb("DATA", "", "RFC 5321 §4.1.1.4", "", After),
    verb("BDAT", "SIZE [LAST]", "RFC 3030 §2", "CHUNKING", After),
    verb("STARTTLS", "", "RFC 3207 §4", "STARTTLS", Before),
    verb("AUTH", "MECHANISM [INITIAL-RESPONSE]", "RFC 4954 §4", "AUTH", Before),
    verb("RSET", "", "RFC 5321 §4.1.1.5", "", Always),
    verb("NOOP", "", "RFC 5321 §4.1.1.9", "", Always),
    verb("VRFY", "NAME", "RFC 5321 §4.1.1.6", "", Always),
    verb("EXPN", "LIST", "RFC 5321 §4.1.1.7", "", Always),
    verb("HELP", "[COMMAND]", "RFC 5321 §4.1.1.8", "", Always),
    verb("QUIT", "", "RFC 5321 §4.1.1.10", "", Always),
];

/// What LMTP has in place of EHLO and HELO.
const LHLO: Verb = verb("LHLO", "NAME", "RFC 2033 §4.1", "", Always);

/// The commands of POP3.
const POP3: &[Verb] = &[
    verb("CAPA", "", "RFC 2449 §5", "", Always),
    verb("STLS", "", "RFC 2595 §4", "STLS", Before),
    verb("USER", "NAME", "RFC 1939 §7", "", Before),
    verb("PASS", "PASSWORD", "RFC 1939 §7", "", Before),
    verb("APOP", "NAME DIGEST", "RFC 1939 §7", "", Before),
    verb("AUTH", "MECHANISM [INITIAL-RESPONSE]", "RFC 5034 §4", "SASL", Before),
    verb("STAT", "", "RFC 1939 §5", "", After),
    verb("LIST", "[N]", "RFC 1939 §5", "", After),
    verb("UIDL", "[N]", "RFC 1939 §7", "UIDL", After),
    verb("RETR", "N", "RFC 1939 §5", "", After),
    verb("TOP", "N LINES", "RFC 1939 §7", "TOP", After),
    verb("DELE", "N", "RFC 1939 §5", "", After),
    verb("RSET", "", "RFC 1939 §5", "", After),
    verb("NOOP", "", "RFC 1939 §5", "", After),
    verb("QUIT", "", "RFC 1939 §6", "", Always),
];

/// The commands of IMAP.
const IMAP: &[Verb] = &[
    verb("CAPABILITY", "", "RFC 9051 §6.1.1", "", Always),
    verb("NOOP", "", "RFC 9051 §6.1.2", "", Always),
    verb("LOGOUT", "", "RFC 9051 §6.1.3", "", Always),
    verb("STARTTLS", "", "RFC 9051 §6.2.1", "STARTTLS", Before),
    verb("AUTHENTICATE", "MECHANISM [INITIAL-RESPONSE]", "RFC 9051 §6.2.2", "", Before),
    verb("LOGIN", "NAME PASSWORD", "RFC 9051 §6.2.3", "", Before),
    verb("ENABLE", "CAPABILITY …", "RFC 9051 §6.3.1", "ENABLE", After),
    verb("SELECT", "MAILBOX", "RFC 9051 §6.3.2", "", After),
    verb("EXAMINE", "MAILBOX", "RFC 9051 §6.3.3", "", After),
    verb("CREATE", "MAILBOX", "RFC 9051 §6.3.4", "", After),
    verb("DELETE", "MAILBOX", "RFC 9051 §6.3.5", "", After),
    verb("RENAME", "MAILBOX MAILBOX", "RFC 9051 §6.3.6", "", After),
    verb("SUBSCRIBE", "MAILBOX", "RFC 9051 §6.3.7", "", After),
    verb("UNSUBSCRIBE", "MAILBOX", "RFC 9051 §6.3.8", "", After),
    verb("LIST", "REFERENCE PATTERN", "RFC 9051 §6.3.9", "", After),
    verb("LSUB", "REFERENCE PATTERN", "RFC 3501 §6.3.9", "", After),
    verb("NAMESPACE", "", "RFC 9051 §6.3.10", "NAMESPACE", After),
    verb("STATUS", "MAILBOX (ITEM …)", "RFC 9051 §6.3.11", "", After),
    verb("APPEND", "MAILBOX [(FLAG …)] [DATE] {SIZE}", "RFC 9051 §6.3.12", "", After),
    verb("IDLE", "", "RFC 9051 §6.3.13", "IDLE", After),
    verb("ID", "NIL", "RFC 2971 §3.1", "ID", Always),
    verb("GETQUOTAROOT", "MAILBOX", "RFC 9208 §4.1.2", "QUOTA", After),
    verb("GETQUOTA", "ROOT", "RFC 9208 §4.1.1", "QUOTA", After),
    verb("CLOSE", "", "RFC 9051 §6.4.1", "", Selected),
    verb("UNSELECT", "", "RFC 9051 §6.4.2", "UNSELECT", Selected),
    verb("EXPUNGE", "", "RFC 9051 §6.4.3", "", Selected),
    verb("SEARCH", "CRITERIA", "RFC 9051 §6.4.4", "", Selected),
    verb("FETCH", "SET (ITEM …)", "RFC 9051 §6.4.5", "", Selected),
    verb("STORE", "SET FLAGS (FLAG …)", "RFC 9051 §6.4.6", "", Selected),
    verb("COPY", "SET MAILBOX", "RFC 9051 §6.4.7", "", Selected),
    verb("MOVE", "SET MAILBOX", "RFC 9051 §6.4.8", "MOVE", Selected),
    verb("UID", "COMMAND …", "RFC 9051 §6.4.9", "", Selected),
    verb("SORT", "(CRITERIA) CHARSET CRITERIA", "RFC 5256 §3", "SORT", Selected),
    verb("THREAD", "ALGORITHM CHARSET CRITERIA", "RFC 5256 §3", "THREAD=REFERENCES", Selected),
    verb("CHECK", "", "RFC 3501 §6.4.1", "", Selected),
    verb("COMPRESS", "DEFLATE", "RFC 4978 §3", "COMPRESS=DEFLATE", After),
];

/// The commands of ManageSieve.
const SIEVE: &[Verb] = &[
    verb("AUTHENTICATE", "\"MECHANISM\" [\"INITIAL-RESPONSE\"]", "RFC 5804 §2.1", "", Before),
    verb("STARTTLS", "", "RFC 5804 §2.2", "STARTTLS", Before),
    verb("LOGOUT", "", "RFC 5804 §2.3", "", Always),
    verb("CAPABILITY", "", "RFC 5804 §2.4", "", Always),
    verb("HAVESPACE", "\"NAME\" SIZE", "RFC 5804 §2.5", "", After),
    verb("PUTSCRIPT", "\"NAME\" {SIZE+}", "RFC 5804 §2.6", "", After),
    verb("LISTSCRIPTS", "", "RFC 5804 §2.7", "", After),
    verb("SETACTIVE", "\"NAME\"", "RFC 5804 §2.8", "", After),
    verb("GETSCRIPT", "\"NAME\"", "RFC 5804 §2.9", "", After),
    verb("DELETESCRIPT", "\"NAME\"", "RFC 5804 §2.10", "", After),
    verb("RENAMESCRIPT", "\"OLD\" \"NEW\"", "RFC 5804 §2.11", "", After),
    verb("CHECKSCRIPT", "{SIZE+}", "RFC 5804 §2.12", "", After),
    verb("NOOP", "[\"TAG\"]", "RFC 5804 §2.13", "", Always),
    verb("UNAUTHENTICATE", "", "RFC 5804 §2.14.1", "UNAUTHENTICATE", After),
];

/// The commands of a protocol, in the order of its RFC; none for a protocol that nobody knows.
pub fn verbs(protocol: Option<Protocol>) -> Vec<Verb> {
    match protocol {
        Some(Protocol::Smtp) => SMTP.to_vec(),
        Some(Protocol::Lmtp) => {
            let rest = SMTP.iter().copied().filter(|v| !matches!(v.name, "EHLO" | "HELO"));
            std::iter::once(LHLO).chain(rest).collect()
        }
        Some(Protocol::Pop3) => POP3.to_vec(),
        Some(Protocol::Imap) => IMAP.to_vec(),
        Some(Protocol::Sieve) => SIEVE.to_vec(),
        None => Vec::new(),
    }
}

/// Whether `word` begins a command of IMAP.
pub(crate) fn is_imap_verb(word: &str) -> bool {
    const MORE: &[&str] = &[
        "XLIST",
        "GETMETADATA",
        "SETMETADATA",
        "GETACL",
        "SETACL",
        "DELETEACL",
        "LISTRIGHTS",
        "MYRIGHTS",
        "SETQUOTA",
        "UNAUTHENTICATE",
        "NOTIFY",
        "REPLACE",
        "ESEARCH",
        "RECONNECT",
        "CANCELUPDATE",
        "GENURLAUTH",
        "RESETKEY",
        "URLFETCH",
        "CONVERT",
        "LANGUAGE",
        "COMPARATOR",
        "JMAPACCESS",
    ];
    IMAP.iter().map(|v| v.name).chain(MORE.iter().copied()).any(|name| name.eq_ignore_ascii_case(word))
}
