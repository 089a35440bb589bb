//! The flags of `ehlo lab` that say who may come in, and what is done with mail.

use crate::exit::Usage;
use clap::ArgMatches;
use ehlo_lab::{LabConfig, RuleError, RuleProblem, Rules};
use ehlo_report::Texts;

/// Puts them into the configuration.
///
/// # Errors
/// Wrong usage, or a file that cannot be read.
pub(crate) fn configure(config: &mut LabConfig, matches: &ArgMatches, texts: Texts) -> anyhow::Result<()> {
    if let Some(master) = matches.get_one::<String>("master") {
        config.accounts.set_master(master).map_err(|e| Usage(crate::lab::account_error(&e, texts)))?;
    }
    if matches.get_flag("accept-any") {
        config.accounts.accept_any();
    }
    if let Some(file) = matches.get_one::<String>("rules") {
        let text = std::fs::read_to_string(file).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
        config.rules = Rules::read(&text).map_err(|e| Usage(format!("{file}: {}", told(&e, texts))))?;
    }
    config.proxy_protocol = matches.get_flag("proxy-protocol");
    config.xclient = matches.get_flag("xclient");
    Ok(())
}

fn told(error: &RuleError, texts: Texts) -> String {
    let why = match &error.problem {
        RuleProblem::Toml(words) => ehlo_core::escape(words.as_bytes()),
        RuleProblem::Unknown(key) => {
            texts.fill("cli/rule-unknown", &[("key", &ehlo_core::escape(key.as_bytes()))])
        }
        RuleProblem::Value(key) => {
            texts.fill("cli/rule-value", &[("key", key), ("wanted", &texts.get(&format!("cli/rule-{key}")))])
        }
        RuleProblem::Actions => texts.get("cli/rule-actions"),
    };
    texts.fill("cli/rule-error", &[("line", &error.line), ("why", &why)])
}
