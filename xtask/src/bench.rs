//! Speed and size, beside the tools that people use for the same work. All in one run, on one machine, because
//! numbers of different days prove nothing.

use crate::docs::target;
use crate::steps::{cargo, output, step};
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each command; the median counts.
const RUNS: usize = 15;

/// Prints the tables.
pub(crate) fn run() -> Result<()> {
    step("build", cargo().args(["build", "--release", "--workspace", "--locked", "--quiet"]))?;
    let ehlo = target().join("release").join(format!("ehlo{}", std::env::consts::EXE_SUFFIX));
    let ehlo = std::path::absolute(ehlo)?;
    check_lab(&ehlo)?;
    beside_others(&ehlo)
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
    ca: PathBuf,
}

impl Lab {
    fn start(ehlo: &Path, ca: &Path) -> Result<Lab> {
        let mut child = Command::new(ehlo)
            .args(["lab", "--port-base", "0", "--ca-out"])
            .arg(ca)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut smtp = None;
        while let Some(line) = lines.next().transpose()? {
            if let Some(rest) = line.trim().strip_prefix("smtp://127.0.0.1:") {
                smtp = rest.split(' ').next().and_then(|p| p.parse().ok());
            }
            if line.contains("CA:") {
                break;
            }
        }
        std::thread::spawn(move || lines.count());
        match smtp {
            Some(smtp) => Ok(Lab { child, smtp, ca: ca.to_path_buf() }),
            None => bail!("the lab tells no port for SMTP"),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
