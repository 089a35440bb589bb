//! The dialogue that would be, without anybody to lead it with.

use super::commands::{Offer, attributes, groups, said};
use super::message::{Measured, Message};
use super::options::{SendOptions, TlsWish};
use crate::session::Target;
use ehlo_core::send::{SendPoint, SendRemark, StopHow};
use ehlo_core::{Protocol, TlsMode, escape};

/// A line of the dialogue that would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// What we would say, escaped.
    Client(String),
    /// What the server would have to answer.
    Server(&'static str),
    /// The message, of so many octets.
    Message(u64),
    /// What would happen: `tls`, `login`, `proxy`, `connect`, `drop`.
    Note(&'static str),
}

/// What would be said if the server offered all that is wanted and refused nothing.
///
/// # Errors
/// Why the message could not be sent as it is wanted by any server.
pub fn rehearse(
    target: &Target,
    options: &SendOptions,
    message: &Message,
    measured: &Measured,
) -> Result<Vec<Rehearsed>, SendRemark> {
    let mut lines = Script { lines: vec![Rehearsed::Note("connect")], options, over: false };
    let protocol = target.endpoint.scheme.protocol();
    let implicit = target.endpoint.scheme.tls_mode() == TlsMode::Implicit;
    if options.proxy.is_some() {
        lines.push(Rehearsed::Note("proxy"));
    }
    if implicit {
        lines.push(Rehearsed::Note("tls"));
    }
    lines.push(Rehearsed::Server("220"));
    lines.point(SendPoint::Banner);
    let name = options.connection.helo.clone().unwrap_or_else(|| "[192.0.2.1]".into());
    let hello = match protocol {
        Protocol::Lmtp => format!("LHLO {name}"),
        _ if options.helo_only => format!("HELO {name}"),
        _ => format!("EHLO {name}"),
    };
    lines.say(SendPoint::FirstEhlo, &hello, "250");
    if !implicit && options.tls != TlsWish::Never && target.endpoint.path.is_none() && !options.helo_only {
        lines.say(SendPoint::Tls, "STARTTLS", "220");
        lines.push(Rehearsed::Note("tls"));
        lines.say(SendPoint::Ehlo, &hello, "250");
    }
    if !options.xclient.is_empty() {
        lines.say(SendPoint::Xclient, &attributes("XCLIENT", &options.xclient), "220");
        lines.say(SendPoint::Ehlo, &hello, "250");
    }
    lines.point(SendPoint::Ehlo);
    if options.credentials.is_some() {
        lines.push(Rehearsed::Note("login"));
    }
    lines.point(SendPoint::Auth);
    let offer = Offer::Everything;
    for recipients in groups(&options.recipients, &offer) {
        let said = said(options, &offer, message, measured, &recipients)?;
        let more = |words: &[String]| words.iter().map(|w| format!(" {w}")).collect::<String>();
        if !options.xforward.is_empty() {
            lines.say_plain(&attributes("XFORWARD", &options.xforward), "250");
        }
        lines.say(SendPoint::Mail, &format!("MAIL FROM:<{}>{}", options.sender, more(&said.mail)), "250");
        for recipient in &recipients {
            lines.say_plain(&format!("RCPT TO:<{recipient}>{}", more(&said.rcpt)), "250");
        }
        lines.point(SendPoint::Rcpt);
        match options.chunk {
            None => {
                lines.say(SendPoint::Data, "DATA", "354");
                lines.push(Rehearsed::Message(measured.octets));
                lines.push(Rehearsed::Client(".".into()));
            }
            Some(size) => lines.chunks(measured, size.max(1)),
        }
        let each = protocol == Protocol::Lmtp;
        for _ in 0..if each { recipients.len() } else { 1 } {
            lines.push(Rehearsed::Server("250"));
        }
        lines.point(SendPoint::End);
    }
    lines.say_plain("QUIT", "221");
    Ok(lines.lines)
}

struct Script<'a> {
    lines: Vec<Rehearsed>,
    options: &'a SendOptions,
    over: bool,
}

impl Script<'_> {
    fn push(&mut self, line: Rehearsed) {
        if !self.over {
            self.lines.push(line);
        }
    }

    fn say_plain(&mut self, line: &str, reply: &'static str) {
        self.push(Rehearsed::Client(escape(line.as_bytes())));
        self.push(Rehearsed::Server(reply));
    }

    fn say(&mut self, point: SendPoint, line: &str, reply: &'static str) {
        self.push(Rehearsed::Client(escape(line.as_bytes())));
        if self.options.stop.is_some_and(|s| s.point == point && s.how == StopHow::DropAfterSend) {
            self.push(Rehearsed::Note("drop"));
            self.over = true;
        }
        self.push(Rehearsed::Server(reply));
        self.point(point);
    }

    /// Where it may be stopped.
    fn point(&mut self, point: SendPoint) {
        let Some(stop) = self.options.stop.filter(|stop| stop.point == point) else { return };
        // The last EHLO counts: the first of two is a point of its own.
        match stop.how {
            StopHow::Quit => self.say_plain("QUIT", "221"),
            StopHow::Drop | StopHow::DropAfterSend => self.push(Rehearsed::Note("drop")),
        }
        self.over = true;
    }

    fn chunks(&mut self, measured: &Measured, size: u64) {
        let total = measured.octets + if measured.ends_in_line || self.options.raw { 0 } else { 2 };
        let count = total.div_ceil(size).max(1);
        for number in 1..=count {
            // A few show how it goes.
            if number > 3 && number < count {
                continue;
            }
            let last = number == count;
            let octets = if last { total - (count - 1) * size } else { size };
            self.push(Rehearsed::Client(format!("BDAT {octets}{}", if last { " LAST" } else { "" })));
            self.push(Rehearsed::Message(octets));
            if !last {
                self.push(Rehearsed::Server("250"));
            }
        }
    }
}
