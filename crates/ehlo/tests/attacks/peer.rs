//! A server in memory that says what it is told to say, at the moment it is told to.

use ehlo_core::{Address, Protocol, Scheme};
use ehlo_dialogue::{Dialer, Transport};
use ehlo_lab::{Authority, CertificateKind, Flight};
use rustls::ServerConnection;
use rustls::server::{ClientHello, ResolvesServerCert};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const HOST: &str = "mail.example.test";
/// Stands in everything that an attacker puts in.
pub(crate) const MARK: &str = "INJECTED";

/// What is said at a verb. In an answer `{tag}` is the tag of the command; `<tls>` begins a handshake, and what stands behind
/// it is said inside TLS at once; at `<split>` a second passes; `<silence>` says nothing more, `<close>` closes.
pub(crate) type Answers = &'static [(&'static str, &'static str)];

/// A server that attacks.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) scheme: Scheme,
    pub(crate) greeting: String,
    /// Before TLS, where it differs from what a sound server says.
    pub(crate) plain: Vec<(String, String)>,
    /// Inside TLS.
    pub(crate) inside: Vec<(String, String)>,
    pub(crate) certificate: CertificateKind,
}

/// What a sound server says before TLS.
fn sound_plain(protocol: Protocol) -> Answers {
    match protocol {
        Protocol::Pop3 => &[
            ("", "-ERR first STLS\r\n"),
            ("CAPA", "+OK\r\nSTLS\r\nUIDL\r\n.\r\n"),
            ("STLS", "+OK begin\r\n<tls>"),
            ("QUIT", "+OK bye\r\n<close>"),
        ],
        Protocol::Imap => &[
            ("", "{tag} BAD first STARTTLS\r\n"),
            ("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK\r\n"),
            ("STARTTLS", "{tag} OK begin\r\n<tls>"),
            ("NOOP", "{tag} OK\r\n"),
            ("LOGOUT", "* BYE bye\r\n{tag} OK\r\n<close>"),
        ],
        _ => &[
            ("", "530 5.7.0 first STARTTLS\r\n"),
            ("EHLO", "250-mail.example.test\r\n250-STARTTLS\r\n250 SIZE 1000000\r\n"),
            ("HELO", "250 mail.example.test\r\n"),
            ("STARTTLS", "220 begin\r\n<tls>"),
            ("NOOP", "250 ok\r\n"),
            ("RSET", "250 ok\r\n"),
            ("QUIT", "221 bye\r\n<close>"),
        ],
    }
}

/// What a sound server says inside TLS.
fn sound_inside(protocol: Protocol) -> Answers {
    match protocol {
        Protocol::Pop3 => &[
            ("", "+OK\r\n"),
            ("CAPA", "+OK\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\nTOP\r\n.\r\n"),
            ("AUTH", "+ \r\n"),
            ("AUTH …", "+OK in\r\n"),
            ("…", "+OK in\r\n"),
            ("STAT", "+OK 1 100\r\n"),
            ("LIST", "+OK 1 100\r\n"),
            ("UIDL", "+OK 1 one\r\n"),
            ("TOP", "+OK\r\nSubject: sound\r\n\r\n.\r\n"),
            ("STLS", "-ERR no\r\n"),
            ("QUIT", "+OK bye\r\n<close>"),
        ],
        Protocol::Imap => &[
            ("", "{tag} BAD what?\r\n"),
            ("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n"),
            ("AUTHENTICATE", "+ \r\n"),
            ("…", "{tag} OK in\r\n"),
            ("LOGIN", "{tag} OK in\r\n"),
            ("SELECT", "* 1 EXISTS\r\n{tag} OK\r\n"),
            ("EXAMINE", "* 1 EXISTS\r\n{tag} OK\r\n"),
            (
                "FETCH",
                "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"24-Nov-2026 18:00:00 +0000\" RFC822.SIZE 100 ENVELOPE (NIL \"sound\" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 50 1))\r\n{tag} OK\r\n",
            ),
            ("LIST", "* LIST () \"/\" INBOX\r\n{tag} OK\r\n"),
            ("NAMESPACE", "{tag} OK\r\n"),
            ("NOOP", "{tag} OK\r\n"),
            ("LOGOUT", "* BYE bye\r\n{tag} OK\r\n<close>"),
        ],
        _ => &[
            ("", "250 2.0.0 ok\r\n"),
            ("EHLO", "250-mail.example.test\r\n250-SIZE 1000000\r\n250 AUTH PLAIN\r\n"),
            ("AUTH", "334 \r\n"),
            ("AUTH …", "235 2.7.0 in\r\n"),
            ("…", "235 2.7.0 in\r\n"),
            ("DATA", "354 go on\r\n"),
            (".", "250 2.0.0 queued as SOUND\r\n"),
            ("STARTTLS", "503 no\r\n"),
            ("QUIT", "221 bye\r\n<close>"),
        ],
    }
}

/// What was sent to it, on all connections.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) clear: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) dialed: Vec<String>,
}

/// Makes connections to the server, whatever the address is, and writes down to whom one wanted to connect.
pub(crate) struct Memory {
    pub(crate) script: Arc<Script>,
    pub(crate) heard: Arc<Mutex<Heard>>,
}

impl Dialer for Memory {
    fn dial(&self, address: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)> {
        self.heard.lock().unwrap().dialed.push(address.to_string());
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (script, heard) = (Arc::clone(&self.script), Arc::clone(&self.heard));
        tokio::spawn(async move {
            // A client that is gone has seen enough.
            let _ = Talk::new(script, heard, theirs).serve().await;
        });
        Ok((Box::new(ours), SocketAddr::from(([192, 0, 2, 1], 40_000))))
    }
}

/// The authority that the clients of this test trust.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new(&[HOST.to_owned()], NOW).unwrap())
}

/// A certificate of each kind, made once.
fn flight(kind: &CertificateKind) -> Flight {
    static MADE: Mutex<Vec<(CertificateKind, Flight)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap();
    if let Some((_, flight)) = made.iter().find(|(k, _)| k == kind) {
        return Arc::clone(flight);
    }
    let flight = authority().issue(kind).unwrap();
    made.push((kind.clone(), Arc::clone(&flight)));
    flight
}

#[derive(Debug)]
struct One(Flight);

impl ResolvesServerCert for One {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Flight> {
        Some(Arc::clone(&self.0))
    }
}

/// One connection.
struct Talk {
    script: Arc<Script>,
    heard: Arc<Mutex<Heard>>,
    stream: DuplexStream,
    tls: Option<ServerConnection>,
    /// What came and is no line yet.
    here: Vec<u8>,
    /// The tag of the last command, and whether its next line is no command.
    tag: String,
    in_exchange: bool,
    in_data: bool,
}

/// The connection is over.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Over {
        Over
    }
}

impl Talk {
    fn new(script: Arc<Script>, heard: Arc<Mutex<Heard>>, stream: DuplexStream) -> Talk {
        Talk {
            script,
            heard,
            stream,
            tls: None,
            here: Vec::new(),
            tag: "*".into(),
            in_exchange: false,
            in_data: false,
        }
    }

    async fn serve(mut self) -> Result<(), Over> {
        let greeting = self.script.greeting.clone();
        self.say(&greeting).await?;
        loop {
            let line = self.line().await?;
            let answer = self.answer(&line);
            self.say(&answer).await?;
        }
    }

    /// What is said to a line.
    fn answer(&mut self, line: &str) -> String {
        let protocol = self.script.scheme.protocol();
        let verb = if self.in_data {
            if line != "." {
                return String::new();
            }
            self.in_data = false;
            ".".to_owned()
        } else if std::mem::take(&mut self.in_exchange) {
            "…".to_owned()
        } else {
            let mut words = line.split(' ');
            if protocol == Protocol::Imap {
                self.tag = words.next().unwrap_or_default().to_owned();
            }
            let verb = words.next().unwrap_or_default().to_ascii_uppercase();
            // A mechanism with its initial response is another question than one without.
            if verb == "AUTH" && words.nth(1).is_some() { "AUTH …".to_owned() } else { verb }
        };
        let (own, sound) = match &self.tls {
            None => (&self.script.plain, sound_plain(protocol)),
            Some(_) => (&self.script.inside, sound_inside(protocol)),
        };
        let of = |verb: &str| {
            let own = own.iter().find(|(v, _)| v == verb).map(|(_, answer)| answer.as_str());
            own.or_else(|| sound.iter().find(|(v, _)| *v == verb).map(|(_, answer)| *answer))
        };
        let answer = of(&verb).or_else(|| of("")).unwrap_or_default().replace("{tag}", &self.tag);
        self.in_exchange = matches!(verb.as_str(), "AUTH" | "AUTHENTICATE")
            && (answer.starts_with("334") || answer.starts_with('+') && !answer.starts_with("+OK"));
        self.in_data = verb == "DATA" && answer.starts_with("354");
        answer
    }

    /// Says a text with its signs.
    async fn say(&mut self, text: &str) -> Result<(), Over> {
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            self.write(&rest.as_bytes()[..at]).await?;
            let end = rest[at..].find('>').map_or(rest.len(), |n| at + n + 1);
            match &rest[at..end] {
                "<tls>" => self.shake_hands().await?,
                "<split>" => tokio::time::sleep(Duration::from_secs(1)).await,
                "<close>" => return Err(Over),
                "<silence>" => loop {
                    self.fill().await?;
                },
                other => self.write(other.as_bytes()).await?,
            }
            rest = &rest[end..];
        }
        self.write(rest.as_bytes()).await
    }

    async fn line(&mut self) -> Result<String, Over> {
        loop {
            if let Some(end) = self.here.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.here.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.fill().await?;
        }
    }

    /// Waits for bytes and writes them down.
    async fn fill(&mut self) -> Result<(), Over> {
        let mut raw = [0; 4096];
        let read = self.stream.read(&mut raw).await?;
        if read == 0 {
            return Err(Over);
        }
        let Some(tls) = &mut self.tls else {
            self.heard.lock().unwrap().clear.extend_from_slice(&raw[..read]);
            self.here.extend_from_slice(&raw[..read]);
            return Ok(());
        };
        let mut rest = &raw[..read];
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            tls.process_new_packets().map_err(|_| Over)?;
        }
        let mut plain = Vec::new();
        // Nothing more is here at the moment.
        let _ = tls.reader().read_to_end(&mut plain);
        self.heard.lock().unwrap().sealed.extend_from_slice(&plain);
        self.here.extend_from_slice(&plain);
        self.flush().await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        match &mut self.tls {
            None => self.stream.write_all(bytes).await?,
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Over> {
        let mut out = Vec::new();
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
        }
        self.stream.write_all(&out).await?;
        Ok(())
    }

    async fn shake_hands(&mut self) -> Result<(), Over> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| Over)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(One(flight(&self.script.certificate))));
        let mut tls = ServerConnection::new(Arc::new(config)).map_err(|_| Over)?;
        let mut first = true;
        while tls.is_handshaking() || tls.wants_write() {
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            self.stream.write_all(&out).await?;
            if !tls.is_handshaking() {
                break;
            }
            let mut raw = [0; 4096];
            let read = self.stream.read(&mut raw).await?;
            if read == 0 {
                return Err(Over);
            }
            if std::mem::take(&mut first) && raw[0] != 0x16 {
                // No handshake, but words in the clear.
                self.heard.lock().unwrap().clear.extend_from_slice(&raw[..read]);
                return Err(Over);
            }
            let mut rest = &raw[..read];
            while !rest.is_empty() {
                tls.read_tls(&mut rest)?;
                tls.process_new_packets().map_err(|_| Over)?;
            }
        }
        // Whatever was said before is void.
        self.here.clear();
        self.tls = Some(tls);
        // What came with the end of the handshake.
        let mut plain = Vec::new();
        if let Some(tls) = &mut self.tls {
            let _ = tls.reader().read_to_end(&mut plain);
        }
        self.heard.lock().unwrap().sealed.extend_from_slice(&plain);
        self.here.extend_from_slice(&plain);
        Ok(())
    }
}
