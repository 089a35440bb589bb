//! The verbs by POP3: one folder, no flags, and nothing is changed before QUIT.

use super::query::Query;
use super::run::{end, until};
use super::{Item, Page, Shown, Sink, Trouble, Verb, Which, read};
use ehlo_core::facts::{CapabilityFacts, Moment};
use ehlo_core::mailbox::{Change, ChangeState, Folder, MessageLine, Readable, Reading};
use ehlo_core::{Cause, Failure, Stage, Transcript, escape};
use ehlo_dialogue::{Arrival, Dialogue};
use ehlo_wire::Reply;
use ehlo_wire::imap::SequenceSet;
use ehlo_wire::pop3::{DataLine, Response, Status};
use mail_parser::{Message, MessageParser, PartType};
use std::collections::HashMap;
use std::time::Duration;

/// So many messages are asked for at once, where the server takes several commands (RFC 2449 §6.6).
const BATCH: u64 = 16;
/// More of a message is not kept to be read; it is passed on all the same.
const MOST_KEPT: usize = 32 << 20;
/// Of a message that is larger, so many lines of the body are fetched to be read.
const MOST_LINES: u32 = 20_000;
/// A message that is to be read, and turns out so much larger than LIST said, is not read to its end.
const MOST_EXCESS: u64 = 1 << 20;
/// A unique-id has at most 70 characters (RFC 1939 §7); of a longer one this is kept.
const LONGEST_ID: usize = 200;
/// More of a text is not shown.
const MOST_TEXT: usize = 256 * 1024;

/// A session with a POP3 server, logged in.
pub(super) struct Pop3 {
    dialogue: Dialogue,
    capabilities: CapabilityFacts,
    wait: Duration,
    messages: u64,
    octets: u64,
    /// The numbers of messages that QUIT will remove.
    pending: Vec<u64>,
    retrieved: bool,
}

impl Pop3 {
    /// Takes over a dialogue that is logged in.
    pub(super) async fn open(mut dialogue: Dialogue, wait: Duration) -> Result<Pop3, (Transcript, Trouble)> {
        let capabilities = match dialogue.ask_capabilities(Moment::Login, None).await {
            Ok(listed) => listed.facts,
            Err(failure) => return Err((end(dialogue).await, Trouble::Failed(failure))),
        };
        let mut pop3 = Pop3 {
            dialogue,
            capabilities,
            wait,
            messages: 0,
            octets: 0,
            pending: Vec::new(),
            retrieved: false,
        };
        match pop3.ask("STAT").await {
            Ok(response) => {
                let mut numbers = numbers(&response.text);
                pop3.messages = numbers.next().unwrap_or(0);
                pop3.octets = numbers.next().unwrap_or(0);
                Ok(pop3)
            }
            Err(trouble) => Err((end(pop3.dialogue).await, trouble)),
        }
    }

    /// How many messages there are.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether a message was retrieved whole.
    pub(super) fn retrieved(&self) -> bool {
        self.retrieved
    }

    /// Does all verbs but watching.
    pub(super) async fn go_on(&mut self, verb: &Verb, sink: &mut dyn Sink) -> Result<(), Trouble> {
        match verb {
            Verb::List => {
                let folder = Folder {
                    name: Readable { text: "INBOX".into(), wire: None },
                    special_use: Some("inbox".into()),
                    selectable: true,
                    messages: Some(self.messages),
                    size: Some(self.octets),
                    ..Folder::default()
                };
                Ok(sink.take(Item::Folder(&folder))?)
            }
            Verb::Ls(page) => self.ls(page, sink).await,
            Verb::Show { which, what } => self.show(which, what, sink).await,
            Verb::Search(query) => self.search(query, sink).await,
            Verb::Delete { set } => self.delete(set, sink).await,
            Verb::Flag { .. } => Err(Trouble::Unsupported("flags")),
            Verb::Quota => Err(Trouble::Unsupported("quota")),
            Verb::Rights => Err(Trouble::Unsupported("rights")),
            Verb::Append { .. } => Err(Trouble::Unsupported("append")),
            Verb::Watch(_) => Err(Trouble::Unsupported("watch")),
            Verb::Move { .. } | Verb::Copy { .. } | Verb::Mkdir { .. } | Verb::Rename { .. } => {
                Err(Trouble::Unsupported("folders"))
            }
        }
    }

    /// Ends the session by QUIT: what is pending happens then, or not.
    pub(super) async fn finish(mut self, sink: &mut dyn Sink) -> (Transcript, Result<(), Trouble>) {
        let mut result = Ok(());
        if !self.pending.is_empty() {
            let quit = self.ask("QUIT").await;
            let state = if quit.is_ok() { ChangeState::Done } else { ChangeState::Lost };
            result = quit.map(|_| ());
            for number in std::mem::take(&mut self.pending) {
                if let Err(error) = sink.take(Item::Change(&deletion(number, state))) {
                    result = result.and(Err(Trouble::Sink(error)));
                    break;
                }
            }
        }
        (end(self.dialogue).await, result)
    }

    /// Whether the server can do that; one that has no CAPA may be able to all the same.
    fn may(&self, name: &str) -> bool {
        self.capabilities.has(name) || self.capabilities.refused.is_some()
    }

    async fn write(&mut self, command: &str) -> Result<(), Trouble> {
        self.dialogue.write(format!("{command}\r\n").as_bytes()).await?;
        Ok(())
    }

    /// Says a command and waits for its answer, which must be `+OK`.
    async fn ask(&mut self, command: &str) -> Result<Response, Trouble> {
        self.write(command).await?;
        match self.answer().await? {
            response if response.status == Status::Ok => Ok(response),
            response => {
                Err(Trouble::Refused { command: escape(command.as_bytes()), reply: escape(&response.line) })
            }
        }
    }

    async fn answer(&mut self) -> Result<Response, Trouble> {
        let arrival = self.dialogue.arrival(until(self.wait)).await;
        self.heard(arrival)
    }

    fn heard(&self, arrival: Arrival) -> Result<Response, Trouble> {
        let failed = |cause| Trouble::Failed(Failure::new(Stage::Command, cause));
        match arrival {
            Arrival::Reply(arrived) => match arrived.reply {
                Reply::Pop3(response) => Ok(response),
                _ => Err(failed(Cause::Closed)),
            },
            Arrival::TimedOut => {
                let waited_ms = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
                Err(failed(Cause::TimedOut { waited_ms }))
            }
            Arrival::Closed(_) => Err(failed(Cause::Closed)),
            Arrival::Failed(failure) => Err(Trouble::Failed(failure)),
        }
    }

    /// Says a command that is answered with many lines, and hands each on as it comes.
    async fn lines(
        &mut self,
        command: &str,
        each: &mut dyn FnMut(&DataLine) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.retrieved |= command.starts_with("RETR");
        self.write(command).await?;
        loop {
            let mut lines = Vec::new();
            let arrival = self.dialogue.arrival_or_lines(until(self.wait), &mut lines).await;
            lines.iter().try_for_each(&mut *each)?;
            let Some(arrival) = arrival else { continue };
            let response = self.heard(arrival)?;
            if response.status != Status::Ok {
                let reply = escape(&response.line);
                return Err(Trouble::Refused { command: escape(command.as_bytes()), reply });
            }
            return response.data.iter().try_for_each(each);
        }
    }

    /// The unique-ids with the numbers they have now; of a fuller maildrop the first `most`.
    pub(super) async fn unique_ids(&mut self, most: usize) -> Result<HashMap<String, u64>, Trouble> {
        let mut found = HashMap::new();
        self.lines("UIDL", &mut |line| {
            let mut words = line.text.split(|&b| b == b' ').filter(|w| !w.is_empty());
            let number = words.next().and_then(|w| std::str::from_utf8(w).ok()?.parse().ok());
            if let (Some(number), Some(uid)) = (number, words.next())
                && found.len() < most
            {
                found.insert(escape(&uid[..uid.len().min(LONGEST_ID)]), number);
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    async fn ls(&mut self, page: &Page, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let all = self.messages;
        match page {
            Page::All => self.rows(1, all, sink).await,
            Page::Newest(most) => self.rows(all.saturating_sub(*most) + 1, all, sink).await,
            Page::Set(which) => {
                for (from, to) in self.ranges(which).await? {
                    self.rows(from, to, sink).await?;
                }
                Ok(())
            }
        }
    }

    /// The numbers that are meant.
    async fn ranges(&mut self, which: &Which) -> Result<Vec<(u64, u64)>, Trouble> {
        let missing = || Trouble::NoMessage(escape(which.set.as_bytes()));
        if which.by_uid {
            let wanted = escape(which.set.as_bytes());
            let mut found = None;
            self.lines("UIDL", &mut |line| {
                let mut words = line.text.split(|&b| b == b' ').filter(|w| !w.is_empty());
                let number = words.next().and_then(|w| std::str::from_utf8(w).ok()?.parse::<u64>().ok());
                if words.next().is_some_and(|uid| escape(uid) == wanted) {
                    found = found.or(number);
                }
                Ok(())
            })
            .await?;
            return found.map(|n| vec![(n, n)]).ok_or_else(missing);
        }
        if SequenceSet::parse(which.set.as_bytes()).is_none() {
            return Err(Trouble::BadArgument(escape(which.set.as_bytes())));
        }
        let all = u32::try_from(self.messages).unwrap_or(u32::MAX);
        let text = which.set.replace('*', &all.to_string());
        let held = match SequenceSet::parse(text.as_bytes()) {
            Some(set) if all > 0 => set.overlap(&[(1, all)]),
            _ => Vec::new(),
        };
        if held.is_empty() {
            return Err(missing());
        }
        Ok(held.into_iter().map(|(from, to)| (u64::from(from), u64::from(to))).collect())
    }

    /// The one number that is meant.
    async fn number(&mut self, which: &Which) -> Result<u64, Trouble> {
        match self.ranges(which).await?.as_slice() {
            [(from, to)] if from == to => Ok(*from),
            _ => Err(Trouble::BadArgument(escape(which.set.as_bytes()))),
        }
    }

    /// Lists the messages `from` to `to`.
    pub(super) async fn rows(&mut self, from: u64, to: u64, sink: &mut dyn Sink) -> Result<(), Trouble> {
        self.scan(from, to, &mut |line, _| Ok(sink.take(Item::Message(&line))?)).await
    }

    /// Reads size, unique-id and header of messages.
    async fn scan(
        &mut self,
        from: u64,
        to: u64,
        each: &mut dyn FnMut(MessageLine, Vec<u8>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let (uidl, top) = (self.may("UIDL"), self.may("TOP"));
        let batch = if self.capabilities.has("PIPELINING") { BATCH } else { 1 };
        let mut first = from.max(1);
        while first <= to {
            let last = to.min(first + batch - 1);
            let mut commands = Vec::new();
            for number in first..=last {
                commands.push(format!("LIST {number}"));
                commands.extend(uidl.then(|| format!("UIDL {number}")));
                commands.extend(top.then(|| format!("TOP {number} 0")));
            }
            if batch > 1 {
                let all: String = commands.iter().map(|c| format!("{c}\r\n")).collect();
                self.dialogue.write(all.as_bytes()).await?;
            }
            let mut commands = commands.iter();
            for number in first..=last {
                let mut line = MessageLine { number, ..MessageLine::default() };
                let mut header = Vec::new();
                for _ in 0..1 + usize::from(uidl) + usize::from(top) {
                    let Some(command) = commands.next() else { break };
                    if batch == 1 {
                        self.write(command).await?;
                    }
                    let response = self.answer().await?;
                    if response.status != Status::Ok {
                        // A server without UIDL or TOP that did not say so; without LIST there is none.
                        if command.starts_with("LIST") {
                            let reply = escape(&response.line);
                            return Err(Trouble::Refused { command: command.clone(), reply });
                        }
                    } else if command.starts_with("LIST") {
                        line.size = numbers(&response.text).nth(1);
                    } else if command.starts_with("UIDL") {
                        let mut words = response.text.split(|&b| b == b' ').filter(|w| !w.is_empty());
                        line.uid = words.nth(1).map(escape);
                    } else {
                        header = joined(&response.data);
                        read::fill_in(&mut line, &header);
                    }
                }
                each(line, header)?;
            }
            first = last + 1;
        }
        Ok(())
    }

    async fn show(&mut self, which: &Which, what: &Shown, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let number = self.number(which).await?;
        match what {
            Shown::Raw => {
                let mut pass = |line: &DataLine| Ok(sink.take(Item::Bytes(&with_ending(line)))?);
                return self.lines(&format!("RETR {number}"), &mut pass).await;
            }
            Shown::Header => {
                let mut in_header = true;
                let mut pass = |line: &DataLine| {
                    if in_header {
                        sink.take(Item::Bytes(&with_ending(line)))?;
                        in_header = !line.text.is_empty();
                    }
                    Ok(())
                };
                let command =
                    if self.may("TOP") { format!("TOP {number} 0") } else { format!("RETR {number}") };
                return self.lines(&command, &mut pass).await;
            }
            Shown::Reading | Shown::Structure | Shown::Part { .. } => {}
        }
        let mut found = None;
        self.scan(number, number, &mut |line, _| {
            found = Some(line);
            Ok(())
        })
        .await?;
        let said = found.as_ref().and_then(|line| line.size);
        let is_large = said.is_some_and(|size| size > MOST_KEPT as u64);
        if is_large && matches!(what, Shown::Part { .. }) {
            return Err(Trouble::TooLargeToRead { limit: MOST_KEPT as u64 });
        }
        let (bytes, cut) = match what {
            // Its beginning is read, and the rest is not fetched to be thrown away.
            Shown::Reading if is_large && self.may("TOP") => {
                (self.gathered(&format!("TOP {number} {MOST_LINES}"), said).await?.0, true)
            }
            _ => self.retrieve(number, said).await?,
        };
        let message = MessageParser::default().parse(&bytes);
        let missing = |id: &str| Trouble::NoPart(escape(id.as_bytes()));
        if let Shown::Part { id, raw } = what {
            if cut {
                return Err(Trouble::TooLargeToRead { limit: MOST_KEPT as u64 });
            }
            let part =
                message.as_ref().and_then(|m| read::part_bytes(m, id, *raw)).ok_or_else(|| missing(id))?;
            return Ok(sink.take(Item::Bytes(&part))?);
        }
        let mut reading = Reading { line: found.unwrap_or_default(), cut, ..Reading::default() };
        if let Some(message) = &message {
            let (parts, more) = read::parts_of(message);
            reading.cut |= more;
            reading.line.attachments = Some(read::attachments(&parts));
            reading.parts = parts;
            if *what == Shown::Reading {
                reading.header = read::header(&bytes);
                fill_text(&mut reading, message);
            }
        }
        Ok(sink.take(Item::Reading(&reading))?)
    }

    /// A message, as far as it is kept; whether more of it came. `said`: how large it is, as the server says.
    pub(super) async fn retrieve(
        &mut self,
        number: u64,
        said: Option<u64>,
    ) -> Result<(Vec<u8>, bool), Trouble> {
        self.gathered(&format!("RETR {number}"), said).await
    }

    /// The lines that answer a command, as far as they are kept; whether more of them came.
    async fn gathered(&mut self, command: &str, said: Option<u64>) -> Result<(Vec<u8>, bool), Trouble> {
        let mut bytes = Vec::new();
        let mut cut = false;
        let mut come = 0;
        let most = said.unwrap_or(u64::MAX / 4).saturating_mul(2).saturating_add(MOST_EXCESS);
        self.lines(command, &mut |line| {
            come += line.span.len();
            if come > most {
                let cause = Cause::TooLarge { what: "reply".into(), limit: most };
                return Err(Trouble::Failed(Failure::new(Stage::Command, cause)));
            }
            if bytes.len() < MOST_KEPT {
                bytes.extend_from_slice(&with_ending(line));
            } else {
                cut = true;
            }
            Ok(())
        })
        .await?;
        Ok((bytes, cut))
    }

    /// Holds every message against the query: a POP3 server cannot search.
    async fn search(&mut self, query: &Query, sink: &mut dyn Sink) -> Result<(), Trouble> {
        if query.needs_flags() {
            return Err(Trouble::Unsupported("flags"));
        }
        let text_needed = query.needs_text();
        let mut first = 1;
        while first <= self.messages {
            let last = self.messages.min(first + BATCH - 1);
            let mut candidates = Vec::new();
            self.scan(first, last, &mut |line, header| {
                candidates.push((line, header));
                Ok(())
            })
            .await?;
            for (line, header) in candidates {
                let text = match text_needed {
                    true => text_of(&self.retrieve(line.number, line.size).await?.0),
                    false => String::new(),
                };
                if query.fits(&line, &header, &text) {
                    sink.take(Item::Message(&line))?;
                }
            }
            first = last + 1;
        }
        Ok(())
    }

    /// Numbers, unique-ids and sizes of messages whose field holds the text.
    pub(super) async fn with_field(
        &mut self,
        field: &str,
        text: &str,
    ) -> Result<Vec<(u64, Option<String>, Option<u64>)>, Trouble> {
        self.with_field_from(1, field, text).await
    }

    /// The same, from the message of that number on.
    pub(super) async fn with_field_from(
        &mut self,
        first: u64,
        field: &str,
        text: &str,
    ) -> Result<Vec<(u64, Option<String>, Option<u64>)>, Trouble> {
        let mut found = Vec::new();
        let all = self.messages;
        self.scan(first, all, &mut |line, header| {
            let holds = |value: &[u8]| value.windows(text.len().max(1)).any(|w| w == text.as_bytes());
            let fields = read::fields(&header);
            if fields.iter().any(|(n, value)| n.eq_ignore_ascii_case(field.as_bytes()) && holds(value)) {
                found.push((line.number, line.uid, line.size));
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Marks a message for removal.
    pub(super) async fn mark(&mut self, number: u64) -> Result<(), Trouble> {
        self.ask(&format!("DELE {number}")).await?;
        self.pending.push(number);
        Ok(())
    }

    /// Marks messages for removal. If one of them cannot be marked, none is.
    async fn delete(&mut self, which: &Which, sink: &mut dyn Sink) -> Result<(), Trouble> {
        for (from, to) in self.ranges(which).await? {
            for number in from..=to {
                let result = match self.mark(number).await {
                    Ok(()) => sink
                        .take(Item::Change(&deletion(number, ChangeState::Pending)))
                        .map_err(Trouble::from),
                    Err(trouble) => Err(trouble),
                };
                if let Err(trouble) = result {
                    let kept = std::mem::take(&mut self.pending);
                    self.ask("RSET").await?;
                    for number in kept {
                        sink.take(Item::Change(&deletion(number, ChangeState::Lost)))?;
                    }
                    return Err(trouble);
                }
            }
        }
        Ok(())
    }
}

fn deletion(number: u64, state: ChangeState) -> Change {
    Change {
        verb: "delete".into(),
        what: number.to_string(),
        state,
        folder: None,
        new_uids: None,
        flags: None,
    }
}

/// The numbers in a text such as `2 320`.
fn numbers(text: &[u8]) -> impl Iterator<Item = u64> + '_ {
    text.split(|&b| b == b' ').filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok())
}

/// A line with the ending that it had.
fn with_ending(line: &DataLine) -> Vec<u8> {
    let stuffed = u64::from(line.text.starts_with(b"."));
    // What the line took on the wire, less its text and the dot in front: one for LF, two for CR LF.
    let bare = line.span.len().saturating_sub(line.text.len() as u64).saturating_sub(stuffed) < 2;
    let mut bytes = line.text.clone();
    bytes.extend_from_slice(if bare { b"\n" } else { b"\r\n" });
    bytes
}

fn joined(lines: &[DataLine]) -> Vec<u8> {
    lines.iter().flat_map(with_ending).collect()
}

/// The text to read, found in a message that is here.
fn fill_text(reading: &mut Reading, message: &Message<'_>) {
    let Some(part) = read::text_part(&reading.parts).cloned() else { return };
    let Some(bytes) = read::part_bytes(message, &part.id, true) else { return };
    reading.cut |= bytes.len() > MOST_TEXT;
    reading.was_html = part.media == "text/html";
    reading.text = Some(read::text(&part, &bytes[..bytes.len().min(MOST_TEXT)]));
    reading.text_part = Some(part.id);
}

/// All text in a message, for searching.
fn text_of(bytes: &[u8]) -> String {
    let Some(message) = MessageParser::default().parse(bytes) else { return String::new() };
    let texts = message.parts.iter().filter_map(|part| match &part.body {
        PartType::Text(text) | PartType::Html(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{Side, Span};

    #[test]
    fn lines_keep_their_endings() {
        let line = |text: &[u8], wire: u64| {
            with_ending(&DataLine { text: text.to_vec(), span: Span::new(Side::Server, 10, 10 + wire) })
        };
        assert_eq!(line(b"abc", 5), b"abc\r\n");
        assert_eq!(line(b"abc", 4), b"abc\n");
        assert_eq!(line(b".", 4), b".\r\n");
        assert_eq!(line(b"", 1), b"\n");
        assert_eq!(line(b"", 2), b"\r\n");
        assert_eq!(line(b".x", 4), b".x\n");
    }
}
