//! Tests against real servers.

use crate::programs;
use crate::steps::{cargo, has, output, step};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// Starts Postfix and Dovecot and runs the tests against them. Yields why they were skipped, if they were.
pub(crate) fn run(required: bool) -> Result<Option<String>> {
    println!("── interop");
    if let Some(why) = impossible() {
        if required {
            bail!("interop is required, but {why}");
        }
        return Ok(Some(why));
    }
    programs::install()?;
    let folder = std::env::temp_dir().join(format!("ehlo-interop-{}", std::process::id()));
    let (strong, weak) = (folder.join("strong"), folder.join("weak"));
    let result = with_servers(&strong, &weak);
    // Whatever happened, nothing is left running.
    let stop = |folder: &Path| Command::new("interop/postfix-dovecot").arg("stop").arg(folder).status();
    let stopped = [stop(&strong), stop(&weak)];
    let _ = std::fs::remove_dir_all(&folder);
    result?;
    for stopped in stopped {
        if !stopped?.success() {
            bail!("the servers could not be stopped");
        }
    }
    Ok(None)
}

/// Two sets of servers: one as it should be, one as weak in TLS as can be.
fn with_servers(strong: &Path, weak: &Path) -> Result<()> {
    step("start Postfix and Dovecot", Command::new("interop/postfix-dovecot").arg("start").arg(strong))?;
    step(
        "start weak Postfix and Dovecot",
        Command::new("interop/postfix-dovecot").arg("start").arg(weak).env("WEAK", "1"),
    )?;
    let mut tests = cargo();
    tests.args([
        "test",
        "--workspace",
        "--locked",
        "--quiet",
        "--test",
        "interop",
        "--",
        "--include-ignored",
        "--test-threads=2",
    ]);
    tests.envs(variables(strong)?);
    let renamed = |(name, value): (String, String)| (name.replacen("TS_", "TS_WEAK_", 1), value);
    tests.envs(variables(weak)?.into_iter().map(renamed));
    step("tests against Postfix and Dovecot", tests.env("INSTA_UPDATE", "no").env("EHLO_ALL_CLIENTS", "1"))
}

/// What there is to know of servers that were started in `folder`.
pub(crate) fn variables(folder: &Path) -> Result<Vec<(String, String)>> {
    let told = output(Command::new("interop/postfix-dovecot").arg("env").arg(folder))?;
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), unquote(value)));
    Ok(told.lines().filter_map(pair).collect())
}

/// A value as the shell would read it: in single quotes.
fn unquote(value: &str) -> String {
    let inner = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
    inner.replace("'\\''", "'")
}

/// Why real servers and foreign programs cannot be had here, if so.
pub(crate) fn impossible() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the servers run on Linux only".into());
    }
    let uid = output(Command::new("id").arg("-u")).unwrap_or_default();
    if uid.trim() != "0" {
        return Some("the servers need root for their namespaces".into());
    }
    let missing: Vec<&str> =
        ["apt-get", "dpkg-deb", "unshare", "openssl", "bash"].into_iter().filter(|p| !has(p)).collect();
    (!missing.is_empty()).then(|| format!("{} is missing", missing.join(", ")))
}
