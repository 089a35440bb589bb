use crate::options::Known;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a configuration file says about servers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// A server, with accounts, values, and what is special about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// Its name: for the certificate and for names of services.
    #[serde(default)]
    pub host: Option<String>,
    /// Go to this address instead of those of the name.
    #[serde(default)]
    pub connect: Option<String>,
    /// Ports by scheme; only these services exist. None: all standard ports.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// Files with certificates to trust.
    #[serde(default)]
    pub ca: Vec<String>,
    /// Our name in EHLO.
    #[serde(default)]
    pub helo: Option<String>,
    /// What is as good as a password may go out without TLS.
    #[serde(default)]
    pub insecure_auth: bool,
    /// The account of most scripts.
    #[serde(default)]
    pub account: Option<ProfileAccount>,
    /// A second one.
    #[serde(default)]
    pub account2: Option<ProfileAccount>,
    /// Accounts that exist for tests alone: POP3 scripts fill and empty them.
    #[serde(default)]
    pub maildrop: Vec<ProfileAccount>,
    /// Values by name.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// Secrets by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// What there is besides, for `needs`.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Known deviations: these scripts are expected to fail.
    #[serde(default)]
    pub xfail: Vec<ProfileKnown>,
    /// Scripts that are left out.
    #[serde(default)]
    pub skip: Vec<ProfileKnown>,
}

/// An account in a configuration file. It names where the password is, never the password.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileAccount {
    /// The name.
    pub user: String,
    /// Where the password is.
    pub password: SecretSource,
}

/// Where a secret is: `file:…`, `command:…`, `env:…`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SecretSource {
    /// The first line of a file.
    File(String),
    /// The first line that a command prints.
    Command(String),
    /// A variable of the environment.
    Env(String),
}

impl TryFrom<String> for SecretSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        SecretSource::parse(&text).ok_or_else(|| "file:…, command:… or env:… is wanted".to_owned())
    }
}

impl SecretSource {
    /// Reads `file:…`, `command:…`, `env:…`.
    pub fn parse(text: &str) -> Option<SecretSource> {
        match text.split_once(':')? {
            ("file", name) if !name.is_empty() => Some(SecretSource::File(name.to_owned())),
            ("command", command) if !command.is_empty() => Some(SecretSource::Command(command.to_owned())),
            ("env", name) if !name.is_empty() => Some(SecretSource::Env(name.to_owned())),
            _ => None,
        }
    }
}

/// A known deviation in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileKnown {
    /// The id of the script.
    pub script: String,
    /// The step.
    #[serde(default)]
    pub step: Option<String>,
    /// Why.
    pub reason: String,
}

impl From<ProfileKnown> for Known {
    fn from(known: ProfileKnown) -> Known {
        Known { script: known.script, step: known.step, reason: known.reason }
    }
}

/// Why a configuration file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError(pub String);

impl std::fmt::Display for ProfileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProfileError {}

/// The profiles of a configuration file.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn profiles(text: &str) -> Result<BTreeMap<String, Profile>, ProfileError> {
    toml::from_str::<File>(text)
        .map(|file| file.profile)
        .map_err(|e| ProfileError(e.to_string().trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile() {
        let text = r#"
[profile.mine]
host = "mail.example.org"
ports = { imap = 143, smtp = 25 }
account = { user = "bob", password = "env:BOB" }
vars = { rcpt = "bob@example.org" }
[[profile.mine.xfail]]
script = "imap/core/x"
reason = "says BYE"
"#;
        let found = profiles(text).unwrap();
        let mine = &found["mine"];
        assert_eq!(mine.ports["imap"], 143);
        assert_eq!(mine.account.as_ref().unwrap().password, SecretSource::Env("BOB".into()));
        assert_eq!(mine.xfail[0].reason, "says BYE");
    }

    #[test]
    fn passwords_do_not_stand_in_it() {
        let error = profiles("[profile.x]\naccount = { user = \"a\", password = \"geheim\" }\n").unwrap_err();
        assert!(error.0.contains("file:"), "{error}");
        assert!(profiles("[profile.x]\nhots = \"a\"\n").unwrap_err().0.contains("hots"));
    }
}
