//! Servers that answer a login with what no sound server sends: each is told as what it is, nothing hangs, and nothing
//! that lets anybody in comes back out of a report.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_action::Target;
use ehlo_action::auth::{AuthOptions, run};
use ehlo_core::auth::{AuthAttempt, AuthReport, AuthResult, NotTried};
use ehlo_core::{Address, Endpoint, Limits, Scheme, is_escaped};
use ehlo_dialogue::{ConnectionOptions, Connector, Dialer, LoginOptions, Transport, Trust};
use ehlo_wire::sasl::Credentials;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// What a peer answers to a line of a login, the number of which is given; nothing for silence.
type Answer = fn(line: &str, number: usize) -> Option<Vec<u8>>;

/// A peer whose logins are not what they should be.
#[derive(Clone, Copy)]
struct Peer {
    greeting: &'static [u8],
    offers: &'static str,
    answer: Answer,
}

impl Dialer for Peer {
    fn dial(&self, _: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(self.serve(theirs));
        Ok((Box::new(ours), SocketAddr::from(([192, 0, 2, 1], 40_000))))
    }
}

impl Peer {
    fn smtp(offers: &'static str, answer: Answer) -> Peer {
        Peer { greeting: b"220 mail.example.test ESMTP\r\n", offers, answer }
    }

    async fn serve(self, stream: tokio::io::DuplexStream) {
        let mut stream = BufReader::new(stream);
        let _ = stream.write_all(self.greeting).await;
        let (mut line, mut number) = (String::new(), 0);
        while stream.read_line(&mut line).await.is_ok_and(|n| n > 0) {
            let said = line.trim_end().to_owned();
            line.clear();
            let answer = if said.starts_with("EHLO") {
                Some(format!("250-mail.example.test\r\n250 AUTH {}\r\n", self.offers).into_bytes())
            } else if said.starts_with("QUIT") {
                Some(b"221 bye\r\n".to_vec())
            } else {
                number += 1;
                (self.answer)(&said, number)
            };
            if let Some(answer) = answer
                && stream.write_all(&answer).await.is_err()
            {
                return;
            }
        }
    }

    async fn tried(self) -> AuthReport {
        let options = AuthOptions {
            connection: ConnectionOptions {
                limits: Limits::default(),
                family: None,
                connect: None,
                connector: Connector { source: None, dialer: Some(Arc::new(self)) },
                trust: Arc::new(Trust::only_given()),
                identity: None,
                sni: None,
                helo: Some("client.example".into()),
                now: 1_800_000_000,
                seed: 11,
            },
            credentials: Credentials {
                user: "benutzername".into(),
                password: "geh\"eim-7".into(),
                authzid: String::new(),
            },
            token: Some("tok-en-8".into()),
            login: LoginOptions { insecure_auth: true, ..LoginOptions::default() },
            only: Vec::new(),
            all: false,
            wrong: false,
        };
        let target = Target {
            endpoint: Endpoint::new(Scheme::Submission, "mail.example.test", None),
            url: "submission://peer".into(),
            addresses: Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], 587)))]),
        };
        let (events, _told) = tokio::sync::mpsc::unbounded_channel();
        run(vec![target], Arc::new(options), events).await
    }

    /// The first attempt, after a look at everything that could give a secret away.
    async fn first(self) -> AuthAttempt {
        let report = self.tried().await;
        let whole = serde_json::to_string(&report).unwrap();
        for secret in ["geh\"eim-7", "tok-en-8"] {
            let mut forms =
                vec![secret.to_owned(), secret.replace('"', "\\\""), secret.replace('"', "\\\\\\\"")];
            forms.extend([b"\0benutzername\0".as_slice(), b"", b"."].map(|before| {
                let encoded = STANDARD.encode([before, secret.as_bytes()].concat());
                encoded[before.len().div_ceil(3) * 4..encoded.len() - 4].to_owned()
            }));
            for form in forms {
                assert!(!whole.contains(&form), "{form} is in {whole}");
            }
        }
        assert!(!whole.chars().any(|c| c.is_control()), "{whole}");
        report.services[0].attempts.first().cloned().unwrap()
    }
}

fn of(text: &[u8]) -> Option<Vec<u8>> {
    Some(format!("334 {}\r\n", STANDARD.encode(text)).into_bytes())
}

fn words(text: &str) -> Option<Vec<u8>> {
    Some(format!("{text}\r\n").into_bytes())
}

/// The nonce of a client's first message.
fn nonce(line: &str) -> String {
    let first = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    String::from_utf8(first).unwrap().rsplit("r=").next().unwrap().to_owned()
}

fn trouble(attempt: &AuthAttempt) -> (&str, &str) {
    (attempt.result.id(), attempt.trouble.as_ref().map_or("", |t| t.id.as_str()))
}

#[tokio::test(start_paused = true)]
async fn a_challenge_that_is_no_base64() {
    let attempt =
        Peer::smtp("CRAM-MD5", |line, _| words(if line == "*" { "501 gone" } else { "334 !!!!" })).first();
    let attempt = attempt.await;
    assert_eq!(trouble(&attempt), ("given-up", "not-understood"));
    assert_eq!(attempt.trouble.unwrap().values["what"], "base64");
    assert_eq!(attempt.reply.as_deref(), Some("501 gone"));
}

#[tokio::test(start_paused = true)]
async fn a_challenge_of_a_megabyte() {
    let answer: Answer = |_, _| Some([b"334 ".to_vec(), b"QUJD".repeat(250_000), b"\r\n".to_vec()].concat());
    let attempt = Peer::smtp("CRAM-MD5", answer).first().await;
    let AuthResult::Broken { failure } = &attempt.result else { panic!("{attempt:?}") };
    assert_eq!((failure.stage.id(), failure.cause.id()), ("auth", "too-large"));
}

#[tokio::test(start_paused = true)]
async fn an_iteration_count_of_two_to_the_thirty_first() {
    let answer: Answer = |line, number| match number {
        1 => of(format!("r={}x,s=QSXCRQ==,i=2147483648", nonce(line)).as_bytes()),
        _ => words("501 gone"),
    };
    let attempt = Peer::smtp("SCRAM-SHA-256", answer).first().await;
    assert_eq!(trouble(&attempt), ("given-up", "too-many-iterations"));
    assert_eq!(attempt.trouble.unwrap().values["asked"], "2147483648");
    let kinds: Vec<&str> = attempt.messages.iter().map(|m| m.kind.as_str()).collect();
    assert_eq!(kinds, ["scram-client-first", "scram-server-first"]);
}

#[tokio::test(start_paused = true)]
async fn servers_without_the_proof_are_not_believed() {
    let signed: Answer = |line, number| match number {
        1 => of(format!("r={}x,s=QSXCRQ==,i=4096", nonce(line)).as_bytes()),
        2 => of(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        // Whatever it says to the end of the exchange.
        _ => words(if line == "*" { "235 come in" } else { "500 what" }),
    };
    let refusing: Answer = |line, number| match number {
        1 => of(format!("r={}x,s=QSXCRQ==,i=4096", nonce(line)).as_bytes()),
        2 => of(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        _ => words("501 gone"),
    };
    for answer in [signed, refusing] {
        let attempt = Peer::smtp("SCRAM-SHA-256", answer).first().await;
        assert_eq!(trouble(&attempt), ("unproven", "wrong-server-proof"));
    }
    let at_once: Answer = |_, _| words("235 come in");
    let attempt = Peer::smtp("SCRAM-SHA-256", at_once).first().await;
    assert_eq!(trouble(&attempt), ("unproven", "no-server-proof"));
    let digest: Answer = |line, number| match number {
        1 => of(br#"realm="x",nonce="abc",qop="auth",charset=utf-8,algorithm=md5-sess"#),
        2 => of(b"rspauth=00000000000000000000000000000000"),
        _ => words(if line == "*" { "501 gone" } else { "235 come in" }),
    };
    let attempt = Peer::smtp("DIGEST-MD5", digest).first().await;
    assert_eq!(trouble(&attempt), ("unproven", "wrong-server-proof"));
    let silent: Answer = |_, number| match number {
        1 => of(br#"realm="x",nonce="abc",qop="auth",charset=utf-8,algorithm=md5-sess"#),
        _ => words("235 come in"),
    };
    let attempt = Peer::smtp("DIGEST-MD5", silent).first().await;
    assert_eq!(trouble(&attempt), ("unproven", "no-server-proof"));
}

#[tokio::test(start_paused = true)]
async fn challenges_that_are_no_utf8() {
    let answer: Answer = |line, number| match number {
        1 => of(b"<\xff\xfe\x1b[2J@x>"),
        _ => words(if line == "*" { "501 gone" } else { "535 no" }),
    };
    // CRAM-MD5 takes any bytes (RFC 2195 §2), and the field says that they are no text.
    let attempt = Peer::smtp("CRAM-MD5", answer).first().await;
    assert_eq!(attempt.result, AuthResult::Refused);
    let challenge = &attempt.messages[0];
    assert!(challenge.flaws.contains(&"not-utf8".to_owned()), "{challenge:?}");
    for name in ["SCRAM-SHA-1", "DIGEST-MD5", "NTLM"] {
        let attempt = Peer::smtp(name, answer).first().await;
        assert_eq!(trouble(&attempt), ("given-up", "not-understood"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_with_escape_codes() {
    let report = Peer::smtp("X\u{1b}[2J\u{202e}Y GSSAPI", |_, _| words("535 no")).tried().await;
    let attempts = &report.services[0].attempts;
    assert_eq!(attempts.len(), 2);
    for attempt in attempts {
        assert_eq!(attempt.result, AuthResult::NotTried { why: NotTried::Unknown }, "{}", attempt.way);
        assert!(is_escaped(&attempt.way), "{:?}", attempt.way);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_back_is_hidden() {
    // Everything that came, as it came and taken out of base64, in a refusal of two lines.
    fn echo(line: &str) -> Option<Vec<u8>> {
        let last = line.rsplit(' ').next().unwrap_or_default();
        let raw = STANDARD.decode(last).unwrap_or_default();
        Some([b"535-".as_slice(), line.as_bytes(), b"\r\n535 ", &raw, b"\r\n"].concat())
    }
    for name in ["PLAIN", "XOAUTH2", "OAUTHBEARER"] {
        let attempt = Peer::smtp(name, |line, _| echo(line)).first().await;
        assert_eq!(attempt.result, AuthResult::Refused, "{name}");
        assert!(attempt.reply.as_deref().unwrap().contains("****"), "{attempt:?}");
    }
    // A digest is as good as the password to whoever can make the server ask the same again.
    let digest: Answer = |line, number| match number {
        1 => of(b"<1.2@x>"),
        _ => echo(line),
    };
    let attempt = Peer::smtp("CRAM-MD5", digest).first().await;
    let reply = attempt.reply.unwrap();
    let shown = reply.trim_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | ' ' | '/' | '*'));
    assert!(reply.len() > 90 && shown.replace([' ', '/', '*', '-'], "").len() <= 3, "{reply}");
    // In a challenge as well.
    let challenge: Answer = |_, number| match number {
        1 => of(b"<geh\"eim-7@tok-en-8>"),
        _ => words("535 no"),
    };
    let attempt = Peer::smtp("CRAM-MD5", challenge).first().await;
    assert!(attempt.messages[0].fields.iter().any(|f| f.value.as_deref().unwrap_or("").contains("***")));
}

#[tokio::test(start_paused = true)]
async fn questions_without_end_and_silence() {
    let attempt = Peer::smtp("LOGIN", |_, _| words("334 VXNlcm5hbWU6")).first().await;
    assert_eq!(trouble(&attempt), ("given-up", "over"));
    let report = Peer::smtp("LOGIN PLAIN", |_, _| None).tried().await;
    assert!(report.took_us < 200_000_000, "{}", report.took_us);
    let attempt = &report.services[0].attempts[0];
    let AuthResult::Broken { failure } = &attempt.result else { panic!("{attempt:?}") };
    assert_eq!(failure.cause.id(), "timed-out");
    // What had been sent until then shows.
    assert_eq!(attempt.messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_protocols_are_named() {
    for (greeting, spoken) in [
        (&b"+OK pop here\r\n"[..], "pop3"),
        (b"* OK imap here\r\n", "imap"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
    ] {
        let peer = Peer { greeting, ..Peer::smtp("PLAIN", |_, _| words("235 come in")) };
        let report = peer.tried().await;
        let failure = report.services[0].failure.as_ref().unwrap();
        assert_eq!(failure.cause, ehlo_core::Cause::OtherProtocol { spoken: spoken.into() });
        assert!(report.services[0].attempts.is_empty());
    }
}
