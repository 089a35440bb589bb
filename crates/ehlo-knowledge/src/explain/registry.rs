use super::reading::Reading;
use super::{Explanation, Kind};
use crate::pattern::is_enhanced;
use crate::{entry, keys, list};

/// What a text of one word names: an id of the catalogue or of a check, a keyword, a mechanism.
pub(super) fn named(reading: &Reading) -> Vec<Explanation> {
    let Some(word) = reading.word() else { return Vec::new() };
    let upper = word.to_ascii_uppercase();
    let mut found = Vec::new();
    let mut push = |kind, key: String| {
        if entry(&key).is_some() {
            found.push(Explanation::new(kind, key, word));
        }
    };
    push(Kind::Failure, format!("failure/{upper}"));
    push(Kind::Check, format!("check/{}/about", word.to_ascii_lowercase()));
    let protocols = ["smtp", "imap", "pop3", "sieve"];
    let asked = |p: &&&str| reading.protocol.is_empty() || **p == reading.family();
    for protocol in protocols.iter().filter(asked) {
        push(Kind::ResponseCode, format!("code-{protocol}/{upper}"));
    }
    for protocol in protocols.iter().filter(asked) {
        found.extend(keyword(protocol, word));
    }
    if let Some(mechanism) = mechanism(upper.strip_prefix("AUTH=").unwrap_or(&upper)) {
        found.push(mechanism);
    }
    found.extend(command(reading, word));
    found
}

/// What a client's line asks for, if that is what the text is: `RCPT TO:<bob@example.org>`, `a1 SELECT INBOX`.
pub(super) fn command_line(reading: &Reading) -> Vec<Explanation> {
    let [line] = reading.lines.as_slice() else { return Vec::new() };
    let marks = ["C: ", "> ", ">> ", "-> ", "~> "];
    let line = marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line);
    let mut words = line.split_ascii_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // A verb in lower case is a verb as well, but an English sentence may begin with one.
    let is_verb =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_verb(first) {
        let found = command(reading, first);
        if !found.is_empty() {
            return found;
        }
    }
    // In IMAP a tag stands in front.
    let imap: Vec<Explanation> =
        command(reading, second).into_iter().filter(|e| e.key.starts_with("command-imap/")).collect();
    if is_verb(second) { imap } else { Vec::new() }
}

/// What the command of that verb is for, in each protocol that has it.
fn command(reading: &Reading, verb: &str) -> Vec<Explanation> {
    let verb = verb.to_ascii_uppercase();
    let protocols = [("smtp", "SMTP"), ("pop3", "POP3"), ("imap", "IMAP"), ("sieve", "ManageSieve")];
    let asked = |(id, _): &(&str, &str)| reading.protocol.is_empty() || *id == reading.family();
    let of = |(id, name): (&str, &str)| {
        let key = format!("command-{id}/{verb}");
        entry(&key).map(|_| Explanation::new(Kind::Command, key, format!("{verb} ({name})")))
    };
    protocols.into_iter().filter(asked).filter_map(of).collect()
}

/// What the codes and keywords in the text mean by the registries.
pub(super) fn codes(reading: &Reading, found: &mut Vec<Explanation>) {
    found.extend(alert(reading));
    found.extend(prompt(reading));
    capabilities(reading, found);
    for code in &reading.response_codes {
        found.extend(response_code(reading, code));
    }
    status(reading, found);
    reply(reading, found);
}

/// That a symptom is in no list.
pub(super) fn unknown(reading: &Reading) -> Explanation {
    if reading.lines.is_empty() {
        return Explanation::new(Kind::Unknown, "explain/empty", "");
    }
    match (reading.family(), reading.texts.first().map(String::as_str)) {
        ("pop3", Some(text)) if text.starts_with("-err") => {
            Explanation::new(Kind::Class, "explain/pop3-err", "-ERR")
        }
        ("pop3", Some(text)) if text.starts_with("+ok") => {
            Explanation::new(Kind::Class, "explain/pop3-ok", "+OK")
        }
        ("pop3" | "imap", Some(text)) if text == "+" || text.starts_with("+ ") => {
            Explanation::new(Kind::Class, "explain/continue", "+")
        }
        ("imap" | "sieve", _) => {
            let status = ["no", "bad", "bye", "ok", "preauth"].into_iter().find(|status| {
                let lead = format!("{status} ");
                reading.texts.iter().any(|t| t == status || t.starts_with(&lead))
            });
            match status {
                Some(status) => Explanation::new(
                    Kind::Class,
                    format!("explain/imap-{status}"),
                    status.to_ascii_uppercase(),
                ),
                None => Explanation::new(Kind::Unknown, "explain/unknown-text", ""),
            }
        }
        _ => match reading.word() {
            Some(word) => Explanation::new(Kind::Unknown, "explain/unknown-word", word),
            None => Explanation::new(Kind::Unknown, "explain/unknown-text", ""),
        },
    }
}

/// A word of a capability list; a name with a value of its own comes before the one that stands for any value.
fn keyword(protocol: &str, word: &str) -> Option<Explanation> {
    let name = word.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    if protocol == "imap"
        && let Some(value) = name.strip_prefix("AUTH=")
    {
        return mechanism(value);
    }
    let exact = format!("capability-{protocol}/{name}");
    let open = match name.split_once('=') {
        Some((lead, value)) if value.starts_with("RES-") => {
            Some(format!("capability-{protocol}/{lead}=RES-"))
        }
        Some((lead, _)) => Some(format!("capability-{protocol}/{lead}=")),
        None => None,
    };
    let has_value = |key: &str| word.contains([' ', '=']) && entry(&format!("{key}/arg")).is_some();
    [Some(exact), open].into_iter().flatten().find(|key| entry(key).is_some()).map(|key| {
        let key = if has_value(&key) { format!("{key}/arg") } else { key };
        Explanation::new(Kind::Capability, key, word)
    })
}

fn mechanism(name: &str) -> Option<Explanation> {
    let key = format!("mechanism/{}", name.to_ascii_uppercase());
    entry(&key).map(|_| Explanation::new(Kind::Mechanism, key, name.to_ascii_uppercase()))
}

fn capabilities(reading: &Reading, found: &mut Vec<Explanation>) {
    let one = reading.family() == "smtp" && reading.lines.len() == 1;
    let listing = reading.lines.len() > 1 || one || reading.stage == "capabilities";
    for (index, line) in reading.lines.iter().enumerate() {
        let words = match reading.family() {
            "smtp" if listing && reading.code == "250" => {
                let text = line.get(4..).unwrap_or_default();
                // The first line greets; its words are no keywords. A line alone is the greeting of HELO, or a line out
                // of a list, which has words in capitals only.
                let alone = reading.lines.len() == 1;
                if index > 0 || alone && is_keyword(text) {
                    found.extend(keyword("smtp", text));
                    if let Some(names) = text.strip_prefix("AUTH ").or_else(|| text.strip_prefix("AUTH=")) {
                        found.extend(names.split(' ').filter_map(mechanism));
                    }
                }
                continue;
            }
            "pop3" if listing => {
                found.extend(keyword("pop3", line));
                continue;
            }
            "imap" => line.split_once("CAPABILITY ").map_or("", |(_, words)| words),
            _ => "",
        };
        let words = words.split(']').next().unwrap_or_default();
        found.extend(words.split(' ').filter(|w| !w.is_empty()).filter_map(|word| keyword("imap", word)));
    }
}

/// Whether a line begins with a word in capitals, as the keywords of EHLO do and sentences do not.
fn is_keyword(text: &str) -> bool {
    let word = text.split([' ', '=']).next().unwrap_or_default();
    word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

fn response_code(reading: &Reading, code: &str) -> Option<Explanation> {
    let protocols: &[&str] = match reading.family() {
        "pop3" => &["pop3"],
        "imap" => &["imap"],
        "sieve" => &["sieve"],
        _ => &["imap", "pop3", "sieve"],
    };
    let whole = protocols.iter().map(|p| format!("code-{p}/{code}"));
    // `SYS/TEMP` is known, and of `REFERRAL/…` its beginning.
    let lead = code.split('/').next().unwrap_or_default();
    let begin = protocols.iter().map(|p| format!("code-{p}/{lead}"));
    let known = whole.chain(begin).find(|key| entry(key).is_some());
    match known {
        Some(key) => Some(Explanation::new(Kind::ResponseCode, key, code)),
        None if reading.protocol.is_empty() => None,
        None => Some(Explanation::new(Kind::Unknown, "explain/unknown-response-code", code)),
    }
}

/// Who speaks, as far as it changes what numbers mean.
fn provider(text: &str) -> Option<&'static str> {
    let google =
        ["gsmtp", "google.com", "gmail", "application-specific password", "log in with your web browser"];
    let microsoft = [
        "outlook.com",
        "microsoft",
        "office365",
        "exchange",
        "aka.ms",
        "5.7.3 authentication unsuccessful",
        "rate limited due to ip reputation",
    ];
    if google.iter().any(|word| text.contains(word)) {
        Some("google")
    } else if microsoft.iter().any(|word| text.contains(word)) {
        Some("microsoft")
    } else {
        None
    }
}

fn status(reading: &Reading, found: &mut Vec<Explanation>) {
    let code = reading.enhanced.as_str();
    if !is_enhanced(code) {
        return;
    }
    let (class, detail) = code.split_once('.').unwrap_or_default();
    let subject = detail.split('.').next().unwrap_or_default();
    let text = reading.texts.first().map_or("", String::as_str);
    let mut push = |kind, key: String, name: &str| {
        let known = entry(&key).is_some();
        if known {
            found.push(Explanation::new(kind, key, name));
        }
        known
    };
    // Providers use numbers of the registry for purposes of their own.
    let known = match provider(text) {
        Some(who) if push(Kind::Status, format!("status-{who}/{detail}"), code) => true,
        Some(_) => push(Kind::Status, format!("status/{detail}"), code),
        None => {
            let registered = push(Kind::Status, format!("status/{detail}"), code);
            let alone = text.trim() == code;
            let google = alone && push(Kind::Status, format!("status-google/{detail}"), code);
            let microsoft =
                (alone || !registered) && push(Kind::Status, format!("status-microsoft/{detail}"), code);
            registered || google || microsoft
        }
    };
    if !known {
        push(Kind::Unknown, "explain/unknown-status".to_owned(), code);
        push(Kind::Class, format!("status/subject-{subject}"), code);
    }
    push(Kind::Class, format!("status/class-{class}"), code);
}

fn reply(reading: &Reading, found: &mut Vec<Explanation>) {
    let code = reading.code.as_str();
    let [first @ b'1'..=b'9', _, _] = code.as_bytes() else { return };
    let key = format!("reply-smtp/{code}");
    if entry(&key).is_some() {
        let mut meaning = Explanation::new(Kind::Reply, key, code);
        meaning.stage = reading.stage;
        found.push(meaning);
    } else {
        found.push(Explanation::new(Kind::Unknown, "explain/unknown-reply", code));
        let class = format!("reply-smtp/class-{}", char::from(*first));
        if entry(&class).is_some() {
            found.push(Explanation::new(Kind::Class, class, code));
        }
    }
}

/// What the server asks for in a login; the text is base64 that is known by heart.
fn prompt(reading: &Reading) -> Option<Explanation> {
    let line = reading.lines.last()?;
    let asked = match line.split_once(' ') {
        Some(("334" | "+", rest)) => rest,
        None if line == "334" || line == "+" => "",
        None => line,
        Some(_) => return None,
    };
    if asked.is_empty() {
        return Some(Explanation::new(Kind::Prompt, "prompt/empty", line.as_str()));
    }
    let exact = keys("prompt/").find(|key| list(key, "is").contains(&asked));
    let begun = || keys("prompt/").find(|key| list(key, "begins").iter().any(|lead| asked.starts_with(lead)));
    exact.or_else(begun).map(|key| Explanation::new(Kind::Prompt, key, asked))
}

/// A TLS alert by its name, as the different libraries write it, or its number.
fn alert(reading: &Reading) -> Option<Explanation> {
    let text = reading.texts.first()?;
    let squash = |text: &str| text.replace(['_', ' ', '-'], "");
    let is_alert = text.contains("alert") || reading.cause == "tls-alert" || reading.word().is_some();
    if !is_alert {
        return None;
    }
    let squashed = squash(text);
    let number: Option<&str> = text
        .split("alert number ")
        .nth(1)
        .or_else(|| text.strip_prefix("alert "))
        .map(|rest| &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()]);
    keys("tls-alert/")
        .filter(|key| {
            let name = squash(&key["tls-alert/".len()..]);
            match reading.word() {
                Some(_) => squashed == name,
                None => squashed.contains(&name) || number.is_some_and(|n| list(key, "number").contains(&n)),
            }
        })
        .max_by_key(|key| key.len())
        .map(|key| Explanation::new(Kind::Alert, key, &key["tls-alert/".len()..]))
}
