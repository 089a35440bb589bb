//! The verbs by IMAP.

mod change;
mod folders;
mod messages;
mod transfer;

use super::run::{end, until};
use super::watch::{is_bye, of_imap};
use super::{MailboxOptions, Sink, Trouble, Verb};
use ehlo_core::facts::{CapabilityFacts, Moment};
use ehlo_core::{Cause, Failure, Stage, Transcript};
use ehlo_dialogue::{Arrival, Dialogue};
use ehlo_wire::Command;
use ehlo_wire::imap::{Code, CommandBuilder, Response, ResponseKind, StatusKind, encode_mutf7, fetch_items};
use std::time::Duration;
use tokio::time::Instant;

/// More news than this are not kept while a command is answered.
const MOST_NEWS: usize = 10_000;

/// A session with an IMAP server, logged in.
pub(super) struct Imap {
    dialogue: Dialogue,
    capabilities: CapabilityFacts,
    wait: Duration,
    /// The folder that is open, readable, escaped.
    folder: Option<String>,
    /// How many messages it holds.
    messages: Option<u64>,
    /// What was sent last, without its tag, escaped.
    command: String,
    /// The code of the last answer that had one of interest: COPYUID, APPENDUID.
    code: Option<Code>,
    /// What the server told unasked.
    news: Vec<Response>,
    bye: bool,
    /// A literal was begun and cannot be ended: nothing more can be said.
    in_literal: bool,
}

/// What comes next of an answer.
pub(super) enum Next {
    /// Data, or a continuation.
    Response(Box<Response>),
    /// The command is done.
    Done,
}

impl Imap {
    /// Takes over a dialogue that is logged in.
    pub(super) async fn open(mut dialogue: Dialogue, wait: Duration) -> Result<Imap, (Transcript, Trouble)> {
        // The list from before the login is of no use behind it (RFC 9051 §6.2.3).
        match dialogue.ask_capabilities(Moment::Login, None).await {
            Ok(listed) => Ok(Imap {
                dialogue,
                capabilities: listed.facts,
                wait,
                folder: None,
                messages: None,
                command: String::new(),
                code: None,
                news: Vec::new(),
                bye: false,
                in_literal: false,
            }),
            Err(failure) => Err((end(dialogue).await, Trouble::Failed(failure))),
        }
    }

    /// Logs out.
    pub(super) async fn finish(self) -> Transcript {
        match self.in_literal {
            true => Box::pin(self.dialogue.drop_it(false)).await.0,
            false => end(self.dialogue).await,
        }
    }

    /// The folder that is open.
    pub(super) fn folder(&self) -> Option<String> {
        self.folder.clone()
    }

    /// How many messages it holds.
    pub(super) fn messages(&self) -> Option<u64> {
        self.messages
    }

    /// How long an answer may take.
    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    /// Whether the server can do that.
    pub(super) fn has(&self, name: &str) -> bool {
        self.capabilities.has(name)
    }

    /// Does all verbs but watching.
    pub(super) async fn go_on(
        &mut self,
        options: &MailboxOptions,
        verb: &Verb,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let folder = options.folder.as_deref();
        match verb {
            Verb::List => self.list(sink).await,
            Verb::Ls(page) => {
                self.select(folder, false).await?;
                self.ls(page, sink).await
            }
            Verb::Show { which, what } => {
                self.select(folder, false).await?;
                self.show(which, what, sink).await
            }
            Verb::Search(query) => {
                self.select(folder, false).await?;
                self.search(&query.keys(), sink).await
            }
            Verb::Quota => self.quota(folder, sink).await,
            Verb::Rights => self.rights(folder, sink).await,
            Verb::Flag { set, add, remove } => {
                self.select(folder, true).await?;
                self.flag(set, add, remove, sink).await
            }
            Verb::Move { set, to } => {
                self.select(folder, true).await?;
                self.relocate(set, to, true, sink).await
            }
            Verb::Copy { set, to } => {
                // COPY does not change the folder that it reads.
                self.select(folder, false).await?;
                self.relocate(set, to, false, sink).await
            }
            Verb::Delete { set } => {
                self.select(folder, true).await?;
                self.delete(set, sink).await
            }
            Verb::Append { message, name } => self.append(folder, message, name, sink).await,
            Verb::Mkdir { name } => self.mkdir(name, sink).await,
            Verb::Rename { from, to } => self.rename(from, to, sink).await,
            Verb::Watch(_) => Err(Trouble::Unsupported("watch")),
        }
    }

    /// Begins a command that is only text; yields its tag.
    pub(super) async fn begin(&mut self, text: &str) -> Result<String, Trouble> {
        let (tag, builder) = self.builder(text)?;
        self.send(&tag, text, builder.finish()).await?;
        Ok(tag)
    }

    /// Says a command that is only text, and passes over what comes back but its end.
    async fn say(&mut self, text: &str) -> Result<(), Trouble> {
        let tag = self.begin(text).await?;
        self.finish_command(&tag).await
    }

    async fn finish_command(&mut self, tag: &str) -> Result<(), Trouble> {
        while let Next::Response(_) = self.next(tag).await? {}
        Ok(())
    }

    /// A command with a tag of its own.
    fn builder(&mut self, text: &str) -> Result<(String, CommandBuilder), Trouble> {
        let tag = self.dialogue.tag();
        let plus = self.has("LITERAL+");
        let builder = CommandBuilder::new(&tag, text)
            .map_err(|_| Trouble::BadArgument(ehlo_core::escape(text.as_bytes())))?;
        Ok((tag, builder.literal_plus(plus)))
    }

    /// Sends a command; of one with literals, each when the server asks for it.
    async fn send(&mut self, tag: &str, shown: &str, command: Command) -> Result<(), Trouble> {
        self.command = ehlo_core::escape(shown.as_bytes());
        self.code = None;
        let mut fragments = command.fragments.into_iter();
        if let Some(first) = fragments.next() {
            self.write(&first).await?;
        }
        for fragment in fragments {
            self.invited(tag).await?;
            self.write(&fragment).await?;
        }
        Ok(())
    }

    /// Waits until the server asks for a literal.
    async fn invited(&mut self, tag: &str) -> Result<(), Trouble> {
        loop {
            match self.next(tag).await? {
                Next::Response(response) if response.continuation().is_some() => return Ok(()),
                Next::Response(_) => {}
                // Done before it was whole: that is no answer to it.
                Next::Done => return Err(self.refused("OK".into())),
            }
        }
    }

    /// Sends bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.dialogue.write(bytes).await?;
        Ok(())
    }

    /// Waits for what comes next.
    pub(super) async fn arrival(&mut self, limit: Instant) -> Arrival {
        self.dialogue.arrival(limit).await
    }

    /// The next response to the command of that tag.
    pub(super) async fn next(&mut self, tag: &str) -> Result<Next, Trouble> {
        let arrival = self.dialogue.arrival(until(self.wait)).await;
        self.heard(arrival, tag)
    }

    /// Takes note of what arrived.
    pub(super) fn heard(&mut self, arrival: Arrival, tag: &str) -> Result<Next, Trouble> {
        let failed = |cause| Trouble::Failed(Failure::new(Stage::Command, cause));
        let response = match arrival {
            Arrival::Reply(arrived) => of_imap(arrived.reply),
            Arrival::TimedOut => {
                let waited_ms = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
                return Err(failed(Cause::TimedOut { waited_ms }));
            }
            Arrival::Closed(_) if self.bye => return Err(failed(Cause::Rejected { code: "BYE".into() })),
            Arrival::Closed(_) => return Err(failed(Cause::Closed)),
            Arrival::Failed(failure) => return Err(Trouble::Failed(failure)),
        };
        let Some(response) = response else { return Err(failed(Cause::Closed)) };
        self.bye |= is_bye(&response);
        if let Some(status) = response.status() {
            if let Some(code) = &status.code
                && matches!(code.name.as_str(), "COPYUID" | "APPENDUID")
            {
                self.code = Some(code.clone());
            }
            if status.tag.as_deref() == Some(tag.as_bytes()) {
                return match status.kind {
                    StatusKind::Ok => Ok(Next::Done),
                    _ => {
                        // The tag is ours and says nothing.
                        let line = response.line.get(tag.len() + 1..).unwrap_or_default();
                        Err(self.refused(ehlo_core::escape(line)))
                    }
                };
            }
        }
        self.note(&response);
        Ok(Next::Response(Box::new(response)))
    }

    fn refused(&self, reply: String) -> Trouble {
        Trouble::Refused { command: self.command.clone(), reply }
    }

    /// What the server tells of the folder, whatever was asked.
    fn note(&mut self, response: &Response) {
        let ResponseKind::Data(data) = &response.kind else { return };
        let is_news = match data.name.as_str() {
            "EXISTS" => {
                self.messages = data.number;
                false
            }
            "EXPUNGE" => {
                self.messages = self.messages.map(|n| n.saturating_sub(1));
                true
            }
            // What was asked for has more in it than flags.
            "FETCH" => fetch_items(data)
                .value
                .iter()
                .all(|(name, _)| matches!(name.as_str(), "FLAGS" | "UID" | "MODSEQ")),
            _ => false,
        };
        if is_news && self.news.len() < MOST_NEWS {
            self.news.push(response.clone());
        }
    }

    /// What the server told unasked since the last time.
    pub(super) fn take_news(&mut self) -> Vec<Response> {
        std::mem::take(&mut self.news)
    }
}

/// A name as it goes over the wire.
fn wire(name: &str) -> Vec<u8> {
    encode_mutf7(name).into_bytes()
}

/// What a name on the wire reads as, escaped.
fn readable(name: &[u8]) -> ehlo_core::mailbox::Readable {
    match ehlo_wire::imap::decode_mutf7(name) {
        Some(decoded) => ehlo_core::mailbox::Readable::new(&decoded, name),
        None => ehlo_core::mailbox::Readable { text: ehlo_core::escape(name), wire: None },
    }
}
