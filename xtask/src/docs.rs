//! The examples in README.md and docs/ are what the program prints.
//!
//! A block that begins with a line `$ ehlo …` is an example: the command is run, and the rest of the block is compared
//! with its output. `[..]` stands for anything within a line, `...` alone for any lines. What differs each time (dates,
//! times, ports, challenges, digests) may be anything of its kind.

use crate::steps::{cargo, step};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs every example; with `update`, writes what was printed into the file instead of comparing.
pub(crate) fn check(update: bool) -> Result<()> {
    step("build for examples", cargo().args(["build", "--workspace", "--locked", "--quiet"]))?;
    println!("── documentation examples");
    let program = target().join("debug").join(format!("ehlo{}", std::env::consts::EXE_SUFFIX));
    let mut files = vec![PathBuf::from("README.md")];
    files.extend(markdown(Path::new("docs"))?);
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let mut fresh = String::new();
        for block in blocks(&text) {
            let Block::Example { head, command, expected } = block else {
                if let Block::Text(text) = block {
                    fresh.push_str(text);
                }
                continue;
            };
            if command.contains("v6") && std::net::TcpListener::bind("[::1]:0").is_err() {
                println!("   left out, because this machine has no IPv6: ehlo {command}");
                fresh.push_str(&format!("{head}{expected}"));
                continue;
            }
            count += 1;
            let printed = run(&program, command)?;
            if update && !fits(expected, &printed) {
                fresh.push_str(&format!("{head}{printed}"));
                continue;
            }
            if !fits(expected, &printed) {
                wrong.push(format!(
                    "{}: $ {command}\n--- expected\n{expected}--- printed\n{printed}",
                    file.display()
                ));
            }
            fresh.push_str(&format!("{head}{expected}"));
        }
        if update && fresh != text {
            std::fs::write(file, fresh)?;
            println!("   updated {}", file.display());
        }
    }
    if !wrong.is_empty() {
        bail!("{} examples are not what the program prints:\n{}", wrong.len(), wrong.join("\n"));
    }
    println!("   {count} examples in {} files are right", files.len());
    Ok(())
}

enum Block<'a> {
    Text(&'a str),
    Example { head: &'a str, command: &'a str, expected: &'a str },
}

/// Puts a word of its kind in place of what differs each time.
fn steady(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_hex = |w: &str| w.bytes().all(|b| b.is_ascii_hexdigit());
    let kind = |(at, word): (usize, &&str)| -> String {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let before = at.checked_sub(1).map_or("", |b| words[b]);
        // Without IPv6 there are fewer.
        if matches!(before, "verdicts:" | "Urteile:") {
            return "COUNT".into();
        }
        if word.ends_with("@lab.test>") {
            "<CHALLENGE>".into()
        } else if word.ends_with("@lab.test>\"") {
            "<CHALLENGE>\"".into()
        } else if word.parse::<f64>().is_ok()
            && (next == "ms"
                || next == "ms:"
                || next == "ms,"
                || word.split_once('.').is_some_and(|(_, f)| f.len() == 3))
        {
            "TIME".into()
        } else if word.len() >= 32 && is_hex(word) {
            "DIGEST".into()
        } else if word.len() == 6 && word.starts_with('e') && is_hex(word) {
            "TAG".into()
        } else if let Some((host, _)) =
            word.rsplit_once(':').filter(|(host, _)| matches!(*host, "127.0.0.1" | "[::1]"))
        {
            format!("{host}:PORT")
        } else {
            undated(word)
        }
    };
    let words: Vec<String> = words.iter().enumerate().map(kind).collect();
    let line = words.join(" ");
    // Times are set flush right: how many blanks stand in front depends on how long they are.
    match line.rsplit_once(" TIME ms") {
        Some((name, "")) => format!("{} TIME ms", name.trim_end()),
        _ if line.trim_start().starts_with("TIME") => line.trim_start().to_owned(),
        _ => line,
    }
}

/// A word with `DATE` in place of `2026-11-24`.
fn undated(word: &str) -> String {
    let is_date = |w: &[u8]| {
        w.iter().enumerate().all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() })
    };
    match word.as_bytes().windows(10).position(is_date) {
        Some(at) => format!("{}DATE{}", &word[..at], &word[at + 10..]),
        None => word.to_owned(),
    }
}

/// Cuts a file into text and examples; put together again, the parts are the file.
fn blocks(text: &str) -> Vec<Block<'_>> {
    const BEGIN: &str = "```console\n$ ehlo ";
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let after = &rest[at + BEGIN.len()..];
        let Some(line) = after.find('\n') else { break };
        let Some(end) = after[line + 1..].find("```\n") else { break };
        found.push(Block::Text(&rest[..at]));
        let head = &rest[at..at + BEGIN.len() + line + 1];
        found.push(Block::Example {
            head,
            command: &after[..line],
            expected: &after[line + 1..line + 1 + end],
        });
        rest = &after[line + 1 + end..];
    }
    found.push(Block::Text(rest));
    found
}

fn run(program: &Path, command: &str) -> Result<String> {
    // A shell, because examples quote and pipe as people do.
    let script = format!("ehlo() {{ \"$EHLO\" \"$@\"; }}; ehlo {command}");
    let output = Command::new("sh")
        .arg("-c")
        .arg(&script)
        .env("EHLO", program)
        .env("LC_ALL", "C")
        .env("COLUMNS", "80")
        .env_remove("FORCE_COLOR")
        .output()
        .with_context(|| command.to_owned())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

fn fits(expected: &str, printed: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let printed: Vec<&str> = printed.lines().collect();
    lines_fit(&expected, &printed)
}

fn lines_fit(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|n| lines_fit(rest, &printed[n..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(got, after)| line_fits(line, got) && lines_fit(rest, after))
        }
    }
}

fn line_fits(expected: &str, got: &str) -> bool {
    let (expected, got) = (steady(expected), steady(got));
    let mut parts = expected.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| got.strip_prefix(first)) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        match rest.find(part) {
            Some(at) if !part.is_empty() => rest = &rest[at + part.len()..],
            Some(_) => rest = "",
            None => return false,
        }
    }
    rest.is_empty() || (open && expected.ends_with("[..]"))
}

fn markdown(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(markdown(&path)?);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
