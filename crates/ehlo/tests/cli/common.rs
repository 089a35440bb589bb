//! Running the program.

#![allow(dead_code, reason = "two test binaries share this, and each uses a part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, with an environment that does not depend on the machine.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ehlo"));
    command.env("LC_ALL", "C").env("COLUMNS", "80").env_remove("NO_COLOR").env_remove("FORCE_COLOR");
    command.env_remove("EHLO_PASSWORD").env("NETRC", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs the program.
pub(crate) fn ehlo(arguments: &[&str]) -> Ran {
    ran(program().args(arguments).output().unwrap())
}

/// Runs the program with something on standard input.
pub(crate) fn ehlo_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ran(child.wait_with_output().unwrap())
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder of this test, fresh.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `ehlo lab` on free ports; ends with the test.
pub(crate) struct RunningLab {
    child: Child,
    /// What it said when it was ready.
    pub(crate) said: String,
    /// Its CA.
    pub(crate) ca: PathBuf,
}

impl RunningLab {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> RunningLab {
        let ca = folder(name).join("ca.pem");
        let mut child = program()
            .args(["lab", "--port-base", "0", "--ca-out", ca.to_str().unwrap()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // It has said everything once it has told where its CA is.
        while !said.contains("CA:") {
            if out.read_line(&mut said).unwrap() == 0 {
                panic!("the lab ended: {said}");
            }
        }
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        RunningLab { child, said, ca }
    }

    /// The IPv4 port of a service.
    pub(crate) fn port(&self, scheme: &str) -> u16 {
        let begin = format!("{scheme}://127.0.0.1:");
        let line = self.said.lines().map(str::trim).find(|l| l.starts_with(&begin)).unwrap();
        line[begin.len()..].split(' ').next().unwrap().parse().unwrap()
    }

    /// The URL of a service.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port(scheme))
    }
}

impl Drop for RunningLab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts `#` for what differs each time: ports, times, challenges, tags, digests, dates.
pub(crate) fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut words = Vec::new();
        let all: Vec<&str> = line.split(' ').collect();
        for (at, word) in all.iter().copied().enumerate() {
            let digits = word.chars().filter(char::is_ascii_digit).count();
            let volatile = (digits >= 3
                && !word.starts_with("TLS")
                && !word.contains("RFC")
                && !is_standard_number(word))
                || word.ends_with("@lab.test>")
                || is_tag(word)
                || all.get(at + 1).is_some_and(|next| next.starts_with("ms"))
                || (digits >= 1 && word.contains("lab.test>"));
            words.push(if volatile { mask(word) } else { word.to_owned() });
        }
        // How much of an answer comes in one piece is up to the network.
        out.push_str(words.join(" ").trim_end().trim_end_matches(" …"));
        out.push('\n');
    }
    out
}

/// The tag of an IMAP command: six lower-case hexadecimal digits, as the program makes them.
fn is_tag(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Numbers that mean something by themselves.
fn is_standard_number(word: &str) -> bool {
    let number = word.trim_matches(|c: char| !c.is_ascii_digit());
    ["127.0.0.1", "26214400", "465", "587", "993", "995", "192.0.2.1"].contains(&number)
}

fn mask(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        if !c.is_ascii_alphanumeric() || c == '.' {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}
