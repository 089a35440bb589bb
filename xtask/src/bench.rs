//! Speed and size, beside the tools that people use for the same work. All in one run, on one machine, because
//! numbers of different days prove nothing.

mod imap;
mod offline;
mod send;
mod smtp;
mod talk;
mod tls;

use crate::docs::target;
use crate::steps::{cargo, output, step};
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The tables that can be asked for by name.
const PARTS: &[&str] = &["check", "offline", "run", "talk", "smtp", "imap", "send", "tls"];

/// Runs of each command; the median counts.
const RUNS: usize = 15;

/// Prints the tables: those that are named, or all. `--debug` takes the build for debugging, which says nothing about speed, but
/// shows that a table can be made.
pub(crate) fn run(parts: &[String]) -> Result<()> {
    let (debug, parts): (Vec<String>, Vec<String>) = parts.iter().cloned().partition(|p| p == "--debug");
    let (profile, flag) = if debug.is_empty() { ("release", Some("--release")) } else { ("debug", None) };
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!("there is no table {unknown}; there are {}", PARTS.join(", "));
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    step("build", cargo().arg("build").args(flag).args(["--package", "ehlo", "--locked", "--quiet"]))?;
    let ehlo = target().join(profile).join(format!("ehlo{}", std::env::consts::EXE_SUFFIX));
    let ehlo = std::path::absolute(ehlo)?;
    if wanted("check") {
        check_lab(&ehlo)?;
        beside_others(&ehlo)?;
    }
    if wanted("offline") {
        offline::run(&ehlo)?;
    }
    if wanted("run") {
        exchanges(&ehlo)?;
    }
    if wanted("talk") {
        talk::run(&ehlo)?;
    }
    let folder = std::env::temp_dir().join(format!("ehlo-bench-lab-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let lab = || {
        if wanted("smtp") {
            smtp::run(&ehlo, &folder)?;
        }
        if wanted("imap") {
            imap::run(&ehlo, &folder)?;
        }
        if wanted("send") {
            send::run(&ehlo, &folder)?;
        }
        if wanted("tls") {
            tls::run(&ehlo, &folder)?;
        }
        Ok(())
    };
    let result = lab();
    let _ = std::fs::remove_dir_all(&folder);
    result
}

/// A line of a table in which the lab stands beside another: the higher rate wins.
fn row(name: &str, ours: f64, theirs: f64, unit: &str, other: &str) {
    let winner = if ours >= theirs { "ehlo lab" } else { other };
    let times = (ours / theirs).max(theirs / ours);
    println!("{name:44}{ours:>10.0}{unit}{theirs:>10.0}{unit}  {winner} is {times:.2} times as fast");
}

/// The middle one.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Ports for programs that cannot take a free one by themselves.
struct Free;

impl Free {
    fn port() -> Result<u16> {
        Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
    }

    /// Waits until somebody listens.
    fn wait_for(port: u16) -> Result<()> {
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                bail!("nobody listens on port {port}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// `check lab`: how long it takes and how many connections it makes.
fn check_lab(ehlo: &Path) -> Result<()> {
    println!("\n{:44}{:>10}{:>12}{:>10}", "", "wall time", "connections", "peak MiB");
    for (name, arguments) in [
        ("ehlo check lab", &["check", "lab"][..]),
        ("ehlo check lab -4 --user alice", &["check", "lab", "-4", "--user", "alice"]),
        ("ehlo check imaps://lab -4", &["check", "imaps://lab", "-4"]),
    ] {
        let measured = measure(|| {
            let mut command = Command::new(ehlo);
            command.args(arguments);
            command
        })?;
        let json = output(Command::new(ehlo).args(arguments).args(["--format", "json"]))?;
        let document: serde_json::Value = serde_json::from_str(&json)?;
        let services = document["services"].as_array().context("no services")?;
        let connections: usize =
            services.iter().filter_map(|s| s["facts"]["connections"].as_array()).map(Vec::len).sum();
        println!("{name:44}{:>7.1} ms{connections:>12}{:>10}", measured.ms(), measured.memory());
    }
    Ok(())
}

/// Starting, and looking at one SMTP service, beside swaks and openssl.
fn beside_others(ehlo: &Path) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ehlo-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let lab = Lab::start(ehlo, &folder.join("ca.pem"))?;
    let ca = lab.ca.display().to_string();
    let (host, port) = ("127.0.0.1", lab.smtp.to_string());
    let url = format!("smtp://{host}:{port}");
    let address = format!("{host}:{port}");
    let tools: &[(&str, Vec<&str>, &str)] = &[
        ("ehlo --version", vec!["--version"], "ehlo"),
        ("swaks --version", vec!["--version"], "swaks"),
        ("openssl version", vec!["version"], "openssl"),
        ("ehlo check smtp://…", vec!["check", &url, "--ca", &ca], "ehlo"),
        (
            "swaks --tls --quit-after EHLO",
            vec!["--server", host, "--port", &port, "--tls", "--quit-after", "EHLO"],
            "swaks",
        ),
        (
            "openssl s_client -starttls smtp",
            vec!["s_client", "-starttls", "smtp", "-connect", &address, "-CAfile", &ca],
            "openssl",
        ),
    ];
    println!("\n{:44}{:>10}{:>12}{:>10}", "", "wall time", "", "peak MiB");
    let mut starts = Vec::new();
    for (name, arguments, program) in tools {
        let path = if *program == "ehlo" { ehlo.to_path_buf() } else { PathBuf::from(program) };
        let command = || {
            let mut command = Command::new(&path);
            command.args(arguments);
            command
        };
        if command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("{name:44}{:>10}", "not there");
            continue;
        }
        let measured = measure(command)?;
        println!("{name:44}{:>7.1} ms{:>12}{:>10}", measured.ms(), "", measured.memory());
        starts.push((*name, measured.wall));
    }
    let wall = |name: &str| starts.iter().find(|(n, _)| *n == name).map(|(_, wall)| wall.as_secs_f64());
    println!();
    for (ours, theirs) in [
        ("ehlo --version", "swaks --version"),
        ("ehlo --version", "openssl version"),
        ("ehlo check smtp://…", "swaks --tls --quit-after EHLO"),
        ("ehlo check smtp://…", "openssl s_client -starttls smtp"),
    ] {
        if let (Some(a), Some(b)) = (wall(ours), wall(theirs)) {
            println!("{ours} is {:.1} times as fast as {theirs}", b / a);
        }
    }
    drop(lab);
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// IMAP exchanges by a script on one connection, beside a bare loop over a socket that sends the same bytes and reads
/// the same replies, and beside Python's imaplib.
fn exchanges(ehlo: &Path) -> Result<()> {
    const PAIRS: usize = 5000;
    const COUNT: f64 = 2.0 * PAIRS as f64;
    let folder = std::env::temp_dir().join(format!("ehlo-bench-run-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    // The bare loop and imaplib log in in the clear.
    let lab = Lab::start_with(ehlo, &folder.join("ca.pem"), &["--fault", "auth-clear-accepted"])?;
    let port = lab.imap;
    let script = folder.join("exchanges.ehlo");
    let mut text = String::from(
        "title: many exchanges\nprotocol: imap\nS: * OK\nC: % LOGIN alice wonderland\nS: % OK\nC: % SELECT INBOX\nS: % OK\n",
    );
    for _ in 0..PAIRS {
        text.push_str(
            "C: % NOOP\nS: % OK\nC: % FETCH 1 BODY.PEEK[]\nS: * 1 FETCH (BODY[] {{:str}})\nS: % OK\n",
        );
    }
    std::fs::write(&script, text)?;
    let url = format!("imap://127.0.0.1:{port}");
    let seed = folder.join("seed.ehlo");
    std::fs::write(
        &seed,
        "protocol: imap\nS: * OK\nC: % LOGIN alice wonderland\nS: % OK\nC: % APPEND INBOX {<<M}\nSubject: small\n\n\
         A small message.\nM\nS: % OK\n",
    )?;
    Command::new(ehlo).arg("run").arg(&seed).args(["--target", &url, "-q"]).stdout(Stdio::null()).status()?;
    let run = || {
        let mut command = Command::new(ehlo);
        command.arg("run").arg(&script).args(["--target", &url, "-q"]);
        command
    };
    let status = run().stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("the script does not pass: {status}");
    }
    let program = format!(
        "import imaplib\nm = imaplib.IMAP4('127.0.0.1', {port})\nm.login('alice', 'wonderland')\nm.select('INBOX')\n\
         for _ in range({PAIRS}):\n    m.noop()\n    m.fetch('1', '(BODY.PEEK[])')\n"
    );
    let python = || {
        let mut command = Command::new("python3");
        command.args(["-c", &program]);
        command
    };
    // Each in turn, three times; the best counts, since noise only ever adds.
    let (mut bare, mut ours, mut theirs) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        bare = bare.min(bare_loop(port, PAIRS)?);
        let start = Instant::now();
        run().stdout(Stdio::null()).status()?;
        ours = ours.min(start.elapsed());
        let start = Instant::now();
        if python().stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
            theirs = theirs.min(start.elapsed());
        }
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / COUNT;
    let memory = peak(run())?.map_or_else(|| "?".into(), |kib| format!("{:.1}", kib as f64 / 1024.0));
    println!("\n{:44}{:>14}{:>10}", "10000 IMAP exchanges on one connection", "each", "peak MiB");
    println!("{:44}{:>11.1} µs", "bare loop over a socket", each(bare));
    println!("{:44}{:>11.1} µs{memory:>10}", "ehlo run", each(ours));
    if theirs < Duration::MAX {
        println!("{:44}{:>11.1} µs", "python3 imaplib", each(theirs));
    }
    println!("ehlo run takes {:.1} µs an exchange more than the bare loop", each(ours) - each(bare));
    drop(lab);
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// The same bytes, and reading up to the tagged line.
fn bare_loop(port: u16, pairs: usize) -> Result<Duration> {
    use std::io::{Read as _, Write as _};
    let start = Instant::now();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 * 1024];
    // The greeting.
    let _ = stream.read(&mut buffer)?;
    let mut number = 0;
    let mut say = |command: &str| -> Result<()> {
        number += 1;
        let tag = format!("e1234{number}");
        stream.write_all(format!("{tag} {command}\r\n").as_bytes())?;
        let end = format!("\r\n{tag} ");
        let mut got = Vec::new();
        loop {
            let n = stream.read(&mut buffer)?;
            if n == 0 {
                bail!("the lab hung up");
            }
            got.extend_from_slice(&buffer[..n]);
            let begins = got.starts_with(format!("{tag} ").as_bytes());
            let tail = &got[got.len().saturating_sub(200)..];
            if got.ends_with(b"\r\n") && (begins || tail.windows(end.len()).any(|w| w == end.as_bytes())) {
                return Ok(());
            }
        }
    };
    say("LOGIN alice wonderland")?;
    say("SELECT INBOX")?;
    for _ in 0..pairs {
        say("NOOP")?;
        say("FETCH 1 BODY.PEEK[]")?;
    }
    Ok(start.elapsed())
}

/// A command, measured.
struct Measured {
    /// Median of the wall time.
    wall: Duration,
    /// Largest peak memory in KiB, where the system tells it.
    peak: Option<i64>,
}

impl Measured {
    fn ms(&self) -> f64 {
        self.wall.as_secs_f64() * 1000.0
    }

    fn memory(&self) -> String {
        self.peak.map_or_else(|| "?".into(), |kib| format!("{:.1}", kib as f64 / 1024.0))
    }
}

fn measure(command: impl Fn() -> Command) -> Result<Measured> {
    let quiet = || {
        let mut command = command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        quiet().status()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(Measured { wall: times[RUNS / 2], peak: peak(quiet())? })
}

/// The peak memory of a command in KiB. The system tells it of all children of a process that have ended, so a process
/// is started that has this one child.
fn peak(command: Command) -> Result<Option<i64>> {
    let mut alone = Command::new(std::env::current_exe()?);
    alone.arg("peak-memory").arg(command.get_program()).args(command.get_args());
    let text = output(alone.stdin(Stdio::null()))?;
    Ok(text.trim().parse().ok())
}

/// Runs a command and prints the peak memory of it in KiB.
#[cfg(unix)]
pub(crate) fn print_peak(arguments: &[String]) -> Result<()> {
    use nix::sys::resource::{UsageWho, getrusage};
    let (program, arguments) = arguments.split_first().context("no command")?;
    Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let most = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    // macOS counts in bytes, the others in KiB.
    println!("{}", if cfg!(target_os = "macos") { most / 1024 } else { most });
    Ok(())
}

/// Elsewhere nobody tells.
#[cfg(not(unix))]
pub(crate) fn print_peak(_: &[String]) -> Result<()> {
    Ok(())
}

/// `ehlo lab`, ended when it goes out of scope.
struct Lab {
    child: Child,
    smtp: u16,
    imap: u16,
    ca: PathBuf,
}

impl Lab {
    fn start(ehlo: &Path, ca: &Path) -> Result<Lab> {
        Lab::start_with(ehlo, ca, &[])
    }

    fn start_with(ehlo: &Path, ca: &Path, arguments: &[&str]) -> Result<Lab> {
        let mut child = Command::new(ehlo)
            .args(["lab", "--port-base", "0", "--ca-out"])
            .arg(ca)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let (mut smtp, mut imap) = (None, None);
        while let Some(line) = lines.next().transpose()? {
            if let Some(rest) = line.trim().strip_prefix("smtp://127.0.0.1:") {
                smtp = rest.split(' ').next().and_then(|p| p.parse().ok());
            }
            if let Some(rest) = line.trim().strip_prefix("imap://127.0.0.1:") {
                imap = rest.split(' ').next().and_then(|p| p.parse().ok());
            }
            if line.contains("CA:") {
                break;
            }
        }
        std::thread::spawn(move || lines.count());
        match (smtp, imap) {
            (Some(smtp), Some(imap)) => Ok(Lab { child, smtp, imap, ca: ca.to_path_buf() }),
            _ => bail!("the lab tells no port for SMTP or IMAP"),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
