//! Which crate may use which: the rules of ARCHITECTURE.md, checked against cargo's own knowledge.

use crate::steps::{cargo, output};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may use of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ehlo-core", &[]),
    ("ehlo-wire", &["ehlo-core"]),
    ("ehlo-script", &["ehlo-core", "ehlo-wire"]),
    ("ehlo-dialogue", &["ehlo-core", "ehlo-wire"]),
    ("ehlo-runner", &["ehlo-core", "ehlo-wire", "ehlo-script", "ehlo-dialogue"]),
    ("ehlo-lab", &["ehlo-core", "ehlo-wire", "ehlo-script"]),
    ("ehlo-check", &["ehlo-core", "ehlo-wire", "ehlo-dialogue"]),
    ("ehlo-action", &["ehlo-core", "ehlo-wire", "ehlo-dialogue"]),
    ("ehlo-talk", &["ehlo-core", "ehlo-wire"]),
    ("ehlo-knowledge", &["ehlo-core"]),
    ("ehlo-report", &["ehlo-core", "ehlo-wire", "ehlo-script", "ehlo-knowledge"]),
    (
        "ehlo",
        &[
            "ehlo-core",
            "ehlo-wire",
            "ehlo-runner",
            "ehlo-script",
            "ehlo-dialogue",
            "ehlo-lab",
            "ehlo-check",
            "ehlo-action",
            "ehlo-knowledge",
            "ehlo-report",
            "ehlo-talk",
        ],
    ),
    ("xtask", &[]),
];

/// What the crates without I/O must not use.
const NO_IO: &[&str] =
    &["ehlo-core", "ehlo-wire", "ehlo-script", "ehlo-talk", "ehlo-knowledge", "ehlo-report"];
const IO: &[&str] = &["tokio", "rustls", "socket2", "mio", "async-std", "smol"];

/// Asserts the rules.
pub(crate) fn check() -> Result<()> {
    println!("── arrows");
    let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, may)| (*name, may.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(may) = allowed.get(name) else {
            wrong.push(format!("{name} is not in the table of xtask/src/arrows.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may use the lab; build scripts use nothing of ours.
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let other = dependency["name"].as_str().unwrap_or_default();
            if allowed.contains_key(other) && !may.contains(other) {
                wrong.push(format!("{name} must not use {other}"));
            }
            if NO_IO.contains(&name) && IO.contains(&other) {
                wrong.push(format!("{name} is sans-I/O and must not use {other}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("forbidden arrows:\n  {}", wrong.join("\n  "));
    }
    println!("   arrows: {} crates keep the rules", packages.len());
    Ok(())
}
