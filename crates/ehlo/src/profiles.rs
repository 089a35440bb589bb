//! Profiles: servers and accounts that have a name in a configuration file.

use crate::check::own_name;
use crate::exit::Usage;
use crate::secrets;
use ehlo_core::{Endpoint, Scheme};
use ehlo_report::Texts;
use ehlo_runner::{Profile, SecretSource, profiles};
use std::path::{Path, PathBuf};

/// The profile of that name, from the file `config`, else from the `ehlo.toml` in or above this folder or the user's own
/// file.
///
/// # Errors
/// [`Usage`] if there is none, or a file that cannot be read.
pub(crate) fn named(name: &str, config: Option<&str>, texts: Texts) -> anyhow::Result<Profile> {
    let mut files: Vec<PathBuf> = config.map(PathBuf::from).into_iter().collect();
    if files.is_empty() {
        let here = std::env::current_dir()?;
        files.extend(here.ancestors().map(|a| a.join("ehlo.toml")).find(|f| f.exists()));
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| std::env::var_os("HOME").map(|h| Path::new(&h).join(".config")));
        files.extend(config.map(|c| c.join("ehlo/config.toml")).filter(|f| f.exists()));
    }
    let mut names = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).map_err(|e| Usage(format!("{}: {e}", file.display())))?;
        let mut found = profiles(&text).map_err(|e| Usage(format!("{}: {e}", file.display())))?;
        if let Some(profile) = found.remove(name) {
            return Ok(profile);
        }
        names.extend(found.into_keys());
    }
    let known = if names.is_empty() { "–".to_owned() } else { names.join(", ") };
    Err(Usage(texts.fill("cli/no-profile", &[("name", &name), ("names", &known)])).into())
}

/// The services of a profile: those that it names, else those of its host.
///
/// # Errors
/// [`Usage`] if it has no host, or names a scheme that there is not.
pub(crate) fn endpoints(profile: &Profile, name: &str, texts: Texts) -> anyhow::Result<Vec<Endpoint>> {
    let Some(host) = &profile.host else {
        return Err(Usage(texts.fill("cli/profile-host", &[("name", &name)])).into());
    };
    let mut found = Vec::new();
    for (scheme, port) in &profile.ports {
        let Some(scheme) = Scheme::from_name(scheme) else {
            return Err(
                Usage(texts.fill("cli/profile-scheme", &[("name", &name), ("scheme", scheme)])).into()
            );
        };
        found.push(Endpoint::new(scheme, host, Some(*port)));
    }
    if found.is_empty() {
        found = Scheme::OF_A_HOST.iter().map(|&scheme| Endpoint::new(scheme, host, None)).collect();
    }
    Ok(found)
}

/// What a profile keeps elsewhere.
///
/// # Errors
/// A file, a command or a variable that does not yield it.
pub(crate) fn secret(source: &SecretSource, texts: Texts) -> anyhow::Result<String> {
    Ok(match source {
        SecretSource::File(file) => secrets::from_file(file)?.expose().clone(),
        SecretSource::Command(command) => secrets::from_command(command, texts)?.expose().clone(),
        SecretSource::Env(name) => {
            std::env::var(name).map_err(|_| Usage(texts.fill("cli/no-env", &[("name", name)])))?
        }
    })
}

/// Our name in EHLO, as far as a profile knows it.
pub(crate) fn helo(profile: Option<&Profile>) -> Option<String> {
    profile.and_then(|profile| profile.helo.clone()).or_else(own_name)
}
