//! Where passwords come from: never from the command line.

use crate::exit::Usage;
use clap::ArgMatches;
use ehlo_core::Secret;
use ehlo_report::Texts;
use ehlo_wire::sasl::Credentials;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

/// Who logs in at `host`, if anybody.
///
/// # Errors
/// A password that cannot be had.
pub(crate) fn credentials(
    matches: &ArgMatches,
    host: Option<&str>,
    stdin_taken: bool,
    texts: Texts,
) -> anyhow::Result<Option<Credentials>> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let Some(user) = text("user") else {
        if text("password-file").is_some() || text("password-command").is_some() {
            return Err(Usage(texts.get("cli/password-without-user")).into());
        }
        return Ok(None);
    };
    let password = password(matches, user, host, stdin_taken, texts)?;
    Ok(Some(Credentials { user: user.to_owned(), password, authzid: String::new() }))
}

/// Who logs in at `host`, if the password can be had without asking for it.
///
/// # Errors
/// A password that cannot be had from where it is said to be.
pub(crate) fn known(matches: &ArgMatches, host: &str, texts: Texts) -> anyhow::Result<Option<Credentials>> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let Some(user) = text("user") else { return Ok(None) };
    let password = if let Some(file) = text("password-file") {
        Some(from_file(file)?)
    } else if let Some(command) = text("password-command") {
        Some(from_command(command, texts)?)
    } else if let Some(password) = std::env::var("EHLO_PASSWORD").ok().filter(|p| !p.is_empty()) {
        Some(Secret::new(password))
    } else {
        from_netrc(host, user)
    };
    Ok(password.map(|password| Credentials { user: user.to_owned(), password, authzid: String::new() }))
}

/// The password of `user`: from a file, a command, the environment, `~/.netrc` if there is a `host`, or by asking.
///
/// # Errors
/// A password that cannot be had.
pub(crate) fn password(
    matches: &ArgMatches,
    user: &str,
    host: Option<&str>,
    stdin_taken: bool,
    texts: Texts,
) -> anyhow::Result<Secret<String>> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let named = Named {
        file: text("password-file"),
        command: text("password-command"),
        variables: &["EHLO_PASSWORD"],
    };
    named_password(&named, user, host, stdin_taken, texts)
}

/// Where the password of one of several accounts may be.
pub(crate) struct Named<'a> {
    /// The file that the command line names.
    pub(crate) file: Option<&'a str>,
    /// The command that it names.
    pub(crate) command: Option<&'a str>,
    /// Variables of the environment, in the order in which they are asked.
    pub(crate) variables: &'a [&'a str],
}

impl Named<'_> {
    /// Whether the password is there without `~/.netrc` and without asking.
    pub(crate) fn is_said(&self) -> bool {
        self.file.is_some() || self.command.is_some() || self.variable().is_some()
    }

    fn variable(&self) -> Option<String> {
        self.variables.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty())
    }
}

/// The password of `user`, as [`password`] finds it.
///
/// # Errors
/// A password that cannot be had.
pub(crate) fn named_password(
    named: &Named<'_>,
    user: &str,
    host: Option<&str>,
    stdin_taken: bool,
    texts: Texts,
) -> anyhow::Result<Secret<String>> {
    if let Some(file) = named.file {
        if file == "-" && stdin_taken {
            return Err(Usage(texts.get("cli/stdin-twice")).into());
        }
        from_file(file)
    } else if let Some(command) = named.command {
        from_command(command, texts)
    } else if let Some(password) = named.variable() {
        Ok(Secret::new(password))
    } else if let Some(password) = host.and_then(|host| from_netrc(host, user)) {
        Ok(password)
    } else if std::io::stdin().is_terminal() {
        let prompt = texts.fill("cli/password-prompt", &[("user", &user)]);
        Ok(Secret::new(rpassword::prompt_password(prompt)?))
    } else {
        Err(Usage(texts.fill("cli/no-password", &[("user", &user)])).into())
    }
}

/// The first line of a file, or of standard input.
pub(crate) fn from_file(file: &str) -> anyhow::Result<Secret<String>> {
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
    }
    Ok(first_line(text))
}

/// The first line that a command prints.
pub(crate) fn from_command(command: &str, texts: Texts) -> anyhow::Result<Secret<String>> {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let output = std::process::Command::new(shell)
        .arg(option)
        .arg(command)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| anyhow::anyhow!("{command}: {e}"))?;
    if !output.status.success() {
        anyhow::bail!(texts.fill("cli/password-command-failed", &[("status", &output.status)]));
    }
    Ok(first_line(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The password of `user` at `host` in `~/.netrc` (or the file that `NETRC` names).
fn from_netrc(host: &str, user: &str) -> Option<Secret<String>> {
    let path = std::env::var_os("NETRC").map(std::path::PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?;
        Some(Path::new(&home).join(".netrc"))
    })?;
    netrc(&std::fs::read_to_string(path).ok()?, host, user)
}

fn netrc(text: &str, host: &str, user: &str) -> Option<Secret<String>> {
    let mut words = text.split_whitespace();
    let mut here = false;
    let mut login = None;
    while let Some(word) = words.next() {
        match word {
            "machine" => {
                here = words.next().is_some_and(|m| m.eq_ignore_ascii_case(host));
                login = None;
            }
            "default" => {
                here = true;
                login = None;
            }
            "login" => login = words.next(),
            "password" => {
                let password = words.next()?;
                if here && login.is_none_or(|l| l == user) {
                    return Some(password.into());
                }
            }
            _ => {}
        }
    }
    None
}

fn first_line(text: String) -> Secret<String> {
    let text = Secret::new(text);
    let line = text.expose().lines().next().unwrap_or_default();
    Secret::from(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc_entries() {
        let text = "machine mail.example.org login bob password one\nmachine MAIL.example.org login alice password two\ndefault login x password three\n";
        let found = |host, user| netrc(text, host, user).map(|p| p.expose().clone());
        assert_eq!(found("mail.example.org", "alice").as_deref(), Some("two"));
        assert_eq!(found("mail.example.org", "nobody"), None);
        assert_eq!(found("other.example.org", "x").as_deref(), Some("three"));
    }

    #[test]
    fn only_the_first_line_counts() {
        assert_eq!(first_line("pass wort\r\nrest".into()).expose(), "pass wort");
        assert_eq!(first_line(String::new()).expose(), "");
    }
}
