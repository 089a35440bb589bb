//! What is shown: pure functions of what the console yields. Everything a peer said goes through the one escaper.

use super::help;
use crate::sasl::{blob, show as sasl_show, taken};
use ehlo_core::facts::{Answered, TlsFacts};
use ehlo_core::{CloseKind, Protocol, escape};
use ehlo_knowledge::explain::{Explanation, Kind, Symptom, explain};
use ehlo_report::{Paint, Texts, failure_text, wrapped};
use ehlo_talk::{Cap, Context, Hint, Show, Shown, verbs};
use std::fmt::Write as _;
use std::time::Duration;

/// How things are shown.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) paint: Paint,
    pub(super) texts: Texts,
    pub(super) columns: usize,
    pub(super) protocol: Option<Protocol>,
    /// Seconds since 1970, for dates of certificates.
    pub(super) now: i64,
}

impl Style {
    /// Prose of ours, behind a mark.
    fn prose(self, mark: &str, text: &str) -> String {
        let body = wrapped(text, 4, self.columns);
        format!("{mark}   {}", body.trim_start())
    }

    fn dim(self, text: &str) -> String {
        let mut out = String::new();
        for line in wrapped(text, 4, self.columns).lines() {
            let _ = writeln!(out, "    {}", self.paint.dim(line.trim_start()));
        }
        out
    }
}

/// One thing.
pub(super) fn shown(show: &Show, style: Style) -> String {
    let Style { paint, texts, .. } = style;
    match show {
        Show::Sent(bytes) => {
            let mut out = String::new();
            for line in lines(bytes) {
                let _ = writeln!(out, "{} {line}", paint.dim("C:"));
            }
            out
        }
        Show::Reply(reply) => reply_shown(reply, style),
        Show::Hint(hint) => style.prose(&paint.warn("!"), &hint_text(hint, texts)),
        Show::Note { id, params } => {
            style.prose(&paint.dim("–"), &texts.with(&format!("talk/note/{id}"), params))
        }
        Show::Tls(tls) => tls_shown(tls, style),
        Show::Certificates(tls) => certificates(tls, style),
        Show::Capabilities { list, stamp } => capabilities(list, stamp.as_deref(), style),
        Show::Changed { added, removed, why } => changed(added, removed, why, style),
        Show::Explain { text, verb, .. } => explained(text, verb, style),
        Show::Help(about) => help::help(about.as_deref(), style),
        Show::Message(bytes) => help::message(bytes, style),
        Show::Failed(failure) => {
            let said = failure_text(texts, failure);
            style.prose(&paint.bad("✘"), &texts.fill("talk/note/failed", &[("cause", &said)]))
        }
        Show::Closed { how, idle, announced } => closed(*how, *idle, *announced, style),
        Show::Step { lesson, step, number, of } => {
            let text = texts.get(&format!("talk/lesson/{lesson}/{}", step.id));
            let head =
                texts.fill("talk/note/lesson-step", &[("number", number), ("of", of), ("text", &text)]);
            let example = paint.code(step.example);
            format!("{}    {}\n", style.prose(&paint.good("»"), &head), example)
        }
        Show::Lines(lines) => lines.iter().map(|l| format!("    {l}\n")).collect(),
    }
}

/// The lines of bytes, escaped, without their endings.
fn lines(bytes: &[u8]) -> impl Iterator<Item = String> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    body.split(|&b| b == b'\n').map(|line| escape(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The words of a hint.
pub(super) fn hint_text(hint: &Hint, texts: Texts) -> String {
    texts.with(&format!("talk/hint/{}", hint.id), &hint.params)
}

fn reply_shown(reply: &Shown, style: Style) -> String {
    let paint = style.paint;
    let mut out = String::new();
    for (at, line) in lines(&reply.bytes).enumerate() {
        let mark = match reply.answered {
            Answered::Refused | Answered::Later => paint.bad("S:"),
            _ => paint.dim("S:"),
        };
        let _ = writeln!(out, "{mark} {}", painted(&line, at == 0, reply, style));
    }
    if reply.explain {
        out.push_str(&decoded(reply, style));
    }
    let meaning = if reply.explain { one_line(reply, style) } else { None };
    let took = reply.took.map(time);
    match (meaning, took) {
        (Some(meaning), Some(took)) => out.push_str(&style.dim(&format!("{meaning} ({took})"))),
        (Some(meaning), None) => out.push_str(&style.dim(&meaning)),
        (None, Some(took)) if reply.explain => out.push_str(&style.dim(&format!("({took})"))),
        _ => {}
    }
    out
}

/// A time as people read it.
pub(super) fn time(took: Duration) -> String {
    let ms = took.as_micros();
    match ms {
        0..10_000 => format!("{:.1} ms", took.as_secs_f64() * 1000.0),
        10_000..1_000_000 => format!("{} ms", took.as_millis()),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// A line with its machine part in colour: what a program acts on.
fn painted(line: &str, is_first: bool, reply: &Shown, style: Style) -> String {
    let length = match style.protocol {
        Some(Protocol::Smtp | Protocol::Lmtp) => smtp_part(line),
        Some(Protocol::Pop3) if is_first => status_part(line, 1),
        Some(Protocol::Imap) if is_first => {
            // `* 3 EXISTS`, `* OK [ALERT]`, `a1 NO [INUSE]`, `+`
            let words = if line.starts_with("* ") && line[2..].starts_with(|c: char| c.is_ascii_digit()) {
                3
            } else {
                2
            };
            status_part(line, if line.starts_with('+') { 1 } else { words })
        }
        Some(Protocol::Sieve) if is_first && !line.starts_with('"') => status_part(line, 1),
        _ => 0,
    };
    let (machine, text) = line.split_at(length);
    let paint = style.paint;
    let machine = match reply.answered {
        Answered::Refused => paint.bad(machine),
        Answered::Later => paint.warn(machine),
        Answered::Continue => paint.code(machine),
        Answered::Accepted if !reply.verb.is_empty() => paint.good(machine),
        _ => paint.code(machine),
    };
    format!("{machine}{text}")
}

/// The code, and the enhanced one behind it.
fn smtp_part(line: &str) -> usize {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 3 {
        return 0;
    }
    let Some(rest) = line.get(4..) else { return digits };
    let word = rest.split(' ').next().unwrap_or_default();
    let enhanced = word.len() >= 5
        && word.split('.').count() == 3
        && word.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if enhanced { 4 + word.len() } else { digits }
}

/// The first words, and a code in brackets behind them.
fn status_part(line: &str, words: usize) -> usize {
    let mut at = 0;
    for _ in 0..words {
        at += line[at..].find(' ').map_or(line.len() - at, |n| n + 1);
    }
    let close = match line.as_bytes().get(at) {
        Some(b'[') => ']',
        Some(b'(') => ')',
        _ => return line[..at].trim_end().len(),
    };
    line[at..].find(close).map_or(line[..at].trim_end().len(), |n| at + n + 1)
}

/// The question of a server, decoded.
fn decoded(reply: &Shown, style: Style) -> String {
    let challenge = reply.reply.as_ref().and_then(ehlo_wire::Reply::challenge);
    let is_login = matches!(reply.verb.as_str(), "AUTH" | "AUTHENTICATE" | "");
    let Some(challenge) = challenge.filter(|c| !c.is_empty() && is_login) else { return String::new() };
    if ehlo_talk::decode(&challenge).is_none() {
        return String::new();
    }
    let blobs = blob::read(&[b"S: + ", &challenge[..]].concat());
    let mut out = String::new();
    for one in taken::take_apart(&blobs, style.now) {
        for (at, line) in sasl_show::of_one(&one, false, style.paint, style.texts).lines().enumerate() {
            let _ = writeln!(out, "{}{line}", if at == 0 { "  " } else { "" });
        }
    }
    out
}

/// What a reply means, in one line; none if there is nothing to say.
fn one_line(reply: &Shown, style: Style) -> Option<String> {
    let text: Vec<String> = lines(&reply.bytes).take(if is_list(reply) { 1 } else { 12 }).collect();
    let found = explain(&Symptom {
        protocol: style.protocol.map(Protocol::id),
        stage: Some(&reply.verb).filter(|v| !v.is_empty()).map(String::as_str),
        ..Symptom::of(&text.join("\n"))
    });
    // `x.y.0` says nothing that the code beside it does not say better.
    let says_little = |e: &Explanation| {
        matches!(e.kind, Kind::Unknown | Kind::Capability | Kind::Mechanism | Kind::Prompt)
            || e.name.ends_with(".0") && e.name.len() > 3
    };
    let first = found.iter().find(|e| !says_little(e))?;
    let lang = style.texts.lang;
    let meaning = first.here(lang).map_or_else(|| first.meaning(lang), str::to_owned);
    let meaning = escape_once(&meaning);
    Some(if first.kind == Kind::Failure { format!("{}: {meaning}", first.id()) } else { meaning })
}

/// Words of a peer may stand in a sentence.
fn escape_once(text: &str) -> String {
    if ehlo_core::is_escaped(text) { text.to_owned() } else { escape(text.as_bytes()) }
}

fn is_list(reply: &Shown) -> bool {
    matches!(reply.verb.as_str(), "EHLO" | "LHLO" | "CAPA" | "CAPABILITY" | "RETR" | "TOP" | "LIST" | "UIDL")
}

fn explained(text: &str, verb: &str, style: Style) -> String {
    let Style { paint, texts, .. } = style;
    let lang = texts.lang;
    let mut out = String::new();
    let blobs = blob::read(text.as_bytes());
    let messages = taken::take_apart(&blobs, style.now);
    for one in messages.iter().filter(|m| !matches!(m.kind, "nothing" | "bytes" | "text" | "empty")) {
        out.push_str(&sasl_show::of_one(one, false, paint, texts));
    }
    let found = explain(&Symptom {
        protocol: style.protocol.map(Protocol::id),
        stage: Some(verb).filter(|v| !v.is_empty()),
        ..Symptom::of(text)
    });
    for (at, explanation) in found.iter().enumerate() {
        if explanation.kind == Kind::Unknown && !out.is_empty() {
            continue;
        }
        if at == 0 {
            for line in text.lines().take(12) {
                let _ = writeln!(out, "{}", paint.strong(&escape_once(line)));
            }
        }
        let name = match explanation.kind {
            Kind::Failure => explanation.id().to_owned(),
            Kind::Unknown => String::new(),
            _ => escape_once(&explanation.name),
        };
        let meaning = escape_once(&explanation.meaning(lang));
        let first = if name.is_empty() { meaning } else { format!("{name}: {meaning}") };
        out.push_str(&wrapped(&first, 4, style.columns));
        if let Some(here) = explanation.here(lang) {
            out.push_str(&wrapped(&format!("{} {here}", texts.ui("explain-here")), 4, style.columns));
        }
        if let Some(causes) = explanation.causes(lang) {
            out.push_str(&wrapped(&texts.ui("explain-likely"), 4, style.columns));
            for (number, cause) in causes.split("; ").enumerate() {
                let body = wrapped(&escape_once(cause), 9, style.columns);
                let _ = write!(out, "      {}. {}", number + 1, body.trim_start());
            }
        }
        if let Some(confirm) = explanation.confirm(lang) {
            out.push_str(&wrapped(&format!("{} {confirm}", texts.ui("explain-confirm")), 4, style.columns));
        }
        if let Some(next) = explanation.next_step(lang) {
            let body = wrapped(next, 6, style.columns);
            let _ = write!(out, "    → {}", body.trim_start());
        }
        let sources = explanation.references().join(", ");
        if !sources.is_empty() {
            out.push_str(&style.dim(&format!("{} {sources}", texts.ui("explain-source"))));
        }
    }
    out
}

fn tls_shown(tls: &TlsFacts, style: Style) -> String {
    let Style { paint, texts, .. } = style;
    let name = tls.chain.first().and_then(|c| c.common_name.clone().or_else(|| c.names.first().cloned()));
    let name = name.unwrap_or_else(|| "–".to_owned());
    let took = time(Duration::from_micros(tls.took_us));
    let what = texts.fill(
        "talk/note/tls",
        &[("version", &tls.version), ("suite", &tls.suite), ("name", &name), ("took", &took)],
    );
    let mut out = style.prose(&paint.dim("–"), &what);
    if tls.is_verified() {
        out.push_str(&style.prose(&paint.good("✔"), &texts.get("talk/note/tls-verified")));
        return out;
    }
    out.push_str(
        &style.prose(
            &paint.bad("✘"),
            &texts.fill("talk/note/tls-unverified", &[("why", &why_not(tls, texts))]),
        ),
    );
    out
}

/// Why a server is not known to be the right one.
fn why_not(tls: &TlsFacts, texts: Texts) -> String {
    let mut why = Vec::new();
    if let Some(error) = &tls.path.error_now {
        why.push(texts.fill("talk/note/tls-path", &[("error", &escape_once(error))]));
    }
    if tls.names.matched.is_none() {
        let wanted = tls.names.wanted.join(", ");
        let names = tls
            .chain
            .first()
            .map(|c| c.names.join(", "))
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| "–".to_owned());
        why.push(texts.fill("talk/note/tls-name", &[("wanted", &wanted), ("names", &names)]));
    }
    if tls.signature_failure.is_some() {
        why.push(texts.get("talk/note/tls-key"));
    }
    why.join(" ")
}

fn certificates(tls: &TlsFacts, style: Style) -> String {
    let texts = style.texts;
    let mut out = tls_shown(tls, style);
    for (number, certificate) in tls.chain.iter().enumerate() {
        let day = |seconds: i64| ehlo_core::date(seconds);
        let days = (certificate.not_after - style.now).div_euclid(86_400);
        let places: [(&str, &dyn std::fmt::Display); 8] = [
            ("number", &(number + 1)),
            ("subject", &certificate.subject),
            ("issuer", &certificate.issuer),
            ("from", &day(certificate.not_before)),
            ("to", &day(certificate.not_after)),
            ("days", &days),
            ("key", &format!("{} {}", certificate.key, certificate.key_bits)),
            ("names", &certificate.names.join(", ")),
        ];
        for id in ["cert-subject", "cert-issuer", "cert-dates", "cert-key", "cert-names"] {
            if id == "cert-names" && certificate.names.is_empty() {
                continue;
            }
            out.push_str(&wrapped(
                &texts.fill(&format!("talk/note/{id}"), &places),
                if id == "cert-subject" { 4 } else { 7 },
                style.columns,
            ));
        }
        out.push_str(&wrapped(&format!("SHA-256 {}", certificate.sha256), 7, style.columns.max(82)));
    }
    out
}

fn capabilities(list: &[Cap], stamp: Option<&str>, style: Style) -> String {
    let Style { paint, texts, .. } = style;
    let mut out = String::new();
    if let Some(stamp) = stamp {
        out.push_str(&wrapped(&texts.fill("talk/note/apop", &[("stamp", &stamp)]), 4, style.columns));
    }
    let width = list.iter().map(|c| c.name.chars().count()).max().unwrap_or(0).min(24);
    for cap in list {
        let found = explain(&Symptom {
            protocol: style.protocol.map(Protocol::id),
            ..Symptom::of(&listed_as(cap, style.protocol))
        });
        let known = |e: &&Explanation| matches!(e.kind, Kind::Capability | Kind::Mechanism);
        let mut rows: Vec<(String, String)> =
            found.iter().filter(known).map(|e| (e.name.clone(), e.meaning(texts.lang))).collect();
        if rows.is_empty() {
            rows.push((cap.shown(), texts.get("talk/note/cap-unknown")));
        }
        for (name, meaning) in rows {
            let name = escape_once(&name);
            let gap = " ".repeat(width.saturating_sub(name.chars().count()));
            let body = wrapped(&escape_once(&meaning), width + 4, style.columns);
            let _ = write!(out, "  {}{gap}  {}", paint.strong(&name), body.trim_start());
        }
    }
    out
}

/// A word of a list as a server would say it, so that it is explained as such.
fn listed_as(cap: &Cap, protocol: Option<Protocol>) -> String {
    match protocol {
        Some(Protocol::Smtp | Protocol::Lmtp) => format!("250 {}", cap.shown()),
        Some(Protocol::Imap) => format!("* CAPABILITY {}", cap.shown()),
        _ => cap.shown(),
    }
}

fn changed(added: &[Cap], removed: &[Cap], why: &str, style: Style) -> String {
    let Style { paint, texts, .. } = style;
    if added.is_empty() && removed.is_empty() {
        return style.prose(&paint.dim("–"), &texts.get(&format!("talk/note/caps-same-{why}")));
    }
    let mut out = style.prose(&paint.dim("–"), &texts.get(&format!("talk/note/caps-{why}")));
    let coloured = |mark: &str, line: &str| match mark {
        "+" => paint.good(line),
        _ => paint.bad(line),
    };
    for (sign, caps) in [("+", added), ("-", removed)] {
        // Bare words stand side by side: IMAP has dozens of them.
        let (bare, more): (Vec<&Cap>, Vec<&Cap>) = caps.iter().partition(|c| c.arguments.is_empty());
        let words: Vec<String> = bare.iter().map(|c| c.shown()).collect();
        let body = wrapped(&words.join(" "), 6, style.columns);
        for (at, line) in body.lines().filter(|l| !l.trim().is_empty()).enumerate() {
            let mark = if at == 0 { sign } else { " " };
            let _ = writeln!(out, "    {}", coloured(sign, &format!("{mark} {}", line.trim_start())));
        }
        for cap in more {
            let _ = writeln!(out, "    {}", coloured(sign, &format!("{sign} {}", cap.shown())));
        }
    }
    out
}

fn closed(how: CloseKind, idle: Duration, announced: bool, style: Style) -> String {
    let Style { paint, texts, .. } = style;
    let id = match (how, announced) {
        (CloseKind::Reset, _) => "closed-reset",
        (CloseKind::Truncated, _) => "closed-truncated",
        (_, true) => "closed-announced",
        (_, false) => "closed",
    };
    let mark = if announced { paint.dim("–") } else { paint.bad("✘") };
    let mut text = texts.get(&format!("talk/note/{id}"));
    if !announced && idle >= Duration::from_secs(10) {
        let _ = write!(text, " {}", texts.fill("talk/note/closed-idle", &[("seconds", &idle.as_secs())]));
    }
    let _ = write!(text, " {}", texts.get("talk/note/closed-next"));
    style.prose(&mark, &text)
}

/// A line while it is typed: the verb in colour, secrets as asterisks.
pub(super) fn typed(context: &Context, line: &str, paint: Paint) -> String {
    // What could not be shown is left as it is: the editor shows it in its own way.
    let mut shown: Vec<char> = line.chars().collect();
    // A command of the console is not sent; what it answers a login with is no less secret for that.
    let is_command = line.starts_with(':') && !line.starts_with("::");
    let secrets = match line.split_once(' ') {
        _ if !is_command => context.secrets(line.as_bytes()),
        Some((":b64", _)) if context.state().authenticating => std::iter::once(5..line.len()).collect(),
        _ => Vec::new(),
    };
    for range in secrets {
        let from = line.get(..range.start).map_or(0, |s| s.chars().count());
        let to = line.get(..range.end).map_or(shown.len(), |s| s.chars().count());
        for c in shown.iter_mut().take(to).skip(from) {
            *c = '*';
        }
    }
    let shown: String = shown.into_iter().collect();
    if context.is_continuing() && !is_command {
        return shown;
    }
    let end = shown.find(' ').unwrap_or(shown.len());
    let (head, rest) = shown.split_at(end);
    format!("{}{rest}", paint.code(head))
}

/// What follows the command that is being typed.
pub(super) fn arguments(context: &Context, line: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix(':') {
        let found = ehlo_talk::COMMANDS.iter().find(|c| c.name == rest)?;
        return Some(found.arguments.to_owned()).filter(|a| !a.is_empty());
    }
    if context.is_continuing() {
        return None;
    }
    let upper = line.to_ascii_uppercase();
    let found = verbs(context.protocol).into_iter().find(|v| {
        upper == v.name
            || upper == format!("{} ", v.name)
            || upper.split_once(' ').is_some_and(|(_, rest)| rest == v.name)
    })?;
    Some(found.arguments.to_owned()).filter(|a| !a.is_empty())
}
