//! Variables, directives and literals of imaptest in our notation.

use super::{Literal, Logical};
use crate::import::output::Output;
use crate::import::text::{end_word, escape, quoted};
use std::collections::BTreeSet;

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a command: every name must have a value.
    Sent,
    /// In a line that is expected: a new name captures.
    Expected,
    /// In a line that must not come: nothing can be captured.
    Forbidden,
}

/// A payload, and the here documents below it.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) line: String,
    pub(super) below: Vec<String>,
}

impl Payload {
    pub(super) fn map_first(self, change: impl FnOnce(String) -> String) -> Payload {
        Payload { line: change(self.line), below: self.below }
    }
}

/// The names that have a value.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeSet<String>,
}

impl Names {
    /// A text of `line` in our notation.
    pub(super) fn translate(
        &mut self,
        out: &mut Output,
        line: &Logical,
        text: &str,
        place: Place,
    ) -> Payload {
        let mut below: Vec<String> = Vec::new();
        let mut translated = String::new();
        let mut literals = line.literals.iter();
        for (number, part) in text.split('\0').enumerate() {
            if number > 0
                && let Some(literal) = literals.next()
            {
                translated.push_str(&self.literal(out, line.number, literal, &mut below, place));
            }
            translated.push_str(&self.values(out, line.number, part, place));
        }
        Payload { line: translated, below }
    }

    /// The octets of a literal. imaptest drops the last end of line; a here document cannot.
    fn literal(
        &mut self,
        out: &mut Output,
        number: usize,
        literal: &Literal,
        below: &mut Vec<String>,
        place: Place,
    ) -> String {
        let sign = if literal.binary { "~" } else { "" };
        if let Some((last, lines)) = literal.lines.split_last()
            && last.is_empty()
            && !literal.binary
            && !lines.is_empty()
        {
            let word = end_word(if place == Place::Sent { "MSG" } else { "TEXT" }, lines);
            for line in lines {
                below.push(self.values(out, number, line, place));
            }
            below.push(word.clone());
            return format!("{{<<{word}}}");
        }
        if literal.lines.iter().any(|l| l.contains('$')) {
            out.note(number, "a `$` in a literal without an end of line stands for itself");
        }
        let ending = if literal.binary { "\n" } else { "\r\n" };
        // The notation of the literal ends at the first brace.
        let octets = quoted(&literal.lines.join(ending)).replace('}', "\\x7d");
        format!("{sign}{{={octets}}}")
    }

    /// A text without literals.
    fn values(&mut self, out: &mut Output, number: usize, text: &str, place: Place) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            result.push_str(&escape(&rest[..at]));
            let behind = &rest[at + 1..];
            rest = match behind.chars().next() {
                Some('$') => {
                    result.push('$');
                    &behind[1..]
                }
                Some('!') => {
                    let end = behind.find([' ', ')']).unwrap_or(behind.len());
                    let item = directive(out, number, &behind[1..end]);
                    result.push_str(&item);
                    // What is left out takes the blank behind it along.
                    if item.is_empty() {
                        behind[end..].strip_prefix(' ').unwrap_or(&behind[end..])
                    } else {
                        &behind[end..]
                    }
                }
                Some('{') => match behind.split_once('}') {
                    Some((name, after)) => {
                        let value = match name[1..].strip_prefix("case:") {
                            Some(exact) => {
                                out.lost(number, "that case matters here");
                                escape(exact)
                            }
                            None => self.value(out, number, &name[1..], place),
                        };
                        result.push_str(&value);
                        after
                    }
                    None => {
                        result.push('$');
                        behind
                    }
                },
                Some(c) if c.is_ascii_alphanumeric() => {
                    let end = behind
                        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                        .unwrap_or(behind.len());
                    result.push_str(&self.value(out, number, &behind[..end], place));
                    &behind[end..]
                }
                // The result of a search (RFC 5182) in a command; anything in what is expected.
                _ => {
                    result.push_str(if place == Place::Sent { "$" } else { "{{:any}}" });
                    behind
                }
            };
        }
        result.push_str(&escape(rest));
        result
    }

    fn value(&mut self, out: &mut Output, number: usize, name: &str, place: Place) -> String {
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
            return format!("{{{{seq({name})}}}}");
        }
        match name {
            "user" | "password" | "mailbox" | "domain" | "user2" | "password2" => {
                return format!("{{{{{name}}}}}");
            }
            "username" => return "{{user}}".to_owned(),
            "mailbox_url" => {
                out.note(
                    number,
                    "$mailbox_url is the name of the mailbox as in a URL; {{mailbox}} is not encoded",
                );
                return "{{mailbox}}".to_owned();
            }
            "tag" => {
                out.note(number, "$tag is the tag of the command; any string may stand here");
                return "{{:str}}".to_owned();
            }
            _ => {}
        }
        let is_identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_identifier {
            out.lost(number, &format!("the variable ${{{name}}}"));
            return if place == Place::Sent { escape(name) } else { "{{:any}}".to_owned() };
        }
        if self.known.contains(name) {
            return format!("{{{{{name}}}}}");
        }
        match place {
            Place::Expected => {
                self.known.insert(name.to_owned());
                if name.starts_with("modseq") && name.ends_with(|c: char| c.is_ascii_digit()) {
                    out.note(
                        number,
                        &format!("that ${name} is greater than the one before it is not checked"),
                    );
                    return format!("{{{{{name}:num}}}}");
                }
                format!("{{{{{name}:any}}}}")
            }
            Place::Forbidden => "{{:any}}".to_owned(),
            Place::Sent => {
                out.lost(number, &format!("${name} has no value here"));
                format!("{{{{{name}}}}}")
            }
        }
    }
}

/// A directive of a list, as an item of it. Those that change how the list is compared have no counterpart in an item.
fn directive(out: &mut Output, number: usize, text: &str) -> String {
    match text.split_once('=') {
        Some(("ban", item)) => format!("!{}", item.replace("$$", "$")),
        Some(("ignore", item)) => format!("?{}", item.replace("$$", "$")),
        _ if text == "extra" => "...".to_owned(),
        _ => {
            out.lost(number, &format!("$!{text}; the list is compared as is usual for it"));
            String::new()
        }
    }
}
