//! What a dialogue does to a server.

use crate::import::language::Language;

/// The word for the risk of a command, if it changes anything.
pub(super) fn risk(language: Language, text: &str) -> Option<&'static str> {
    let mut words = text.split_whitespace().map(str::to_ascii_uppercase);
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let third = words.next().unwrap_or_default();
    match language {
        Language::Smtp | Language::Lmtp => {
            matches!(first.as_str(), "DATA" | "BDAT" | "TURN" | "ETRN").then_some("sends-mail")
        }
        Language::Pop3 => (first == "DELE").then_some("writes-own"),
        Language::Sieve => {
            let writes =
                matches!(first.as_str(), "PUTSCRIPT" | "SETACTIVE" | "DELETESCRIPT" | "RENAMESCRIPT");
            writes.then_some("writes-own")
        }
        Language::Imap => {
            let verb = if second == "UID" { third.as_str() } else { second.as_str() };
            WRITING.contains(&verb).then_some("writes-own")
        }
    }
}

const WRITING: &[&str] = &[
    "APPEND",
    "STORE",
    "EXPUNGE",
    "CREATE",
    "DELETE",
    "RENAME",
    "COPY",
    "MOVE",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "SETACL",
    "DELETEACL",
    "SETQUOTA",
    "SETMETADATA",
    "SETANNOTATION",
    "REPLACE",
    "CLOSE",
    "RESETKEY",
];
