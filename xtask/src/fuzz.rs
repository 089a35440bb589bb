//! Runs the fuzz targets: libFuzzer with coverage, on the stable compiler.

use crate::fixture::{self, Step};
use crate::steps::{cargo, step};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::Command;

/// What makes the compiler count which branches are taken, as `cargo fuzz` does it.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Runs every target, or those that are named, each from its seeds.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let seconds = arguments.first().and_then(|s| s.parse::<u64>().ok());
    let wanted = &arguments[usize::from(seconds.is_some())..];
    let seconds = seconds.unwrap_or(60);
    let triple = host()?;
    let mut names: Vec<String> = std::fs::read_dir("fuzz/targets")?
        .filter_map(|f| Some(f.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    if let Some(unknown) = wanted.iter().find(|w| !names.contains(w)) {
        bail!("there is no target {unknown}; there are {}", names.join(", "));
    }
    names.retain(|name| wanted.is_empty() || wanted.contains(name));
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target", &triple]);
    for name in &names {
        build.args(["--bin", name]);
    }
    build.env("CARGO_TARGET_DIR", "fuzz/target").env("RUSTFLAGS", COVERAGE);
    step("build fuzz targets", &mut build)?;
    let mut broken = Vec::new();
    for name in &names {
        let corpus = format!("fuzz/corpus/{name}");
        let artifacts = format!("fuzz/artifacts/{name}/");
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&artifacts)?;
        seed(name, Path::new(&corpus))?;
        let mut command = Command::new(format!("fuzz/target/{triple}/release/{name}"));
        command.arg(&corpus);
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg("-max_len=8192")
            .arg("-timeout=5")
            .arg("-rss_limit_mb=1024")
            .arg("-print_final_stats=1")
            .arg("-verbosity=0")
            .arg(format!("-artifact_prefix={artifacts}"));
        if let Err(error) = step(&format!("fuzz {name}, {seconds} s"), &mut command) {
            broken.push(format!("{name}: {error} (see {artifacts})"));
        }
    }
    if !broken.is_empty() {
        bail!("broken:\n  {}", broken.join("\n  "));
    }
    println!("{} fuzz targets, {seconds} s each: nothing found", names.len());
    Ok(())
}

/// Writes the fixtures of a target's protocol as seeds: what the server says, what the client says, and both in turns
/// that are cut by 0xff.
fn seed(name: &str, corpus: &Path) -> Result<()> {
    let (protocol, what) = name.split_once('_').unwrap_or((name, ""));
    for fixture in fixture::all(Path::new("fixtures")).iter().filter(|f| f.protocol == protocol) {
        let mut turns: Vec<(bool, Vec<u8>)> = vec![(true, Vec::new())];
        for step in &fixture.steps {
            let (server, bytes) = match step {
                Step::Server(bytes) => (true, bytes),
                Step::Client(bytes) => (false, bytes),
                Step::Tls => continue,
            };
            match turns.last_mut() {
                Some((side, turn)) if *side == server => turn.extend(bytes),
                _ => turns.push((server, bytes.clone())),
            }
        }
        let of = |server: bool| {
            turns.iter().filter(|t| t.0 == server).flat_map(|t| t.1.clone()).collect::<Vec<u8>>()
        };
        let bytes = match what {
            "dialogue" => turns.iter().map(|t| t.1.clone()).collect::<Vec<_>>().join(&0xff),
            "request" | "lab" => of(false),
            _ => of(true),
        };
        std::fs::write(corpus.join(format!("fixture-{}", fixture.name)), bytes)?;
    }
    if let Some(side) = match name {
        "tls_flight" => Some(".server.hex"),
        "tls_hello" => Some(".client.hex"),
        _ => None,
    } {
        for file in std::fs::read_dir("crates/ehlo-wire/tests/tls")? {
            let path = file?.path();
            let file_name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if let Some(seed) = file_name.strip_suffix(side) {
                let digits: Vec<u8> =
                    std::fs::read(&path)?.into_iter().filter(u8::is_ascii_hexdigit).collect();
                let text = String::from_utf8(digits)?;
                let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair));
                let bytes: Vec<u8> = pairs.filter_map(|p| u8::from_str_radix(p.ok()?, 16).ok()).collect();
                std::fs::write(corpus.join(format!("fixture-{seed}")), bytes)?;
            }
        }
    }
    if name == "explain" {
        // Each line of the replies is a reply, after its protocol and stage.
        for file in ["catalogue.txt", "observed.txt"] {
            let text = std::fs::read_to_string(Path::new("fixtures/replies").join(file))?;
            for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.starts_with('#')) {
                std::fs::write(corpus.join(format!("{file}-{number}")), line)?;
            }
        }
    }
    let saved = Path::new("crates/ehlo/tests/fixtures/check-v1.json");
    if name == "saved_run" && saved.is_file() {
        std::fs::copy(saved, corpus.join("fixture-check-v1"))?;
    }
    Ok(())
}

fn host() -> Result<String> {
    let text = crate::steps::output(Command::new("rustc").arg("-vV"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc does not tell its host")?;
    Ok(line.to_owned())
}
