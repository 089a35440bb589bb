//! What is shown again of a text must hold no password, even where nothing else is understood of it.

use crate::sasl::{blob, taken};
use ehlo_wire::sasl::mechanism;

/// Stands for what is hidden.
const MASK: &str = "***";

/// A line with a mask in the place of passwords.
pub(super) fn hidden(line: &str) -> String {
    let words: Vec<(usize, &str)> = words(line);
    // What transcripts put in front of a line of the client.
    let first =
        usize::from(words.first().is_some_and(|(_, w)| matches!(*w, "C:" | "~>" | "->" | ">" | ">>>")));
    let is = |at: usize, verbs: &[&str]| {
        words.get(at).is_some_and(|(_, w)| verbs.iter().any(|v| w.eq_ignore_ascii_case(v)))
    };
    let up_to = |at: usize| words.get(at).map(|(from, _)| format!("{}{MASK}", &line[..*from]));
    let rest = words.len() - first.min(words.len());
    let masked = if is(first, &["PASS"]) && rest >= 2 {
        up_to(first + 1)
    } else if is(first, &["LOGIN"]) && rest == 3 {
        up_to(first + 2)
    } else if is(first + 1, &["LOGIN"]) && rest == 4 && !is(first, &["*", "+"]) {
        up_to(first + 3)
    } else if is(first, &["AUTH", "AUTHENTICATE"]) && is_response(&words[first + 1..]) {
        up_to(first + 2)
    } else if is(first + 1, &["AUTHENTICATE"]) && is_response(&words[first + 2..]) {
        up_to(first + 3)
    } else {
        None
    };
    masked.unwrap_or_else(|| word_by_word(line, &words))
}

/// Masks single words: what follows an option for passwords, and base64 in which one stands.
fn word_by_word(line: &str, words: &[(usize, &str)]) -> String {
    const OPTIONS: &[&str] = &["--auth-password", "--password", "-ap", "--pass", "--auth-pass"];
    let mut out = String::with_capacity(line.len());
    let mut done = 0;
    let mut before = "";
    for (from, word) in words {
        if OPTIONS.contains(&before) || holds_password(word) {
            out.push_str(&line[done..*from]);
            out.push_str(MASK);
            done = from + word.len();
        }
        before = word;
    }
    out.push_str(&line[done..]);
    out
}

fn holds_password(word: &str) -> bool {
    if word.len() < 8 || word.len() > 16 * 1024 {
        return false;
    }
    let (Some(bytes), faults) = blob::decode(word.as_bytes()) else { return false };
    // Words of a language are base64, too.
    faults.is_empty()
        && taken::one(&bytes, blob::Sender::Unknown, "", taken::Asked::Unknown)
            .fields
            .iter()
            .any(|f| f.secret)
}

/// Whether these words are a mechanism and its first message.
fn is_response(words: &[(usize, &str)]) -> bool {
    let [(_, name), (_, response)] = words else { return false };
    mechanism(name).is_some()
        && mechanism(response).is_none()
        && blob::decode(response.as_bytes()).0.is_some()
}

/// The words of a line and where they stand.
fn words(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    for word in line.split(' ') {
        if !word.is_empty() {
            found.push((from, word));
        }
        from += word.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden() {
        for (line, shown) in [
            ("C: PASS two words", "C: PASS ***"),
            ("pass geheim", "pass ***"),
            ("a1 LOGIN bob geheim", "a1 LOGIN bob ***"),
            ("AUTH PLAIN AGJvYgBnZWhlaW0=", "AUTH PLAIN ***"),
            (". AUTHENTICATE PLAIN AGJvYgBnZWhlaW0=", ". AUTHENTICATE PLAIN ***"),
            ("error near AGJvYgBnZWhlaW0= in line 1", "error near *** in line 1"),
            ("$ swaks --auth-password geheim --tls", "$ swaks --auth-password *** --tls"),
        ] {
            assert_eq!(hidden(line), shown);
        }
    }

    #[test]
    fn what_servers_say_stays() {
        for line in [
            "550 5.7.1 relaying denied",
            "* NO [ALERT] Please login via browser",
            "a2 NO LOGIN invalid credentials",
            "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
            "250-AUTH PLAIN LOGIN",
            "AUTH PLAIN CRAM-MD5",
            "AUTH mechanism unavailable",
            "",
            "  ",
        ] {
            assert_eq!(hidden(line), line);
        }
    }
}
