//! `ehlo fmt`, `ehlo record`, `ehlo import`

use crate::check::text;
use crate::exit::{FOUND, GOOD, Usage};
use crate::{output, run};
use clap::ArgMatches;
use ehlo_report::Texts;
use ehlo_runner::{FileLoader, find};
use ehlo_script::import::{ImportFormat, detect};
use ehlo_script::parse;
use std::io::Read as _;
use std::path::Path;

/// Formats scripts in place.
///
/// # Errors
/// A script that cannot be read: what is no script is not touched.
pub(crate) fn format(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let mut code = GOOD;
    let names: Vec<&String> = matches.get_many::<String>("file").unwrap_or_default().collect();
    if names.is_empty() {
        return Err(Usage(texts.get("cli/one-file")).into());
    }
    for name in names {
        if name == "-" {
            output::result(&formatted("-", &read("-", texts)?, texts)?)?;
            continue;
        }
        let files = find(Path::new(name)).map_err(|(path, e)| Usage(format!("{}: {e}", path.display())))?;
        for file in files {
            let shown = file.to_string_lossy();
            let before = read(&shown, texts)?;
            let after = formatted(&shown, &before, texts)?;
            if before == after {
                continue;
            }
            if matches.get_flag("check") {
                output::result(&format!("{}\n", texts.fill("cli/fmt-would-change", &[("file", &shown)])))?;
                code = FOUND;
            } else {
                std::fs::write(&file, after).map_err(|e| anyhow::anyhow!("{shown}: {e}"))?;
            }
        }
    }
    Ok(code)
}

fn formatted(name: &str, before: &str, texts: Texts) -> anyhow::Result<String> {
    match parse(name, before, &FileLoader) {
        Ok(_) => Ok(ehlo_script::format(before)),
        Err((files, errors)) => {
            let told = run::load::told(&files, &errors, texts);
            Err(Usage(format!("\n{}", told.trim_end())).into())
        }
    }
}

/// Makes a script of a transcript.
///
/// # Errors
/// A transcript that cannot be read.
pub(crate) fn record(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let name = one_file(matches, texts)?;
    let transcript = read(name, texts)?;
    if let Err((files, errors)) = parse(name, &transcript, &FileLoader) {
        let told = run::load::told(&files, &errors, texts);
        return Err(Usage(format!("\n{}", told.trim_end())).into());
    }
    let script = ehlo_script::record(&transcript, &title(matches, name));
    write(matches, &script)?;
    Ok(GOOD)
}

/// Makes a script of something foreign.
///
/// # Errors
/// Something that cannot be read or told.
pub(crate) fn import(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let name = one_file(matches, texts)?;
    let foreign = read(name, texts)?;
    let format = match text(matches, "from") {
        Some(id) => ImportFormat::from_id(id),
        None => detect(&foreign),
    };
    let format = format.ok_or_else(|| Usage(texts.fill("cli/import-unknown", &[("file", &name)])))?;
    let imported = ehlo_script::import::import(format, &foreign, &title(matches, name));
    write(matches, &imported.script)?;
    for note in &imported.notes {
        output::remark(&format!("{name}:{}: {}", note.line, note.text));
    }
    Ok(GOOD)
}

fn one_file(matches: &ArgMatches, texts: Texts) -> anyhow::Result<&str> {
    let mut files = matches.get_many::<String>("file").unwrap_or_default();
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        _ => Err(Usage(texts.get("cli/one-file")).into()),
    }
}

fn title(matches: &ArgMatches, name: &str) -> String {
    let stem = Path::new(name).file_stem().map(|s| s.to_string_lossy().into_owned());
    text(matches, "title").map(str::to_owned).or(stem).unwrap_or_default()
}

fn read(name: &str, texts: Texts) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if name == "-" {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(name).map_err(|e| Usage(format!("{name}: {e}")))?;
    }
    String::from_utf8(bytes)
        .map_err(|_| Usage(texts.fill("script-error/not-utf8", &[("word", &name)])).into())
}

fn write(matches: &ArgMatches, script: &str) -> anyhow::Result<()> {
    match text(matches, "output") {
        Some(file) => std::fs::write(file, script).map_err(|e| anyhow::anyhow!("{file}: {e}")),
        None => output::result(script),
    }
}
