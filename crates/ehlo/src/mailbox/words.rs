//! What is to be done, read from the command line.

use crate::check::{self, text};
use crate::exit::Usage;
use crate::input;
use clap::ArgMatches;
use ehlo_action::mailbox::{Page, Query, QueryError, Shown, Verb, WatchFor, Which};
use ehlo_action::send::{Message, Source, Spool};
use ehlo_core::escape;
use ehlo_report::Texts;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// So many messages are listed unless it is said otherwise.
const PAGE: u64 = 50;
/// How often a maildrop is asked that cannot tell by itself.
const INTERVAL: Duration = Duration::from_secs(10);

/// The verbs, with what stands behind the target.
pub(super) const VERBS: &[(&str, &str)] = &[
    ("list", ""),
    ("ls", "[MESSAGES]"),
    ("show", "MESSAGE"),
    ("search", "QUERY…"),
    ("watch", ""),
    ("quota", ""),
    ("rights", ""),
    ("flag", "MESSAGES FLAG…"),
    ("move", "MESSAGES FOLDER"),
    ("copy", "MESSAGES FOLDER"),
    ("delete", "MESSAGES"),
    ("append", "FILE"),
    ("mkdir", "FOLDER"),
    ("rename", "FOLDER NEW-NAME"),
];

/// What is to be done, and where.
pub(super) struct Asked {
    pub(super) verb: Verb,
    pub(super) target: String,
    /// The message came from standard input: the password cannot.
    pub(super) stdin_taken: bool,
}

/// Reads the words and the flags that belong to them.
///
/// # Errors
/// Wrong usage; a file that cannot be read.
pub(super) fn read(words: &[String], matches: &ArgMatches, texts: Texts) -> anyhow::Result<Asked> {
    let names = || VERBS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some((verb, rest)) = words.split_first() else {
        return Err(Usage(texts.fill("mailbox/no-verb", &[("verbs", &names())])).into());
    };
    let Some((verb, wanted)) = VERBS.iter().find(|(name, _)| name == verb) else {
        let verb = escape(verb.as_bytes());
        return Err(Usage(texts.fill("mailbox/unknown-verb", &[("verb", &verb), ("verbs", &names())])).into());
    };
    let wrong =
        || anyhow::Error::from(Usage(texts.fill("mailbox/words", &[("verb", verb), ("wanted", wanted)])));
    let Some((target, rest)) = rest.split_first() else { return Err(wrong()) };
    let which = |set: &str| Which { set: set.trim().to_owned(), by_uid: matches.get_flag("uid") };
    let mut stdin_taken = false;
    let verb = match (*verb, rest) {
        ("list", []) => Verb::List,
        ("ls", []) => Verb::Ls(page(matches, texts)?),
        ("ls", [set]) => Verb::Ls(Page::Set(which(set))),
        ("show", [message]) => Verb::Show { which: which(message), what: shown(matches) },
        ("search", [_, ..]) => Verb::Search(query(rest, texts)?),
        ("watch", []) => Verb::Watch(watch(matches, texts)?),
        ("quota", []) => Verb::Quota,
        ("rights", []) => Verb::Rights,
        ("flag", [set, _, ..]) => {
            let (add, remove) = flags(&rest[1..], texts)?;
            Verb::Flag { set: which(set), add, remove }
        }
        ("move", [set, to]) => Verb::Move { set: which(set), to: to.clone() },
        ("copy", [set, to]) => Verb::Copy { set: which(set), to: to.clone() },
        ("delete", [set]) => Verb::Delete { set: which(set) },
        ("append", [file]) => {
            stdin_taken = file == "-";
            Verb::Append { message: message(file, texts)?, name: file.clone() }
        }
        ("mkdir", [name]) => Verb::Mkdir { name: name.clone() },
        ("rename", [from, to]) => Verb::Rename { from: from.clone(), to: to.clone() },
        _ => return Err(wrong()),
    };
    Ok(Asked { verb, target: target.clone(), stdin_taken })
}

fn page(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Page> {
    if matches.get_flag("all") {
        return Ok(Page::All);
    }
    Ok(Page::Newest(count(matches, "limit", texts)?.unwrap_or(PAGE)))
}

fn count(matches: &ArgMatches, name: &str, texts: Texts) -> anyhow::Result<Option<u64>> {
    let Some(value) = text(matches, name) else { return Ok(None) };
    let wanted = texts.fill("cli/a-count", &[("most", &u32::MAX)]);
    let number = value.parse::<u32>().ok().filter(|n| *n > 0);
    match number {
        Some(number) => Ok(Some(u64::from(number))),
        None => Err(input::wrong(texts, &format!("--{name}"), value, &wanted).into()),
    }
}

fn shown(matches: &ArgMatches) -> Shown {
    let raw = matches.get_flag("raw");
    match text(matches, "part") {
        Some(id) => Shown::Part { id: id.to_owned(), raw },
        None if raw => Shown::Raw,
        None if matches.get_flag("headers") => Shown::Header,
        None if matches.get_flag("structure") => Shown::Structure,
        None => Shown::Reading,
    }
}

fn query(words: &[String], texts: Texts) -> anyhow::Result<Query> {
    // A word with a blank in it was quoted for the shell: it stays one word.
    let quoted = |word: &String| match word.contains(' ') && !word.contains('"') && words.len() > 1 {
        true => match word.split_once(':') {
            Some((key, value)) if !key.contains(' ') => format!("{key}:\"{value}\""),
            _ => format!("\"{word}\""),
        },
        false => word.clone(),
    };
    let whole = words.iter().map(quoted).collect::<Vec<_>>().join(" ");
    Query::parse(&whole).map_err(|error| {
        let why = match error {
            QueryError::Empty => texts.get("mailbox/query-empty"),
            QueryError::Unknown(key) => {
                texts.fill("mailbox/query-unknown", &[("key", &escape(key.as_bytes()))])
            }
            QueryError::Value(word) => {
                texts.fill("mailbox/query-value", &[("word", &escape(word.as_bytes()))])
            }
            QueryError::Quote => texts.get("mailbox/query-quote"),
        };
        Usage(why).into()
    })
}

fn watch(matches: &ArgMatches, texts: Texts) -> anyhow::Result<WatchFor> {
    Ok(WatchFor {
        interval: check::time(matches, "interval", texts)?.unwrap_or(INTERVAL),
        time: check::time(matches, "for", texts)?,
        count: count(matches, "count", texts)?,
    })
}

/// `+\Seen` or `seen` sets a flag, `-\Seen` or `not:seen` removes it.
fn flags(words: &[String], texts: Texts) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for word in words {
        let word = word.trim();
        let (list, name) = if let Some(name) = word.strip_prefix('-').or_else(|| word.strip_prefix("not:")) {
            (&mut remove, name)
        } else {
            (&mut add, word.strip_prefix('+').unwrap_or(word))
        };
        let system = ["Seen", "Answered", "Flagged", "Deleted", "Draft"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(name.trim_start_matches('\\')));
        let is_keyword =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b));
        match system {
            Some(known) => list.push(format!("\\{known}")),
            None if is_keyword => list.push(name.to_owned()),
            None => {
                let flag = escape(word.as_bytes());
                return Err(Usage(texts.fill("mailbox/bad-flag", &[("flag", &flag)])).into());
            }
        }
    }
    Ok((add, remove))
}

/// The message in a file, with the line endings that mail has. It is read when it is sent.
fn message(file: &str, texts: Texts) -> anyhow::Result<Message> {
    let name = escape(file.as_bytes());
    let unreadable = |error: std::io::Error| anyhow::anyhow!("{name}: {error}");
    let source: Arc<dyn Source> = match file {
        "-" => Arc::new(Spool::read(std::io::stdin().lock()).map_err(unreadable)?),
        _ => Arc::new(PathBuf::from(file)),
    };
    if source.open().and_then(|mut reader| reader.read(&mut [0])).map_err(unreadable)? == 0 {
        return Err(Usage(texts.fill("mailbox/empty-file", &[("file", &name)])).into());
    }
    Ok(Message::stored(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_knowledge::Lang;

    #[test]
    fn flags_are_set_and_removed() {
        let texts = Texts { lang: Lang::En };
        let read = |words: &[&str]| {
            flags(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), texts)
                .map_err(|e| e.to_string())
        };
        let list = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
        assert_eq!(
            read(&["seen", "+\\flagged", " -\\Deleted", "not:draft", "$Junk", "-$Phishing"]),
            Ok((list(&["\\Seen", "\\Flagged", "$Junk"]), list(&["\\Deleted", "\\Draft", "$Phishing"])))
        );
        for bad in ["", "\\Unheard", "a b", "(", "\u{fc}"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
    }
}
