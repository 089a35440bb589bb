//! Finding foreign programs, running them in a home of their own, and putting mail where they look for it.

use crate::common::{RunningLab, folder};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a program may take. Only a hung one comes near.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where programs are: not every user's path holds the last two.
const FOLDERS: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/usr/lib/cyrus/bin";

/// Where a program is, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let own = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&format!("{own}:{FOLDERS}"))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Whether all of these programs are there. If not, the test is left out, which is an error where all are promised.
pub(crate) fn there(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|p| find(p).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    left_out(&format!("{missing:?} not installed"));
    false
}

/// Says that something is left out; an error where all programs are promised.
pub(crate) fn left_out(why: &str) {
    assert!(std::env::var_os("EHLO_ALL_CLIENTS").is_none(), "{why}");
    eprintln!("SKIPPED: {why}");
}

/// What a program came to.
pub(crate) struct Done {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it wrote, standard output first.
    pub(crate) said: String,
}

impl Done {
    /// What it said, provided that it ended well.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{}", self.said);
        self.said
    }
}

/// The home of one program.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new(name: &str) -> Home {
        Home(folder(&format!("home-{name}")))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that nobody else may read, as programs demand of one that holds passwords.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let mode = if text.starts_with("#!") { 0o700 } else { 0o600 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// A command in this home.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
        command.current_dir(&self.0).env("HOME", &self.0).env("TMPDIR", &self.0).env("LC_ALL", "C.UTF-8");
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "MAIL", "EMAIL", "PYTHONPATH"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a program in this home without input.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Done {
        run(self.command(program).args(arguments), "")
    }
}

/// Runs a command to its end; it fails the test when it takes too long.
pub(crate) fn run(command: &mut Command, input: &str) -> Done {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // What does not read its input to the end is not at fault for that.
    std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let (sender, receiver) = mpsc::channel();
    let mut out = child.stdout.take().unwrap();
    let mut err = child.stderr.take().unwrap();
    let send_err = sender.clone();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.read_to_end(&mut bytes);
        let _ = sender.send((0, bytes));
    });
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = err.read_to_end(&mut bytes);
        let _ = send_err.send((1, bytes));
    });
    let mut parts = Vec::new();
    while parts.len() < 2 {
        match receiver.recv_timeout(DEADLINE) {
            Ok(part) => parts.push(part),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                parts.extend(receiver.iter().take(2 - parts.len()));
                parts.sort();
                panic!("{command:?} does not end; it said: {}", text_of(&parts));
            }
        }
    }
    parts.sort();
    let code = child.wait().unwrap().code().unwrap_or(-1);
    Done { code, said: text_of(&parts) }
}

fn text_of(parts: &[(i32, Vec<u8>)]) -> String {
    parts.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// Puts a message into the mailbox of an account, by LMTP and without any foreign program. Lines of `message` may end
/// as they like.
pub(crate) fn deliver(lab: &RunningLab, account: &str, message: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", lab.port("lmtp"))).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let lines: Vec<String> =
        message.lines().map(|l| if l.starts_with('.') { format!(".{l}") } else { l.to_owned() }).collect();
    let text = format!(
        "LHLO test\r\nMAIL FROM:<bob@example.org>\r\nRCPT TO:<{account}@lab.test>\r\nDATA\r\n{}\r\n.\r\nQUIT\r\n",
        lines.join("\r\n")
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.contains("\r\n354 ") && said.contains("\r\n250 2.0.0 <"), "{said}");
}
