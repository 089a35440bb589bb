//! A program in a pseudo-terminal, and the screen that a person would see.

use crate::common::{folder, program};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Whatever is looked for must come in this time.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is looked for may be somewhere else than on the screen, so that nothing tells when it has come.
const LOOKS_AGAIN: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    ended: bool,
}

/// The terminal.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<pty_process::blocking::Pty>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    size: (u16, u16),
    /// Where the program keeps what it remembers.
    pub(crate) state: PathBuf,
}

impl Terminal {
    /// `ehlo` with `arguments` in a terminal of `rows` and `columns`.
    pub(crate) fn start(name: &str, arguments: &[&str], (rows, columns): (u16, u16)) -> Terminal {
        Terminal::with(name, arguments, (rows, columns), &[("TERM", "xterm-256color")])
    }

    /// The same with more of an environment.
    pub(crate) fn with(name: &str, arguments: &[&str], size: (u16, u16), env: &[(&str, &str)]) -> Terminal {
        let state = folder(&format!("terminal-{name}"));
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(size.0, size.1)).unwrap();
        let command = pty_process::blocking::Command::new(program().get_program())
            .args(arguments)
            .env_remove("COLUMNS")
            .env_remove("NO_COLOR")
            .env_remove("FORCE_COLOR")
            .env_remove("EHLO_PASSWORD")
            .env("LC_ALL", "C.UTF-8")
            .env("NETRC", "/nonexistent")
            .env("XDG_STATE_HOME", &state)
            .envs(env.iter().copied());
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let (reader, told) = (Arc::clone(&pty), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let read = (&*reader).read(&mut buffer);
                let mut seen = told.0.lock().unwrap();
                match read {
                    Ok(n) if n > 0 => seen.bytes.extend_from_slice(&buffer[..n]),
                    _ => seen.ended = true,
                }
                told.1.notify_all();
                if seen.ended {
                    return;
                }
            }
        });
        Terminal { child, pty, seen, size, state }
    }

    /// Presses keys.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line, and Return.
    pub(crate) fn line(&self, text: &str) {
        self.press(text);
        self.press("\r");
    }

    /// All bytes that came so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().bytes.clone()
    }

    fn parser(&self) -> vt100::Parser {
        vt100::Parser::new(self.size.0.try_into().unwrap(), self.size.1.try_into().unwrap(), 0)
    }

    /// The screen as a person sees it.
    pub(crate) fn screen(&self) -> String {
        let mut parser = self.parser();
        parser.process(&self.bytes());
        parser.screen().contents()
    }

    /// The screen with its colours, as escape codes.
    pub(crate) fn coloured(&self) -> String {
        let mut parser = self.parser();
        parser.process(&self.bytes());
        parser.screen().contents_formatted()
    }

    /// Waits until the screen is as it should be.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = (usize::MAX, String::new());
        loop {
            let seen = self.seen.0.lock().unwrap();
            let (length, ended) = (seen.bytes.len(), seen.ended);
            drop(seen);
            if length != shown.0 {
                shown = (length, self.screen());
            }
            if holds(&shown.1) {
                return shown.1;
            }
            assert!(!ended, "{what}: the program has ended:\n{}", shown.1);
            assert!(Instant::now() < deadline, "{what}: this did not come:\n{}", shown.1);
            let seen = self.seen.0.lock().unwrap();
            if seen.bytes.len() == length && !seen.ended {
                drop(self.seen.1.wait_timeout(seen, LOOKS_AGAIN).unwrap());
            }
        }
    }

    /// Waits for a text on the screen, and for the prompt behind it.
    pub(crate) fn prompt_after(&self, text: &str) -> String {
        self.until(text, |screen| {
            let Some(at) = screen.rfind(text) else { return false };
            let last = screen.trim_end_matches('\n').lines().last().unwrap_or_default().trim_end();
            screen[at + text.len()..].contains('\n') && last.ends_with('>')
        })
    }

    /// How the terminal treats keys.
    pub(crate) fn modes(&self) -> String {
        let modes = rustix::termios::tcgetattr(&*self.pty).unwrap();
        format!("{:?} {:?} {:?}", modes.input_modes, modes.output_modes, modes.local_modes)
    }

    /// Tells the program to end, as the system does.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits until the program has ended; its exit code.
    pub(crate) fn ends(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        while !seen.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(seen);
                panic!("the program does not end:\n{}", self.screen());
            }
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
        drop(seen);
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
