//! What the lab can imitate and what can go wrong in it: the lists, and the flags that choose from them.

use crate::exit::Usage;
use crate::input;
use clap::ArgMatches;
use ehlo_lab::{ActiveFault, FAULTS, PLACES, personas};
use ehlo_report::Texts;

/// All faults by family, and what may stand behind `@`.
pub(super) fn faults(texts: Texts) -> String {
    let mut families: Vec<&str> = Vec::new();
    for fault in FAULTS {
        if !families.contains(&fault.meta().family) {
            families.push(fault.meta().family);
        }
    }
    let mut out = String::new();
    for family in families {
        out.push_str(&format!("{}\n\n", texts.get(&format!("fault-family/{family}"))));
        for fault in FAULTS.iter().filter(|f| f.meta().family == family) {
            let meta = fault.meta();
            let name = match meta.example {
                Some(example) => format!("{}={example}", meta.id),
                None => meta.id.to_owned(),
            };
            out.push_str(&format!("{name}\n    {}\n", texts.get(&format!("fault/{}", meta.id))));
        }
        out.push('\n');
    }
    out.push_str(&format!("{}\n\n", texts.get("cli/fault-stages")));
    out.push_str(&format!("{}\n\n", texts.get("cli/fault-places")));
    for (kind, example) in PLACES {
        out.push_str(&format!("    {example:<14}  {}\n", texts.get(&format!("fault-place/{kind}"))));
    }
    out
}

/// All personas.
pub(super) fn all_personas(texts: Texts) -> String {
    let line = |id: &str| format!("{id}\n    {}\n", texts.get(&format!("persona/{id}")));
    personas().map(line).collect()
}

/// Whom the lab is to imitate.
///
/// # Errors
/// [`Usage`] for one that is not known.
pub(super) fn chosen(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Vec<ActiveFault>> {
    let mut all = Vec::new();
    for value in matches.get_many::<String>("persona").unwrap_or_default() {
        let parts = ehlo_lab::persona(value);
        all.extend(parts.map_err(|error| Usage(texts.fill("cli/bad-persona", &[("why", &error)])))?);
    }
    Ok(all)
}

/// What chance is made of: given, so that it can be repeated, or random.
///
/// # Errors
/// [`Usage`] for what is no number.
pub(super) fn seed(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u64> {
    let Some(value) = matches.get_one::<String>("random-seed") else { return Ok(input::seed()) };
    let wrong = || input::wrong(texts, "--random-seed", value, &texts.get("cli/a-number")).into();
    value.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)
}
