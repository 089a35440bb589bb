//! Running the program.

use std::io::{BufRead as _, BufReader, Read as _};
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

    /// The number of its process.
    #[allow(dead_code, reason = "only some tests look at its memory")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
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
