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
}

/// The services at one of the addresses that differ in what they allow: `TS_HOST` (lax) or `TS_HOST_STRICT`.
pub(crate) fn services(address: &str) -> Vec<Site> {
    [
        ("smtp", "TS_SMTP_PORT"),
        ("submission", "TS_SUBMISSION_PORT"),
        ("submissions", "TS_SMTPS_PORT"),
        ("pop3", "TS_POP3_PORT"),
        ("pop3s", "TS_POP3S_PORT"),
        ("imap", "TS_IMAP_PORT"),
        ("imaps", "TS_IMAPS_PORT"),
    ]
    .into_iter()
    .map(|(scheme, port)| Site {
        scheme,
        address: variable(address),
        port: variable(port),
        name: variable("TS_NAME"),
    })
    .collect()
}

impl Site {
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
        let (url, ca) = (self.url(), variable("TS_CA"));
        let fixed =
            ["check", &url, "--connect", &self.address, "--ca", &ca, "--as-outside", "--format", "json"];
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
