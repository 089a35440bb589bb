use super::imap::Imap;
use super::pop3::Pop3;
use super::{Sink, Verb, watch};
use crate::session::{self, NotOpened, Target};
use ehlo_core::facts::{LoginFacts, LoginResult};
use ehlo_core::{Anchor, EntryKind, Failure, Limits, Masker, Protocol, Transcript, TranscriptId};
use ehlo_dialogue::{Clock, ConnectionOptions, Dialogue, LoginOptions, Offered};
use ehlo_wire::sasl::Credentials;
use std::time::Duration;
use tokio::time::Instant;

/// How a mailbox is reached.
#[derive(Clone)]
pub struct MailboxOptions {
    /// How connections are made.
    pub connection: ConnectionOptions,
    /// Whose mailbox it is.
    pub credentials: Credentials,
    /// Under which conditions secrets may go out.
    pub login: LoginOptions,
    /// The folder, readable; INBOX if none is named.
    pub folder: Option<String>,
    /// Whether anything may be changed.
    pub write: bool,
}

impl MailboxOptions {
    /// Caps for mail: its lines may be long and its lists longer than those of a dialogue, and of all that only the
    /// beginning is kept in the transcript.
    pub(super) fn fitted(&self) -> MailboxOptions {
        let mut fitted = self.clone();
        let limits = &mut fitted.connection.limits;
        limits.line = 4 << 20;
        limits.imap_line = 4 << 20;
        limits.reply_lines = 200_000;
        limits.reply_bytes = 16 << 20;
        limits.stream_bytes = 256 << 10;
        fitted
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.connection.limits
    }
}

/// Why something could not be done.
#[derive(Debug)]
pub enum Trouble {
    /// No session came about, or it broke off.
    Failed(Failure),
    /// The login was not granted, or not tried.
    Login(Box<LoginFacts>),
    /// The server says no to a command; both escaped.
    Refused {
        /// The command, without its tag.
        command: String,
        /// The answer.
        reply: String,
    },
    /// The server, or the protocol, has no such thing: `folders`, `flags`, `quota`, `rights`, `append`, `move`, `watch`.
    Unsupported(&'static str),
    /// There is no such message; escaped.
    NoMessage(String),
    /// The message has no such part; escaped.
    NoPart(String),
    /// Only reading was allowed.
    ReadOnly,
    /// A name or set that cannot be sent; escaped.
    BadArgument(String),
    /// The message is larger than the server takes, both in octets.
    TooLarge {
        /// What the message has.
        size: u64,
        /// What the server takes (RFC 7889).
        limit: u64,
    },
    /// The message is too large to be taken apart by POP3, which gives whole messages only, in octets.
    TooLargeToRead {
        /// As much is read.
        limit: u64,
    },
    /// What is to be sent could not be read.
    Source(std::io::Error),
    /// What was found could not be written.
    Sink(std::io::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Failed(failure)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Sink(error)
    }
}

/// How it went.
#[derive(Debug)]
pub struct MailboxReport {
    /// The service.
    pub url: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The folder that was opened, readable, escaped.
    pub folder: Option<String>,
    /// How many messages it holds.
    pub messages: Option<u64>,
    /// Whether messages were retrieved by POP3's RETR: a server may take them as read from then on.
    pub retrieved: bool,
    /// Why it could not be done, if so.
    pub trouble: Option<Trouble>,
    /// From beginning to end, in microseconds.
    pub took_us: u64,
    /// The dialogues: one, or several where a POP3 maildrop was watched.
    pub transcripts: Vec<Transcript>,
}

/// A mailbox that is open.
pub(super) enum Mailbox {
    Imap(Imap),
    Pop3(Pop3),
}

/// Does `verb` with the mailbox at `target`. What is found goes to `sink`. `stop`: ends watching.
pub async fn run(
    target: &Target,
    options: &MailboxOptions,
    verb: &Verb,
    sink: &mut dyn Sink,
    stop: &tokio::sync::Notify,
) -> MailboxReport {
    let started = Instant::now();
    let clock = Clock::start();
    let options = options.fitted();
    let mut report = MailboxReport {
        url: target.url.clone(),
        protocol: target.endpoint.scheme.protocol(),
        folder: None,
        messages: None,
        retrieved: false,
        trouble: None,
        took_us: 0,
        transcripts: Vec::new(),
    };
    if verb.changes() && !options.write {
        report.trouble = Some(Trouble::ReadOnly);
        return report;
    }
    let deadline = started + options.limits().total;
    let opening = Opening { target, options: &options, clock, deadline };
    // On the heap: all the verbs together are large, and a thread's stack may be small.
    let done = match Box::pin(opening.open(&mut report.transcripts)).await {
        Ok(mailbox) => Box::pin(opening.go_on(mailbox, verb, sink, stop, &mut report)).await,
        Err(trouble) => Err(trouble),
    };
    report.trouble = report.trouble.or(done.err());
    report.took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    report
}

/// What is needed to open a mailbox, and to do so again.
pub(super) struct Opening<'a> {
    pub(super) target: &'a Target,
    pub(super) options: &'a MailboxOptions,
    pub(super) clock: Clock,
    pub(super) deadline: Instant,
}

impl Opening<'_> {
    /// Connects and logs in.
    pub(super) async fn open(&self, transcripts: &mut Vec<Transcript>) -> Result<Mailbox, Trouble> {
        let mut masker = Masker::new();
        masker.learn(self.options.credentials.password.expose().as_bytes());
        let id = u32::try_from(transcripts.len()).unwrap_or(u32::MAX);
        let connection = &self.options.connection;
        let mut transcript = Transcript::new(
            TranscriptId(id),
            format!("{} (mailbox)", self.target.url),
            connection.limits.stream_bytes,
        )
        .brief();
        let protocol = self.target.endpoint.scheme.protocol();
        let among = match connection.addresses(&self.target.endpoint, self.target.addresses.as_deref()).await
        {
            Ok(among) => among,
            Err(failure) => {
                let entry =
                    transcript.push(self.clock.now(), EntryKind::Failure { failure: failure.clone() });
                transcripts.push(transcript);
                return Err(Trouble::Failed(failure.at(Anchor::Entry(entry))));
            }
        };
        let opened =
            session::open(self.target, &among, connection, &masker, self.clock, self.deadline, transcript);
        let mut session = match Box::pin(opened).await {
            Ok((session, _)) => session,
            Err(NotOpened { failure, transcript, .. }) => {
                transcripts.push(transcript);
                return Err(Trouble::Failed(failure));
            }
        };
        if protocol == Protocol::Pop3 && session.capabilities().is_some_and(|c| c.has("UTF8")) {
            // It can only be said before the login (RFC 6856 §2.1), and without it messages with UTF-8 in their
            // headers are withheld. A server that refuses what it offers is asked for mail all the same.
            if let Ok(utf8) = ehlo_wire::pop3::command("UTF8")
                && let Err(failure) = session.dialogue.say(utf8).await
            {
                transcripts.push(end(session.dialogue).await);
                return Err(Trouble::Failed(failure));
            }
        }
        let stamp = session.apop_stamp.clone();
        let offered = Offered::from_capabilities(protocol, session.capabilities(), stamp.as_deref());
        let login = session.dialogue.login(&self.options.credentials, &offered, &self.options.login);
        let login = Box::pin(login).await;
        if login.result != LoginResult::Accepted {
            transcripts.push(Box::pin(session.dialogue.finish()).await.0);
            return Err(Trouble::Login(Box::new(login)));
        }
        let wait = connection.limits.command;
        let opened = match protocol {
            Protocol::Pop3 => Pop3::open(session.dialogue, wait).await.map(Mailbox::Pop3),
            _ => Imap::open(session.dialogue, wait).await.map(Mailbox::Imap),
        };
        opened.map_err(|(dialogue, trouble)| {
            transcripts.push(dialogue);
            trouble
        })
    }

    async fn go_on(
        &self,
        mailbox: Mailbox,
        verb: &Verb,
        sink: &mut dyn Sink,
        stop: &tokio::sync::Notify,
        report: &mut MailboxReport,
    ) -> Result<(), Trouble> {
        match mailbox {
            Mailbox::Imap(mut imap) => {
                let result = match verb {
                    Verb::Watch(how) => Box::pin(imap.watch(self.options, *how, sink, stop)).await,
                    _ => Box::pin(imap.go_on(self.options, verb, sink)).await,
                };
                report.folder = imap.folder();
                report.messages = imap.messages();
                report.transcripts.push(imap.finish().await);
                result
            }
            Mailbox::Pop3(mut pop3) => {
                report.messages = Some(pop3.messages());
                let result = match (verb, &self.options.folder) {
                    (_, Some(folder)) if !folder.eq_ignore_ascii_case("INBOX") => {
                        Err(Trouble::Unsupported("folders"))
                    }
                    (Verb::Watch(how), _) => {
                        let result = Box::pin(watch::poll(self, pop3, *how, sink, stop, report)).await;
                        return result;
                    }
                    _ => Box::pin(pop3.go_on(verb, sink)).await,
                };
                report.retrieved = pop3.retrieved();
                let (transcript, ended) = pop3.finish(sink).await;
                report.transcripts.push(transcript);
                result.and(ended)
            }
        }
    }
}

/// Ends a dialogue properly, and keeps what was said.
pub(super) async fn end(dialogue: Dialogue) -> Transcript {
    Box::pin(dialogue.finish()).await.0
}

/// When a wait that begins now ends.
pub(super) fn until(wait: Duration) -> Instant {
    Instant::now() + wait
}
