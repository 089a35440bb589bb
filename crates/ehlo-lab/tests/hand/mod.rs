//! The lab without a network, spoken to by hand.

#![allow(dead_code, reason = "each test file uses a part of it")]

use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{Connection, Lab, Service, Step};
use std::sync::Arc;
use std::time::Duration;

/// 2027-01-15, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A client by hand, with a clock of its own.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) now: Tick,
}

impl Client {
    pub(crate) fn new(lab: &Arc<Lab>, scheme: Scheme) -> Client {
        let service = Service { scheme, family: Family::V4 };
        Client { connection: Connection::new(lab, service, "192.0.2.7", Tick(0)), now: Tick(0) }
    }

    /// All that comes, whatever it takes: `⟨2s⟩` is a wait that was wanted, `|` the border between two packets.
    pub(crate) fn hear(&mut self) -> String {
        let mut out = String::new();
        loop {
            match self.connection.poll(self.now) {
                Step::Transmit(bytes) => {
                    if !out.is_empty() && !out.ends_with(['\n', '⟩']) {
                        out.push('|');
                    }
                    out.push_str(&String::from_utf8_lossy(&bytes));
                }
                Step::WaitUntil(until) => {
                    let wait = Duration::from_micros(until.0 - self.now.0);
                    out.push_str(&format!("⟨{}s⟩", wait.as_secs_f64()));
                    self.now = until;
                }
                Step::Idle => return out,
                Step::Close => return out + "(closed)",
                Step::Reset => return out + "(reset)",
            }
        }
    }

    /// Says lines, separated by `\n`, in one packet, and hears what comes.
    pub(crate) fn say(&mut self, lines: &str) -> String {
        // EHLO is answered before anything follows it (RFC 2920 §3.1).
        if let Some((hello, rest)) = lines.split_once('\n').filter(|(first, _)| first.starts_with("EHLO ")) {
            return self.say(hello) + &self.say(rest);
        }
        self.connection.handle(format!("{}\r\n", lines.replace('\n', "\r\n")).as_bytes(), self.now);
        self.hear()
    }

    /// Says bytes as they are.
    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) -> String {
        self.connection.handle(bytes, self.now);
        self.hear()
    }

    pub(crate) fn after(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }
}
