//! APPEND and FETCH: the lab beside Dovecot, asked by the same client over a bare socket, in turn.

use super::{Lab, median, row};
use crate::interop;
use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Messages in the mailbox.
const MESSAGES: usize = 2000;
/// Runs of each fetch; the median counts.
const ROUNDS: usize = 3;

pub(super) fn run(ehlo: &Path, folder: &Path) -> Result<()> {
    if let Some(why) = interop::impossible() {
        println!("\nnot beside Dovecot: {why}");
        return Ok(());
    }
    let servers = folder.join("servers");
    let result = beside_dovecot(ehlo, folder, &servers);
    // Whatever happened, nothing is left running.
    Command::new("interop/postfix-dovecot").arg("stop").arg(&servers).status()?;
    result
}

fn beside_dovecot(ehlo: &Path, folder: &Path, servers: &Path) -> Result<()> {
    crate::steps::output(Command::new("interop/postfix-dovecot").arg("start").arg(servers))?;
    let variables = interop::variables(servers)?;
    let port = variables.iter().find(|(name, _)| name == "TS_IMAP_PORT").context("no port of Dovecot")?;
    // The client logs in in the clear.
    let lab = Lab::start_with(ehlo, &folder.join("ca.pem"), &["--fault", "auth-clear-accepted"])?;
    let mut ours = Client::new(lab.imap)?;
    let mut theirs = Client::new(port.1.parse()?)?;

    println!("\nIMAP with {MESSAGES} messages of 4 KiB on one connection");
    println!("{:44}{:>12}{:>12}", "", "ehlo lab", "Dovecot");
    let message = message();
    let rate = |time: Duration| MESSAGES as f64 / time.as_secs_f64();
    let (a, b) = (ours.append(&message)?, theirs.append(&message)?);
    row("APPEND (LITERAL+, one after the other)", rate(a), rate(b), "/s", "Dovecot");
    ours.say("SELECT Bench")?;
    theirs.say("SELECT Bench")?;
    for (name, command) in [
        ("UID FETCH BODY.PEEK[]", "UID FETCH 1:* BODY.PEEK[]"),
        ("FETCH (UID FLAGS)", "FETCH 1:* (UID FLAGS)"),
        ("FETCH (FLAGS ENVELOPE)", "FETCH 1:* (FLAGS ENVELOPE)"),
        ("FETCH (BODYSTRUCTURE)", "FETCH 1:* (BODYSTRUCTURE)"),
        ("SEARCH TEXT, found in none", "SEARCH TEXT \"nowhere at all\""),
    ] {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            for (client, times) in [(&mut ours, &mut a), (&mut theirs, &mut b)] {
                let start = Instant::now();
                client.say(command).with_context(|| format!("round {round} of {command}"))?;
                times.push(start.elapsed());
            }
        }
        // The first shows what is not remembered yet.
        row(&format!("{name}, first time"), rate(a[0]), rate(b[0]), "/s", "Dovecot");
        row(
            &format!("{name}, median of {ROUNDS}"),
            rate(median(&mut a)),
            rate(median(&mut b)),
            "/s",
            "Dovecot",
        );
    }
    Ok(())
}

/// A message of 4 KiB.
fn message() -> Vec<u8> {
    let mut text = String::from(
        "From: Bob <bob@example.org>\r\nTo: Alice <alice@lab.test>, carol@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
         Date: Mon, 2 Feb 2026 10:00:00 +0100\r\nMessage-ID: <bench@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n",
    );
    let line = "The quick brown fox jumps over the lazy dog, as it has ever done, and so on\r\n";
    while text.len() + line.len() < 4094 {
        text.push_str(line);
    }
    text.push_str(&"x".repeat(4094 - text.len()));
    text.push_str("\r\n");
    text.into_bytes()
}

/// A client that sends commands and reads on up to the tagged line.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    number: u32,
}

impl Client {
    /// Connects, logs in and makes the mailbox.
    fn new(port: u16) -> Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut client = Client { stream, buffer: vec![0; 256 * 1024], number: 0 };
        // The greeting.
        let _ = client.stream.read(&mut client.buffer)?;
        client.say("LOGIN alice wonderland")?;
        client.say("CREATE Bench")?;
        Ok(client)
    }

    fn append(&mut self, message: &[u8]) -> Result<Duration> {
        let head = format!("APPEND Bench (\\Seen) {{{}+}}\r\n", message.len());
        let command = [head.as_bytes(), message].concat();
        let start = Instant::now();
        for _ in 0..MESSAGES {
            self.send(&command)?;
        }
        Ok(start.elapsed())
    }

    fn say(&mut self, command: &str) -> Result<()> {
        self.send(command.as_bytes())
    }

    fn send(&mut self, command: &[u8]) -> Result<()> {
        self.number += 1;
        let tag = format!("e{}", self.number);
        self.stream.write_all(&[tag.as_bytes(), b" ", command, b"\r\n"].concat())?;
        let (good, bad) = (format!("{tag} OK"), [format!("{tag} NO"), format!("{tag} BAD")]);
        // Only the end is kept: the tagged line may begin in one piece and end in the next.
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let n = self.stream.read(&mut self.buffer)?;
            if n == 0 {
                bail!("the server hung up");
            }
            let kept = tail.len().saturating_sub(1024);
            tail.drain(..kept);
            tail.extend_from_slice(&self.buffer[n.saturating_sub(2048)..n]);
            if !tail.ends_with(b"\r\n") {
                continue;
            }
            let line = tail[..tail.len() - 2].rsplit(|&b| b == b'\n').next().unwrap_or_default();
            if line.starts_with(good.as_bytes()) {
                return Ok(());
            }
            if bad.iter().any(|bad| line.starts_with(bad.as_bytes())) {
                bail!("{}", String::from_utf8_lossy(line));
            }
        }
    }
}
