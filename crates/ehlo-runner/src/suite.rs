use ehlo_script::Loader;
use std::path::{Path, PathBuf};

/// Reads files that a script names, relative to the script.
#[derive(Clone, Debug)]
pub struct FileLoader;

impl Loader for FileLoader {
    fn load(&self, from: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        let base = Path::new(from).parent().unwrap_or(Path::new(""));
        let file = base.join(path);
        match std::fs::read(&file) {
            Ok(bytes) => Ok((file.to_string_lossy().into_owned(), bytes)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The scripts that a path names: itself, or all below it, sorted.
///
/// # Errors
/// What the system says, with the path.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, std::io::Error)> {
    let failed = |error| (path.to_owned(), error);
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path).map_err(failed)?.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if entry.is_dir() {
            found.extend(find(&entry)?);
        } else if entry.extension().is_some_and(|e| e == "ehlo") {
            found.push(entry);
        }
    }
    Ok(found)
}

include!(concat!(env!("OUT_DIR"), "/suites.rs"));

static LUMP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/suites.bin"));

/// The files of the suites, sorted by name.
fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    TABLE.iter().map(|&(name, from, to)| (name, &LUMP[from..to]))
}

/// Reads files of the suites that the program carries.
#[derive(Clone, Debug)]
pub struct BuiltIn;

impl Loader for BuiltIn {
    fn load(&self, from: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        let mut parts: Vec<&str> =
            from.rsplit_once('/').map_or(Vec::new(), |(folder, _)| folder.split('/').collect());
        for part in path.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let name = parts.join("/");
        match built_in_file(&name) {
            Some(bytes) => Ok((name, bytes.to_vec())),
            None => Err(format!("{name}: no such file in the program")),
        }
    }
}

/// A file of the suites that the program carries.
pub fn built_in_file(name: &str) -> Option<&'static [u8]> {
    files().find(|(n, _)| *n == name).map(|(_, bytes)| bytes)
}

/// The scripts of a suite that the program carries: `imap`, `imap/core`, or one script without its ending.
pub fn built_in(suite: &str) -> Vec<(&'static str, &'static [u8])> {
    let suite = suite.trim_matches('/');
    files()
        .filter(|(name, _)| {
            name.strip_suffix(".ehlo").is_some_and(|id| {
                suite == "all"
                    || id == suite
                    || id.strip_prefix(suite).is_some_and(|rest| rest.starts_with('/'))
            })
        })
        .collect()
}

/// The names of the suites that the program carries.
pub fn built_in_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> =
        files().filter_map(|(name, _)| name.split_once('/')).map(|(n, _)| n).collect();
    names.dedup();
    names
}
