use crate::{Evidence, Failure};
use serde::{Deserialize, Serialize};

/// A login that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFacts {
    /// The mechanism, e.g. `PLAIN`, or the protocol's own way: `USER`, `APOP`, `LOGIN command`.
    pub mechanism: String,
    /// The user.
    pub user: String,
    /// How it went.
    pub result: LoginResult,
    /// The last answer of the server, escaped.
    pub reply: Option<String>,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The dialogue, as far as there was one.
    pub at: Vec<Evidence>,
}

/// How a login went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum LoginResult {
    /// The server let us in.
    Accepted,
    /// The server did not let us in.
    Refused,
    /// Nothing was sent, because a secret must not travel here.
    NotSent {
        /// Why.
        failure: Failure,
    },
    /// The dialogue broke off.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// What an account sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// Messages in the mailbox (POP3 STAT, or INBOX).
    pub messages: Option<u64>,
    /// Their size in octets (POP3 STAT).
    pub octets: Option<u64>,
    /// The namespaces (RFC 2342).
    pub namespaces: Vec<NamespaceFacts>,
    /// The folders.
    pub folders: Vec<FolderFacts>,
    /// Whether there are more folders than were listed here.
    pub more_folders: bool,
    /// Where it shows.
    pub at: Vec<Evidence>,
}

/// A namespace (RFC 2342 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceFacts {
    /// `personal`, `other` or `shared`.
    pub kind: String,
    /// How the names of its folders begin, escaped.
    pub prefix: String,
    /// The hierarchy delimiter, escaped.
    pub delimiter: Option<String>,
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderFacts {
    /// Its name for a reader, escaped.
    pub name: String,
    /// Its name on the wire, escaped, where that differs (modified UTF-7).
    pub wire_name: Option<String>,
    /// The hierarchy delimiter.
    pub delimiter: Option<String>,
    /// Its attributes, special use among them (RFC 6154), escaped.
    pub attributes: Vec<String>,
    /// Messages in it, if it was asked.
    pub messages: Option<u64>,
    /// Unseen messages in it, if it was asked.
    pub unseen: Option<u64>,
}

impl FolderFacts {
    /// Its special use, e.g. `\Sent` (RFC 6154 §2).
    pub fn special_use(&self) -> Option<&str> {
        const USES: &[&str] =
            &["\\all", "\\archive", "\\drafts", "\\flagged", "\\important", "\\junk", "\\sent", "\\trash"];
        self.attributes.iter().map(String::as_str).find(|a| USES.contains(&a.to_ascii_lowercase().as_str()))
    }
}
