//! The console in a terminal: from the key to the wire, and many lines of a server.

use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How often a line is typed.
const LINES: usize = 50;
/// What a message has of them.
const LONG: usize = 10_000;
/// From Return to the server; more can be felt.
const SLOWEST: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// What the terminal was sent.
#[derive(Default)]
struct Screen {
    bytes: Mutex<Vec<u8>>,
    more: Condvar,
}

impl Screen {
    /// Waits until `text` stands behind the first `from` bytes; where it ends.
    fn until(&self, text: &str, mut from: usize) -> Result<usize> {
        let deadline = Instant::now() + PATIENCE;
        let mut bytes = self.bytes.lock().map_err(|_| anyhow::anyhow!("the reader has ended"))?;
        loop {
            let place =
                bytes.get(from..).and_then(|b| b.windows(text.len()).position(|w| w == text.as_bytes()));
            if let Some(place) = place {
                return Ok(from + place + text.len());
            }
            // What was looked at is not looked at again: it is the console that is measured.
            from = from.max((bytes.len() + 1).saturating_sub(text.len()));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("{text:?} did not come");
            }
            bytes =
                self.more.wait_timeout(bytes, left).map_err(|_| anyhow::anyhow!("the reader has ended"))?.0;
        }
    }
}

/// Measures, and demands that nobody feels a delay.
pub(super) fn run(ehlo: &Path) -> Result<()> {
    println!("── the console in a terminal of 50 × 100");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (told, came) = channel();
    std::thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            serve(stream, &told);
        }
    });
    let (pty, pts) = pty_process::blocking::open()?;
    pty.resize(pty_process::Size::new(50, 100))?;
    let url = format!("pop3://127.0.0.1:{port}");
    let state = std::env::temp_dir().join(format!("ehlo-bench-talk-{}", std::process::id()));
    let mut child = pty_process::blocking::Command::new(ehlo)
        .args(["talk", &url, "--no-capabilities"])
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_STATE_HOME", &state)
        .spawn(pts)?;
    let pty = Arc::new(pty);
    let screen: Arc<Screen> = Arc::default();
    let (reader, shown) = (Arc::clone(&pty), Arc::clone(&screen));
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(n) = (&*reader).read(&mut buffer) {
            if n == 0 {
                break;
            }
            if let Ok(mut bytes) = shown.bytes.lock() {
                bytes.extend_from_slice(&buffer[..n]);
            }
            shown.more.notify_all();
        }
    });
    let result = measure(&pty, &screen, &came);
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::fs::remove_dir_all(&state);
    result
}

fn measure(pty: &pty_process::blocking::Pty, screen: &Screen, came: &Receiver<Instant>) -> Result<()> {
    let mut at = screen.until("> ", 0)?;
    let before = typed(pty, screen, came, &mut at)?;
    println!("{:44}{:>10.2} ms", "Return to the wire, median", millis(before));
    let begun = Instant::now();
    press(pty, "RETR 1\r")?;
    came.recv_timeout(PATIENCE).context("RETR did not arrive")?;
    at = screen.until("the last line", at)?;
    at = screen.until("> ", at)?;
    let took = begun.elapsed();
    println!("{:44}{:>10.2} ms", format!("{LONG} lines of a message, shown"), millis(took));
    let after = typed(pty, screen, came, &mut at)?;
    println!("{:44}{:>10.2} ms", "Return to the wire after that, median", millis(after));
    if before.max(after) > SLOWEST {
        bail!("a line takes longer than {} ms from Return to the wire", SLOWEST.as_millis());
    }
    Ok(())
}

/// Types a line many times; the median from Return to the server.
fn typed(
    pty: &pty_process::blocking::Pty,
    screen: &Screen,
    came: &Receiver<Instant>,
    at: &mut usize,
) -> Result<Duration> {
    let mut times = Vec::with_capacity(LINES);
    for number in 0..LINES {
        let line = format!("NOOP {number}");
        press(pty, &line)?;
        // The last key has been taken in before Return is pressed.
        screen.until(&number.to_string(), *at)?;
        let begun = Instant::now();
        press(pty, "\r")?;
        let arrived = came.recv_timeout(PATIENCE).context("a line did not arrive")?;
        times.push(arrived.saturating_duration_since(begun));
        *at = screen.until("done", *at)?;
        *at = screen.until("> ", *at)?;
    }
    times.sort();
    Ok(times[times.len() / 2])
}

fn press(pty: &pty_process::blocking::Pty, keys: &str) -> Result<()> {
    let mut pty = pty;
    Ok(pty.write_all(keys.as_bytes())?)
}

/// A server of POP3 with one long message. When each write of the client came goes to `told`.
fn serve(mut stream: TcpStream, told: &std::sync::mpsc::Sender<Instant>) {
    let mut long = b"+OK\r\n".to_vec();
    for number in 1..LONG {
        long.extend_from_slice(
            format!("line {number} of a message that is as long as messages are\r\n").as_bytes(),
        );
    }
    long.extend_from_slice(b"the last line\r\n.\r\n");
    if stream.set_nodelay(true).is_err() || stream.write_all(b"+OK ready\r\n").is_err() {
        return;
    }
    let mut buffer = [0; 4096];
    while let Ok(n) = stream.read(&mut buffer) {
        if n == 0 || told.send(Instant::now()).is_err() {
            return;
        }
        let answer = if buffer.starts_with(b"RETR") { &long[..] } else { b"+OK done\r\n" };
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
