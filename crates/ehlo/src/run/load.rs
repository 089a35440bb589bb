//! Reading scripts, and writing into them what was accepted.

use crate::exit::Usage;
use crate::output;
use clap::ArgMatches;
use ehlo_report::Texts;
use ehlo_report::run::{SyntaxPlace, syntax_error};
use ehlo_runner::{BuiltIn, FileLoader, Loaded, PREDEFINED, RunOptions, built_in, built_in_names, find};
use ehlo_script::{File, Loader, SyntaxError, parse, undefined_names};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The scripts that the command line names.
///
/// # Errors
/// [`Usage`] with all that is wrong with them.
pub(super) fn scripts(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Vec<Loaded>> {
    let mut loaded = Vec::new();
    let mut wrong = String::new();
    let mut take = |name: &str, id: &str, bytes: &[u8], loader: &dyn Loader| {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                let at = ehlo_script::At { file: 0, line, from: 0, to: 0 };
                let file = File { name: name.to_owned(), text: String::new() };
                let error = SyntaxError::new("not-utf8", at).with("word", name);
                wrong.push_str(&told(&[file], &[error], texts));
                return;
            }
        };
        match parse(name, text, loader) {
            Ok(script) => {
                let id = script.header.id.clone().unwrap_or_else(|| id.to_owned());
                loaded.push(Loaded { id, file: name.to_owned(), script: Arc::new(script) });
            }
            Err((files, errors)) => wrong.push_str(&told(&files, &errors, texts)),
        }
    };
    let mut named = false;
    for path in matches.get_many::<String>("file").unwrap_or_default() {
        named = true;
        let root = Path::new(path);
        let found = find(root).map_err(|(path, error)| Usage(format!("{}: {error}", path.display())))?;
        if found.is_empty() {
            return Err(Usage(texts.fill("cli/no-scripts", &[("path", path)])).into());
        }
        for file in found {
            let bytes = std::fs::read(&file).map_err(|e| Usage(format!("{}: {e}", file.display())))?;
            // Inside a folder that was named, ids are relative to it.
            let inner = file.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty()).unwrap_or(&file);
            let id = inner.with_extension("").to_string_lossy().replace('\\', "/");
            take(&file.to_string_lossy(), id.trim_start_matches("./"), &bytes, &FileLoader);
        }
    }
    for suite in matches.get_many::<String>("suite").unwrap_or_default() {
        named = true;
        let found = built_in(suite);
        if found.is_empty() {
            let names = built_in_names().join(", ");
            return Err(Usage(texts.fill("cli/no-suite", &[("name", suite), ("names", &names)])).into());
        }
        for (name, bytes) in found {
            take(name, name.trim_end_matches(".ehlo"), bytes, &BuiltIn);
        }
    }
    if !named {
        return Err(Usage(texts.fill("cli/run-nothing", &[("names", &built_in_names().join(", "))])).into());
    }
    if wrong.is_empty() { Ok(loaded) } else { Err(Usage(format!("\n{}", wrong.trim_end())).into()) }
}

/// Names that nobody gives a value: a slip of the pen, found before anything is connected.
///
/// # Errors
/// [`Usage`] with all of them.
pub(super) fn check_names(scripts: &[Loaded], options: &RunOptions, texts: Texts) -> anyhow::Result<()> {
    let mut known: Vec<&str> = PREDEFINED.to_vec();
    known.extend(options.variables.keys().map(String::as_str));
    let mut wrong = String::new();
    for loaded in scripts {
        let errors = undefined_names(&loaded.script, &known);
        wrong.push_str(&told(&loaded.script.files, &errors, texts));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Usage(format!("\n{}", wrong.trim_end())).into()) }
}

/// Mistakes of scripts as people read them.
pub(crate) fn told(files: &[File], errors: &[SyntaxError], texts: Texts) -> String {
    let paint = output::paint(None);
    let mut out = String::new();
    for error in errors {
        let file = files.get(error.at.file);
        let place = SyntaxPlace {
            file: file.map_or("", |f| &f.name),
            line: error.at.line,
            from: error.at.from,
            to: error.at.to,
            text: file.map_or("", |f| f.line(error.at.line)),
        };
        out.push_str(&syntax_error(texts, paint, error.id, &error.params, place, output::columns()));
        out.push('\n');
    }
    out
}

/// Writes what came in the place of what was expected; yields how many lines changed.
///
/// # Errors
/// A file that cannot be read or written.
pub(super) fn accept(offered: &[(String, usize, String)]) -> anyhow::Result<usize> {
    let mut by_file: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for (file, line, text) in offered {
        if Path::new(file).exists() {
            by_file.entry(file).or_default().push((*line, text));
        }
    }
    let mut changed = 0;
    for (file, lines) in by_file {
        let failed = |e: std::io::Error| anyhow::anyhow!("{file}: {e}");
        let text = std::fs::read_to_string(file).map_err(failed)?;
        let mut out = String::with_capacity(text.len());
        for (at, line) in text.split_inclusive('\n').enumerate() {
            match lines.iter().find(|(number, _)| *number == at + 1) {
                Some((_, new)) => {
                    let colon = line.find(':').map_or(0, |c| c + 1);
                    let ending = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                    out.push_str(&format!("{} {new}{ending}", &line[..colon]));
                    changed += 1;
                }
                None => out.push_str(line),
            }
        }
        std::fs::write(file, out).map_err(failed)?;
    }
    Ok(changed)
}
