//! The flags of `ehlo lab` that say how one logs in: which mechanisms are offered, and certificates for clients.

use crate::exit::Usage;
use crate::input;
use clap::ArgMatches;
use ehlo_lab::{Lab, LabConfig};
use ehlo_report::Texts;
use ehlo_wire::sasl::{MECHANISMS, mechanism};
use std::io::Write as _;
use std::path::Path;

/// Takes `--mechanism`.
///
/// # Errors
/// Wrong usage.
pub(crate) fn configure(config: &mut LabConfig, matches: &ArgMatches, texts: Texts) -> Result<(), Usage> {
    let Some(wanted) = matches.get_many::<String>("mechanism") else { return Ok(()) };
    config.mechanisms.clear();
    for name in wanted {
        let Some(found) = mechanism(name) else {
            let all: Vec<&str> = MECHANISMS.iter().map(|m| m.meta().name).collect();
            let known = texts.fill("cli/a-mechanism", &[("mechanisms", &all.join(", "))]);
            return Err(input::wrong(texts, "--mechanism", name, &known));
        };
        let name = found.meta().name;
        if !config.mechanisms.contains(&name) {
            config.mechanisms.push(name);
        }
    }
    Ok(())
}

/// Writes a certificate and its key for each account, if `--client-certs` wants them.
///
/// # Errors
/// The directory or a file cannot be written, or a certificate cannot be made.
pub(crate) fn write_certificates(lab: &Lab, matches: &ArgMatches) -> anyhow::Result<()> {
    let Some(folder) = matches.get_one::<String>("client-certs").map(Path::new) else { return Ok(()) };
    let at = |path: &Path, error: std::io::Error| anyhow::anyhow!("{}: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
    for name in lab.accounts().names() {
        let (chain, key) = lab.authority().issue_for_client(name, lab.host_name())?;
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, chain).map_err(|error| at(&file, error))?;
        let file = folder.join(format!("{name}.key"));
        write_private(&file, &key).map_err(|error| at(&file, error))?;
    }
    Ok(())
}

/// A key is for its owner's eyes: programs refuse one that others can read.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    // A file that is there already would keep its mode.
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}
