use super::transfer::Transfer;
use super::{Imap, Next};
use crate::mailbox::query::Key;
use crate::mailbox::{Item, Page, Shown, Sink, Trouble, Which, read};
use ehlo_core::escape;
use ehlo_core::mailbox::{MessageLine, Part, Reading};
use ehlo_wire::imap::{self, Data, ResponseKind, SequenceSet, Value, ValueKind};

/// So many messages are asked for at once; two such questions are under way.
const BATCH: u64 = 100;
/// So many numbers are searched at once: the answer is one line.
const WINDOW: u64 = 5000;
/// So many octets of a message are asked for at once.
const CHUNK: u64 = 512 * 1024;
/// More of a header, or of a text, is not shown.
const MOST_HEADER: u64 = 1 << 20;
const MOST_TEXT: u64 = 256 * 1024;

const ROW: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)";

/// What FETCH says of a message.
struct Row {
    line: MessageLine,
    parts: Vec<Part>,
    cut: bool,
}

impl Imap {
    pub(super) async fn ls(&mut self, page: &Page, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let all = self.messages.unwrap_or(0);
        match page {
            _ if all == 0 && !matches!(page, Page::Set(_)) => Ok(()),
            Page::All => self.rows(&[(1, all)], sink).await,
            Page::Newest(most) => self.rows(&[(all.saturating_sub(*most) + 1, all)], sink).await,
            Page::Set(which) if which.by_uid => {
                check_set(&which.set)?;
                self.search(&[Key::Word(format!("UID {}", which.set))], sink).await
            }
            Page::Set(which) => {
                let ranges = self.ranges(which)?;
                self.rows(&ranges, sink).await
            }
        }
    }

    /// The numbers that a set holds and the folder has.
    pub(super) fn ranges(&self, which: &Which) -> Result<Vec<(u64, u64)>, Trouble> {
        let all = u32::try_from(self.messages.unwrap_or(0)).unwrap_or(u32::MAX);
        let missing = || Trouble::NoMessage(escape(which.set.as_bytes()));
        check_set(&which.set)?;
        if all == 0 {
            return Err(missing());
        }
        let text = which.set.replace('*', &all.to_string());
        let set = SequenceSet::parse(text.as_bytes()).ok_or_else(missing)?;
        let held = set.overlap(&[(1, all)]);
        if held.is_empty() {
            return Err(missing());
        }
        Ok(held.into_iter().map(|(from, to)| (u64::from(from), u64::from(to))).collect())
    }

    /// Lists the messages of these numbers.
    pub(in crate::mailbox) async fn rows(
        &mut self,
        ranges: &[(u64, u64)],
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let mut sets = ranges.iter().flat_map(|&(from, to)| {
            (from..=to)
                .step_by(BATCH as usize)
                .map(move |first| format!("{first}:{}", to.min(first + BATCH - 1)))
        });
        self.rows_of(&mut sets, sink).await
    }

    /// Lists the messages of these sets. While one is answered, the next is asked for already.
    async fn rows_of(
        &mut self,
        sets: &mut (dyn Iterator<Item = String> + Send),
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let mut waiting: Option<String> = None;
        loop {
            let next = match sets.next() {
                Some(set) => Some(self.begin(&format!("FETCH {set} {ROW}")).await?),
                None => None,
            };
            if let Some(tag) = waiting {
                while let Next::Response(response) = self.next(&tag).await? {
                    if let Some(row) = response.data("FETCH").and_then(row) {
                        sink.take(Item::Message(&row.line))?;
                    }
                }
            } else if next.is_none() {
                return Ok(());
            }
            waiting = next;
        }
    }

    /// Lists the messages that fit. The folder is searched piece by piece, so that no answer is longer than a line
    /// may be.
    pub(super) async fn search(&mut self, keys: &[Key], sink: &mut dyn Sink) -> Result<(), Trouble> {
        let all = self.messages.unwrap_or(0);
        let foreign = keys.iter().any(|key| matches!(key, Key::Text(text) if !text.is_ascii()));
        let mut from = 1;
        while from <= all {
            let to = all.min(from + WINDOW - 1);
            let charset = if foreign { "CHARSET UTF-8 " } else { "" };
            let (tag, mut builder) = self.builder(&format!("SEARCH {charset}{from}:{to}"))?;
            for key in keys {
                builder = match key {
                    Key::Word(word) => {
                        builder.text(word).map_err(|_| Trouble::BadArgument(escape(word.as_bytes())))?
                    }
                    Key::Text(text) => builder.string(text.as_bytes()),
                };
            }
            self.send(&tag, "SEARCH", builder.finish()).await?;
            let mut found: Vec<u64> = Vec::new();
            while let Next::Response(response) = self.next(&tag).await? {
                if let Some(data) = response.data("SEARCH") {
                    found.extend(
                        data.items.iter().filter_map(Value::number).filter(|n| (from..=to).contains(n)),
                    );
                }
            }
            found.sort_unstable();
            found.dedup();
            let mut sets = found.chunks(BATCH as usize).map(compressed);
            self.rows_of(&mut sets, sink).await?;
            from = to + 1;
        }
        Ok(())
    }

    /// What FETCH says of one message.
    async fn row(&mut self, which: &Which) -> Result<Row, Trouble> {
        let missing = || Trouble::NoMessage(escape(which.set.as_bytes()));
        let last = self.messages.unwrap_or(0).to_string();
        let text = if which.set == "*" && !which.by_uid { &last } else { &which.set };
        let number: u32 = text.parse().map_err(|_| Trouble::BadArgument(escape(which.set.as_bytes())))?;
        if number == 0 || (!which.by_uid && u64::from(number) > self.messages.unwrap_or(0)) {
            return Err(missing());
        }
        let verb = if which.by_uid { "UID FETCH" } else { "FETCH" };
        let tag = self.begin(&format!("{verb} {number} {ROW}")).await?;
        let mut found = None;
        while let Next::Response(response) = self.next(&tag).await? {
            found = found.or_else(|| response.data("FETCH").and_then(row));
        }
        found.ok_or_else(missing)
    }

    pub(super) async fn show(
        &mut self,
        which: &Which,
        what: &Shown,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let Row { line, parts, cut } = self.row(which).await?;
        let uid = line.uid.clone().ok_or_else(|| Trouble::NoMessage(escape(which.set.as_bytes())))?;
        match what {
            Shown::Raw => self.stream(&uid, "", Transfer::None, sink).await,
            Shown::Header => self.stream(&uid, "HEADER", Transfer::None, sink).await,
            Shown::Structure => {
                let reading = Reading { line, parts, cut, ..Reading::default() };
                Ok(sink.take(Item::Reading(&reading))?)
            }
            Shown::Part { id, raw } => {
                let missing = || Trouble::NoPart(escape(id.as_bytes()));
                let known = parts.iter().find(|p| p.id.eq_ignore_ascii_case(id) && !id.is_empty());
                let part = known.ok_or_else(missing)?;
                let transfer = if *raw { None } else { part.encoding.as_deref() };
                self.stream(&uid, &part.id, Transfer::of(transfer), sink).await
            }
            Shown::Reading => {
                let header = self.piece(&uid, "HEADER", 0, MOST_HEADER).await?.unwrap_or_default();
                let mut reading =
                    Reading { line, header: read::header(&header), parts, cut, ..Reading::default() };
                if let Some(part) = read::text_part(&reading.parts).cloned() {
                    let raw = self.piece(&uid, &part.id, 0, MOST_TEXT).await?.unwrap_or_default();
                    reading.cut |= part.size.is_some_and(|size| size > MOST_TEXT);
                    reading.was_html = part.media == "text/html";
                    reading.text = Some(read::text(&part, &raw));
                    reading.text_part = Some(part.id);
                }
                Ok(sink.take(Item::Reading(&reading))?)
            }
        }
    }

    /// Passes a whole message on.
    pub(in crate::mailbox) async fn whole(&mut self, uid: &str, sink: &mut dyn Sink) -> Result<(), Trouble> {
        self.stream(uid, "", Transfer::None, sink).await
    }

    /// The UIDs of messages whose field holds the text.
    pub(in crate::mailbox) async fn with_field(
        &mut self,
        field: &str,
        text: &str,
    ) -> Result<Vec<u64>, Trouble> {
        let (tag, builder) = self.builder("UID SEARCH HEADER")?;
        let builder = builder.string(field.as_bytes()).string(text.as_bytes());
        self.send(&tag, "UID SEARCH HEADER", builder.finish()).await?;
        let mut found = Vec::new();
        while let Next::Response(response) = self.next(&tag).await? {
            if let Some(data) = response.data("SEARCH") {
                found.extend(data.items.iter().filter_map(Value::number));
            }
        }
        Ok(found)
    }

    /// Passes a section on, piece by piece.
    async fn stream(
        &mut self,
        uid: &str,
        section: &str,
        mut transfer: Transfer,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let mut from = 0;
        loop {
            let Some(piece) = self.piece(uid, section, from, CHUNK).await? else {
                return if from > 0 { Ok(()) } else { Err(Trouble::NoPart(escape(section.as_bytes()))) };
            };
            let come = piece.len() as u64;
            let undone = transfer.undo(&piece);
            if !undone.is_empty() {
                sink.take(Item::Bytes(&undone))?;
            }
            // A piece that is shorter than asked for is the last (RFC 9051 §6.4.5); one that is longer is not ours.
            if come != CHUNK {
                let rest = transfer.rest();
                if !rest.is_empty() {
                    sink.take(Item::Bytes(&rest))?;
                }
                return Ok(());
            }
            from += come;
        }
    }

    /// A piece of a section, without marking the message as seen.
    async fn piece(
        &mut self,
        uid: &str,
        section: &str,
        from: u64,
        most: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let tag = self.begin(&format!("UID FETCH {uid} (BODY.PEEK[{section}]<{from}.{most}>)")).await?;
        let mut found = None;
        while let Next::Response(response) = self.next(&tag).await? {
            let ResponseKind::Data(data) = response.kind else { continue };
            if data.name == "FETCH" && found.is_none() {
                found = body(data);
            }
        }
        Ok(found)
    }
}

/// The octets of `BODY[…]` in a FETCH response.
fn body(mut data: Data) -> Option<Vec<u8>> {
    if data.items.is_empty() {
        return None;
    }
    let ValueKind::List(items) = data.items.swap_remove(0).kind else { return None };
    let mut items = items.into_iter();
    while let Some(name) = items.next() {
        let value = items.next()?;
        if name.astring().is_some_and(|n| n.to_ascii_uppercase().starts_with(b"BODY[")) {
            return match value.kind {
                ValueKind::Literal(bytes) | ValueKind::Literal8(bytes) | ValueKind::Quoted(bytes) => {
                    Some(bytes)
                }
                _ => None,
            };
        }
    }
    None
}

/// A message as FETCH tells it; none if this is not what was asked for.
fn row(data: &Data) -> Option<Row> {
    let items = imap::fetch_items(data).value;
    let mut row = Row {
        line: MessageLine { number: data.number?, ..MessageLine::default() },
        parts: Vec::new(),
        cut: false,
    };
    let mut asked = false;
    for (name, value) in items {
        match name.as_str() {
            "UID" => row.line.uid = value.number().map(|n| n.to_string()),
            "FLAGS" => {
                let flags = value.list().unwrap_or_default();
                row.line.flags = Some(flags.iter().filter_map(Value::astring).map(escape).collect());
            }
            "INTERNALDATE" => row.line.received = value.nstring().and_then(read::internal_date),
            "RFC822.SIZE" => {
                row.line.size = value.number();
                asked = true;
            }
            "ENVELOPE" => {
                let envelope = imap::envelope(value).value;
                row.line.date = envelope.date.as_deref().and_then(read::date);
                row.line.subject = envelope.subject.as_deref().map(read::readable);
                row.line.from = read::addresses(&envelope.from);
                row.line.to = read::addresses(&envelope.to);
                row.line.message_id = envelope.message_id.as_deref().map(escape);
            }
            "BODYSTRUCTURE" => {
                (row.parts, row.cut) = read::parts(&imap::body_structure(value).value);
                row.line.attachments = Some(read::attachments(&row.parts));
            }
            _ => {}
        }
    }
    asked.then_some(row)
}

/// Ascending numbers as a set, runs as ranges.
pub(super) fn compressed(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == number => *to = number,
            _ => ranges.push((number, number)),
        }
    }
    let range = |(from, to): &(u64, u64)| if from == to { from.to_string() } else { format!("{from}:{to}") };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

pub(super) fn check_set(set: &str) -> Result<(), Trouble> {
    match SequenceSet::parse(set.as_bytes()) {
        Some(_) => Ok(()),
        None => Err(Trouble::BadArgument(escape(set.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_sets() {
        assert_eq!(compressed(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(compressed(&[]), "");
    }
}
