//! `ehlo lab --store`, `--fsync`, `--limit` and `--seed`

use crate::exit::Usage;
use crate::input;
use clap::ArgMatches;
use ehlo_core::escape;
use ehlo_lab::{LabConfig, LabError, Seed, SeedError, SeedProblem, StoreError};
use ehlo_report::Texts;
use std::path::{Path, PathBuf};

/// Takes over what the flags say.
///
/// # Errors
/// Wrong usage.
pub(crate) fn configure(config: &mut LabConfig, matches: &ArgMatches, texts: Texts) -> Result<(), Usage> {
    config.store = matches.get_one::<String>("store").map(PathBuf::from);
    config.fsync = matches.get_flag("fsync");
    if config.fsync && config.store.is_none() {
        return Err(Usage(texts.get("cli/fsync-alone")));
    }
    config.limit = match matches.get_one::<String>("limit") {
        Some(text) => {
            let wrong = || input::wrong(texts, "--limit", text, &texts.get("cli/a-size"));
            input::size(text).ok_or_else(wrong)?
        }
        // The disk has an end of its own.
        None if config.store.is_some() => u64::MAX,
        None => config.limit,
    };
    let seeds = matches.get_many::<String>("seed").unwrap_or_default();
    config.seeds = seeds.map(|text| Seed::parse(text)).collect();
    Ok(())
}

/// Why the lab does not start, in the language of the user.
pub(crate) fn told(error: LabError, texts: Texts) -> anyhow::Error {
    let shown = |path: &Path| escape(path.as_os_str().as_encoded_bytes());
    let told = match &error {
        LabError::StoreInUse(path) => texts.fill("cli/store-in-use", &[("path", &shown(path))]),
        LabError::Store { path, error } => {
            let why = why(error);
            texts.fill("cli/store-unusable", &[("path", &shown(path)), ("why", &escape(why.as_bytes()))])
        }
        LabError::Seed(SeedError { path, line, problem }) => {
            let why = match problem {
                SeedProblem::Unreadable(error) => error.to_string(),
                SeedProblem::Store(error) => why(error),
                SeedProblem::Empty => texts.get("cli/seed-empty"),
                SeedProblem::NoField => texts.get("cli/seed-no-field"),
                SeedProblem::NoAccount(name) => {
                    let name = escape(name.as_bytes());
                    return Usage(texts.fill("cli/seed-no-account", &[("name", &name)])).into();
                }
            };
            match line {
                0 => format!("{}: {why}", shown(path)),
                line => format!("{}:{line}: {why}", shown(path)),
            }
        }
        _ => return error.into(),
    };
    anyhow::anyhow!(told)
}

fn why(error: &StoreError) -> String {
    match error {
        StoreError::Failed(error) => error.to_string(),
        other => other.to_string(),
    }
}
