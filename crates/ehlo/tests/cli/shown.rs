//! What a run shows, made comparable.

use crate::common::{Ran, program, ran};
use std::io::Write as _;
use std::process::Stdio;

/// Runs the program with something on standard input.
pub(crate) fn ehlo_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ran(child.wait_with_output().unwrap())
}

/// Puts `#` for what differs each time: ports, times, challenges, tags, digests, dates.
pub(crate) fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut words = Vec::new();
        let all: Vec<&str> = line.split(' ').collect();
        for (at, word) in all.iter().copied().enumerate() {
            let digits = word.chars().filter(char::is_ascii_digit).count();
            let volatile = (digits >= 3
                && !word.starts_with("TLS")
                && !word.contains("RFC")
                && !is_standard_number(word))
                || word.ends_with("@lab.test>")
                || is_tag(word)
                || (digits >= 1 && word.contains("lab.test>"));
            // How long something took, and how many days are left of a certificate when a second has passed.
            let measured = digits >= 1
                && all
                    .get(at + 1)
                    .is_some_and(|next| ["ms", "days", "Tage"].iter().any(|unit| next.starts_with(unit)));
            words.push(match (measured, volatile) {
                (true, _) => mask(word).replace("#.#", "#"),
                (_, true) => mask(word),
                _ => word.to_owned(),
            });
        }
        // How much of an answer comes in one piece is up to the network.
        out.push_str(words.join(" ").trim_end().trim_end_matches(" …"));
        out.push('\n');
    }
    out
}

/// The tag of an IMAP command: six lower-case hexadecimal digits, as the program makes them.
fn is_tag(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Numbers that mean something by themselves.
fn is_standard_number(word: &str) -> bool {
    let number = word.trim_matches(|c: char| !c.is_ascii_digit());
    ["127.0.0.1", "26214400", "465", "587", "993", "995", "192.0.2.1"].contains(&number)
}

fn mask(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        if !c.is_ascii_alphanumeric() || c == '.' {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}
