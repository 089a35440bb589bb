//! Scripts of James' MPT (mail protocol tester): `C:` and `S:` lines, every `S:` a Java regular expression.

mod regex;

use super::Imported;
use super::dialogue::{Turn, What, write};
use super::language::Language;
use super::output::Header;
use super::pages::named;
use regex::{Pattern, pattern};

pub(super) fn import(text: &str, title: &str) -> Imported {
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        reader.number = number + 1;
        let line = marked(line.trim_end_matches('\r'));
        reader.variables(&line);
        reader.line(&line);
    }
    let texts = reader.turns.iter().filter_map(|t| match &t.what {
        What::Client(text) | What::Server(text) => Some(text.as_str()),
        _ => None,
    });
    let language = Language::guess(texts).unwrap_or(Language::Imap);
    let mut header = Header::new(title, language);
    header.reference = text.lines().filter(|l| l.starts_with('#')).find_map(named);
    let mut turns = reader.turns;
    joined_replies(language, &mut turns);
    if let Some(state) = prepared(language, &turns) {
        header.state = Some(state);
        let mut whole = preparation(&reader.sessions);
        whole.append(&mut turns);
        turns = whole;
    }
    let mut found = write(header, &turns);
    found.script = with_braces(&found.script);
    for note in &mut found.notes {
        note.text = with_braces(&note.text);
    }
    found
}

#[derive(Default)]
struct Reader {
    turns: Vec<Turn>,
    /// The numbers of the sessions, in the order in which they appear; the first is the connection without a label.
    sessions: Vec<String>,
    label: String,
    number: usize,
    /// Within `SUB {`.
    block: bool,
    /// The variables that were told of.
    variables: Vec<String>,
}

impl Reader {
    fn push(&mut self, what: What) {
        self.turns.push(Turn { line: self.number, label: self.label.clone(), what });
    }

    /// Tells of variables that come for the first time; their values came from the test around the script.
    fn variables(&mut self, line: &str) {
        for part in line.split(OPEN).skip(1) {
            let name = part.split(CLOSE).next().unwrap_or_default().to_owned();
            if !self.variables.contains(&name) {
                self.push(What::Lost(format!("the value of ${{{name}}}; give it to the run")));
                self.variables.push(name);
            }
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(text) = prefixed(line, "C:") {
            return self.client(text);
        }
        if let Some(regex) = prefixed(line, "S:") {
            return self.server(regex);
        }
        let trimmed = line.trim();
        let (word, rest) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
        match word {
            "" => self.push(What::Remark(String::new())),
            _ if trimmed.starts_with('#') => {
                self.push(What::Remark(trimmed.trim_matches(['#', ' ']).to_owned()))
            }
            // Consent to a literal.
            _ if trimmed.starts_with("\\+") => self.push(What::Server("+".to_owned())),
            "SUB" if rest == "{" => self.block = true,
            "}" if self.block => self.block = false,
            "SESSION:" => self.session(rest.trim()),
            "WAIT" => match rest.trim().parse::<u32>() {
                Ok(time) => self.push(What::Statement(format!("wait {time}ms"))),
                Err(_) => self.push(What::Lost(trimmed.to_owned())),
            },
            "REINIT" => self.push(What::Again),
            "LOG" => {
                let text = rest.split_once(' ').map_or(rest, |(_, text)| text);
                self.push(What::Remark(text.to_owned()));
            }
            _ => self.push(What::Lost(trimmed.to_owned())),
        }
    }

    fn session(&mut self, number: &str) {
        if self.sessions.is_empty()
            && self.turns.iter().any(|t| matches!(t.what, What::Client(_) | What::Server(_)))
        {
            self.push(What::Lost("the lines above were meant for all sessions".to_owned()));
        }
        let place = match self.sessions.iter().position(|s| s == number) {
            Some(place) => place,
            None => {
                self.sessions.push(number.to_owned());
                self.sessions.len() - 1
            }
        };
        self.label = if place == 0 { String::new() } else { (place + 1).to_string() };
    }

    fn client(&mut self, text: &str) {
        if text.contains("\\r\\n") {
            self.push(What::Lost("`\\r\\n` is sent as it stands here; `C raw` sends line ends".to_owned()));
        }
        self.push(What::Client(text.to_owned()));
    }

    fn server(&mut self, source: &str) {
        self.push(match pattern(source) {
            Pattern::Text(text) => What::Server(text),
            Pattern::Regex(regex) => What::Match(regex),
            Pattern::Foreign => What::Lost(format!("the regular expression {source}")),
        });
    }
}

/// What stands for the braces around a name until the script is written: a payload is text until then, and braces in it
/// would be escaped.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// A line with its `${name}` marked.
fn marked(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else { break };
        out.push_str(before);
        out.push(OPEN);
        // Names of ours hold no dots and hyphens.
        out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
        out.push(CLOSE);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn with_braces(text: &str) -> String {
    text.replace(OPEN, "{{").replace(CLOSE, "}}")
}

/// `C:` alone is an empty line; MPT drops one character behind the colon.
fn prefixed<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(prefix)?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// `250.*` is the beginning of many a reply; where its other lines are printed, it must be one with them.
fn joined_replies(language: Language, turns: &mut [Turn]) {
    if !matches!(language, Language::Smtp | Language::Lmtp) {
        return;
    }
    for at in 0..turns.len() {
        let What::Match(regex) = &turns[at].what else { continue };
        let code = regex.strip_prefix('^').and_then(|r| r.get(..3)).unwrap_or_default().to_owned();
        let rest = regex.get(4..).unwrap_or_default();
        if code.len() != 3
            || !code.bytes().all(|b| b.is_ascii_digit())
            || !matches!(rest, ".*$" | " .*$" | "-.*$" | "[ -].*$")
        {
            continue;
        }
        let goes_on = turns.get(at + 1).is_some_and(|next| {
            next.label == turns[at].label
                && match &next.what {
                    What::Server(text) => text.starts_with(&code),
                    What::Match(regex) => regex.strip_prefix('^').is_some_and(|r| r.starts_with(&code)),
                    _ => false,
                }
        });
        let goes_on = goes_on && rest != " .*$";
        turns[at].what = What::Server(format!("{code}{}", if goes_on { "-" } else { "" }));
    }
}

/// MPT logs in before the script begins, unless the script does so itself.
fn prepared(language: Language, turns: &[Turn]) -> Option<&'static str> {
    if language != Language::Imap {
        return None;
    }
    let first =
        turns.iter().find(|t| matches!(t.what, What::Client(_) | What::Server(_) | What::Match(_)))?;
    let greeted = match &first.what {
        What::Server(text) => language.is_greeting(text),
        What::Match(regex) => regex.starts_with("^\\* OK"),
        _ => false,
    };
    let logs_in = turns.iter().any(|t| match &t.what {
        What::Client(text) => text.split_whitespace().nth(1).is_some_and(|verb| {
            verb.eq_ignore_ascii_case("LOGIN") || verb.eq_ignore_ascii_case("AUTHENTICATE")
        }),
        _ => false,
    });
    (!greeted && !logs_in).then_some("authenticated")
}

/// The logins of the other sessions; `state:` is about the first.
fn preparation(sessions: &[String]) -> Vec<Turn> {
    let mut out = Vec::new();
    for number in 2..=sessions.len() {
        for line in ["C# connect imap", "S#: * OK", "C# login {{user}} {{password}}", "S#: % OK"] {
            out.push(Turn::new(1, What::Statement(line.replace('#', &number.to_string()))));
        }
    }
    out
}

#[cfg(test)]
mod tests;
