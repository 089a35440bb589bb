//! Commands that are run one after the other, with their times.

use anyhow::{Context as _, Result, bail};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The cargo that runs us. What it told us of our own package is not passed on: build scripts look at it (that of ring
/// does), and so everything would be built anew that was built without us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(ours) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a step and says how long it took.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    println!("── {name}");
    let start = Instant::now();
    let status = command.status().with_context(|| format!("{name}: cannot be run"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    println!("   {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
