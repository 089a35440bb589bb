use crate::{Evidence, Protocol};
use serde::{Deserialize, Serialize};

/// When a server was asked what it can do. The answers differ, and a list from before TLS means nothing inside it
/// (RFC 3207 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// On the plain connection.
    Plain,
    /// Inside TLS, before the login.
    Tls,
    /// After the login.
    Login,
}

impl Moment {
    /// The id in lower case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Moment::Plain => "plain",
            Moment::Tls => "tls",
            Moment::Login => "login",
        }
    }
}

/// One thing that a server says it can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// The keyword in upper case, escaped.
    pub name: String,
    /// Its arguments as sent, escaped.
    pub args: Vec<String>,
    /// Where it stands.
    pub at: Evidence,
}

/// Whether a keyword is `XXXXXXXA` or the like: what a firewall makes of EHLO keywords that it does not know.
pub fn is_masked_keyword(name: &str) -> bool {
    name.len() >= 4 && name.starts_with("XXX") && name.as_bytes()[..name.len() - 1].iter().all(|b| *b == b'X')
}

/// What a server says it can do at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityFacts {
    /// When.
    pub moment: Moment,
    /// Whether the list came unasked, in the greeting or with the answer to a login.
    pub unasked: bool,
    /// The list; empty when the command was refused.
    pub list: Vec<Capability>,
    /// The refusal, escaped, when the server does not know the command.
    pub refused: Option<String>,
    /// The name that the server gives itself (EHLO, LHLO).
    pub host: Option<String>,
    /// Whether SMTP had to fall back to HELO.
    pub helo_only: bool,
    /// Question and answer.
    pub at: Evidence,
}

impl CapabilityFacts {
    /// The capability of that name (upper case).
    pub fn get(&self, name: &str) -> Option<&Capability> {
        self.list.iter().find(|c| c.name == name)
    }

    /// Whether it is in the list.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The keyword by which `protocol` offers TLS inside the session.
    pub fn starttls(&self, protocol: Protocol) -> Option<&Capability> {
        self.get(if protocol == Protocol::Pop3 { "STLS" } else { "STARTTLS" })
    }

    /// The SASL mechanisms offered, in upper case, each with the capability that names it.
    pub fn mechanisms(&self, protocol: Protocol) -> Vec<(String, &Capability)> {
        let mut found: Vec<(String, &Capability)> = Vec::new();
        for capability in &self.list {
            let names: Vec<&str> = match protocol {
                Protocol::Imap => capability.name.strip_prefix("AUTH=").into_iter().collect(),
                Protocol::Smtp | Protocol::Lmtp
                    if capability.name == "AUTH" || capability.name == "AUTH=" =>
                {
                    capability.args.iter().map(String::as_str).collect()
                }
                Protocol::Pop3 | Protocol::Sieve if capability.name == "SASL" => {
                    capability.args.iter().map(String::as_str).collect()
                }
                _ => Vec::new(),
            };
            for name in names {
                // Junk is left alone: it is escaped, and upper case would spoil that.
                let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
                let name = if is_name { name.to_ascii_uppercase() } else { name.to_owned() };
                if !found.iter().any(|(known, _)| *known == name) {
                    found.push((name, capability));
                }
            }
        }
        found
    }

    /// The words of the list as a set, for comparing two moments: keyword and arguments, sorted.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> =
            self.list
                .iter()
                .map(|c| {
                    if c.args.is_empty() {
                        c.name.clone()
                    } else {
                        format!("{} {}", c.name, c.args.join(" "))
                    }
                })
                .collect();
        words.sort();
        words.dedup();
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Side, Span, TranscriptId};

    fn facts(lines: &[&str]) -> CapabilityFacts {
        let at = Evidence::bytes(TranscriptId(0), Span::new(Side::Server, 0, 0));
        let list = lines
            .iter()
            .map(|line| {
                let mut words = line.split(' ').map(str::to_owned);
                Capability { name: words.next().unwrap(), args: words.collect(), at }
            })
            .collect();
        CapabilityFacts {
            moment: Moment::Plain,
            unasked: false,
            list,
            refused: None,
            host: None,
            helo_only: false,
            at,
        }
    }

    #[test]
    fn masked_keywords_are_known_by_their_looks() {
        assert!(is_masked_keyword("XXXXXXXA") && is_masked_keyword("XXXX"));
        // Whatever a server sends there.
        assert!(
            !is_masked_keyword("XXX") && !is_masked_keyword("XXX\u{e9}X") && !is_masked_keyword("XCLIENT")
        );
    }

    #[test]
    fn mechanisms_are_found_in_the_form_of_each_protocol() {
        let names = |f: &CapabilityFacts, p| f.mechanisms(p).into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(names(&facts(&["AUTH PLAIN login", "AUTH= PLAIN"]), Protocol::Smtp), ["PLAIN", "LOGIN"]);
        assert_eq!(names(&facts(&["IDLE", "AUTH=CRAM-MD5"]), Protocol::Imap), ["CRAM-MD5"]);
        assert_eq!(names(&facts(&["SASL PLAIN", "STLS"]), Protocol::Pop3), ["PLAIN"]);
        assert!(names(&facts(&["SASL PLAIN"]), Protocol::Smtp).is_empty());
    }
}
