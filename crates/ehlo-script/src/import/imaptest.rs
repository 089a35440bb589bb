//! Scripts of Dovecot's `imaptest`.

mod group;
mod names;
#[cfg(test)]
mod tests;

use super::Imported;
use super::language::Language;
use super::output::{Header, Output};
use super::pages::named;
use group::Group;
use names::{Names, Place};

/// A line of a script, with the literals that belong to it. In the text, a NUL stands for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Logical {
    number: usize,
    text: String,
    literals: Vec<Literal>,
}

/// What stands between `{{{` and `}}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Literal {
    binary: bool,
    lines: Vec<String>,
}

pub(super) fn import(text: &str, title: &str) -> Imported {
    let mut importer = Importer {
        out: Output::default(),
        header: Header::new(title, Language::Imap),
        names: Names::default(),
        group: None,
        trivia: Vec::new(),
        connections: 1,
        second_user: None,
        begun: false,
        names_mailbox: text.contains("$mailbox") || text.contains("${mailbox"),
    };
    importer.header.state = Some("selected");
    importer.header.reference = text.lines().filter(|l| l.starts_with('#')).find_map(named);
    let mut in_header = true;
    for line in logical(text) {
        if in_header {
            if line.text.is_empty() {
                in_header = false;
                continue;
            }
            if line.text.starts_with('#') {
                importer.out.comment(line.text.trim_start_matches('#'));
                continue;
            }
            if importer.field(&line) {
                continue;
            }
            in_header = false;
        }
        importer.line(&line);
    }
    importer.finish()
}

/// Puts lines and their literals together.
fn logical(text: &str) -> Vec<Logical> {
    let mut out = Vec::new();
    let mut open: Option<Logical> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        let (mut whole, behind) = match open.take() {
            Some(whole) => match line.strip_prefix("}}}") {
                Some(behind) => (whole, behind),
                None => {
                    let mut whole = whole;
                    if let Some(last) = whole.literals.last_mut() {
                        last.lines.push(line.to_owned());
                    }
                    open = Some(whole);
                    continue;
                }
            },
            None => (Logical { number: number + 1, ..Logical::default() }, line),
        };
        let is_comment = whole.text.is_empty() && behind.starts_with('#');
        match behind.strip_suffix("{{{").filter(|_| !is_comment) {
            Some(before) => {
                let (before, binary) = match before.strip_suffix('~') {
                    Some(before) => (before, true),
                    None => (before, false),
                };
                whole.text.push_str(before);
                whole.text.push('\0');
                whole.literals.push(Literal { binary, lines: Vec::new() });
                open = Some(whole);
            }
            None => {
                whole.text.push_str(behind);
                out.push(whole);
            }
        }
    }
    out.extend(open);
    out
}

struct Importer<'a> {
    out: Output,
    header: Header<'a>,
    names: Names,
    group: Option<Group>,
    /// Comments and empty lines that stand in front of the next line.
    trivia: Vec<String>,
    connections: usize,
    /// Which connection logs in as somebody else.
    second_user: Option<usize>,
    begun: bool,
    /// Whether the script uses a mailbox of its own.
    names_mailbox: bool,
}

impl Importer<'_> {
    /// Takes a field of the header; false if it is none.
    fn field(&mut self, line: &Logical) -> bool {
        let Some((key, value)) = line.text.split_once(':') else { return false };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        match key.as_str() {
            "capabilities" => {
                self.header.needs.extend(value.split_whitespace().map(str::to_ascii_uppercase));
            }
            "connections" => self.connections = value.parse().unwrap_or(1),
            "messages" if value == "all" => {}
            "messages" => {
                self.out.lost(
                    line.number,
                    &format!("that {value} messages are appended; the mbox must have as many"),
                );
            }
            "state" => {
                self.header.state = match value.to_ascii_lowercase().as_str() {
                    "nonauth" => Some("connected"),
                    "auth" => Some("authenticated"),
                    "created" => Some("mailbox"),
                    // The messages come from an mbox in both notations.
                    "appended" => {
                        self.header.messages = Some("default.mbox");
                        Some("mailbox")
                    }
                    _ => Some("selected"),
                };
            }
            "ignore_extra_untagged" => {
                if !value.starts_with('y') {
                    self.out.lost(line.number, "that no other untagged line may come");
                }
            }
            _ => match key.strip_prefix("user ").and_then(|n| n.trim().parse().ok()) {
                Some(number) => {
                    self.second_user = Some(number);
                    self.header.needs.push("account2".to_owned());
                }
                None => return false,
            },
        }
        true
    }

    /// The header is complete: prepares the other connections as `state:` prepares the first.
    fn begin(&mut self) {
        self.begun = true;
        let state = self.header.state.unwrap_or("selected");
        if state == "selected" {
            self.header.messages = Some("default.mbox");
        }
        if state != "connected" {
            self.header.risk = Some("writes-own");
        }
        if self.header.messages.is_some() {
            self.out.note(
                1,
                "the messages are those of NAME.mbox if there is one, else of default.mbox of imaptest",
            );
        }
        if matches!(state, "connected" | "authenticated") && self.names_mailbox {
            // imaptest names a mailbox that it has removed before; `state:` names none here.
            self.out.line("let mailbox = ehlo-{{nonce()}}");
            self.out.note(1, "{{mailbox}} is not removed at the end");
        }
        for number in 2..=self.connections {
            self.out.line(format!("C{number} connect imap"));
            self.out.line(format!("S{number}: * OK"));
            if state == "connected" {
                continue;
            }
            let user = if self.second_user == Some(number) {
                "{{user2}} {{password2}}"
            } else {
                "{{user}} {{password}}"
            };
            self.out.line(format!("C{number} login {user}"));
            self.out.line(format!("S{number}: % OK"));
            if state == "selected" {
                self.out.line(format!("C{number}: % SELECT {{{{mailbox}}}}"));
                self.out.line(format!("S{number}: % OK"));
            }
        }
        self.out.comment("");
    }

    fn line(&mut self, line: &Logical) {
        if line.text.is_empty() {
            return self.trivia.push(String::new());
        }
        if let Some(comment) = line.text.strip_prefix('#') {
            return self.trivia.push(comment.trim_matches(['#', ' ']).to_owned());
        }
        if !self.begun {
            self.begin();
        }
        if let Some(directive) = line.text.strip_prefix('!').filter(|d| !d.starts_with(' ')) {
            return self.directive(line, directive);
        }
        for (mark, place, prefix) in
            [("* ", Place::Expected, ""), ("! ", Place::Forbidden, "!"), ("? ", Place::Expected, "?")]
        {
            if let Some(rest) = line.text.strip_prefix(mark) {
                return self.untagged(line, rest, place, prefix);
            }
        }
        self.command(line);
    }

    fn directive(&mut self, line: &Logical, directive: &str) {
        let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        match word {
            "ordered" => {
                if let Some(group) = &mut self.group {
                    group.ordered = true;
                }
            }
            "sleep" => match duration(rest.trim()) {
                Some(time) => self.out.line(format!("wait {time}")),
                None => self.out.lost(line.number, &line.text),
            },
            "output" => self.out.comment(rest),
            // What stands inside is kept: nobody knows the environment.
            _ => {
                self.trivia_out();
                self.out.lost(line.number, &line.text);
            }
        }
    }

    fn untagged(&mut self, line: &Logical, rest: &str, place: Place, prefix: &str) {
        self.trivia_out();
        let text = format!("* {}", upper_status(rest.trim_end()));
        let (label, mark) = match &mut self.group {
            Some(group) => {
                let after = group.ordered && group.listed && prefix.is_empty();
                group.listed |= prefix.is_empty();
                (group.label.clone(), if after { ">" } else { prefix })
            }
            // The greeting.
            None => (String::new(), prefix),
        };
        let payload = self.names.translate(&mut self.out, line, &text, place);
        self.said(&format!("S{label}{mark}:"), payload);
    }

    fn command(&mut self, line: &Logical) {
        let mut rest = line.text.as_str();
        let mut label = String::new();
        if self.connections > 1
            && let Some((number, behind)) = rest.split_once(' ')
            && let Ok(number) = number.parse::<usize>()
        {
            label = if number > 1 { number.to_string() } else { String::new() };
            rest = behind;
        }
        let (tag, reply, rest) = group::head(rest);
        // A reply to a command that was given without one.
        if let Some(reply) = &reply
            && let Some(group) = self.group.as_mut().filter(|g| g.is_open())
            && group.answer(tag, &group::with_rest(reply, rest))
        {
            return;
        }
        let joins = tag > 0 && self.group.as_ref().is_some_and(|g| g.is_open() && g.label == label);
        if !joins {
            self.close();
        }
        self.trivia_out();
        let text = self.with_message(line, rest);
        let payload = self.names.translate(&mut self.out, &text, &text.text, Place::Sent);
        self.said(&format!("C{label}:"), payload.map_first(|p| format!("% {p}")));
        let group = self.group.get_or_insert_with(|| Group::new(label, line.number));
        group.sent(tag, reply);
    }

    /// `append` without a message takes the next of an mbox; the script gets one of its own.
    fn with_message(&mut self, line: &Logical, rest: &str) -> Logical {
        let mut out = Logical {
            number: line.number,
            text: rest.trim_end().to_owned(),
            literals: line.literals.clone(),
        };
        let mut words = rest.split_whitespace();
        let is_append = words.next().is_some_and(|w| w.eq_ignore_ascii_case("append"));
        if !is_append || !line.literals.is_empty() || rest.to_ascii_lowercase().contains("catenate (") {
            return out;
        }
        if words.next().is_none() {
            out.text.push_str(" $mailbox");
        }
        out.text.push_str(" \0");
        let lines = ["Subject: appended", "", "text", ""].map(str::to_owned).to_vec();
        out.literals.push(Literal { binary: false, lines });
        self.out
            .lost(line.number, "the message, which imaptest takes from an mbox; this one stands in for it");
        out
    }

    fn said(&mut self, prefix: &str, payload: names::Payload) {
        self.out.said(prefix, &payload.line);
        for line in payload.below {
            self.out.content(line);
        }
    }

    /// Writes the replies of the group that ends.
    fn close(&mut self) {
        let Some(group) = self.group.take() else { return };
        for reply in group.replies() {
            match reply {
                Some(reply) => {
                    let line = Logical { number: group.number, ..Logical::default() };
                    let payload =
                        self.names.translate(&mut self.out, &line, &format!("% {reply}"), Place::Expected);
                    self.said(&format!("S{}:", group.label), payload);
                }
                None => self.out.lost(group.number, "a command without a reply"),
            }
        }
    }

    fn trivia_out(&mut self) {
        for text in std::mem::take(&mut self.trivia) {
            self.out.comment(&text);
        }
    }

    fn finish(mut self) -> Imported {
        if !self.begun {
            self.begin();
        }
        self.close();
        self.trivia_out();
        self.out.finish(&self.header, &[])
    }
}

/// `500ms`, `2 secs`: imaptest takes what Dovecot's settings take.
fn duration(text: &str) -> Option<String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "ms" | "msec" | "msecs" => "ms",
        "s" | "sec" | "secs" => "s",
        "m" | "min" | "mins" => "m",
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

/// Status words are written in capitals; what else comes is compared case-blind anyway.
fn upper_status(text: &str) -> String {
    let end = text.find(' ').unwrap_or(text.len());
    let word = &text[..end];
    if ["ok", "no", "bad", "bye", "preauth"].iter().any(|s| word.eq_ignore_ascii_case(s)) {
        return format!("{}{}", word.to_ascii_uppercase(), &text[end..]);
    }
    text.to_owned()
}
