//! The side of the console that people see: a line editor, or plain lines.

use super::editor;
use super::terminal::Quiet;
use ehlo_core::{Protocol, Secret};
use ehlo_report::{Paint, Texts};
use ehlo_talk::Context;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What is asked of whoever sits in front.
pub(super) enum Ask {
    /// A line.
    Line {
        /// What stands in front of it, without and with colours.
        prompt: (String, String),
        /// What the line is judged by while it is typed.
        context: Box<Context>,
        /// What stands there already.
        initial: String,
    },
    /// Something that nobody may see.
    Hidden(String),
}

/// What came of it.
pub(super) enum Typed {
    /// A line, or several that were pasted, without the ending of the last.
    Line(Vec<u8>),
    /// Something that nobody saw; none if it was given up.
    Hidden(Option<Secret<String>>),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D, or the end of the pipe.
    End,
}

/// Something for the thread that writes.
pub(super) enum Out {
    /// Text.
    Text(String),
    /// Everything before this was written.
    Done(oneshot::Sender<()>),
}

/// A reader of lines and a writer of text, each in a thread of its own.
pub(super) struct Front {
    asks: std_mpsc::Sender<Ask>,
    typed: mpsc::UnboundedReceiver<Typed>,
    out: std_mpsc::Sender<Out>,
    buffer: String,
    asked: bool,
    /// The state of the terminal between two lines, if there is one that can do more than print.
    quiet: Option<Quiet>,
    /// Whether somebody sits in front.
    pub(super) interactive: bool,
}

impl Front {
    /// Begins to read and to write.
    pub(super) fn start(protocol: Option<Protocol>, interactive: bool, paint: Paint, texts: Texts) -> Front {
        let (asks, asked) = std_mpsc::channel();
        let (told, typed) = mpsc::unbounded_channel();
        let (out, written) = std_mpsc::channel();
        let editor = if interactive { editor::Editor::new(protocol, paint, texts) } else { None };
        // A terminal beside which nothing can be written edits lines by itself.
        let quiet = editor.as_ref().and_then(|(_, printer)| printer.as_ref()).and_then(|_| Quiet::begin());
        match editor {
            Some((editor, printer)) => {
                std::thread::spawn(move || editor::write(&written, printer));
                std::thread::spawn(move || editor.read(&asked, &told));
            }
            None => {
                std::thread::spawn(move || editor::write(&written, None));
                std::thread::spawn(move || editor::read_plain(&asked, &told));
            }
        }
        Front { asks, typed, out, buffer: String::new(), asked: false, quiet, interactive }
    }

    /// Writes text, at the latest before the next wait.
    pub(super) fn write(&mut self, text: &str) {
        self.buffer.push_str(text);
    }

    /// Writes what was not written yet.
    pub(super) fn flush(&mut self) {
        if !self.buffer.is_empty() {
            let _ = self.out.send(Out::Text(std::mem::take(&mut self.buffer)));
        }
    }

    /// Writes everything and waits until it stands there.
    pub(super) async fn settle(&mut self) {
        self.settle_in(Duration::from_secs(1)).await;
    }

    /// The same at the end, when nothing is written any more afterwards.
    pub(super) async fn finish(&mut self) {
        self.settle_in(Duration::from_secs(10)).await;
    }

    async fn settle_in(&mut self, time: Duration) {
        self.flush();
        let (done, written) = oneshot::channel();
        if self.out.send(Out::Done(done)).is_err() {
            return;
        }
        match self.interactive {
            // While a line is being typed, the writer may have to wait for the editor.
            true => drop(tokio::time::timeout(time, written).await),
            // Whoever reads a pipe takes the time that he needs.
            false => drop(written.await),
        }
    }

    /// Gives the terminal to another program for a while.
    pub(super) async fn lend(&mut self) {
        self.settle().await;
        if let Some(quiet) = &self.quiet {
            quiet.pause();
        }
    }

    /// Takes it back.
    pub(super) fn take_back(&self) {
        if let Some(quiet) = &self.quiet {
            quiet.again();
        }
    }

    /// Asks for a line, unless one is being typed.
    pub(super) async fn ask(&mut self, ask: impl FnOnce() -> Ask) {
        self.flush();
        if !self.asked {
            self.settle().await;
            self.asked = true;
            let _ = self.asks.send(ask());
        }
    }

    /// What was typed.
    pub(super) async fn typed(&mut self) -> Typed {
        let typed = self.typed.recv().await.unwrap_or(Typed::End);
        self.asked = false;
        typed
    }
}
