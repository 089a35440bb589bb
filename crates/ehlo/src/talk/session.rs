//! What drives the console: the connection, the person in front, and the time.

use super::front::{Ask, Front, Typed};
use super::interrupt::{Interrupt, Interrupts};
use super::prompt;
use super::show::{self, Style};
use super::site::Site;
use crate::check::text;
use crate::exit::{FOUND, GOOD, UNABLE};
use crate::output;
use clap::ArgMatches;
use ehlo_core::facts::Vantage;
use ehlo_core::{Protocol, Transcript};
use ehlo_dialogue::{Arrival, Clock, Dialogue, RawArrival, vantage};
use ehlo_report::{Paint, Texts};
use ehlo_script::{Arrived, Described, Value, record, write_transcripts};
use ehlo_talk::{Console, Do, Hidden, Settings, Show, View};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// So many replies are taken before anything else is looked at.
const BATCH: usize = 500;
/// How long a server of no known protocol may be silent at the end of a pipe.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A dialogue that is over.
struct Past {
    url: String,
    protocol: Protocol,
    transcript: Transcript,
}

/// A session of the console.
pub(super) struct Session {
    pub(super) site: Site,
    pub(super) console: Console,
    pub(super) dialogue: Option<Dialogue>,
    pub(super) front: Front,
    pub(super) texts: Texts,
    pub(super) clock: Clock,
    pub(super) insecure_auth: bool,
    /// Where the connection goes.
    pub(super) address: String,
    /// The replies of the last exchange, and how long it took.
    pub(super) exchange: Vec<Arrived>,
    pub(super) took: Duration,
    pub(super) variables: BTreeMap<String, Value>,
    paint: Paint,
    past: Vec<Past>,
    pub(super) sent_at: Instant,
    save_as: Option<String>,
    connected_once: bool,
    url: String,
    /// What is typed again, the next first.
    replay: VecDeque<String>,
    pub(super) interrupts: Interrupts,
    /// The program was told to end.
    pub(super) ending: bool,
}

/// What comes on a connection.
enum Came {
    Arrival(Arrival),
    Bytes(Vec<u8>),
}

/// Waits for what comes; without a connection, for ever.
async fn coming(dialogue: &mut Option<Dialogue>, raw: bool, until: Instant) -> Came {
    let Some(dialogue) = dialogue else { return std::future::pending().await };
    if !raw {
        return Came::Arrival(dialogue.arrival(until).await);
    }
    Came::Arrival(match dialogue.raw_arrival(until).await {
        RawArrival::Bytes(bytes) => return Came::Bytes(bytes),
        RawArrival::TimedOut => Arrival::TimedOut,
        RawArrival::Closed(how) => Arrival::Closed(how),
        RawArrival::Failed(failure) => Arrival::Failed(failure),
    })
}

/// The connection, as the console sees it. What nobody knows, nobody follows.
pub(super) fn view(dialogue: &Option<Dialogue>, clock: Clock, raw: bool) -> View<'_> {
    View {
        tracker: dialogue.as_ref().map(Dialogue::tracker).filter(|_| !raw),
        tls: dialogue.as_ref().and_then(Dialogue::tls),
        now: clock.now(),
    }
}

impl Session {
    pub(super) fn new(
        site: Site,
        front: Front,
        paint: Paint,
        texts: Texts,
        matches: &ArgMatches,
        replay: Option<VecDeque<String>>,
    ) -> std::io::Result<Session> {
        let insecure_auth = matches.get_flag("insecure-auth");
        let limits = &site.options.limits;
        let console = Console::new(Settings {
            protocol: site.protocol(),
            helo: site.options.helo.clone().unwrap_or_else(|| "[127.0.0.1]".to_owned()),
            user: site.user.clone(),
            no_secrets: site.lab.is_some(),
            insecure_auth,
            // What is typed again holds these questions.
            asks: !matches.get_flag("no-capabilities") && replay.is_none(),
            echo: !front.interactive,
            wait: limits.command,
            data_wait: limits.data_end,
        });
        Ok(Session {
            url: site.url(),
            site,
            console,
            dialogue: None,
            front,
            texts,
            clock: Clock::start(),
            insecure_auth,
            address: String::new(),
            exchange: Vec::new(),
            took: Duration::ZERO,
            variables: BTreeMap::new(),
            paint,
            past: Vec::new(),
            sent_at: Instant::now(),
            save_as: text(matches, "save-as").map(str::to_owned),
            connected_once: false,
            replay: replay.unwrap_or_default(),
            interrupts: Interrupts::listen()?,
            ending: false,
        })
    }

    /// Runs until somebody leaves.
    ///
    /// # Errors
    /// What keeps a session from being written down.
    pub(super) async fn run(&mut self) -> anyhow::Result<u8> {
        self.open(None).await;
        if !self.connected_once && !self.front.interactive {
            self.front.finish().await;
            return Ok(UNABLE);
        }
        if self.front.interactive {
            self.remark("welcome", &[]);
        }
        loop {
            if self.drain().await || self.ending {
                break;
            }
            self.wait().await;
        }
        let lost = self.dialogue.is_none();
        self.close().await;
        if let Some(file) = self.save_as.take() {
            self.save(&file);
        }
        self.front.finish().await;
        let refused = self.console.refused() > 0 && !self.front.interactive;
        Ok(match () {
            () if !self.connected_once || self.ending => UNABLE,
            () if self.console.failed_assertion() || refused => FOUND,
            () if lost && !self.front.interactive && self.console.refused() > 0 => UNABLE,
            () => GOOD,
        })
    }

    /// Does what the console wants done; whether it is over.
    pub(super) async fn drain(&mut self) -> bool {
        loop {
            let view = view(&self.dialogue, self.clock, self.site.raw);
            let Some(todo) = self.console.next(&view) else { return false };
            match todo {
                Do::Leave => return true,
                Do::Statement(statement) => Box::pin(self.run_statement(statement)).await,
                other => self.act(other).await,
            }
        }
    }

    async fn act(&mut self, todo: Do) {
        match todo {
            Do::Show(show) => self.show(&show),
            Do::Send(bytes) => self.send(&bytes).await,
            Do::Upgrade(options) => self.upgrade(&options).await,
            Do::DeclineTls => {
                if let Some(dialogue) = &mut self.dialogue {
                    dialogue.decline_tls();
                }
            }
            Do::Open(target) => self.open(target).await,
            Do::Close => self.close().await,
            Do::Save(file) => self.save(&file),
            Do::Ask(Hidden::Answer) => {
                let prompt = self.texts.get("talk/prompt/hidden");
                let text = self.ask_hidden(prompt).await;
                let view = view(&self.dialogue, self.clock, self.site.raw);
                self.console.hidden(Hidden::Answer, text, &view);
            }
            Do::Compose(source) => {
                let text = self.composed(source.as_deref()).await;
                let view = view(&self.dialogue, self.clock, self.site.raw);
                self.console.given(text, &view);
            }
            Do::Statement(_) | Do::Leave => {}
        }
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self) {
        let raw = self.site.raw;
        if let Some(until) = self.console.waits_until() {
            self.front.flush();
            let until = self.clock.instant(until);
            if self.dialogue.is_none() {
                let view = view(&self.dialogue, self.clock, self.site.raw);
                return self.console.timed_out(&view);
            }
            let came = tokio::select! {
                came = coming(&mut self.dialogue, raw, until) => Ok(came),
                interrupt = self.interrupts.next() => Err(interrupt),
            };
            match came {
                Ok(came) => self.came(came).await,
                Err(interrupt) => self.interrupted(interrupt),
            }
            return;
        }
        let context = self.console.context(&view(&self.dialogue, self.clock, self.site.raw));
        let prompt = prompt::prompt(
            &self.site.endpoint.host,
            self.dialogue.is_some(),
            &context,
            self.paint,
            self.texts,
        );
        // Without a terminal nobody presses Return.
        if !self.front.interactive
            && let Some(line) = self.replay.pop_front()
        {
            return self.console.typed(line.as_bytes());
        }
        let replay = &mut self.replay;
        let mut initial = || replay.pop_front().unwrap_or_default();
        self.front.ask(|| Ask::Line { prompt, context: Box::new(context), initial: initial() }).await;
        enum First {
            Typed(Typed),
            Came(Came),
            Interrupt(Interrupt),
        }
        let (front, dialogue) = (&mut self.front, &mut self.dialogue);
        let something = coming(dialogue, raw, Instant::now() + Duration::from_secs(3600));
        let first = tokio::select! {
            typed = front.typed() => First::Typed(typed),
            arrival = something => First::Came(arrival),
            interrupt = self.interrupts.next() => First::Interrupt(interrupt),
        };
        match first {
            First::Typed(Typed::Line(line)) => self.console.typed(&line),
            First::Typed(Typed::Interrupt) => self.console.interrupted(),
            First::Interrupt(interrupt) => self.interrupted(interrupt),
            First::Typed(Typed::End) => {
                if raw && !self.front.interactive {
                    self.hear_out().await;
                }
                let view = view(&self.dialogue, self.clock, self.site.raw);
                self.console.end(&view);
            }
            First::Typed(Typed::Hidden(_)) => {}
            First::Came(Came::Arrival(Arrival::TimedOut)) => {}
            First::Came(came) => {
                self.came(came).await;
                self.drain().await;
                self.front.flush();
            }
        }
    }

    /// Without a protocol nobody knows which answer belongs to what, and how many are still to come: what was typed into
    /// a pipe is over when the server closes, or has been silent for a while.
    async fn hear_out(&mut self) {
        while self.dialogue.is_some() {
            let until = Instant::now() + LAST_WORDS;
            let came = tokio::select! {
                came = coming(&mut self.dialogue, true, until) => came,
                _ = self.interrupts.next() => return,
            };
            if matches!(came, Came::Arrival(Arrival::TimedOut)) {
                return;
            }
            self.came(came).await;
            self.drain().await;
        }
    }

    fn interrupted(&mut self, interrupt: Interrupt) {
        match interrupt {
            Interrupt::Wait => self.console.interrupted(),
            Interrupt::Program => self.ending = true,
        }
    }

    /// Takes what came, and what has come besides.
    async fn came(&mut self, came: Came) {
        let raw = self.site.raw;
        let mut next = Some(came);
        let mut count = 0;
        while let Some(came) = next.take() {
            match came {
                Came::Bytes(bytes) => {
                    let view = view(&self.dialogue, self.clock, raw);
                    self.console.came(bytes, &view);
                }
                Came::Arrival(Arrival::Reply(arrived)) => self.reply(*arrived),
                Came::Arrival(Arrival::TimedOut) => {
                    let view = view(&self.dialogue, self.clock, raw);
                    return self.console.timed_out(&view);
                }
                Came::Arrival(other) => return self.ended(other).await,
            }
            count += 1;
            let goes_on = self.dialogue.as_ref().is_some_and(|d| !d.state().tls_next);
            if count < BATCH && goes_on {
                next = match coming(&mut self.dialogue, raw, Instant::now()).await {
                    Came::Arrival(Arrival::TimedOut) => None,
                    other => Some(other),
                };
            }
        }
    }

    /// Takes a reply.
    pub(super) fn reply(&mut self, arrived: ehlo_dialogue::Arrived) {
        self.took = self.sent_at.elapsed();
        if self.exchange.len() < 10_000 {
            self.exchange.push(Arrived {
                reply: arrived.reply.clone(),
                verb: arrived.verb.clone(),
                bytes: arrived.bytes.clone(),
                at: Some(arrived.at),
                tick: arrived.tick,
            });
        }
        let view = view(&self.dialogue, self.clock, self.site.raw);
        let told = ehlo_talk::Arrived {
            reply: Some(arrived.reply),
            verb: arrived.verb,
            bytes: arrived.bytes,
            completes: arrived.completes,
        };
        self.console.arrived(told, &view);
    }

    /// The connection has ended.
    pub(super) async fn ended(&mut self, arrival: Arrival) {
        let Some(dialogue) = self.dialogue.take() else { return };
        let state = dialogue.state().clone();
        match arrival {
            Arrival::Closed(how) => {
                let view = View { tracker: None, tls: None, now: self.clock.now() };
                self.console.closed(how, &state, &view);
            }
            Arrival::Failed(failure) => self.console.failed(failure),
            Arrival::Reply(_) | Arrival::TimedOut => {}
        }
        let (transcript, _) = dialogue.drop_it(false).await;
        self.keep(transcript);
    }

    async fn send(&mut self, bytes: &[u8]) {
        let Some(dialogue) = &mut self.dialogue else { return };
        self.exchange.clear();
        self.sent_at = Instant::now();
        let written = match self.site.raw {
            true => dialogue.raw_write(bytes).await,
            false => dialogue.write(bytes).await,
        };
        match written {
            Ok(_) => {
                let view = view(&self.dialogue, self.clock, self.site.raw);
                self.console.sent(bytes, &view);
            }
            Err(failure) => self.ended(Arrival::Failed(failure)).await,
        }
    }

    async fn upgrade(&mut self, options: &[(String, String)]) {
        self.front.flush();
        let Some(dialogue) = &mut self.dialogue else { return };
        let settings = super::statement::settings(dialogue.tls_settings(), options);
        match dialogue.upgrade_with(settings).await {
            Ok(_) => {
                let view = view(&self.dialogue, self.clock, self.site.raw);
                self.console.secured(&view);
            }
            Err(failure) => self.ended(Arrival::Failed(failure)).await,
        }
    }

    /// Connects, to another target if one is named.
    pub(super) async fn open(&mut self, target: Option<String>) {
        self.close().await;
        if let Some(target) = target
            && let Err(error) = self.site.retarget(&target, self.texts)
        {
            return self.lines(vec![format!("{error:#}")]);
        }
        self.url = self.site.url();
        let begun = Instant::now();
        let opened = self.site.open(self.clock).await;
        let (mut dialogue, address) = match opened {
            Ok(opened) => opened,
            Err((failure, transcripts)) => {
                transcripts.into_iter().for_each(|t| self.keep(t));
                self.console.failed(failure);
                return;
            }
        };
        self.connected_once = true;
        self.address = address.to_string();
        let took = show::time(begun.elapsed());
        self.remark(
            "connected",
            &[("url", &self.url.clone()), ("address", &self.address.clone()), ("took", &took)],
        );
        let seen = vantage(&address, dialogue.local());
        if self.site.lab.is_none() && !matches!(seen, Vantage::Outside | Vantage::Unix) {
            let id = match seen {
                Vantage::Loopback => "loopback",
                Vantage::OwnAddress => "own-address",
                _ => "private",
            };
            let place = self.texts.ui(&format!("vantage-{id}"));
            self.remark("vantage", &[("place", &place)]);
        }
        if self.site.endpoint.scheme.tls_mode() == ehlo_core::TlsMode::Implicit
            && let Err(failure) = dialogue.upgrade().await
        {
            self.console.failed(failure);
            let (transcript, _) = dialogue.drop_it(false).await;
            return self.keep(transcript);
        }
        self.dialogue = Some(dialogue);
        self.sent_at = Instant::now();
        let view = view(&self.dialogue, self.clock, self.site.raw);
        self.console.opened(self.site.protocol(), &view);
    }

    /// Ends the connection, if there is one.
    async fn close(&mut self) {
        if let Some(dialogue) = self.dialogue.take() {
            let (transcript, _) = dialogue.drop_it(false).await;
            self.keep(transcript);
            self.console.gone();
        }
    }

    fn keep(&mut self, transcript: Transcript) {
        self.past.push(Past {
            url: self.url.clone(),
            protocol: self.site.endpoint.scheme.protocol(),
            transcript,
        });
    }

    /// Writes the session as a script.
    fn save(&mut self, file: &str) {
        if self.site.raw {
            return self.remark("no-script", &[]);
        }
        let mut described: Vec<Described<'_>> = self
            .past
            .iter()
            .map(|p| Described { transcript: &p.transcript, url: &p.url, protocol: p.protocol })
            .collect();
        if let Some(dialogue) = &self.dialogue {
            described.push(Described {
                transcript: dialogue.transcript(),
                url: &self.url,
                protocol: dialogue.protocol(),
            });
        }
        let title =
            Path::new(file).file_stem().map_or("ehlo talk".to_owned(), |s| s.to_string_lossy().into_owned());
        let script = record(&write_transcripts(&title, &described), &title);
        let shown = ehlo_core::escape(file.as_bytes());
        match output::write_private(Path::new(file), &script) {
            Ok(()) => self.remark("saved", &[("file", &shown)]),
            Err(error) => self.lines(vec![format!("{error:#}")]),
        }
    }

    /// A text from a file, or from an editor.
    async fn composed(&mut self, source: Option<&str>) -> Option<Vec<u8>> {
        match source {
            Some(file) => match std::fs::read(file) {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    self.lines(vec![format!("{}: {error}", ehlo_core::escape(file.as_bytes()))]);
                    None
                }
            },
            None => match std::env::var_os("VISUAL").or_else(|| std::env::var_os("EDITOR")) {
                Some(editor) if self.front.interactive && !editor.is_empty() => self.edited(&editor).await,
                _ => self.pasted().await,
            },
        }
    }

    /// What somebody writes in an editor of his own.
    async fn edited(&mut self, editor: &std::ffi::OsStr) -> Option<Vec<u8>> {
        let path = std::env::temp_dir().join(format!(
            "ehlo-{}-{:08x}.eml",
            std::process::id(),
            crate::input::seed() as u32
        ));
        if let Err(error) = output::write_private(&path, "") {
            self.lines(vec![format!("{error:#}")]);
            return None;
        }
        self.front.lend().await;
        // The variable may hold a command with options, as in other programs.
        let mut command = tokio::process::Command::new("sh");
        command.arg("-c").arg("exec $0 \"$1\"").arg(editor).arg(&path);
        let ended = command.status().await;
        self.front.take_back();
        let text = std::fs::read(&path).ok().filter(|text| !text.is_empty());
        let _ = std::fs::remove_file(&path);
        text.filter(|_| ended.is_ok_and(|status| status.success()))
    }

    /// Lines up to one that holds a dot alone.
    async fn pasted(&mut self) -> Option<Vec<u8>> {
        self.remark("compose", &[]);
        let mut text = Vec::new();
        loop {
            let prompt = self.texts.get("talk/prompt/compose");
            let prompt = (prompt.clone(), prompt);
            let context = Box::default();
            self.front.ask(|| Ask::Line { prompt, context, initial: String::new() }).await;
            match self.front.typed().await {
                Typed::Line(lines) => {
                    for line in lines.split(|&b| b == b'\n') {
                        if line.strip_suffix(b"\r").unwrap_or(line) == b"." {
                            return Some(text);
                        }
                        text.extend_from_slice(line);
                        text.push(b'\n');
                    }
                }
                Typed::End => return Some(text).filter(|t| !t.is_empty()),
                Typed::Interrupt | Typed::Hidden(_) => return None,
            }
        }
    }

    /// Shows something.
    pub(super) fn show(&mut self, show: &Show) {
        let style = Style {
            paint: self.paint,
            texts: self.texts,
            columns: output::columns(),
            protocol: self.site.protocol(),
            now: self.site.options.now,
        };
        let text = show::shown(show, style);
        self.front.write(&text);
    }

    /// Says something that happened.
    pub(super) fn remark(&mut self, id: &'static str, places: &[(&str, &dyn std::fmt::Display)]) {
        let params = places.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect();
        self.show(&Show::Note { id, params });
    }

    /// Lines that are escaped already.
    pub(super) fn lines(&mut self, lines: Vec<String>) {
        self.show(&Show::Lines(lines));
    }
}
