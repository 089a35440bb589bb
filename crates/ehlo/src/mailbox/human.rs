//! What was found, for people, written while it comes.

use super::words::Asked;
use super::{Writer, safe::Outlet};
use ehlo_action::mailbox::{Item, MailboxReport, Page, Shown, Sink, Verb};
use ehlo_core::mailbox::{
    Change, ChangeState, Folder, Happening, MessageLine, Part, Quota, Readable, Reading, Rights,
};
use ehlo_report::{Paint, Texts, pad, shorten, width, wrapped};
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// How it is to look.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) texts: Texts,
    pub(super) paint: Paint,
    pub(super) columns: usize,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
}

/// Writes what comes.
pub(super) struct Human {
    view: View,
    verb: Verb,
    bytes: Outlet,
    /// How many things were listed.
    listed: u64,
    /// The number of the first message that was.
    first: Option<u64>,
    /// Whether any had flags or attachments to be explained.
    marked: bool,
}

/// The fields that are shown of a header unless all are wanted.
const SHOWN: &[&str] = &["date", "from", "to", "cc", "subject"];

impl Human {
    pub(super) fn new(asked: &Asked, view: View) -> Human {
        Human { view, verb: asked.verb.clone(), bytes: Outlet::new(), listed: 0, first: None, marked: false }
    }

    fn say(&self, text: &str) -> io::Result<()> {
        io::stdout().lock().write_all(text.as_bytes())
    }

    /// Writes a dim heading in front of the first thing listed.
    fn heading(&mut self, text: impl FnOnce(View) -> String) -> io::Result<()> {
        self.listed += 1;
        if self.listed > 1 || self.view.quiet {
            return Ok(());
        }
        self.say(&format!("{}\n", self.view.paint.dim(text(self.view).trim_end())))
    }

    fn of_reading(&self, reading: &Reading) -> String {
        let view = self.view;
        let mut out = String::new();
        let structure = matches!(&self.verb, Verb::Show { what: Shown::Structure, .. });
        if structure {
            out.push_str(&parts(&reading.parts, view));
        } else {
            for field in &reading.header {
                let known = SHOWN.contains(&field.name.to_ascii_lowercase().as_str());
                if known || view.verbose {
                    out.push_str(&field_lines(&field.name, &field.value, view));
                }
            }
            out.push('\n');
            match &reading.text {
                Some(text) => {
                    for line in text.split('\n') {
                        match width(line) > view.columns {
                            true => out.push_str(&wrapped(line, 0, view.columns)),
                            false => out.push_str(&format!("{line}\n")),
                        }
                    }
                }
                None => {
                    out.push_str(&format!("{}\n", view.paint.dim(&view.texts.get("mailbox/no-text"))));
                }
            }
            if reading.was_html {
                out.push_str(&dimmed(&view.texts.get("mailbox/was-html"), view));
            }
            let others: Vec<Part> = reading
                .parts
                .iter()
                .filter(|p| p.is_attachment())
                .map(|p| Part { depth: 0, ..p.clone() })
                .collect();
            if !others.is_empty() {
                let _ = write!(out, "\n{}\n{}", view.texts.get("mailbox/attachments"), parts(&others, view));
            }
        }
        if reading.cut {
            out.push_str(&dimmed(&view.texts.get("mailbox/cut"), view));
        }
        out
    }

    fn of_change(&self, change: &Change) -> String {
        let (texts, paint) = (self.view.texts, self.view.paint);
        let folder = change.folder.clone().unwrap_or_default();
        let flags = change.flags.as_ref().map(|f| f.join(" ")).unwrap_or_default();
        let key = match change.verb.as_str() {
            "delete" | "move" => format!("mailbox/changed/{}-{}", change.verb, change.state.id()),
            verb => format!("mailbox/changed/{verb}"),
        };
        let places: [(&str, &dyn std::fmt::Display); 3] =
            [("what", &change.what), ("folder", &folder), ("flags", &flags)];
        let mut text = texts.fill(&key, &places);
        if let Some(uids) = &change.new_uids {
            let _ = write!(text, " {}", texts.fill("mailbox/changed/uids", &[("uids", uids)]));
        }
        let mark = match change.state {
            ChangeState::Done => paint.good("✔"),
            ChangeState::Pending => paint.warn("…"),
            ChangeState::Marked => paint.warn("!"),
            ChangeState::Lost => paint.bad("✘"),
        };
        format!(" {mark} {}", wrapped(&text, 3, self.view.columns).trim_start())
    }

    fn of_happening(&self, happening: &Happening) -> String {
        let (texts, paint) = (self.view.texts, self.view.paint);
        let clock = time::OffsetDateTime::now_utc();
        let at = format!("{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second());
        let text = match happening {
            Happening::Watching { by, messages } => {
                let by = texts.get(&format!("mailbox/watching-{by}"));
                let said = texts.fill("mailbox/watching", &[("count", messages), ("by", &by)]);
                return dimmed(&said, self.view);
            }
            Happening::Arrived { message } => {
                return format!(
                    "{at} {}{}",
                    paint.good("+"),
                    row(message, View { columns: self.view.columns - 10, ..self.view })
                );
            }
            Happening::Gone { number, uid } => {
                let which = number.map(|n| n.to_string()).or_else(|| uid.clone()).unwrap_or_default();
                texts.fill("mailbox/gone", &[("which", &which)])
            }
            Happening::Flags { number, flags } => {
                texts.fill("mailbox/flags-now", &[("which", number), ("flags", &flags.join(" "))])
            }
        };
        wrapped(&format!("{at} {text}"), 0, self.view.columns)
    }

    /// What is to be said when everything is listed.
    fn footer(&self, report: &MailboxReport) -> String {
        let (texts, view) = (self.view.texts, self.view);
        let count = report.messages.unwrap_or(0);
        let folder = report.folder.clone().unwrap_or_else(|| "INBOX".into());
        match &self.verb {
            Verb::Ls(page) => {
                let places: [(&str, &dyn std::fmt::Display); 3] =
                    [("folder", &folder), ("count", &self.listed), ("all", &count)];
                let mut text = texts.fill("mailbox/listed", &places);
                if let (Page::Newest(_), Some(first @ 2..)) = (page, self.first) {
                    let older = format!("1:{}", first - 1);
                    let _ = write!(text, " {}", texts.fill("mailbox/older", &[("set", &older)]));
                }
                let mut out = dimmed(&text, view);
                if self.marked {
                    out.push_str(&dimmed(&texts.get("mailbox/legend"), view));
                }
                out
            }
            Verb::Search(_) => {
                let places: [(&str, &dyn std::fmt::Display); 3] =
                    [("folder", &folder), ("count", &self.listed), ("all", &count)];
                dimmed(&texts.fill("mailbox/found", &places), view)
            }
            Verb::List => dimmed(&texts.fill("mailbox/folders", &[("count", &self.listed)]), view),
            Verb::Quota if self.listed == 0 => dimmed(&texts.get("mailbox/no-quota"), view),
            _ => String::new(),
        }
    }
}

impl Sink for Human {
    fn take(&mut self, item: Item<'_>) -> io::Result<()> {
        match item {
            Item::Folder(one) => {
                self.heading(folder_heading)?;
                self.say(&folder(one, self.view))
            }
            Item::Message(line) => {
                self.first = self.first.or(Some(line.number));
                self.marked |= !marks(line).trim().is_empty();
                self.heading(row_heading)?;
                self.say(&row(line, self.view))
            }
            Item::Reading(reading) => self.say(&self.of_reading(reading)),
            Item::Bytes(bytes) => self.bytes.write(bytes),
            Item::Quota(one) => {
                self.listed += 1;
                self.say(&quota(one, self.view))
            }
            Item::Rights(one) => {
                self.listed += 1;
                self.say(&rights(one, self.view))
            }
            Item::Change(change) => {
                let text = self.of_change(change);
                self.say(&text)
            }
            Item::Happening(happening) => {
                let quiet = self.view.quiet && matches!(happening, Happening::Watching { .. });
                if !quiet {
                    self.say(&self.of_happening(happening))?;
                }
                // Whoever watches wants to see it now.
                io::stdout().lock().flush()
            }
        }
    }
}

impl Writer for Human {
    fn end(&mut self, report: &MailboxReport) -> io::Result<()> {
        self.bytes.end()?;
        if report.trouble.is_none() && !self.view.quiet {
            self.say(&self.footer(report))?;
        }
        io::stdout().lock().flush()
    }
}

fn dimmed(text: &str, view: View) -> String {
    wrapped(text, 0, view.columns).lines().map(|line| format!("{}\n", view.paint.dim(line))).collect()
}

/// Columns of a message line: number, time, marks, size, sender; the rest is the subject's.
const NUMBER: usize = 6;
const DATE: usize = 16;
const MARKS: usize = 4;
const SIZE: usize = 6;

fn sender(view: View) -> usize {
    (view.columns / 4).clamp(10, 26)
}

fn row_heading(view: View) -> String {
    let word = |key: &str| view.texts.get(&format!("mailbox/column/{key}"));
    line([word("number"), word("date"), String::new(), word("size"), word("from"), word("subject")], view)
}

fn line([number, date, marks, size, from, subject]: [String; 6], view: View) -> String {
    let right =
        |text: &str, columns: usize| format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))));
    let sender = sender(view);
    let used = NUMBER + DATE + MARKS + SIZE + sender + 5;
    let left = view.columns.saturating_sub(used).max(8);
    let text = format!(
        "{} {} {} {} {} {}",
        right(&number, NUMBER),
        pad(&shorten(&date, DATE), DATE),
        pad(&marks, MARKS),
        right(&size, SIZE),
        pad(&shorten(&from, sender), sender),
        shorten(&subject, left)
    );
    text.trim_end().to_owned()
}

fn row(message: &MessageLine, view: View) -> String {
    let text = |one: &Option<Readable>| one.as_ref().map(|r| r.text.clone()).unwrap_or_default();
    let date = message.received.as_ref().or(message.date.as_ref());
    let unseen = message.flags.as_ref().is_some_and(|flags| !has(flags, "\\Seen"));
    let whole = line(
        [
            message.number.to_string(),
            date.map(|d| d.get(..16).unwrap_or(d).replace('T', " ")).unwrap_or_default(),
            marks(message),
            message.size.map(size).unwrap_or_default(),
            name_only(&text(&message.from)),
            text(&message.subject),
        ],
        view,
    );
    let mut out = format!("{}\n", if unseen { view.paint.strong(&whole) } else { whole });
    if view.verbose {
        let mut more = Vec::new();
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value.filter(|v| !v.is_empty()) {
                more.push(format!("{}: {value}", view.texts.get(&format!("mailbox/more/{key}"))));
            }
        };
        add("uid", message.uid.clone());
        add("from", Some(text(&message.from)));
        add("to", Some(text(&message.to)));
        add("message-id", message.message_id.clone());
        add("flags", message.flags.as_ref().map(|f| f.join(" ")));
        add("attachments", message.attachments.as_ref().map(|a| a.join(", ")));
        for one in [&message.from, &message.subject].into_iter().flatten() {
            add("wire", one.wire.clone());
        }
        for line in more {
            for line in wrapped(&line, NUMBER + 1, view.columns).lines() {
                let _ = writeln!(out, "{}", view.paint.dim(line));
            }
        }
    }
    out
}

fn has(flags: &[String], wanted: &str) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case(wanted))
}

/// Four letters, each at its place.
fn marks(message: &MessageLine) -> String {
    let mut marks = String::new();
    let none = Vec::new();
    let known = message.flags.is_some();
    let flags = message.flags.as_ref().unwrap_or(&none);
    let is = |flag: &str| has(flags, flag);
    marks.push(if is("\\Deleted") {
        'D'
    } else if known && !is("\\Seen") {
        'N'
    } else {
        ' '
    });
    marks.push(if is("\\Flagged") { '!' } else { ' ' });
    marks.push(if is("\\Draft") {
        'T'
    } else if is("\\Answered") {
        'A'
    } else {
        ' '
    });
    marks.push(if message.attachments.as_ref().is_some_and(|a| !a.is_empty()) { '@' } else { ' ' });
    marks
}

/// The name of a sender, or the address if there is none.
fn name_only(from: &str) -> String {
    match from.rsplit_once(" <") {
        Some((name, _)) if !name.is_empty() => name.trim_matches('"').to_owned(),
        _ => from.trim_matches(['<', '>']).to_owned(),
    }
}

/// Octets in few letters.
fn size(octets: u64) -> String {
    let mut value = octets as f64;
    for unit in ["", "K", "M", "G"] {
        if value < 1000.0 || unit == "G" {
            return match unit {
                "" => octets.to_string(),
                _ if value < 10.0 => format!("{value:.1}{unit}"),
                _ => format!("{value:.0}{unit}"),
            };
        }
        value /= 1024.0;
    }
    octets.to_string()
}

/// Columns of a folder: its use, messages, unseen, size; the rest is its name's.
const USE: usize = 10;
const COUNT: usize = 9;

fn folder_heading(view: View) -> String {
    let word = |key: &str| view.texts.get(&format!("mailbox/column/{key}"));
    folder_line([word("folder"), word("use"), word("messages"), word("unseen"), word("size")], view)
}

fn folder_line([name, used, messages, unseen, size]: [String; 5], view: View) -> String {
    let left = view.columns.saturating_sub(USE + 3 * COUNT + 4).max(12);
    let right = |text: &str| format!("{}{text}", " ".repeat(COUNT.saturating_sub(width(text))));
    let text = format!(
        "{} {} {} {} {}",
        pad(&shorten(&name, left), left),
        pad(&shorten(&used, USE), USE),
        right(&messages),
        right(&unseen),
        right(&size)
    );
    text.trim_end().to_owned()
}

fn folder(folder: &Folder, view: View) -> String {
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let used = match (&folder.special_use, folder.selectable) {
        (Some(word), _) => view.texts.find(&format!("mailbox/use/{word}")).unwrap_or(word).to_owned(),
        (None, false) => view.texts.get("mailbox/use/closed"),
        (None, true) => String::new(),
    };
    let line = folder_line(
        [
            folder.name.text.clone(),
            used,
            number(folder.messages),
            number(folder.unseen),
            folder.size.map(size).unwrap_or_default(),
        ],
        view,
    );
    let mut out = format!("{line}\n");
    let mut more = Vec::new();
    more.extend(folder.name.wire.as_ref().map(|wire| format!("= {wire}")));
    if view.verbose {
        more.push(folder.attributes.join(" "));
        more.extend(folder.uid_validity.map(|n| format!("UIDVALIDITY {n}")));
        more.extend(folder.uid_next.map(|n| format!("UIDNEXT {n}")));
    }
    for line in more
        .iter()
        .filter(|l| !l.is_empty())
        .flat_map(|l| wrapped(l, 2, view.columns).lines().map(str::to_owned).collect::<Vec<_>>())
    {
        let _ = writeln!(out, "{}", view.paint.dim(&line));
    }
    out
}

fn field_lines(name: &str, value: &Readable, view: View) -> String {
    let mut out = String::new();
    let lead = format!("{name}: ");
    let text = wrapped(&value.text, 4, view.columns.saturating_sub(width(&lead).saturating_sub(4)));
    let _ = write!(out, "{}{}", view.paint.strong(&lead), text.trim_start());
    if text.trim().is_empty() {
        out.push('\n');
    }
    if let (true, Some(wire)) = (view.verbose, &value.wire) {
        for line in wrapped(&format!("= {wire}"), 4, view.columns).lines() {
            let _ = writeln!(out, "{}", view.paint.dim(line));
        }
    }
    out
}

fn parts(parts: &[Part], view: View) -> String {
    let mut out = String::new();
    for part in parts {
        let mut words = vec![part.media.clone()];
        words.extend(part.charset.clone());
        words.extend(part.encoding.clone());
        words.extend(part.size.map(size));
        words.extend(part.disposition.clone());
        words.extend(part.name.as_ref().map(|n| format!("\"{}\"", n.text)));
        let indent = 8 + 2 * part.depth.min(10);
        let text = wrapped(&words.join(" · "), indent, view.columns);
        let lead = pad(&shorten(&part.id, 7), indent);
        let _ = write!(out, "{lead}{}", text.trim_start());
    }
    out
}

fn quota(quota: &Quota, view: View) -> String {
    let storage = quota.resource == "STORAGE";
    let shown = |n: u64| if storage { size(n.saturating_mul(1024)) } else { n.to_string() };
    let percent = match quota.limit {
        0 => 0,
        limit => quota.used.saturating_mul(100) / limit,
    };
    let root = if quota.root.is_empty() { "\"\"" } else { &quota.root };
    let places: [(&str, &dyn std::fmt::Display); 5] = [
        ("root", &root),
        ("resource", &quota.resource),
        ("used", &shown(quota.used)),
        ("limit", &shown(quota.limit)),
        ("percent", &percent),
    ];
    wrapped(&view.texts.fill("mailbox/quota", &places), 0, view.columns)
}

/// The rights of RFC 4314, letter by letter.
const RIGHTS: &str = "lrswipkxtea";

fn rights(rights: &Rights, view: View) -> String {
    let who = rights.who.clone().unwrap_or_else(|| view.texts.get("mailbox/rights-own"));
    let mut out = wrapped(&format!("{who}: {}", rights.rights), 0, view.columns);
    if rights.who.is_none() {
        for letter in rights.rights.chars().filter(|c| RIGHTS.contains(*c)) {
            let what = view.texts.get(&format!("mailbox/right/{letter}"));
            out.push_str(&wrapped(&format!("{letter}  {what}"), 2, view.columns));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_in_few_letters() {
        for (octets, shown) in [
            (0, "0"),
            (999, "999"),
            (1023, "1.0K"),
            (10_240, "10K"),
            (5 << 20, "5.0M"),
            (1 << 30, "1.0G"),
            (5 << 40, "5120G"),
        ] {
            assert_eq!(size(octets), shown);
        }
    }

    #[test]
    fn a_line_never_runs_over() {
        let readable = |text: &str| Some(Readable { text: text.into(), wire: None });
        let message = MessageLine {
            number: 123_456,
            received: Some("2026-11-24T18:00:00+01:00".into()),
            from: readable("Ein sehr langer Name mit 日本語 <someone@example.org>"),
            subject: readable(&"lang ".repeat(40)),
            size: Some(123_456_789),
            flags: Some(vec!["\\Flagged".into()]),
            attachments: Some(vec!["a.pdf".into()]),
            ..MessageLine::default()
        };
        for columns in [60, 80, 120] {
            let view = View {
                texts: Texts { lang: ehlo_knowledge::Lang::En },
                paint: Paint { on: false },
                columns,
                verbose: true,
                quiet: false,
            };
            let shown = row(&message, view);
            assert!(shown.lines().all(|l| width(l) <= columns), "{shown}");
            assert!(shown.starts_with("123456 2026-11-24 18:00 N! @   118M Ein sehr"), "{shown}");
        }
    }
}
