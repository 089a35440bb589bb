//! Servers that want to harm whoever talks to them: a run ends within its deadline, says what happened, and prints no
//! escape code. Memory is looked at where the system tells it.

use crate::common::{Ran, ehlo, program, ran};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Serves each connection with `work` until the test ends.
pub(crate) fn serve(work: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let work = std::sync::Arc::new(work);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let work = std::sync::Arc::clone(&work);
            std::thread::spawn(move || work(stream));
        }
    });
    port
}

/// Writes for ever, or until the other side has had enough.
fn flood(mut stream: TcpStream, first: &[u8], again: &[u8]) {
    let _ = stream.write_all(first);
    let block = again.repeat((64 * 1024 / again.len()).max(1));
    while stream.write_all(&block).is_ok() {}
}

/// Checks a URL, and that the run kept its promises.
fn survive(scheme: &str, port: u16, within: Duration, says: &str) -> Ran {
    let url = format!("{scheme}://127.0.0.1:{port}");
    let start = Instant::now();
    let (ran, peak) = watched(&["check", &url, "--timeout", "2", "--deadline", "6", "-vv"]);
    assert!(start.elapsed() < within, "{url} took {:?}", start.elapsed());
    assert!(matches!(ran.code, 0 | 1 | 3), "{url}: {} {}", ran.code, ran.err);
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!ran.out.contains(control) && !ran.err.contains(control), "{url}: {}", ran.out);
    assert!(ran.out.contains(says), "{url}: {says:?} is not said: {}", ran.out);
    assert!(peak.is_none_or(|kib| kib < 64 * 1024), "{url}: {peak:?} KiB");
    ran
}

/// Several at once, because most of their time is waiting.
fn survive_all(cases: Vec<(&str, u16)>, within: Duration, says: &str) {
    std::thread::scope(|scope| {
        for (scheme, port) in cases {
            scope.spawn(move || survive(scheme, port, within, says));
        }
    });
}

/// Runs the program and watches its peak memory in KiB, where the system tells it.
fn watched(arguments: &[&str]) -> (Ran, Option<u64>) {
    let mut command = program();
    command.args(arguments).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (ended, wait_for_end) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut peak = None;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            peak = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).or(peak);
            let next = wait_for_end.recv_timeout(Duration::from_millis(5));
            if next != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                return peak;
            }
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    (ran(output), watcher.join().unwrap())
}

const SOON: Duration = Duration::from_secs(9);

#[test]
fn an_endless_line() {
    let of = |scheme| (scheme, serve(|stream| flood(stream, b"220 ", b"x")));
    survive_all(["smtp", "pop3", "imap", "lmtp", "sieve"].map(of).into(), SOON, "line");
}

#[test]
fn an_endless_reply() {
    let smtp = serve(|stream| flood(stream, b"220-hi\r\n", b"220-more\r\n"));
    survive("smtp", smtp, SOON, "lines");
    let pop3 = serve(|mut stream| {
        let _ = stream.write_all(b"+OK hi\r\n");
        let _ = stream.read(&mut [0; 100]);
        flood(stream, b"+OK\r\n", b"X-MORE\r\n");
    });
    survive("pop3", pop3, SOON, "lines");
    let imap = serve(|mut stream| {
        let _ = stream.write_all(b"* OK hi\r\n");
        let _ = stream.read(&mut [0; 100]);
        flood(stream, b"", b"* OK still here\r\n");
    });
    survive("imap", imap, SOON, "lines");
}

#[test]
fn a_literal_of_four_gigabytes() {
    let port = serve(|mut stream| {
        let _ = stream.write_all(b"* OK hi\r\n");
        let _ = stream.read(&mut [0; 100]);
        flood(stream, b"* CAPABILITY IMAP4rev1 {4294967295}\r\n", b"x");
    });
    survive("imap", port, SOON, "literal");
}

#[test]
fn one_byte_a_second() {
    let mut cases = Vec::new();
    for (scheme, greeting) in
        [("smtp", "220 mail.example.test ESMTP\r\n"), ("imaps", "\u{16}\u{3}\u{3}\u{0}\u{7a}\u{2}")]
    {
        let port = serve(move |mut stream| {
            for byte in greeting.bytes() {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                // The wait is the fault that is tested, not a wait for something.
                let pause = Instant::now();
                while pause.elapsed() < Duration::from_millis(700) {
                    std::thread::park_timeout(Duration::from_millis(100));
                }
            }
        });
        cases.push((scheme, port));
    }
    survive_all(cases, SOON, "nothing came within 2 s");
}

#[test]
fn silence_at_every_stage() {
    let mut cases = Vec::new();
    for (scheme, script) in [
        ("smtp", &[][..]),
        ("smtp", &["220 a.test\r\n"]),
        ("smtp", &["220 a.test\r\n", "250-a.test\r\n250 STARTTLS\r\n"]),
        ("smtp", &["220 a.test\r\n", "250-a.test\r\n250 STARTTLS\r\n", "220 go\r\n"]),
        ("pop3", &["+OK\r\n", "+OK\r\nSTLS\r\n.\r\n"]),
        ("imap", &["* OK\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\n"]),
        ("imaps", &[]),
    ] {
        let port = serve(move |mut stream| {
            for line in script {
                if stream.write_all(line.as_bytes()).is_err() || stream.read(&mut [0; 1000]).is_err() {
                    return;
                }
            }
            // Holds the connection until the client leaves.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        cases.push((scheme, port));
    }
    survive_all(cases, Duration::from_secs(14), "nothing came within 2 s");
}

#[test]
fn resets_and_closes_in_the_middle() {
    for (scheme, script) in [
        ("smtp", &["220-half a gree"][..]),
        ("smtp", &["220 a.test\r\n", "250-a.test\r\n250-ST"]),
        ("pop3", &["+OK\r\n", "+OK\r\nSTLS\r\n"]),
        ("imap", &["* OK\r\n", "* CAPABILITY IMAP4rev1 STARTTLS {5}\r\nab"]),
    ] {
        let port = serve(move |mut stream| {
            for (n, line) in script.iter().enumerate() {
                let _ = stream.write_all(line.as_bytes());
                if n + 1 < script.len() {
                    let _ = stream.read(&mut [0; 1000]);
                }
            }
        });
        survive(scheme, port, SOON, "");
    }
}

#[test]
fn alerts_and_certificates_of_ten_megabytes() {
    let alert = serve(|mut stream| {
        let _ = stream.read(&mut [0; 2000]);
        let _ = stream.write_all(b"\x15\x03\x03\x00\x02\x02\x28");
    });
    survive("imaps", alert, SOON, "handshake_failure");
    // A Certificate message that announces ten megabytes, in records of 16 KiB.
    let huge = serve(|mut stream| {
        let _ = stream.read(&mut [0; 2000]);
        let mut message = vec![0x0b, 0x98, 0x96, 0x80];
        message.resize(10_000_004, 0x41);
        for part in message.chunks(16 * 1024) {
            let head = [0x16, 0x03, 0x03, (part.len() >> 8) as u8, part.len() as u8];
            if stream.write_all(&[&head, part].concat()).is_err() {
                return;
            }
        }
        let _ = stream.read(&mut [0; 10]);
    });
    survive("imaps", huge, SOON, "");
}

#[test]
fn escapes_and_binary_in_every_line() {
    for fault in ["hostile-escapes", "hostile-binary"] {
        let ran = ehlo(&["check", "lab", "--lab-fault", fault, "-vv"]);
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!ran.out.contains(control), "{fault}");
        assert!(!ran.out.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{9b}']), "{fault}");
        assert!(ran.out.contains(r"\x1b[2J") || ran.out.contains(r"\xff\xfe"), "{fault}");
    }
}

#[test]
fn other_protocols_are_named() {
    for (banner, scheme, says) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "imap", "ssh"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "smtp", "http"),
        ("+OK ready\r\n", "imap", "pop3"),
        ("220 mail ESMTP\r\n", "imaps", "smtp"),
    ] {
        let port = serve(move |mut stream| {
            let _ = stream.write_all(banner.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
        });
        survive(scheme, port, SOON, says);
    }
}
