//! The real servers, and running the program and others against them.

use crate::common::ehlo;
use serde_json::Value;
use std::process::{Command, Stdio};

/// A variable of `interop/postfix-dovecot env`.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: cargo xtask interop starts the servers"))
}

/// A service of the real servers.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) scheme: &'static str,
    /// The address, an IP.
    pub(crate) address: String,
    pub(crate) port: String,
    /// The name by which it is asked for.
    pub(crate) name: String,
    /// The CA to trust.
    pub(crate) ca: String,
}

/// The servers as they should be.
pub(crate) const STRONG: &str = "TS_";
/// The same servers with all in TLS that can still be had (`WEAK=1`).
pub(crate) const WEAK: &str = "TS_WEAK_";

/// The services at one of the addresses that differ in what they allow: `TS_HOST` (lax) or `TS_HOST_STRICT`.
pub(crate) fn services(address: &str) -> Vec<Site> {
    SERVICES
        .iter()
        .map(|(scheme, _)| Site { address: variable(address), ..Site::of(STRONG, scheme) })
        .collect()
}

/// Schemes and the variables of their ports.
pub(crate) const SERVICES: &[(&str, &str)] = &[
    ("smtp", "SMTP_PORT"),
    ("submission", "SUBMISSION_PORT"),
    ("submissions", "SMTPS_PORT"),
    ("pop3", "POP3_PORT"),
    ("pop3s", "POP3S_PORT"),
    ("imap", "IMAP_PORT"),
    ("imaps", "IMAPS_PORT"),
];

impl Site {
    /// A service of one of the two sets of servers ([`STRONG`], [`WEAK`]).
    pub(crate) fn of(servers: &str, scheme: &str) -> Site {
        let (scheme, port) = SERVICES.iter().copied().find(|(s, _)| *s == scheme).unwrap();
        let of = |name: &str| variable(&format!("{servers}{name}"));
        Site { scheme, address: of("HOST"), port: of(port), name: of("NAME"), ca: of("CA") }
    }

    pub(crate) fn is_implicit(&self) -> bool {
        self.scheme.ends_with('s')
    }

    /// The name of the protocol as `openssl s_client -starttls` wants it.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.scheme {
            "imap" | "imaps" => "imap",
            "pop3" | "pop3s" => "pop3",
            _ => "smtp",
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}:{}", self.scheme, self.name, self.port)
    }

    /// What `ehlo check` finds there, as a document, judged as from the internet.
    pub(crate) fn check(&self, more: &[&str]) -> Value {
        let (url, ca) = (self.url(), &self.ca);
        let fixed =
            ["check", &url, "--connect", &self.address, "--ca", ca, "--as-outside", "--format", "json"];
        let ran = ehlo(&[&fixed[..], more].concat());
        assert!(matches!(ran.code, 0 | 1), "{url}: {} {}", ran.code, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }
}

/// The main connection of the only service in a document.
pub(crate) fn main_of(document: &Value) -> &Value {
    &document["services"][0]["facts"]["connections"][0]
}

/// The words of a capability list at a moment (`plain`, `tls`, `login`), sorted; of several the last.
pub(crate) fn words(document: &Value, moment: &str) -> Option<Vec<String>> {
    let lists = main_of(document)["capabilities"].as_array().unwrap();
    let list = lists.iter().rfind(|l| l["moment"] == moment)?;
    let mut words: Vec<String> = list["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let args = c["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap());
            let word: Vec<&str> = std::iter::once(c["name"].as_str().unwrap()).chain(args).collect();
            word.join(" ")
        })
        .collect();
    words.sort();
    words.dedup();
    Some(words)
}

/// Runs another program and yields all it says.
pub(crate) fn said_by(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C").output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
