use super::refusal::{Refusal, bad, no};
use super::text::quoted;
use crate::store::{Mailbox, Mailboxes};
use ehlo_wire::imap::{Value, decode_mutf7, encode_mutf7};

/// What stands in front of the mailboxes of other accounts (RFC 2342 §5).
pub(super) const OTHERS: &str = "user/";

/// All rights (RFC 4314 §2.1).
pub(super) const ALL_RIGHTS: &str = "lrswipkxtea";

/// The longest name, in octets of UTF-8.
const LONGEST: usize = 1000;

/// Whose mailbox, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) account: String,
    /// As text; empty for the account itself, e.g. `user/alice`.
    pub(super) mailbox: String,
}

impl Place {
    /// The place that a name stands for, as `user` sees it.
    pub(super) fn named(name: &str, user: &str) -> Place {
        let whole = |account: &str, mailbox: &str| Place {
            account: account.to_owned(),
            mailbox: if mailbox.eq_ignore_ascii_case("INBOX") {
                "INBOX".to_owned()
            } else {
                mailbox.to_owned()
            },
        };
        match name.strip_prefix(OTHERS) {
            Some(rest) => {
                let (account, mailbox) = rest.split_once('/').unwrap_or((rest, ""));
                whole(account, mailbox)
            }
            None => whole(user, name),
        }
    }

    /// The name under which `user` sees it.
    pub(super) fn name(&self, user: &str) -> String {
        if self.account == user {
            self.mailbox.clone()
        } else {
            format!("{OTHERS}{}/{}", self.account, self.mailbox)
        }
    }

    /// What `user` may do with the mailbox.
    pub(super) fn rights(&self, user: &str, boxes: &Mailboxes) -> String {
        match boxes.folders.get(&self.mailbox) {
            Some(mailbox) => rights(self, user, mailbox),
            // Whoever owns the place above may make something in it.
            None if self.account == user => ALL_RIGHTS.to_owned(),
            None => {
                let above = self.mailbox.rsplit_once('/').map_or("", |(above, _)| above);
                boxes.folders.get(above).map_or(String::new(), |mailbox| rights(self, user, mailbox))
            }
        }
    }
}

/// What `user` may do with a mailbox: what he and everybody were given, less what was taken (RFC 4314 §2).
pub(super) fn rights(place: &Place, user: &str, mailbox: &Mailbox) -> String {
    if place.account == user {
        return ALL_RIGHTS.to_owned();
    }
    let of = |who: &str| mailbox.attributes.rights.get(who).map_or("", String::as_str);
    let (given, taken) = ([of(user), of("anyone")], [of(&format!("-{user}")), of("-anyone")]);
    let holds = |sets: &[&str; 2], right: char| sets.iter().any(|set| set.contains(right));
    ALL_RIGHTS.chars().filter(|&right| holds(&given, right) && !holds(&taken, right)).collect()
}

/// A mailbox name as text. INBOX is INBOX whatever the case (RFC 3501 §5.1).
pub(super) fn folder_name(value: &Value, utf8: bool) -> Result<String, Refusal> {
    let Some(wire) = value.astring() else { return bad("a mailbox name is wanted") };
    let Some(name) = decoded(wire, utf8) else {
        return match utf8 {
            true => bad("[CANNOT] the mailbox name is not UTF-8"),
            false => no("[CANNOT] the mailbox name is not in modified UTF-7"),
        };
    };
    let name = name.strip_suffix('/').unwrap_or(&name);
    if name.eq_ignore_ascii_case("INBOX") { Ok("INBOX".into()) } else { Ok(name.to_owned()) }
}

/// The place that an argument names.
pub(super) fn place(value: &Value, user: &str, utf8: bool) -> Result<Place, Refusal> {
    folder_name(value, utf8).map(|name| Place::named(&name, user))
}

/// The text that a name on the wire stands for. What could be written shorter is not modified UTF-7
/// (RFC 3501 §5.1.3), so that one mailbox has one name.
pub(super) fn decoded(wire: &[u8], utf8: bool) -> Option<String> {
    if utf8 {
        return String::from_utf8(wire.to_vec()).ok();
    }
    decode_mutf7(wire).filter(|name| encode_mutf7(name).as_bytes() == wire)
}

/// A name for the wire.
pub(super) fn wire(name: &str, utf8: bool) -> Vec<u8> {
    if utf8 { quoted(name.as_bytes(), true) } else { quoted(encode_mutf7(name).as_bytes(), false) }
}

/// Why no mailbox can have this name.
pub(super) fn unfit(name: &str) -> Option<&'static str> {
    let odd = |c: char| c.is_control() || matches!(c, '*' | '%' | '\u{2028}' | '\u{2029}');
    if name.is_empty() || name.starts_with('/') || name.contains("//") {
        Some("[CANNOT] a part of the name is empty")
    } else if name.chars().any(odd) {
        Some("[CANNOT] no mailbox can have this name: *, % and control characters stay out")
    } else if name.len() > LONGEST {
        Some("[LIMIT] the name is too long")
    } else if name.starts_with("INBOX/") || name.split('/').any(|part| part == "." || part == "..") {
        Some("[CANNOT] no mailbox can have this name")
    } else {
        None
    }
}

/// `*` stands for anything, `%` for anything without a delimiter (RFC 3501 §6.3.8). The cost is the product of both
/// lengths, whatever the pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let inbox = name == "INBOX";
    let name: Vec<char> = name.chars().collect();
    // reached[i]: the pattern so far can stand for the first i characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for p in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        for i in 0..=name.len() {
            next[i] = match p {
                '*' => reached[i] || (i > 0 && next[i - 1]),
                '%' => reached[i] || (i > 0 && next[i - 1] && name[i - 1] != '/'),
                p => {
                    i > 0
                        && reached[i - 1]
                        && (name[i - 1] == p || (inbox && name[i - 1].eq_ignore_ascii_case(&p)))
                }
            };
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("a/%", "a/b", true),
            ("a%b", "axxb", true),
            ("%/%", "a/b/c", false),
            ("*c", "a/b/c", true),
            ("inbox", "INBOX", true),
            ("junk", "Junk", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn places() {
        let place = Place::named("user/alice/inbox", "bob");
        assert_eq!((place.account.as_str(), place.mailbox.as_str()), ("alice", "INBOX"));
        assert_eq!(place.name("bob"), "user/alice/INBOX");
        assert_eq!(place.name("alice"), "INBOX");
        assert_eq!(Place::named("a/b", "bob").account, "bob");
    }

    #[test]
    fn one_name_for_one_mailbox() {
        assert_eq!(decoded(b"&AEE-", false), None);
        assert_eq!(decoded(b"&AOQ-", false).as_deref(), Some("ä"));
        assert_eq!(decoded("ä".as_bytes(), false), None);
        assert_eq!(decoded("ä&".as_bytes(), true).as_deref(), Some("ä&"));
        assert_eq!(wire("ä", true), "\"ä\"".as_bytes());
    }
}
