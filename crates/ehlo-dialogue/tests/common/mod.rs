//! Sites to talk to: the lab in memory, or real servers whose whereabouts the environment tells.

#![allow(dead_code, reason = "each test file uses a part of it")]

use ehlo_core::{Address, Limits, Masker, Scheme, Transcript, TranscriptId};
use ehlo_dialogue::{ClientIdentity, Clock, Connector, Dialogue, DialogueOptions, TlsSettings, Trust};
use ehlo_lab::{Lab, LabConfig, Service};
use ehlo_wire::sasl::Credentials;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A mail server with the accounts of the how-to.
pub(crate) struct Site {
    kind: Kind,
    trust: Arc<Trust>,
    /// The domain of its accounts.
    pub(crate) domain: &'static str,
    now: i64,
    identity: Option<ClientIdentity>,
}

enum Kind {
    Lab(Arc<Lab>),
    Real,
}

impl Site {
    /// A lab of its own, in memory.
    pub(crate) fn lab() -> Site {
        let now = 1_800_000_000;
        let lab = Lab::new(LabConfig::new(7, now)).unwrap();
        let mut trust = Trust::only_given();
        trust.give(lab.authority().root_der().clone());
        Site { kind: Kind::Lab(lab), trust: Arc::new(trust), domain: "lab.test", now, identity: None }
    }

    /// Postfix and Dovecot, as `interop/postfix-dovecot` started them.
    pub(crate) fn real() -> Site {
        let mut trust = Trust::only_given();
        trust.give_file(std::path::Path::new(&variable("TS_CA"))).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Site {
            kind: Kind::Real,
            trust: Arc::new(trust),
            domain: "example.test",
            now: now.as_secs() as i64,
            identity: None,
        }
    }

    /// Whether it is the lab.
    pub(crate) fn is_lab(&self) -> bool {
        matches!(self.kind, Kind::Lab(_))
    }

    /// The site as alice sees it who has a certificate of her own.
    pub(crate) fn with_certificate(&self) -> Site {
        let (certificate, key) = match &self.kind {
            Kind::Real => (variable("TS_CLIENT_CERT").into(), variable("TS_CLIENT_KEY").into()),
            Kind::Lab(lab) => {
                let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
                let name = format!("site-{}", std::process::id());
                let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
                let (chain, key) = lab.authority().issue_for_client("alice", "lab.test").unwrap();
                std::fs::write(&files.0, chain).unwrap();
                std::fs::write(&files.1, key).unwrap();
                files
            }
        };
        Site {
            kind: match &self.kind {
                Kind::Lab(lab) => Kind::Lab(Arc::clone(lab)),
                Kind::Real => Kind::Real,
            },
            trust: Arc::clone(&self.trust),
            domain: self.domain,
            now: self.now,
            identity: Some(ClientIdentity::read(&certificate, &key).unwrap()),
        }
    }

    /// What alice has in place of a password for mechanisms with a token.
    pub(crate) fn token(&self) -> String {
        match self.kind {
            Kind::Lab(_) => "wonderland".into(),
            Kind::Real => variable("TS_TOKEN"),
        }
    }

    /// Connects.
    pub(crate) async fn dial(&self, scheme: Scheme) -> Dialogue {
        let host = match self.kind {
            Kind::Lab(_) => "lab.test",
            Kind::Real => "mail.example.test",
        };
        let mut masker = Masker::new();
        masker.learn(b"passwort");
        let options = DialogueOptions {
            protocol: scheme.protocol(),
            host: host.into(),
            limits: Limits::default(),
            deadline: Instant::now() + Duration::from_secs(60),
            tls: TlsSettings {
                trust: Arc::clone(&self.trust),
                sni: None,
                also_named: Vec::new(),
                identity: self.identity.clone(),
                now: self.now,
                oldest: None,
                newest: None,
                alpn: Vec::new(),
            },
            masker,
            seed: 5,
        };
        let transcript = Transcript::new(TranscriptId(0), "how-to", 1 << 22);
        match &self.kind {
            Kind::Lab(lab) => {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                let lab = Arc::clone(lab);
                let service = Service { scheme, family: ehlo_core::Family::V4 };
                tokio::spawn(async move { lab.serve_stream(service, theirs).await });
                Dialogue::over(Box::new(ours), None, options, Clock::start(), transcript)
            }
            Kind::Real => {
                let port = variable(match scheme {
                    Scheme::Smtp => "TS_SMTP_PORT",
                    Scheme::Submission => "TS_SUBMISSION_PORT",
                    Scheme::Submissions => "TS_SMTPS_PORT",
                    Scheme::Lmtp => "TS_LMTP_PORT",
                    Scheme::Pop3 => "TS_POP3_PORT",
                    Scheme::Pop3s => "TS_POP3S_PORT",
                    Scheme::Imap => "TS_IMAP_PORT",
                    Scheme::Imaps => "TS_IMAPS_PORT",
                    Scheme::Sieve => "TS_SIEVE_PORT",
                });
                // Only one of the addresses asks for certificates.
                let host = if self.identity.is_some() { "TS_HOST_CLIENTCERT" } else { "TS_HOST_STRICT" };
                let address = format!("{}:{port}", variable(host)).parse().unwrap();
                let connector = Connector::default();
                let address = Address::Ip(address);
                let opened = Dialogue::open(&connector, &address, options, Clock::start(), transcript).await;
                opened.map_err(|(failure, _)| failure).unwrap()
            }
        }
    }
}

/// The account of the how-to.
pub(crate) fn benutzername() -> Credentials {
    Credentials { user: "benutzername".into(), password: "passwort".into(), authzid: String::new() }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask interop`"))
}
