//! Commands that belong together, and their replies.

/// One command, or several that go out together.
#[derive(Debug)]
pub(super) struct Group {
    /// The connection.
    pub(super) label: String,
    /// The line of the first command.
    pub(super) number: usize,
    /// The untagged lines come in the order in which they stand.
    pub(super) ordered: bool,
    /// There was an untagged line that must come.
    pub(super) listed: bool,
    /// Number of the tag and reply of each command, in order.
    commands: Vec<(u32, Option<String>)>,
}

impl Group {
    pub(super) fn new(label: String, number: usize) -> Group {
        Group { label, number, ordered: false, listed: false, commands: Vec::new() }
    }

    /// Whether a command waits for its reply.
    pub(super) fn is_open(&self) -> bool {
        self.commands.iter().any(|(_, reply)| reply.is_none())
    }

    pub(super) fn sent(&mut self, tag: u32, reply: Option<String>) {
        self.commands.push((tag, reply));
    }

    /// Gives a reply to the command with that tag.
    pub(super) fn answer(&mut self, tag: u32, reply: &str) -> bool {
        match self.commands.iter_mut().find(|(t, r)| *t == tag && r.is_none()) {
            Some((_, slot)) => {
                *slot = Some(reply.to_owned());
                true
            }
            None => false,
        }
    }

    /// The replies in the order of the commands: `%` is the oldest tag without one.
    pub(super) fn replies(&self) -> Vec<Option<String>> {
        self.commands.iter().map(|(_, reply)| reply.clone()).collect()
    }
}

/// `tag2 ok select x`: number of the tag, the reply in our words, and the rest.
pub(super) fn head(text: &str) -> (u32, Option<String>, &str) {
    let mut rest = text;
    let mut tag = 0;
    if let Some((word, behind)) = rest.split_once(' ')
        && let Some(number) = word.get(..3).filter(|w| w.eq_ignore_ascii_case("tag")).and(word.get(3..))
        && let Ok(number) = number.parse::<u32>()
    {
        tag = number;
        rest = behind;
    }
    let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    let reply = match word.to_ascii_lowercase().as_str() {
        "ok" => "OK",
        "no" => "NO",
        "bad" => "BAD",
        "\"\"" => "OK|NO|BAD",
        _ => return (tag, None, rest),
    };
    let behind = behind.trim_start();
    // `no [toofew] uidbatches 100`
    if behind.starts_with('[')
        && let Some((code, command)) = behind.split_once("] ")
    {
        return (tag, Some(format!("{reply} {code}]")), command);
    }
    (tag, Some(reply.to_owned()), behind)
}

/// A reply with what stands behind it.
pub(super) fn with_rest(reply: &str, rest: &str) -> String {
    let rest = rest.trim();
    if rest.is_empty() { reply.to_owned() } else { format!("{reply} {rest}") }
}
