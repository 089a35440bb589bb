//! How mailboxes and accounts are called on the disk.
//!
//! Mailboxes are Maildir++ folders: a point in front, points between the parts, the parts in modified UTF-7, as Dovecot
//! keeps them. A point inside a part is written in base64 as well (`&AC4-`). A name that no file can have (too long, or
//! with an empty part) is kept under a digest of it; then the file `ehlo-mailbox` inside says how it is called.

use ehlo_wire::imap::{decode_mutf7, encode_mutf7};

/// File names end at 255 bytes nearly everywhere; this leaves room.
const LONGEST: usize = 200;
/// Begins the names of folders whose mailbox is named inside.
const DIGEST: &str = "ehlo~";

/// The folder of a mailbox inside the one of its account; none for the inbox, which has no folder of its own.
pub(super) fn folder(mailbox: &str) -> Option<String> {
    if mailbox == "INBOX" {
        return None;
    }
    let listed = listed(mailbox);
    let plain = listed.len() < LONGEST
        && !listed.starts_with(DIGEST)
        && !listed.eq_ignore_ascii_case("INBOX")
        && !mailbox.split('/').any(str::is_empty);
    Some(match plain {
        true => format!(".{listed}"),
        false => format!(".{DIGEST}{:016x}", digest(mailbox)),
    })
}

/// The mailbox that a folder holds; none if the name does not tell.
pub(super) fn mailbox(folder: &str) -> Option<String> {
    let listed = folder.strip_prefix('.')?;
    if listed.is_empty() || listed.starts_with('.') || listed.starts_with(DIGEST) {
        return None;
    }
    Some(unlisted(listed))
}

/// The name of a mailbox in a list of names.
pub(super) fn listed(mailbox: &str) -> String {
    let part = |part: &str| part.split('.').map(encode_mutf7).collect::<Vec<_>>().join("&AC4-");
    mailbox.split('/').map(part).collect::<Vec<_>>().join(".")
}

/// The mailbox that is so called in a list of names. What is no modified UTF-7 is taken as it is.
pub(super) fn unlisted(listed: &str) -> String {
    let part = |part: &str| match decode_mutf7(part.as_bytes()) {
        // A slash can only have come in by base64; it would make two parts of one.
        Some(name) if !name.contains('/') => name,
        _ => part.to_owned(),
    };
    listed.split('.').map(part).collect::<Vec<_>>().join("/")
}

/// The folder of an account. It never begins with a point, and two accounts never share one.
pub(super) fn account(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'.' | b'~' | b'-' if at == 0 => out.push_str(&format!("%{byte:02X}")),
            b'.' | b'~' | b'-' | b'_' | b'+' | b'@' | b'=' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    match out.len() {
        1..LONGEST => out,
        // `%` is followed by upper-case digits otherwise.
        _ => format!("%ehlo{:016x}", digest(name)),
    }
}

/// FNV-1a. It stays the same in all versions of the program, unlike the digest of the standard library.
fn digest(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_mailboxes() {
        for (name, wanted) in [
            ("Sent", ".Sent"),
            ("a/b/c", ".a.b.c"),
            ("Entwürfe", ".Entw&APw-rfe"),
            ("a.b/c", ".a&AC4-b.c"),
            (".", ".&AC4-"),
            ("..", ".&AC4-&AC4-"),
            ("../../etc", ".&AC4-&AC4-.&AC4-&AC4-.etc"),
            ("~root", ".~root"),
            ("a&b", ".a&-b"),
            ("nul\0", ".nul&AAA-"),
            ("inbox/x", ".inbox.x"),
            ("日本語", ".&ZeVnLIqe-"),
        ] {
            assert_eq!(folder(name).as_deref(), Some(wanted), "{name}");
            assert_eq!(mailbox(wanted).as_deref(), Some(name));
        }
        assert_eq!(folder("INBOX"), None);
        for odd in ["", "/", "a//b", "a/", "/a", "ehlo~x", "inbox", &"x".repeat(300), &"ü/".repeat(400)] {
            let folder = folder(odd).unwrap();
            assert!(folder.starts_with(".ehlo~") && folder.len() == 22, "{folder}");
            assert_eq!(mailbox(&folder), None);
        }
    }

    #[test]
    fn folders_of_others() {
        assert_eq!(mailbox(".Müll").as_deref(), Some("Müll"));
        assert_eq!(mailbox(".a&b").as_deref(), Some("a&b"));
        assert_eq!(mailbox(".&AC8-").as_deref(), Some("&AC8-"));
        for none in ["cur", ".", "..", "...", "..x"] {
            assert_eq!(mailbox(none), None, "{none}");
        }
    }

    #[test]
    fn folders_of_accounts() {
        for (name, wanted) in [
            ("alice", "alice"),
            ("a.b", "a.b"),
            ("..", "%2E."),
            (".x", "%2Ex"),
            ("~x", "%7Ex"),
            ("a/b", "a%2Fb"),
            ("100%", "100%25"),
            ("jörg", "j%C3%B6rg"),
            ("nul\0", "nul%00"),
        ] {
            assert_eq!(account(name), wanted);
        }
        assert_eq!(account(&"x".repeat(300)).len(), 21);
        assert_ne!(account(&"x".repeat(300)), account(&"x".repeat(301)));
    }

    proptest! {
        #[test]
        fn every_name_comes_back_or_is_a_digest(name in "[a-z./~&é\u{0}日 -]{0,40}") {
            let Some(folder) = folder(&name) else { return Ok(()) };
            prop_assert!(folder.len() < 255 && folder != "." && folder != ".." && !folder.contains('/'));
            match mailbox(&folder) {
                Some(back) => prop_assert_eq!(back, name),
                None => prop_assert!(folder.starts_with(".ehlo~")),
            }
        }

        #[test]
        fn any_folder_has_a_name_or_none(folder in ".{0,40}") {
            let _ = mailbox(&folder);
        }
    }
}
