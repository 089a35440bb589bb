//! What answers without a server: `ehlo explain` and `ehlo sasl`, beside the tools that people use for the same work.

use super::measure;
use anyhow::Result;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a command may take from its start to its end.
const MOST_MS: f64 = 20.0;

/// A line of the table: its name, the program, its arguments, the environment.
type Row<'a> = (&'a str, &'a Path, Vec<&'a str>, &'a [(&'a str, &'a str)]);

/// Prints the table.
pub(super) fn run(ehlo: &Path) -> Result<()> {
    let password: &[(&str, &str)] = &[("EHLO_PASSWORD", "passwort")];
    let (perl, shell) = (Path::new("perl"), Path::new("sh"));
    let debug = crate::docs::target().join("debug").join(format!("ehlo{}", std::env::consts::EXE_SUFFIX));
    let debug = std::path::absolute(debug)?;
    let session = "220 x\nEHLO y\n250 x\nMAIL FROM:<a@b>\n250 ok\nRCPT TO:<c@d>\n550 5.7.1 relaying denied\n";
    let mut rows: Vec<Row<'_>> = vec![
        (
            "ehlo explain \"550 5.7.1 relaying denied\"",
            ehlo,
            vec!["explain", "550 5.7.1 relaying denied"],
            &[],
        ),
        ("ehlo explain, a session", ehlo, vec!["explain", session], &[]),
        ("ehlo sasl plain benutzername", ehlo, vec!["sasl", "plain", "benutzername"], password),
        (
            "perl -MMIME::Base64, the same",
            perl,
            vec!["-MMIME::Base64", "-e", "print encode_base64(\"\\000benutzername\\000passwort\")"],
            &[],
        ),
        (
            "printf | base64, the same",
            shell,
            vec!["-c", "printf '\\000benutzername\\000passwort' | base64"],
            &[],
        ),
        ("ehlo sasl decode", ehlo, vec!["sasl", "decode", "AGJlbnV0emVybmFtZQBwYXNzd29ydA=="], &[]),
    ];
    if debug.exists() {
        rows.push((
            "ehlo explain, built without optimisation",
            &debug,
            vec!["explain", "550 5.7.1 relaying denied"],
            &[],
        ));
    }
    println!("\n{:44}{:>10}{:>12}{:>10}", "without a server", "wall time", "", "peak MiB");
    for (name, program, arguments, environment) in rows {
        let command = || {
            let mut command = Command::new(program);
            command.args(&arguments).envs(environment.iter().copied());
            command
        };
        if command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("{name:44}{:>10}", "not there");
            continue;
        }
        let measured = measure(command)?;
        let verdict = match program.ends_with(ehlo) && measured.ms() >= MOST_MS {
            true => format!("  slower than {MOST_MS:.0} ms"),
            false => String::new(),
        };
        println!("{name:44}{:>7.1} ms{:>12}{:>10}{verdict}", measured.ms(), "", measured.memory());
    }
    Ok(())
}
