use super::{ClientSide, Credentials, Mechanism};
use crate::{Command, Reply, sieve};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::facts::Answered;
use ehlo_core::{Protocol, Stage};

/// A SASL exchange as all protocols carry it, client side: one engine for all.
///
/// The command is sent as [`Exchange::start`] yields it; each reply goes into [`Exchange::reply`].
pub struct Exchange {
    protocol: Protocol,
    tag: String,
    mechanism: &'static str,
    side: Box<dyn ClientSide>,
    initial_response: bool,
    initial_sent: bool,
    client_first: bool,
    cancelled: bool,
}

/// What to do after a reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this and wait for the reply.
    Send(Command),
    /// It is over. A cancelled exchange is never accepted.
    Done(Answered),
}

impl Exchange {
    /// An exchange of `mechanism`. `initial_response`: whether to send the first message with the command, where the
    /// mechanism has one (IMAP allows that with SASL-IR only). `tag` is for IMAP.
    pub fn new(
        protocol: Protocol,
        tag: &str,
        mechanism: &dyn Mechanism,
        credentials: &Credentials,
        initial_response: bool,
    ) -> Exchange {
        Exchange {
            protocol,
            tag: tag.to_owned(),
            mechanism: mechanism.meta().name,
            side: mechanism.client(credentials),
            initial_response: initial_response && mechanism.meta().client_first,
            initial_sent: false,
            client_first: mechanism.meta().client_first,
            cancelled: false,
        }
    }

    /// The command that begins it.
    pub fn start(&mut self) -> Command {
        let mut line = match self.protocol {
            Protocol::Sieve => return self.start_sieve(),
            Protocol::Imap => format!("{} AUTHENTICATE {}", self.tag, self.mechanism),
            _ => format!("AUTH {}", self.mechanism),
        };
        if self.initial_response
            && let Some(first) = self.side.initial()
        {
            self.initial_sent = true;
            line.push(' ');
            // RFC 4954 §4, RFC 5034 §4, RFC 4959 §3: an empty initial response is a single `=`.
            line.push_str(&if first.expose().is_empty() {
                "=".into()
            } else {
                STANDARD.encode(first.expose())
            });
        }
        line.push_str("\r\n");
        Command::raw(Stage::Auth, line)
    }

    /// `AUTHENTICATE "mechanism" ["response"]` (RFC 5804 §2.1). An empty first response is an empty string.
    fn start_sieve(&mut self) -> Command {
        let mut line = b"AUTHENTICATE ".to_vec();
        line.extend_from_slice(&sieve::string(self.mechanism.as_bytes()));
        if self.initial_response
            && let Some(first) = self.side.initial()
        {
            self.initial_sent = true;
            line.push(b' ');
            line.extend_from_slice(&sieve::string(STANDARD.encode(first.expose()).as_bytes()));
        }
        line.extend_from_slice(b"\r\n");
        Command::raw(Stage::Auth, line)
    }

    /// Takes a reply.
    pub fn reply(&mut self, reply: &Reply) -> Step {
        let answered = reply.answered();
        if answered != Answered::Continue {
            let lie = self.cancelled && answered == Answered::Accepted;
            return Step::Done(if lie { Answered::Nonsense } else { answered });
        }
        if self.cancelled {
            return Step::Done(Answered::Nonsense);
        }
        let challenge = reply.challenge().unwrap_or_default();
        let challenge =
            if challenge == b"=" { Some(Vec::new()) } else { STANDARD.decode(challenge.trim_ascii()).ok() };
        let response = match challenge {
            // The server asks for the first message that was not sent with the command.
            Some(_) if self.client_first && !self.initial_sent => {
                self.initial_sent = true;
                self.side.initial()
            }
            Some(challenge) => self.side.respond(&challenge),
            // Many servers send their prompts of LOGIN in clear; what is asked for is known by the order all the same.
            None if self.mechanism == "LOGIN" => self.side.respond(b""),
            None => None,
        };
        let mut line = match response {
            Some(response) => STANDARD.encode(response.expose()),
            None => {
                self.cancelled = true;
                "*".into()
            }
        };
        if self.protocol == Protocol::Sieve {
            // RFC 5804 §2.1: every response is a string, the asterisk as well.
            let line = [sieve::string(line.as_bytes()), b"\r\n".to_vec()].concat();
            return Step::Send(Command::raw(Stage::Auth, line));
        }
        line.push_str("\r\n");
        Step::Send(Command::raw(Stage::Auth, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::{mechanism, testing::credentials};
    use crate::{Tracked, Tracker};

    /// Runs an exchange against replies written down, and yields what was sent.
    fn run(protocol: Protocol, name: &str, initial: bool, replies: &[&str]) -> (Vec<String>, Answered) {
        let credentials = credentials("benutzername", "passwort", "");
        let mut exchange = Exchange::new(protocol, "a1", mechanism(name).unwrap(), &credentials, initial);
        let mut tracker = Tracker::new(protocol, &ehlo_core::Limits::default());
        let greeting: &[u8] = match protocol {
            Protocol::Imap => b"* OK\r\n",
            Protocol::Pop3 => b"+OK\r\n",
            Protocol::Sieve => b"OK\r\n",
            _ => b"220 x\r\n",
        };
        tracker.server_sent(greeting);
        let mut sent = Vec::new();
        let mut command = exchange.start();
        for reply in replies {
            let bytes = command.fragments.concat();
            sent.push(ehlo_core::escape(bytes.strip_suffix(b"\r\n").unwrap()));
            tracker.client_sent(&bytes);
            let tracked = tracker.server_sent(format!("{reply}\r\n").as_bytes());
            let Some(Tracked::Reply { reply, .. }) = tracked.last() else { panic!("{tracked:?}") };
            match exchange.reply(&reply.value) {
                Step::Send(next) => command = next,
                Step::Done(answered) => return (sent, answered),
            }
        }
        panic!("not over: {sent:?}")
    }

    #[test]
    fn plain_with_and_without_initial_response() {
        let (sent, answered) = run(Protocol::Smtp, "PLAIN", true, &["235 ok"]);
        assert_eq!(
            (sent.as_slice(), answered),
            (&["AUTH PLAIN AGJlbnV0emVybmFtZQBwYXNzd29ydA==".to_owned()][..], Answered::Accepted)
        );
        let (sent, _) = run(Protocol::Imap, "PLAIN", false, &["+ ", "a1 OK in"]);
        assert_eq!(sent, ["a1 AUTHENTICATE PLAIN", "AGJlbnV0emVybmFtZQBwYXNzd29ydA=="]);
        let (sent, _) = run(Protocol::Sieve, "PLAIN", true, &["OK"]);
        assert_eq!(sent, ["AUTHENTICATE \"PLAIN\" \"AGJlbnV0emVybmFtZQBwYXNzd29ydA==\""]);
        let (sent, _) = run(Protocol::Sieve, "PLAIN", false, &["\"\"", "OK"]);
        assert_eq!(sent, ["AUTHENTICATE \"PLAIN\"", "\"AGJlbnV0emVybmFtZQBwYXNzd29ydA==\""]);
        let (sent, answered) = run(Protocol::Sieve, "CRAM-MD5", false, &["\"!\"", "NO"]);
        assert_eq!((sent[1].as_str(), answered), ("\"*\"", Answered::Refused));
        let (sent, _) = run(Protocol::Pop3, "PLAIN", false, &["+ ", "+OK in"]);
        assert_eq!(sent, ["AUTH PLAIN", "AGJlbnV0emVybmFtZQBwYXNzd29ydA=="]);
    }

    #[test]
    fn login_answers_prompts_in_any_spelling() {
        for (user, pass) in
            [("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"), ("334 ", "334 "), ("334 Username:", "334 !!")]
        {
            let (sent, answered) = run(Protocol::Smtp, "LOGIN", true, &[user, pass, "235 ok"]);
            assert_eq!(sent, ["AUTH LOGIN", "YmVudXR6ZXJuYW1l", "cGFzc3dvcnQ="]);
            assert_eq!(answered, Answered::Accepted);
        }
    }

    #[test]
    fn nonsense_is_cancelled() {
        let (sent, answered) = run(Protocol::Smtp, "CRAM-MD5", false, &["334 !!!", "501 cancelled"]);
        assert_eq!((sent[1].as_str(), answered), ("*", Answered::Refused));
        let (sent, answered) =
            run(Protocol::Smtp, "CRAM-MD5", false, &["334 PDFAeD4=", "334 PDFAeD4=", "235 ok"]);
        assert_eq!((sent[2].as_str(), answered), ("*", Answered::Nonsense));
    }
}
