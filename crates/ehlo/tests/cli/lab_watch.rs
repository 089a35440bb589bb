//! What can be seen of `ehlo lab`, and the examples of the documentation.

use crate::common::{RunningLab, ehlo, folder, program};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Says these lines one after the other; yields everything that came back.
fn talk(port: u16, lines: &[&str]) -> String {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    let mut said = String::new();
    for line in lines {
        stream.read_line(&mut said).unwrap();
        stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }
    stream.read_to_string(&mut said).unwrap();
    said
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ports(file: &Path) -> Value {
    wait_for(|| serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok())
}

fn port(ports: &Value, service: &str) -> u16 {
    let services = ports["services"].as_array().unwrap();
    let one = services.iter().find(|s| s["service"] == service && s["address"] == "127.0.0.1").unwrap();
    u16::try_from(one["port"].as_u64().unwrap()).unwrap()
}

#[cfg(unix)]
#[test]
fn the_log_shows_every_dialogue_and_no_password() {
    let folder = folder("lab-log");
    let file = folder.join("ports.json");
    let lead_of_a_line = regex::Regex::new(r"^\d\d:\d\d:\d\d\.\d{3} +1 pop3 ").unwrap();
    for (lang, lead) in [("en", "from 127.0.0.1 to pop3"), ("de", "von 127.0.0.1 an pop3")] {
        let _ = std::fs::remove_file(&file);
        let mut child = program()
            .args([
                "lab",
                "--port-base",
                "0",
                "--log",
                "--lang",
                lang,
                "--ports-file",
                file.to_str().unwrap(),
            ])
            .args(["--account", "bob:bobs-secret"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ports = ports(&file);
        talk(port(&ports, "pop3"), &["USER bob", "PASS bobs-secret", "XYZ \u{1b}[2J", "QUIT"]);
        // All of it is written before the program ends.
        let ended = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(ended.success());
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.wait().unwrap();
        // The account and its password stand in the introduction, and the log begins behind that.
        let log = out.split("--ca-out").last().unwrap();
        for wanted in
            [lead, "1 pop3  S: +OK", "C: USER bob", "C: PASS ***********", r"C: XYZ \x1b[2J", "S: +OK", " · "]
        {
            assert!(log.contains(wanted), "{lang} {wanted}: {log}");
        }
        assert!(!log.contains("bobs-secret"), "{log}");
        let line = log.lines().find(|l| l.contains("USER bob")).unwrap();
        assert!(lead_of_a_line.is_match(line), "{line}");
    }
}

#[test]
fn transcripts_are_files_that_other_commands_read() {
    let folder = folder("lab-transcripts");
    let transcripts = folder.join("not/there/yet");
    let lab = RunningLab::start("lab-transcripts-lab", &["--transcripts", transcripts.to_str().unwrap()]);
    talk(lab.port("pop3"), &["USER alice", "NOOP", "QUIT"]);
    let files = || -> Vec<_> { std::fs::read_dir(&transcripts).into_iter().flatten().flatten().collect() };
    let entry = wait_for(|| files().pop().filter(|f| !f.file_name().to_string_lossy().starts_with('.')));
    let name = entry.file_name().into_string().unwrap();
    assert!(regex::Regex::new(r"^\d{8}T\d{6}Z-000001-pop3\.ehlo$").unwrap().is_match(&name), "{name}");
    let path = entry.path();
    let path = path.to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("C connect pop3://lab\n") && text.contains("\nC: USER alice\n"), "{text}");
    let recorded = ehlo(&["record", path]);
    assert!(recorded.code == 0 && recorded.out.contains("C: USER alice"), "{}{}", recorded.out, recorded.err);
    let run = ehlo(&["run", path]);
    assert!(run.out.contains("MUST"), "{}{}", run.out, run.err);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_harms_nothing() {
    let folder = folder("lab-transcripts-bad");
    let file = folder.join("file");
    std::fs::write(&file, "in the way").unwrap();
    let ports_file = folder.join("ports.json");
    let mut child = program()
        .args(["lab", "--port-base", "0", "--ports-file", ports_file.to_str().unwrap()])
        .args(["--transcripts", file.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ports = ports(&ports_file);
    let greets = || assert!(talk(port(&ports, "smtp"), &["NOOP", "QUIT"]).contains("221"));
    greets();
    // It is told when a dialogue has ended, and not again after others.
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    errors.read_line(&mut said).unwrap();
    (0..3).for_each(|_| greets());
    child.kill().unwrap();
    errors.read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert_eq!(said.matches("dialogues cannot be written").count(), 1, "{said}");
}

#[test]
fn the_file_of_ports_fits_the_schema_and_http_answers() {
    let folder = folder("lab-ports");
    let file = folder.join("ports.json");
    let lab = RunningLab::start("lab-ports-lab", &["--http", "0", "--ports-file", file.to_str().unwrap()]);
    let document = ports(&file);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/lab-v1.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("lab-v1.json", schema).unwrap();
    let index = compiler.compile("lab-v1.json#/$defs/ports", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(&document, index) {
        panic!("{error:#}");
    }
    assert_eq!(port(&document, "imaps"), lab.port("imaps"));
    let http = document["http"]["port"].as_u64().unwrap();
    assert!(lab.said.contains(&format!("http://127.0.0.1:{http}/")), "{}", lab.said);
    let mut stream = TcpStream::connect(("127.0.0.1", u16::try_from(http).unwrap())).unwrap();
    stream.write_all(b"GET /v1/accounts HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("alice@lab.test"), "{answer}");
    for bad in ["x", "70000", "localhost:80", "-1"] {
        let ran = ehlo(&["lab", "--port-base", "0", &format!("--http={bad}")]);
        assert_eq!(ran.code, 2, "{bad}: {}{}", ran.out, ran.err);
    }
}

/// What the page shows of the examples stands in them.
#[test]
fn the_page_quotes_the_examples() {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
    let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let page = std::fs::read_to_string(docs.join("lab.md")).unwrap();
    let mut quoted = 0;
    for (language, file) in [("rust", "example.rs"), ("python", "test_mail.py"), ("sh", "test.sh")] {
        let example = trimmed(&std::fs::read_to_string(docs.join("lab").join(file)).unwrap());
        for block in page.split(&format!("```{language}\n")).skip(1) {
            let block = trimmed(block.split("```").next().unwrap());
            assert!(example.contains(block.trim()), "{file} does not hold:\n{block}");
            quoted += 1;
        }
    }
    assert_eq!(quoted, 5);
}

/// Runs an example of the documentation, if there is what it needs; yields what it says.
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
fn example(needed: &str, program: &str, arguments: &[&str]) -> Option<String> {
    if Command::new(needed).arg("--version").output().is_err() {
        eprintln!("left out: there is no {needed} here");
        return None;
    }
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lab");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(docs).env("EHLO", env!("CARGO_BIN_EXE_ehlo")).env("LC_ALL", "C");
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}:\n{said}");
    Some(said)
}

#[test]
fn the_example_in_python() {
    let said = example("python3", "python3", &["-m", "unittest", "test_mail.py"]);
    assert!(said.is_none_or(|said| said.contains("Ran 4 tests")));
}

#[cfg(unix)]
#[test]
fn the_example_in_shell() {
    let said = example("curl", "sh", &["test.sh"]);
    assert!(said.is_none_or(|said| said.ends_with("ok\n")));
}
