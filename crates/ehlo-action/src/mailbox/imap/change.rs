use super::messages::{check_set, compressed};
use super::{Imap, Next, wire};
use crate::mailbox::{Item, Sink, Trouble, Which};
use crate::send::{Message, PORTION};
use ehlo_core::escape;
use ehlo_core::mailbox::{Change, ChangeState};
use ehlo_wire::imap::{self, Value};
use std::io::{self, Read as _};

/// So many ranges stand in one command.
const MOST_RANGES: usize = 500;

impl Imap {
    /// The UIDs of the messages that are meant, ascending: a number may be another message a moment later.
    async fn uids(&mut self, which: &Which) -> Result<Vec<u64>, Trouble> {
        check_set(&which.set)?;
        let text = match which.by_uid {
            true => format!("UID FETCH {} (UID)", which.set),
            false => {
                let ranges = self.ranges(which)?;
                let ranges: Vec<String> = ranges.iter().map(|(from, to)| format!("{from}:{to}")).collect();
                format!("FETCH {} (UID)", ranges.join(","))
            }
        };
        let tag = self.begin(&text).await?;
        let mut found = Vec::new();
        while let Next::Response(response) = self.next(&tag).await? {
            let Some(data) = response.data("FETCH") else { continue };
            let items = imap::fetch_items(data).value;
            found.extend(items.iter().find(|(name, _)| name == "UID").and_then(|(_, value)| value.number()));
        }
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return Err(Trouble::NoMessage(escape(which.set.as_bytes())));
        }
        Ok(found)
    }

    /// Sets flags and removes others; tells what each message has then.
    pub(super) async fn flag(
        &mut self,
        which: &Which,
        add: &[String],
        remove: &[String],
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let uids = self.uids(which).await?;
        for set in sets(&uids) {
            for (how, flags) in [("+FLAGS", add), ("-FLAGS", remove)] {
                if !flags.is_empty() {
                    self.say(&format!("UID STORE {set} {how}.SILENT ({})", flags.join(" "))).await?;
                }
            }
            // A server need not tell flags that stayed as they were (RFC 9051 §6.4.6), so they are asked for.
            let tag = self.begin(&format!("UID FETCH {set} (UID FLAGS)")).await?;
            while let Next::Response(response) = self.next(&tag).await? {
                let Some(data) = response.data("FETCH") else { continue };
                let items = imap::fetch_items(data).value;
                let of = |name: &str| items.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
                let (Some(flags), Some(uid)) =
                    (of("FLAGS").and_then(Value::list), of("UID").and_then(Value::number))
                else {
                    continue;
                };
                let change = Change {
                    flags: Some(flags.iter().filter_map(Value::astring).map(escape).collect()),
                    ..change("flag", uid.to_string())
                };
                sink.take(Item::Change(&change))?;
            }
        }
        Ok(())
    }

    /// Copies messages, or moves them.
    pub(super) async fn relocate(
        &mut self,
        which: &Which,
        to: &str,
        away: bool,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let uids = self.uids(which).await?;
        let can_move = self.has("MOVE") || self.has("IMAP4REV2");
        for set in sets(&uids) {
            let verb = if away && can_move { "UID MOVE" } else { "UID COPY" };
            let (tag, builder) = self.builder(&format!("{verb} {set}"))?;
            self.send(&tag, &format!("{verb} {set} {to}"), builder.string(&wire(to)).finish()).await?;
            self.finish_command(&tag).await?;
            let new_uids = self.code_argument("COPYUID", 2);
            let state = match away && !can_move {
                true => self.remove(&set).await?,
                false => ChangeState::Done,
            };
            let change = Change {
                state,
                folder: Some(escape(to.as_bytes())),
                new_uids,
                ..change(if away { "move" } else { "copy" }, set)
            };
            sink.take(Item::Change(&change))?;
        }
        Ok(())
    }

    pub(super) async fn delete(&mut self, which: &Which, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let uids = self.uids(which).await?;
        for set in sets(&uids) {
            let state = self.remove(&set).await?;
            sink.take(Item::Change(&Change { state, ..change("delete", set) }))?;
        }
        Ok(())
    }

    /// Marks messages and expunges them, if that can be done to these alone (RFC 4315 §2.1).
    pub(in crate::mailbox) async fn remove(&mut self, set: &str) -> Result<ChangeState, Trouble> {
        self.say(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)")).await?;
        if !self.has("UIDPLUS") && !self.has("IMAP4REV2") {
            return Ok(ChangeState::Marked);
        }
        self.say(&format!("UID EXPUNGE {set}")).await?;
        Ok(ChangeState::Done)
    }

    /// Puts a message into a folder. It is read twice: for its size, which must be said first, and for its octets.
    pub(super) async fn append(
        &mut self,
        folder: Option<&str>,
        message: &Message,
        name: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let folder = folder.unwrap_or("INBOX");
        let size = message.measure().map_err(Trouble::Source)?.octets;
        let limit =
            self.capabilities.list.iter().find_map(|c| c.name.strip_prefix("APPENDLIMIT=")?.parse().ok());
        if let Some(limit) = limit.filter(|limit| size > *limit) {
            return Err(Trouble::TooLarge { size, limit });
        }
        let (tag, builder) = self.builder("APPEND")?;
        // The server is asked before the octets go out, whatever it would take unasked: it may not want so many.
        let command = builder.string(&wire(folder)).announce(size);
        self.send(&tag, &format!("APPEND {folder}"), command).await?;
        self.invited(&tag).await?;
        if let Err(trouble) = self.octets(message, size).await {
            // Whatever is said now would be taken for a part of the message.
            self.in_literal = true;
            return Err(trouble);
        }
        self.finish_command(&tag).await?;
        self.folder = Some(escape(folder.as_bytes()));
        let change = Change {
            folder: Some(escape(folder.as_bytes())),
            new_uids: self.code_argument("APPENDUID", 1),
            ..change("append", escape(name.as_bytes()))
        };
        Ok(sink.take(Item::Change(&change))?)
    }

    /// Sends a message of `size` octets, and the end of the command.
    async fn octets(&mut self, message: &Message, size: u64) -> Result<(), Trouble> {
        let mut reader = message.reader().map_err(Trouble::Source)?;
        let mut buffer = vec![0; PORTION];
        let mut left = size;
        loop {
            let read = reader.read(&mut buffer).map_err(Trouble::Source)?;
            if read == 0 {
                break;
            }
            // A file that has grown since it was measured.
            left = left.checked_sub(read as u64).ok_or_else(changed)?;
            self.dialogue.write_part(&buffer[..read]).await?;
        }
        if left > 0 {
            return Err(changed());
        }
        self.write(b"\r\n").await
    }

    pub(super) async fn mkdir(&mut self, name: &str, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let (tag, builder) = self.builder("CREATE")?;
        self.send(&tag, &format!("CREATE {name}"), builder.string(&wire(name)).finish()).await?;
        self.finish_command(&tag).await?;
        Ok(sink.take(Item::Change(&change("mkdir", escape(name.as_bytes()))))?)
    }

    pub(super) async fn rename(&mut self, from: &str, to: &str, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let (tag, builder) = self.builder("RENAME")?;
        let command = builder.string(&wire(from)).string(&wire(to)).finish();
        self.send(&tag, &format!("RENAME {from} {to}"), command).await?;
        self.finish_command(&tag).await?;
        let change =
            Change { folder: Some(escape(to.as_bytes())), ..change("rename", escape(from.as_bytes())) };
        Ok(sink.take(Item::Change(&change))?)
    }

    /// An argument of the response code of that name.
    fn code_argument(&self, name: &str, at: usize) -> Option<String> {
        let code = self.code.as_ref().filter(|code| code.name == name)?;
        code.args.get(at)?.astring().map(escape)
    }
}

fn change(verb: &str, what: String) -> Change {
    Change {
        verb: verb.to_owned(),
        what,
        state: ChangeState::Done,
        folder: None,
        new_uids: None,
        flags: None,
    }
}

/// The message is no longer as long as it was said to be.
fn changed() -> Trouble {
    Trouble::Source(io::Error::other("it was changed while it was sent"))
}

/// UIDs as sets that fit into a command.
fn sets(uids: &[u64]) -> Vec<String> {
    uids.chunks(MOST_RANGES).map(compressed).collect()
}
