//! Puts the suites into the program, so that they are there wherever it is.

#![allow(clippy::unwrap_used, reason = "a build script reports by failing")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    // One lump and a table, so that what is compiled does not name files that may be gone by then.
    let mut lump = Vec::new();
    let mut code = String::from("static TABLE: &[(&str, usize, usize)] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let bytes = std::fs::read(&file).unwrap();
        writeln!(code, "({name:?}, {}, {}),", lump.len(), lump.len() + bytes.len()).unwrap();
        lump.extend_from_slice(&bytes);
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("suites.bin"), lump).unwrap();
    std::fs::write(out.join("suites.rs"), code).unwrap();
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let kept = path.extension().is_some_and(|e| e == "ehlo" || e == "mbox" || e == "toml" || e == "eml");
        if path.is_dir() {
            collect(&path, files);
        } else if kept {
            files.push(path);
        }
    }
}
