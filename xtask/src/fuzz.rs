//! Runs the fuzz targets: libFuzzer with coverage, on the stable compiler.

use crate::steps::{cargo, step};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::Command;

/// What makes the compiler count which branches are taken, as `cargo fuzz` does it.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Runs every target for so many seconds, each from its seeds.
pub(crate) fn run(seconds: u64) -> Result<()> {
    let triple = host()?;
    step(
        "build fuzz targets",
        cargo()
            .args([
                "build",
                "--release",
                "--quiet",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--target",
                &triple,
            ])
            .env("CARGO_TARGET_DIR", "fuzz/target")
            .env("RUSTFLAGS", COVERAGE),
    )?;
    let mut names: Vec<String> = std::fs::read_dir("fuzz/targets")?
        .filter_map(|f| Some(f.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let mut broken = Vec::new();
    for name in &names {
        let corpus = format!("fuzz/corpus/{name}");
        let artifacts = format!("fuzz/artifacts/{name}/");
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&artifacts)?;
        let mut command = Command::new(format!("fuzz/target/{triple}/release/{name}"));
        command.arg(&corpus);
        for seeds in seeds(name) {
            command.arg(seeds);
        }
        command
            .arg(format!("-max_total_time={seconds}"))
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

/// The fixtures that are seeds of a target.
fn seeds(name: &str) -> Vec<String> {
    let protocol = name.split('_').next().unwrap_or(name);
    let folder = format!("fixtures/{protocol}");
    if Path::new(&folder).is_dir() { vec![folder] } else { Vec::new() }
}

fn host() -> Result<String> {
    let text = crate::steps::output(Command::new("rustc").arg("-vV"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc does not tell its host")?;
    Ok(line.to_owned())
}
