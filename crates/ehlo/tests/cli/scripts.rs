//! `ehlo run` and its kin.

use crate::common::{Ran, ehlo};
use crate::common::{RunningLab, folder, program, ran};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the program in a folder, so that no path of this machine shows.
fn ehlo_in(folder: &Path, arguments: &[&str]) -> Ran {
    ran(program().current_dir(folder).args(arguments).output().unwrap())
}

/// The scripts of a folder, sorted.
fn scripts(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.ends_with(".ehlo"))
        .collect();
    found.sort();
    found
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_to_do() {
    let folder = here().join("mistakes");
    let names = scripts(&folder);
    assert!(names.len() >= 30, "{}", names.len());
    for lang in ["en", "de"] {
        let mut told = String::new();
        for name in &names {
            let ran = ehlo_in(&folder, &["run", name, "--lang", lang]);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}: {}", ran.err);
            assert!(ran.err.contains("--> "), "{name}: {}", ran.err);
            told.push_str(&format!("{name}\n{}\n", ran.err.trim_end()));
        }
        insta::assert_snapshot!(format!("mistakes-{lang}"), told);
    }
}

#[test]
fn the_scripts_of_the_design_pass_against_the_lab() {
    for name in scripts(&here().join("eight")) {
        let file = format!("eight/{name}");
        // The lab offers AUTH where mail is submitted, not where it comes in.
        let target = if name == "bad-password.ehlo" { "submission://lab" } else { "lab" };
        let ran = ehlo_in(&here(), &["run", &file, "--target", target, "--format", "json"]);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(document["summary"]["pass"].as_u64(), Some(1), "{name}: {}", ran.out);
    }
}

#[test]
fn falsified_scripts_fail_at_the_right_line() {
    let folder = here().join("falsified");
    let names = scripts(&folder);
    assert!(names.len() >= 24, "{}", names.len());
    let ran = ehlo_in(&here(), &["run", "falsified", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let reports = document["scripts"].as_array().unwrap();
    let mut judged = 0;
    for name in &names {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let line: u64 =
            text.lines().next().unwrap().strip_prefix("# fails at line ").unwrap().trim().parse().unwrap();
        let report = reports.iter().find(|r| r["id"] == name.trim_end_matches(".ehlo")).unwrap();
        if report["verdict"] == "skip" {
            continue;
        }
        judged += 1;
        let places: Vec<u64> = report["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|s| s["problem"]["place"]["line"].as_u64())
            .collect();
        assert_eq!(
            (report["verdict"].as_str(), places.first()),
            (Some("fail"), Some(&line)),
            "{name}: {report:#}"
        );
    }
    assert!(judged >= 24, "{judged}");
}

#[test]
fn the_suites_pass_against_the_lab() {
    let ran = ehlo(&["run", "--suite", "all", "--format", "json", "--jobs", "16"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let bad: Vec<&Value> = document["scripts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["counts"] == true || s["verdict"] == "xpass")
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(ran.code, 0);
    // Left out is what the lab does not offer, never what could not be read.
    assert!(document["summary"]["pass"].as_u64().unwrap() > 200, "{}", document["summary"]);
}

#[test]
fn suites_are_formatted_and_say_where_they_come_from() {
    let ran = ehlo_in(&root(), &["fmt", "--check", "suites"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let listed = ehlo(&["run", "--suite", "all", "--list"]);
    assert_eq!(listed.code, 0);
    let count = |suite: &str| listed.out.lines().filter(|l| l.starts_with(&format!("{suite}/"))).count();
    for (suite, least) in [("smtp", 80), ("pop3", 50), ("imap", 150), ("howto", 27)] {
        assert!(count(suite) >= least, "{suite}: {}", count(suite));
    }
}

#[test]
fn forms_of_a_run() {
    let folder = here().join("forms");
    let shown = |text: &str| {
        // Times and tags differ from run to run.
        let mut out = String::new();
        for line in text.lines() {
            let mut line = line.to_owned();
            for (pattern, with) in [
                // Set flush right.
                (r" *[0-9]+ ms", " 0 ms"),
                (r"[0-9.]+ s$", "0.0 s"),
                (r"ehlo-[0-9a-f]{8}", "MAILBOX"),
                (r"\b[epq][0-9a-f]{4}[0-9]+ ", "TAG "),
                (r#"time="[0-9.]+""#, "time=\"0\""),
                (r#"uuid="[^"]+""#, "uuid=\"\""),
                (r#"timestamp="[^"]+""#, "timestamp=\"\""),
            ] {
                line = regex::Regex::new(pattern).unwrap().replace_all(&line, with).into_owned();
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    };
    for format in ["human", "tap", "junit"] {
        for lang in ["en", "de"] {
            let ran = ehlo_in(&folder, &["run", ".", "--format", format, "--lang", lang, "--jobs", "1"]);
            assert_eq!(ran.code, 1, "{}", ran.err);
            insta::assert_snapshot!(format!("run-{format}-{lang}"), shown(&ran.out));
        }
    }
    let ran = ehlo_in(&folder, &["run", ".", "-v", "--jobs", "1"]);
    insta::assert_snapshot!("run-verbose", shown(&ran.out));
}

#[test]
fn the_document_of_a_run_fits_its_schema() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("schema/run-v1.json")).unwrap()).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("run-v1.json", schema).unwrap();
    let index = compiler.compile("run-v1.json", &mut schemas).unwrap();
    for arguments in [&["run", "forms"][..], &["run", "eight", "falsified"]] {
        let ran = ehlo_in(&here(), &[arguments, &["--format", "json"]].concat());
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        schemas.validate(&document, index).unwrap_or_else(|e| panic!("{arguments:?}: {e:#}"));
    }
}

#[test]
fn a_transcript_runs_again_as_a_script() {
    let lab = RunningLab::start("replay", &[]);
    let transcript = folder("replay-transcript").join("run.ehlo");
    let config = transcript.with_file_name("ehlo.toml");
    let ports: Vec<String> =
        ["smtp", "submission", "pop3", "imap"].iter().map(|s| format!("{s} = {}", lab.port(s))).collect();
    std::fs::write(
        &config,
        format!(
            "[profile.own]\nhost = \"lab.test\"\nconnect = \"127.0.0.1\"\nports = {{ {} }}\nca = [{:?}]\n\
             account = {{ user = \"benutzername\", password = \"command:echo passwort\" }}\n",
            ports.join(", "),
            lab.ca.to_str().unwrap()
        ),
    )
    .unwrap();
    let profile = ["--config", config.to_str().unwrap(), "--profile", "own"];
    let file = transcript.to_str().unwrap();
    for id in
        ["howto/04-quit", "howto/05-starttls", "howto/07-auth-login", "howto/13-user-pass", "howto/21-login"]
    {
        let first = ehlo(&[&["run", "--suite", id, "--transcript", file][..], &profile].concat());
        assert_eq!(first.code, 0, "{id}: {}{}", first.out, first.err);
        let text = std::fs::read_to_string(&transcript).unwrap();
        assert!(!text.contains("passwort") && !text.contains("cGFzc3dvcnQ"), "{id}: {text}");
        let again = ehlo(&[&["run", file][..], &profile].concat());
        assert_eq!(again.code, 0, "{id}: {}{}\n{text}", again.out, again.err);
        // And it becomes a test of its own.
        let recorded = transcript.with_file_name("recorded.ehlo");
        let made = ehlo(&["record", file, "--title", "recorded", "--output", recorded.to_str().unwrap()]);
        assert_eq!(made.code, 0, "{id}: {}", made.err);
        let again = ehlo(&[&["run", recorded.to_str().unwrap()][..], &profile].concat());
        assert_eq!(again.code, 0, "{id}: {}{}", again.out, again.err);
    }
}

#[test]
fn a_script_is_corrected_by_what_came() {
    let folder = folder("accept");
    let script = folder.join("a.ehlo");
    let text = "title: wrong in two places\nprotocol: smtp\nS: 220\nC: EHLO x\nS: 250\nC: VRFY root\nS: 999 text stays\n\
                C: MAIL FROM:<nobody>x\nS: 250 2.1.0 fine\n";
    std::fs::write(&script, text).unwrap();
    assert_eq!(ehlo(&["run", script.to_str().unwrap()]).code, 1);
    let ran = ehlo(&["run", script.to_str().unwrap(), "--accept"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let now = std::fs::read_to_string(&script).unwrap();
    assert!(now.contains("text stays") && !now.contains("999"), "{now}");
    assert_eq!(ehlo(&["run", script.to_str().unwrap()]).code, 0);
}

#[test]
fn a_run_stops_where_it_is_told_to() {
    let folder = folder("until");
    let script = folder.join("a.ehlo");
    std::fs::write(&script, "protocol: smtp\nS: 220\nC: NOOP\nS: 250\nC: NOOP\nS: 999\n").unwrap();
    assert_eq!(ehlo(&["run", script.to_str().unwrap()]).code, 1);
    assert_eq!(ehlo(&["run", script.to_str().unwrap(), "--until", "4"]).code, 0);
}

#[test]
fn secrets_do_not_travel_in_the_clear() {
    let lab = RunningLab::start("clear", &["--fault", "starttls-hidden", "--fault", "auth-clear-accepted"]);
    let folder = folder("clear-script");
    let script = folder.join("a.ehlo");
    std::fs::write(&script, "protocol: imap\nS: * OK\nC: % LOGIN {{user}} {{password}}\nS: % OK\n").unwrap();
    let password = folder.join("pw");
    std::fs::write(&password, "wonderland\n").unwrap();
    let (script, password) = (script.to_str().unwrap(), password.to_str().unwrap());
    let url = lab.url("imap");
    let arguments = ["run", script, "--target", &url, "--user", "alice", "--password-file", password, "-vv"];
    let ran = ehlo(&arguments);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("not safe") || ran.out.contains("TLS"), "{}", ran.out);
    assert!(!ran.out.contains("wonderland"), "{}", ran.out);
    let ran = ehlo(&[&arguments[..], &["--insecure-auth"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("wonderland"), "{}", ran.out);
}

#[test]
fn a_script_plays_a_server() {
    use std::io::{BufRead as _, BufReader};
    let folder = here().join("play");
    for name in scripts(&folder) {
        let Some(server) = name.strip_suffix("-server.ehlo") else { continue };
        let client = format!("{server}-client.ehlo");
        let protocol = server.split('-').next().unwrap().to_owned();
        let mut child = program()
            .current_dir(&folder)
            .args([
                "lab",
                "--play",
                &name,
                "--once",
                "--port",
                &format!("{protocol}=0"),
                "--listen",
                "127.0.0.1",
            ])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        out.read_line(&mut url).unwrap();
        let ran = ehlo_in(&folder, &["run", &client, "--target", url.trim()]);
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        let left = child.wait().unwrap().code();
        let wrong = server.ends_with("-wrong");
        assert_eq!(left, Some(i32::from(wrong)), "{name}: {said}{}{}", ran.out, ran.err);
        if !wrong {
            assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn foreign_sessions_become_scripts() {
    let folder = here().join("foreign");
    let mut told = String::new();
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 7, "{names:?}");
    for name in &names {
        let ran = ehlo_in(&folder, &["import", name]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let script = folder_of_import(name).join("script.ehlo");
        std::fs::write(&script, &ran.out).unwrap();
        std::fs::write(script.with_file_name("default.mbox"), "From a@b Thu\nSubject: x\n\nx\n").unwrap();
        let checked = ehlo(&["fmt", "--check", script.to_str().unwrap()]);
        assert!(checked.code <= 1, "{name}: {}\n{}", checked.err, ran.out);
        told.push_str(&format!("===== {name}\n{}{}", ran.out, ran.err));
    }
    insta::assert_snapshot!("imported", told);
}

fn folder_of_import(name: &str) -> PathBuf {
    folder(&format!("import-{name}"))
}

#[test]
fn examples_of_the_documentation_run() {
    let docs = root().join("docs");
    let text = std::fs::read_to_string(docs.join("script-format.md")).unwrap();
    let folder = folder("doc-examples");
    // Examples name files relative to the documentation.
    copy(&docs.join("scripts"), &folder.join("scripts"));
    let mut count = 0;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```ehlo") else { continue };
        let mut block = String::new();
        for (_, line) in lines.by_ref() {
            if line == "```" {
                break;
            }
            block.push_str(line);
            block.push('\n');
        }
        count += 1;
        let name = format!("example-{}.ehlo", number + 1);
        if kind == "-part" && !block.contains("protocol:") {
            block = format!("protocol: imap\n{block}");
        }
        std::fs::write(folder.join(&name), &block).unwrap();
        let ran = match kind {
            "" => ehlo_in(&folder, &["run", &name]),
            _ => ehlo_in(&folder, &["fmt", "--check", &name]),
        };
        let good = if kind.is_empty() { ran.code == 0 && !ran.out.contains("xpass") } else { ran.code <= 1 };
        assert!(good, "line {}: {}{}", number + 1, ran.out, ran.err);
    }
    assert!(count >= 40, "{count}");
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir_all(to).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
