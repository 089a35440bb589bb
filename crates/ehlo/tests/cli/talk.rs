//! The console in a pipe: lines in, lines out, each waits for its answer, and the exit code tells.

use crate::common::{RunningLab, ehlo, folder, program, ran};
use crate::shown::{ehlo_with_input, steady};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server that says what a test says, and keeps what it is told, write by write.
pub(crate) struct Fake {
    pub(crate) port: u16,
    told: Arc<Mutex<Vec<Vec<u8>>>>,
    stream: Arc<Mutex<Option<TcpStream>>>,
}

impl Fake {
    /// Greets, and answers each write with what `answer` makes of it.
    pub(crate) fn start(greeting: &'static [u8], answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let stream: Arc<Mutex<Option<TcpStream>>> = Arc::default();
        let (kept, open) = (Arc::clone(&told), Arc::clone(&stream));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                connection.set_nodelay(true).unwrap();
                *open.lock().unwrap() = connection.try_clone().ok();
                connection.write_all(greeting).unwrap();
                let mut buffer = [0; 65_536];
                while let Ok(n) = connection.read(&mut buffer) {
                    if n == 0 {
                        break;
                    }
                    kept.lock().unwrap().push(buffer[..n].to_vec());
                    if connection.write_all(&answer(&buffer[..n])).is_err() {
                        break;
                    }
                }
            }
        });
        Fake { port, told, stream }
    }

    /// What came, write by write, as text.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect()
    }

    /// The same as bytes.
    pub(crate) fn wrote(&self) -> Vec<Vec<u8>> {
        self.told.lock().unwrap().clone()
    }

    /// Says something unasked.
    pub(crate) fn says(&self, text: &[u8]) {
        self.stream.lock().unwrap().as_ref().unwrap().write_all(text).unwrap();
    }

    /// Hangs up.
    pub(crate) fn hangs_up(&self) {
        self.stream.lock().unwrap().take().unwrap().shutdown(std::net::Shutdown::Both).unwrap();
    }
}

/// Answers a line of SMTP.
pub(crate) fn smtp(line: &[u8]) -> Vec<u8> {
    let upper = line.to_ascii_uppercase();
    match upper.get(..4) {
        Some(b"QUIT") => b"221 2.0.0 bye\r\n".to_vec(),
        Some(b"RETR") => b"502 5.5.1 no\r\n".to_vec(),
        _ => b"250 2.0.0 ok\r\n".to_vec(),
    }
}

#[test]
fn lines_in_lines_out_and_the_exit_code_tells() {
    let said = ehlo_with_input(&["talk", "smtp://lab", "--helo", "client.test"], "HELO test\nNOOP\nQUIT\n");
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    insta::assert_snapshot!("talk-pipe", steady(&said.out));
    let said = ehlo_with_input(&["talk", "smtp://lab"], "MAIL FROM: a@b\n");
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("! ") && said.out.contains("angle brackets"), "{}", said.out);
    // Nobody answers there.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = ehlo_with_input(&["talk", &format!("smtp://127.0.0.1:{free}")], "NOOP\n");
    assert_eq!(said.code, 3, "{}", said.out);
    assert_eq!(ehlo(&["talk", "mail.example.org"]).code, 2);
    assert_eq!(ehlo(&["talk"]).code, 2);
}

#[test]
fn the_end_of_the_pipe_says_goodbye() {
    for (url, goodbye) in
        [("smtp", "C: QUIT\nS: 221"), ("pop3", "C: QUIT\nS: +OK"), ("imap", " LOGOUT\nS: * BYE")]
    {
        let said = ehlo_with_input(&["talk", &format!("{url}://lab")], "NOOP\n");
        // NOOP is refused by a POP3 server that nobody has logged in to.
        assert_eq!(said.code, i32::from(url == "pop3"), "{}", said.out);
        assert!(said.out.contains(goodbye), "{}", said.out);
    }
}

#[test]
fn secrets_are_held_back_and_never_shown() {
    let lab = RunningLab::start("talk-secrets", &[]);
    let secret = "AGJlbnV0emVybmFtZQBwYXNzd29ydA==";
    let ca = lab.ca.to_str().unwrap();
    let arguments = ["talk", &lab.url("submission"), "--ca", ca];
    let said = ehlo_with_input(&arguments, &format!("AUTH PLAIN {secret}\nNOOP\n"));
    assert!(said.out.contains(":yes"), "{}", said.out);
    assert!(!said.out.contains(secret) && !said.out.contains("C: AUTH"), "{}", said.out);
    let said = ehlo_with_input(&arguments, &format!("AUTH PLAIN {secret}\n:yes\n"));
    assert!(said.out.contains("C: AUTH PLAIN ****") && !said.out.contains(secret), "{}", said.out);
    // Inside verified TLS nothing is held back.
    let name = format!("submission://lab.test:{}", lab.port("submission"));
    let inside = ["talk", &name, "--connect", "127.0.0.1", "--ca", ca];
    let said = ehlo_with_input(&inside, &format!("STARTTLS\nAUTH PLAIN {secret}\n"));
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("S: 235") && !said.out.contains(secret), "{}", said.out);
    // Nothing lifts what an unverified certificate forbids.
    let unknown = ["talk", &name, "--connect", "127.0.0.1"];
    let said = ehlo_with_input(&unknown, &format!("STARTTLS\nAUTH PLAIN {secret}\n:yes\n"));
    assert_eq!(said.code, 1);
    assert!(!said.out.contains("C: AUTH"), "{}", said.out);
}

#[test]
fn logins_by_statement_do_not_show_what_they_send() {
    for (url, shown) in
        [("imap", "LOGIN \"alice\" ****"), ("pop3", "PASS ****"), ("submission", "AUTH PLAIN")]
    {
        let lines = ":starttls\n:login alice\n:reconnect\n:starttls\n:auth plain alice\n:reconnect\n:auth login alice\n";
        let said = ehlo_with_input(&["talk", &format!("{url}://lab")], lines);
        assert!(said.out.contains(shown), "{}", said.out);
        for secret in ["wonderland", "AGFsaWNlAHdvbmRlcmxhbmQ=", "d29uZGVybGFuZA=="] {
            assert!(!said.out.contains(secret), "{url}: {secret}\n{}", said.out);
        }
    }
}

#[test]
fn no_escape_code_of_a_server_reaches_the_terminal() {
    let fake = Fake::start(b"220 \x1b[2J\x1b]0;evil\x07 hi\r\n", |_| {
        b"250 \x1b[31mred\x9b0m\xe2\x80\xae\r\n".to_vec()
    });
    let url = format!("smtp://127.0.0.1:{}", fake.port);
    let said = ehlo_with_input(&["talk", &url, "--color", "always"], "NOOP\n:explain\n");
    let plain = said.out.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "");
    assert!(plain.contains(r"\x1b[2J\x1b]0;evil\x07"), "{plain:?}");
    let harmless =
        |code: &str| code.chars().take_while(|c| *c != 'm').all(|c| c.is_ascii_digit() || c == ';');
    assert!(said.out.split("\x1b[").skip(1).all(harmless), "{:?}", said.out);
    assert!(!said.out.contains("\x1b]") && !said.out.contains('\u{202e}'));
}

#[test]
fn a_server_that_hangs_or_hangs_up_leaves_the_console_usable() {
    let silent =
        Fake::start(b"220 hi\r\n", |line| if line.starts_with(b"NOOP") { Vec::new() } else { smtp(line) });
    let url = format!("smtp://127.0.0.1:{}", silent.port);
    let flags = ["talk", &url, "--no-capabilities", "--command-timeout", "300ms"];
    let said = ehlo_with_input(&flags, "NOOP\n:reconnect\nRSET\n");
    assert!(said.out.contains("No answer") && said.out.contains("C: RSET\nS: 250"), "{}", said.out);
    let rude = Fake::start(b"220 hi\r\n", |_| b"\x00\xff\x00garbage\r\n421 4.3.2 bye\r\n".to_vec());
    let url = format!("smtp://127.0.0.1:{}", rude.port);
    let said =
        ehlo_with_input(&["talk", &url, "--no-capabilities", "--command-timeout", "1s"], "NOOP\nNOOP\n");
    assert!(said.out.contains(r"\x00\xff\x00garbage"), "{}", said.out);
    assert_eq!(said.code, 1);
}

/// The how-to by hand, in one sitting, for one protocol.
fn sitting(scheme: &str, lang: &str, lines: &str, wanted: &[&str]) {
    let folder = folder(&format!("talk-sitting-{scheme}-{lang}"));
    let file = folder.join("session.ehlo");
    let target = format!("{scheme}://lab");
    let mut child = program()
        .args(["talk", &target, "--lang", lang, "--save-as", file.to_str().unwrap(), "--helo", "client.test"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let said = ran(child.wait_with_output().unwrap());
    for text in wanted {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
    let script = std::fs::read_to_string(&file).unwrap();
    assert!(!script.contains("cGFzc3dvcnQ=") && !script.contains("PASS passwort"), "{script}");
    let run = ehlo(&["run", file.to_str().unwrap(), "--user", "benutzername"]);
    assert_eq!(run.code, 0, "{}\n{}\n{script}", run.out, run.err);
}

#[test]
fn the_how_to_in_one_sitting() {
    for lang in ["en", "de"] {
        sitting(
            "submission",
            lang,
            "helo test\nehlo test\nstarttls\nauth login\nYmVudXR6ZXJuYW1l\ncGFzc3dvcnQ=\n\
             mail from:<benutzername@lab.test>\nrcpt to:<name@lab.test>\nrcpt to:<alice@lab.test>\ndata\n\
             From: Somebody <else@example.org>\nTo: name@lab.test\nDate: Tue, 24 Nov 2026 12:00:00 +0000\n\
             Message-ID: <1@client.test>\nSubject: x\n\n..dot\nHello\n.\nrset\nquit\n",
            &["S: 220", "S: 334 VXNlcm5hbWU6", "S: 235", "S: 354", "S: 250", "S: 221"],
        );
        sitting(
            "pop3",
            lang,
            "capa\nstls\nuser benutzername\npass passwort\nstat\nlist\nquit\n:reconnect\n:auth cram-md5\n:assert S.status == +OK\nnoop\nquit\n",
            &["S: +OK", "STLS", "C: AUTH CRAM-MD5"],
        );
        sitting(
            "imap",
            lang,
            ":tag off\ncapability\n:tag on\naa capability\nstarttls\nlogin benutzername passwort\nlist \"\" *\n\
             select inbox\nexamine inbox\nnoop\n02 logout\n:reconnect\nstarttls\nauthenticate plain\n\
             AGJlbnV0emVybmFtZQBwYXNzd29ydA==\n:auth scram-sha-256 alice\nlogout\n",
            &["S: aa OK", "S: 02 OK", "S: * BYE"],
        );
    }
}
