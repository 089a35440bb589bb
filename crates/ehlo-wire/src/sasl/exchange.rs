use super::told::{Teller, Told};
use super::{ClientSide, Credentials, Given, Mechanism, Trouble};
use crate::{Command, Reply, sieve};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::facts::Answered;
use ehlo_core::{Protocol, Secret, Stage};

/// The longest challenge that is looked at, in bytes before base64 is taken off. The largest real one, of NTLM with a
/// long description of the domain, has a few kilobytes.
const CHALLENGE: usize = 64 * 1024;

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
    trouble: Option<Trouble>,
    teller: Teller,
}

/// What to do after a reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this and wait for the reply.
    Send(Command),
    /// It is over. A cancelled exchange is never accepted, nor one whose server owes its proof.
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
        given: &Given,
        initial_response: bool,
    ) -> Exchange {
        Exchange {
            protocol,
            tag: tag.to_owned(),
            mechanism: mechanism.meta().name,
            side: mechanism.client(credentials, given),
            initial_response: initial_response && mechanism.may_lead(),
            initial_sent: false,
            client_first: mechanism.meta().client_first,
            cancelled: false,
            trouble: None,
            teller: Teller::new(mechanism.steps()),
        }
    }

    /// The messages since the last call, taken apart. What a call of [`Exchange::reply`] yields is the server's message
    /// of that reply, and the client's of the next command.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.teller.take()
    }

    /// What was sent since the last call and lets whoever has it in, or helps to guess the password: to be recognised if
    /// the server sends it back.
    pub fn take_secrets(&mut self) -> Vec<Secret<Vec<u8>>> {
        self.teller.take_secrets()
    }

    /// What the server sent since the last call and helps to guess the password, in base64 as it came: to be hidden
    /// wherever it stands.
    pub fn take_received_secrets(&mut self) -> Vec<Secret<Vec<u8>>> {
        self.teller.take_received()
    }

    /// Why the exchange was cancelled or is not believed, or what the server complained of.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref().or_else(|| self.side.complaint())
    }

    /// The first message, if it goes with the command.
    fn first(&mut self) -> Option<Secret<Vec<u8>>> {
        if !self.initial_response {
            return None;
        }
        match self.side.initial() {
            Ok(first) => {
                self.teller.sent(first.expose());
                self.initial_sent = true;
                Some(first)
            }
            Err(trouble) => {
                self.trouble = Some(trouble);
                None
            }
        }
    }

    /// The command that begins it.
    pub fn start(&mut self) -> Command {
        let mut line = match self.protocol {
            Protocol::Sieve => return self.start_sieve(),
            Protocol::Imap => format!("{} AUTHENTICATE {}", self.tag, self.mechanism),
            _ => format!("AUTH {}", self.mechanism),
        };
        if let Some(first) = self.first() {
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
        if let Some(first) = self.first() {
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
            if answered == Answered::Accepted {
                let data = match reply {
                    Reply::Sieve(response) => {
                        response.sasl_data().and_then(|data| STANDARD.decode(data).ok())
                    }
                    _ => None,
                };
                if let Some(data) = &data {
                    self.teller.received(data);
                }
                let believed = self.side.accepted(data.as_deref());
                let lie = self.cancelled || believed.is_err();
                self.trouble = self.trouble.take().or(believed.err());
                return Step::Done(if lie { Answered::Nonsense } else { answered });
            }
            return Step::Done(answered);
        }
        if self.cancelled {
            return Step::Done(Answered::Nonsense);
        }
        let said = reply.challenge().unwrap_or_default();
        let challenge = decoded(&said);
        if let Ok(challenge) = &challenge {
            self.teller.received(challenge);
        }
        let response = match (&self.trouble, challenge) {
            (Some(trouble), _) => Err(trouble.clone()),
            // The server asks for the first message that was not sent with the command. Those that speak NTLM say so
            // in words that are not base64.
            (None, decoded)
                if self.client_first
                    && !self.initial_sent
                    && (decoded.is_ok() || self.mechanism == "NTLM") =>
            {
                self.initial_sent = true;
                self.side.initial()
            }
            (None, Ok(challenge)) => self.side.respond(&challenge),
            // Many servers send their prompts of LOGIN in clear; what is asked for is known by the order all the same.
            (None, Err(Trouble::NotUnderstood { .. })) if self.mechanism == "LOGIN" => {
                self.side.respond(said.as_ref())
            }
            (None, Err(trouble)) => Err(trouble),
        };
        let mut line = match response {
            Ok(response) => {
                self.teller.sent(response.expose());
                STANDARD.encode(response.expose())
            }
            Err(trouble) => {
                self.trouble = Some(trouble);
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

/// A challenge without its base64.
fn decoded(challenge: &[u8]) -> Result<Vec<u8>, Trouble> {
    if challenge.len() > CHALLENGE {
        return Err(Trouble::TooLarge { limit: CHALLENGE });
    }
    match challenge.trim_ascii() {
        b"=" => Ok(Vec::new()),
        encoded => STANDARD.decode(encoded).map_err(|_| Trouble::NotUnderstood { what: "base64" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::testing::credentials;
    use crate::sasl::{mechanism, testing};
    use crate::{Tracked, Tracker};

    /// Runs an exchange against replies written down, and yields what was sent.
    fn run(protocol: Protocol, name: &str, initial: bool, replies: &[&str]) -> (Vec<String>, Answered) {
        let (sent, answered, _) = run_to_trouble(protocol, name, initial, replies);
        (sent, answered)
    }

    /// The same, and what the trouble was.
    fn run_to_trouble(
        protocol: Protocol,
        name: &str,
        initial: bool,
        replies: &[&str],
    ) -> (Vec<String>, Answered, Option<Trouble>) {
        let credentials = credentials("benutzername", "passwort", "");
        let mut exchange =
            Exchange::new(protocol, "a1", mechanism(name).unwrap(), &credentials, &testing::given(), initial);
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
                Step::Done(answered) => return (sent, answered, exchange.trouble().cloned()),
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
            let (sent, answered) = run(Protocol::Smtp, "LOGIN", false, &[user, pass, "235 ok"]);
            assert_eq!(sent, ["AUTH LOGIN", "YmVudXR6ZXJuYW1l", "cGFzc3dvcnQ="]);
            assert_eq!(answered, Answered::Accepted);
            let (sent, answered) = run(Protocol::Smtp, "LOGIN", true, &[pass, "235 ok"]);
            assert_eq!(sent, ["AUTH LOGIN YmVudXR6ZXJuYW1l", "cGFzc3dvcnQ="]);
            assert_eq!(answered, Answered::Accepted);
        }
        // Who asks for the name once more gets the name once more, and not the password.
        for user in ["334 VXNlcm5hbWU6", "334 Username:"] {
            let (sent, _) = run(Protocol::Smtp, "LOGIN", true, &[user, "334 UGFzc3dvcmQ6", "235 ok"]);
            assert_eq!(sent, ["AUTH LOGIN YmVudXR6ZXJuYW1l", "YmVudXR6ZXJuYW1l", "cGFzc3dvcnQ="]);
        }
    }

    #[test]
    fn servers_that_owe_a_proof_are_not_believed() {
        let (_, answered, trouble) = run_to_trouble(Protocol::Smtp, "SCRAM-SHA-256", true, &["235 come in"]);
        assert_eq!((answered, trouble), (Answered::Nonsense, Some(Trouble::NoServerProof)));
        let (sent, answered, trouble) =
            run_to_trouble(Protocol::Imap, "SCRAM-SHA-256", true, &["+ !!", "a1 BAD cancelled"]);
        assert_eq!((sent[1].as_str(), answered), ("*", Answered::Refused));
        assert_eq!(trouble, Some(Trouble::NotUnderstood { what: "base64" }));
    }

    #[test]
    fn what_a_server_complains_of_is_told() {
        // {"status":"401"}
        let (sent, answered, trouble) =
            run_to_trouble(Protocol::Smtp, "XOAUTH2", true, &["334 eyJzdGF0dXMiOiI0MDEifQ==", "535 no"]);
        assert_eq!((sent[1].as_str(), answered), ("", Answered::Refused));
        assert_eq!(trouble, Some(Trouble::Server { text: "{\"status\":\"401\"}".into() }));
    }

    #[test]
    fn prompts_in_words_are_fine_for_ntlm() {
        let (sent, _) = run(Protocol::Smtp, "NTLM", false, &["334 NTLM supported", "535 no"]);
        assert!(sent[1].starts_with("TlRMTVNTUAAB"), "{}", sent[1]);
    }

    #[test]
    fn an_enormous_challenge_is_cancelled() {
        for name in ["CRAM-MD5", "LOGIN", "SCRAM-SHA-256", "NTLM", "DIGEST-MD5"] {
            let mechanism = mechanism(name).unwrap();
            let given = testing::given();
            let mut exchange =
                Exchange::new(Protocol::Smtp, "", mechanism, &credentials("a", "b", ""), &given, true);
            exchange.start();
            let line = format!("334 {}\r\n", "QUJD".repeat(350_000));
            let limits = ehlo_core::Limits { line: 2_000_000, reply_bytes: 4_000_000, ..Default::default() };
            let mut tracker = Tracker::new(Protocol::Smtp, &limits);
            let tracked = tracker.server_sent(line.as_bytes());
            let Some(Tracked::Reply { reply, .. }) = tracked.last() else { panic!("{tracked:?}") };
            let Step::Send(command) = exchange.reply(&reply.value) else { panic!("{name}") };
            assert_eq!(command.fragments.concat(), b"*\r\n", "{name}");
            assert_eq!(exchange.trouble(), Some(&Trouble::TooLarge { limit: CHALLENGE }));
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
