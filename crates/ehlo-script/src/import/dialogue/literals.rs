//! Literals: octets that a line announces and that the next lines hold.

use super::{Reply, Turn, What, Writer};
use crate::import::language::Language;
use crate::import::secret::command_at;
use crate::import::text::{escape, literal, quoted, words};

impl<'a> Writer<'a> {
    /// The lines on the same side that follow, up to the first that cannot belong to a literal.
    fn following(&self, label: &str, client: bool) -> Vec<(usize, &'a str)> {
        let turns = self.turns;
        let mut out = Vec::new();
        for (at, turn) in turns.iter().enumerate().skip(self.at) {
            if turn.label != label {
                break;
            }
            match &turn.what {
                What::Client(text) if client => out.push((at, text.as_str())),
                What::Server(text) if !client => out.push((at, text.as_str())),
                // The consent that is printed between announcement and octets.
                What::Server(text) if self.language.reply(text) == Reply::Continue => {}
                What::Remark(_) => {}
                _ => break,
            }
        }
        out
    }

    /// A line of the client that announces a literal.
    pub(super) fn with_literal(&mut self, turn: &Turn, text: &str) {
        let following = self.following(&turn.label, true);
        let Some(&(first_at, first)) = following.first() else {
            // It was refused before the octets came: nothing but the bare line can say so.
            let bare = quoted(&format!("{text}\r\n")).replace("{{", "{{{{");
            return self.out.line(format!("C{} raw {bare}", turn.label));
        };
        let found = words(text);
        let verb = found.get(command_at(self.language, &found)).map_or("", |w| w.1);
        if self.language == Language::Imap && verb.eq_ignore_ascii_case("LOGIN") {
            return self.literal_login(turn, text, &following);
        }
        let Some((before, size, plus)) = literal(text) else { return };
        let sign = if plus { "+" } else { "" };
        let language = self.language;
        let whole = format!("{before}{first}");
        if let Some(found) = self.conn(&turn.label).login.client(language, &whole)
            && let Some((_, expression)) = found.payload.strip_suffix("}}").and_then(|p| p.rsplit_once("{{"))
        {
            self.at = first_at + 1;
            if found.secret.is_some() {
                self.conn(&turn.label).password_at = Some(turn.line);
                self.out.note(turn.line, &format!("{{={expression}}} stands for a secret"));
            }
            let line = format!("{}{{={expression}{sign}}}", escape(before));
            return self.out.said(&format!("C{}:", turn.label), &line);
        }
        if let Some(octets) = belonging(text, &following) {
            self.out.said(&format!("C{}:", turn.label), &escape(text));
            return self.as_printed(following[octets.len() - 1].0, &octets, true);
        }
        let mut lines: Vec<String> = following.iter().map(|(_, line)| (*line).to_owned()).collect();
        self.at = following.last().map_or(self.at, |(at, _)| at + 1);
        // The empty line is what ends the command behind the octets.
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let held: usize = lines.iter().map(|l| l.len() + 2).sum();
        if held != size {
            self.out.note(
                turn.line,
                &format!("the literal announces {size} octets and {held} follow; it is counted anew"),
            );
        }
        self.here(&format!("C{}: {}{{<<", turn.label, escape(before)), &lines, &format!("{sign}}}"));
    }

    /// Lines up to `last`, as they are: the octets of a literal are text, and begin no templates.
    fn as_printed(&mut self, last: usize, octets: &[usize], client: bool) {
        let turns = self.turns;
        let mut octets = octets.iter();
        while self.at <= last {
            let turn = &turns[self.at];
            self.at += 1;
            let (side, line, count) = match &turn.what {
                What::Client(line) => ("C", line, octets.next()),
                // The consent of the server in between.
                What::Server(line) if client => ("S", line, None),
                What::Server(line) => ("S", line, octets.next()),
                _ => continue,
            };
            let (inside, behind) = line.split_at(count.copied().unwrap_or(0));
            self.out.said(&format!("{side}{}:", turn.label), &format!("{inside}{}", escape(behind)));
        }
    }

    /// `LOGIN {4}`: name and password come in lines of their own.
    fn literal_login(&mut self, turn: &Turn, text: &str, following: &[(usize, &str)]) {
        let found = words(text);
        let first_arg = command_at(self.language, &found) + 1;
        let (Some(&(at, user)), Some((_, _, plus))) = (found.get(first_arg), literal(text)) else { return };
        let sign = if plus { "+" } else { "" };
        let mut used = 1;
        let user_literal = found.len() == first_arg + 1;
        let user = match user {
            _ if user_literal => format!("{{=user{sign}}}"),
            quoted if quoted.starts_with('"') => "{{quote(user)}}".to_owned(),
            _ => "{{user}}".to_owned(),
        };
        let (_, first) = following[0];
        let conn = self.conn(&turn.label);
        let password = if !user_literal {
            conn.login.learn(first);
            format!("{{=password{sign}}}")
        } else if literal(first).is_some() {
            if let Some((_, second)) = following.get(1) {
                conn.login.learn(second);
                used = 2;
            }
            format!("{{=password{sign}}}")
        } else {
            conn.login.learn(first.split_whitespace().last().unwrap_or_default().trim_matches('"'));
            "{{quote(password)}}".to_owned()
        };
        conn.password_at = Some(turn.line);
        self.at = following[used - 1].0 + 1;
        self.out.note(turn.line, "{=password} stands for a secret");
        self.out.said(&format!("C{}:", turn.label), &format!("{}{user} {password}", escape(&text[..at])));
    }

    /// A line of the server that announces a literal.
    pub(super) fn server_literal(&mut self, turn: &Turn, text: &str) {
        let following = self.following(&turn.label, false);
        if let Some(octets) = belonging(text, &following) {
            self.out.said(&format!("S{}:", turn.label), &escape(text));
            return self.as_printed(following[octets.len() - 1].0, &octets, false);
        }
        let Some((before, size, _)) = literal(text) else { return };
        let turns = self.turns;
        let mut behind = if self.language == Language::Imap { ")" } else { "" };
        while let Some(next) = turns.get(self.at).filter(|t| t.label == turn.label) {
            let closes = match &next.what {
                What::Server(line) if line.starts_with(')') => Some(line.as_str()),
                What::Match(regex) if regex.starts_with("^\\)") => Some(")"),
                What::Server(line) if line.starts_with("* ") || self.language.reply(line) != Reply::Other => {
                    break;
                }
                What::Match(regex) if regex.starts_with("^\\*") => break,
                What::Server(_) | What::Match(_) => None,
                What::Lost(text) => {
                    self.out.lost_words(next.line, text);
                    None
                }
                _ => break,
            };
            self.at += 1;
            if let Some(line) = closes {
                behind = line;
                break;
            }
        }
        self.out.note(
            turn.line,
            &format!("the literal is not {size} octets long; anything may stand in its place"),
        );
        let before = escape(before.strip_suffix('~').unwrap_or(before));
        self.out.said(&format!("S{}:", turn.label), &format!("{before}{{{{:any}}}}{}", escape(behind)));
    }
}

/// How many octets of each line belong to the literals that `text` and the lines announce, if all sizes are right.
fn belonging(text: &str, lines: &[(usize, &str)]) -> Option<Vec<usize>> {
    let mut octets = Vec::new();
    let mut lines = lines.iter();
    let mut announced = literal(text).map(|l| l.1);
    while let Some(mut missing) = announced {
        announced = loop {
            let (_, line) = lines.next()?;
            if missing <= line.len() {
                octets.push(missing);
                let behind = line.get(missing..)?;
                // Another size would cut a line anywhere.
                if !behind.is_empty() && !behind.starts_with([' ', ')']) {
                    return None;
                }
                break literal(behind).map(|l| l.1);
            }
            octets.push(line.len());
            missing = missing.checked_sub(line.len() + 2)?;
        };
    }
    Some(octets)
}
