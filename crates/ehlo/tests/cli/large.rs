//! Mail that is larger than memory should be, and mailboxes of a hundred thousand messages: both pass through `ehlo
//! mailbox`. The servers here make what they send while they send it.

use crate::common::{folder, program};
use crate::hostile::serve;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A line of the large message, CR LF included.
const LINE: &[u8; 80] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz 0123456789 !$%&'()*+,-./\r\n";
/// The large message: 128 MiB.
const SIZE: u64 = 128 << 20;
/// More memory than this is not needed for any of it, in KiB; without the message, a debug build takes about a half.
const MOST_KIB: u64 = 48 * 1024;
/// Messages of the large mailbox.
const MANY: u64 = 100_000;

/// The octets of the large message from `from` on, at most `most` and never more than half a mebibyte.
fn piece(from: u64, most: u64) -> Vec<u8> {
    let length = most.min(SIZE - from).min(512 << 10) as usize;
    let start = (from % LINE.len() as u64) as usize;
    let mut bytes = LINE.repeat((start + length).div_ceil(LINE.len()));
    bytes.drain(..start);
    bytes.truncate(length);
    bytes
}

/// What a line of a client asks for, by word.
fn words(line: &str) -> Vec<&str> {
    line.trim_end().split(' ').collect()
}

/// An IMAP server with `messages` messages of [`SIZE`] octets. Counts in `taken` the octets of the messages that it is
/// given, if they are what the large message is made of.
fn imap(messages: u64, taken: Arc<AtomicU64>) -> u16 {
    serve(move |stream| {
        // Small answers go out at once, as those of real servers do.
        stream.set_nodelay(true).unwrap();
        let mut out = stream.try_clone().unwrap();
        let mut input = BufReader::new(stream);
        let _ = out.write_all(b"* OK [CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS] ready\r\n");
        let mut line = String::new();
        while input.read_line(&mut line).is_ok_and(|n| n > 0) {
            let said = words(&line);
            let tag = said[0].to_owned();
            let answer = match said[1] {
                "CAPABILITY" => "* CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS\r\n".into(),
                "EXAMINE" => format!("* {messages} EXISTS\r\n"),
                "FETCH" => rows(said[2]),
                "UID" => match said[4].rsplit_once('<').and_then(|(_, range)| range.split_once('.')) {
                    Some((from, rest)) => {
                        let most: u64 = rest.trim_end_matches([')', '>']).parse().unwrap();
                        let bytes = piece(from.parse().unwrap(), most);
                        let head = format!("* 1 FETCH (UID 1 BODY[]<{from}> {{{}}}\r\n", bytes.len());
                        let _ = out.write_all(&[head.as_bytes(), &bytes].concat());
                        ")\r\n".into()
                    }
                    None => String::new(),
                },
                "APPEND" => {
                    let size = line.trim_end().trim_end_matches('}').rsplit('{').next().unwrap();
                    let _ = out.write_all(b"+ go on\r\n");
                    if received(&mut input, size.parse().unwrap()) {
                        taken.store(size.parse().unwrap(), Ordering::SeqCst);
                    }
                    let _ = input.read_line(&mut String::new());
                    String::new()
                }
                _ => String::new(),
            };
            if out.write_all(format!("{answer}{tag} OK done\r\n").as_bytes()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// Reads `size` octets; whether they were the beginning of the large message.
fn received(input: &mut impl Read, size: u64) -> bool {
    let mut at = 0;
    let mut buffer = Vec::new();
    while at < size {
        let wanted = piece(at, size - at);
        buffer.resize(wanted.len(), 0);
        if input.read_exact(&mut buffer).is_err() || buffer != wanted {
            return false;
        }
        at += wanted.len() as u64;
    }
    true
}

/// What FETCH says of the messages of a set.
fn rows(set: &str) -> String {
    let (from, to) = set.split_once(':').unwrap_or((set, set));
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let row = |n: u64| {
        format!(
            "* {n} FETCH (UID {n} FLAGS (\\Seen) INTERNALDATE \"24-Nov-2026 18:00:00 +0000\" RFC822.SIZE {SIZE} ENVELOPE (\"Tue, 24 Nov 2026 18:00:00 +0000\" \"no. {n}\" ((\"J\" NIL \"j\" \"example.org\")) NIL NIL NIL NIL NIL NIL \"<{n}@example.org>\") BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" {SIZE} 1000))\r\n"
        )
    };
    (from..=to).map(row).collect()
}

/// A POP3 server with `messages` messages of [`SIZE`] octets.
fn pop3(messages: u64) -> u16 {
    serve(move |stream: TcpStream| {
        // Small answers go out at once, as those of real servers do.
        stream.set_nodelay(true).unwrap();
        let mut out = stream.try_clone().unwrap();
        let mut input = BufReader::new(stream);
        let _ = out.write_all(b"+OK ready\r\n");
        let mut line = String::new();
        while input.read_line(&mut line).is_ok_and(|n| n > 0) {
            let said = words(&line);
            let answer = match said[0] {
                "CAPA" => "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n".into(),
                "STAT" => format!("+OK {messages} {SIZE}\r\n"),
                "LIST" => format!("+OK {} {SIZE}\r\n", said[1]),
                "UIDL" => format!("+OK {0} u{0}\r\n", said[1]),
                "TOP" => {
                    let body = String::from_utf8_lossy(LINE).repeat(said[2].parse().unwrap());
                    format!("+OK\r\nSubject: no. {}\r\n\r\n{body}.\r\n", said[1])
                }
                "RETR" => {
                    let _ = out.write_all(b"+OK\r\n");
                    let mut at = 0;
                    while at < SIZE {
                        let bytes = piece(at, SIZE - at);
                        at += bytes.len() as u64;
                        if out.write_all(&bytes).is_err() {
                            return;
                        }
                    }
                    // The message does not end in a line of its own.
                    "\r\n.\r\n".into()
                }
                _ => "+OK\r\n".into(),
            };
            if out.write_all(answer.as_bytes()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// `ehlo mailbox` at a server of ours, whose memory is looked at.
struct Looked {
    child: Child,
    peak_kib: Option<u64>,
}

impl Looked {
    fn start(name: &str, arguments: &[&str]) -> Looked {
        let password: PathBuf = folder(name).join("pw");
        std::fs::write(&password, "wonderland\n").unwrap();
        let mut command = program();
        command.arg("mailbox").args(arguments);
        command.args(["--user", "alice", "--password-file", password.to_str().unwrap()]);
        command.args(["--insecure-auth", "--deadline", "600"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Looked { child, peak_kib: None }
    }

    /// Notes the peak so far, where the system tells it.
    fn look(&mut self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        self.peak_kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).or(self.peak_kib);
    }

    /// Hands on what it writes, in portions.
    fn read(&mut self, mut each: impl FnMut(&[u8])) {
        let mut out = self.child.stdout.take().unwrap();
        let mut buffer = vec![0; 64 * 1024];
        let mut until_look = 0;
        loop {
            let read = out.read(&mut buffer).unwrap();
            each(&buffer[..read]);
            if until_look <= read {
                self.look();
                until_look = 4 << 20;
            }
            until_look -= read.min(until_look);
            if read == 0 {
                return;
            }
        }
    }

    /// Waits for the end; the exit code, and what it said on standard error.
    fn end(mut self) -> (i32, String) {
        let code = loop {
            self.look();
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code().unwrap_or(-1);
            }
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        };
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.peak_kib.is_none_or(|kib| kib < MOST_KIB), "{:?} KiB were taken", self.peak_kib);
        (code, said)
    }
}

/// Whether what is written is the large message and `behind` it.
fn is_the_message(name: &str, arguments: &[&str], behind: &[u8]) -> String {
    let mut looked = Looked::start(name, arguments);
    let mut at = 0;
    let mut rest = Vec::new();
    looked.read(|mut bytes| {
        while !bytes.is_empty() && at < SIZE {
            let wanted = piece(at, bytes.len() as u64);
            assert!(bytes.starts_with(&wanted), "another byte came behind {at}");
            at += wanted.len() as u64;
            bytes = &bytes[wanted.len()..];
        }
        rest.extend_from_slice(bytes);
    });
    let (code, said) = looked.end();
    assert_eq!((code, at), (0, SIZE), "{said}");
    assert_eq!(rest, behind);
    said
}

#[test]
fn a_large_message_passes_through_by_imap() {
    let port = imap(1, Arc::default());
    is_the_message("large-imap", &["show", &format!("imap://127.0.0.1:{port}"), "1", "--raw"], b"");
}

#[test]
fn a_large_message_passes_through_by_pop3() {
    let url = format!("pop3://127.0.0.1:{}", pop3(1));
    let said = is_the_message("large-pop3", &["show", &url, "1", "--raw"], b"\r\n");
    assert!(said.contains("RETR"), "that it may be marked as seen is not said: {said}");
}

#[test]
fn of_a_large_message_the_beginning_is_readable_by_pop3() {
    let url = format!("pop3://127.0.0.1:{}", pop3(1));
    let mut looked = Looked::start("large-read", &["show", &url, "1"]);
    let mut shown = String::new();
    looked.read(|bytes| shown.push_str(std::str::from_utf8(bytes).unwrap()));
    // It was not retrieved, but for the beginning, so that there is nothing to say about that.
    assert_eq!(looked.end(), (0, String::new()));
    assert!(shown.starts_with("Subject: no. 1\n\nABC") && shown.contains("--raw"), "{shown}");
    let mut looked = Looked::start("large-part", &["show", &url, "1", "--part", "1"]);
    looked.read(|bytes| assert!(bytes.is_empty()));
    let (code, said) = looked.end();
    assert!(code == 3 && said.contains("32 MiB"), "{code}: {said}");
}

#[test]
fn a_large_message_is_put_into_a_mailbox() {
    let file = folder("large-file").join("large.eml");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    let mut at = 0;
    while at < SIZE {
        // A file as this system writes it: the line ends of mail are made when it is sent.
        let bytes: Vec<u8> = piece(at, SIZE - at).into_iter().filter(|b| *b != b'\r').collect();
        at += 512 << 10;
        out.write_all(&bytes).unwrap();
    }
    out.flush().unwrap();
    let taken = Arc::new(AtomicU64::new(0));
    let url = format!("imap://127.0.0.1:{}", imap(1, Arc::clone(&taken)));
    let looked = Looked::start("large-append", &["append", &url, file.to_str().unwrap(), "--write"]);
    assert_eq!(looked.end(), (0, String::new()));
    // Whole lines are put in, so that the last, which is cut off, is not completed.
    assert_eq!(taken.load(Ordering::SeqCst), SIZE);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_hundred_thousand_messages_are_listed() {
    for (scheme, port) in [("imap", imap(MANY, Arc::default())), ("pop3", pop3(MANY))] {
        let url = format!("{scheme}://127.0.0.1:{port}");
        let mut looked = Looked::start(&format!("large-list-{scheme}"), &["ls", &url, "--all"]);
        let mut lines = 0;
        let mut tail = Vec::new();
        looked.read(|bytes| {
            lines += bytes.iter().filter(|b| **b == b'\n').count() as u64;
            tail.extend_from_slice(bytes);
            let keep = tail.len().saturating_sub(200);
            tail.drain(..keep);
        });
        let tail = String::from_utf8_lossy(&tail).into_owned();
        assert_eq!(looked.end().0, 0);
        assert!(lines > MANY && tail.contains("100000 of 100000"), "{scheme}: {lines} {tail}");
    }
}
