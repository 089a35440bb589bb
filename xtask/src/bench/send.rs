//! Messages from the client's side: `ehlo send` beside swaks, both to Postfix's `smtp-sink`, in turn.

use super::smtp::Sink;
use super::{measure, median, peak};
use crate::programs::postfix;
use crate::steps::has;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Messages of the second table.
const MESSAGES: u32 = 1000;
/// Runs of `ehlo send` for that; the median counts. swaks is a process for each message, and one run of it is enough.
const ROUNDS: usize = 3;
/// The large file, in MiB.
const LARGE: u64 = 256;

pub(super) fn run(ehlo: &Path, folder: &Path) -> Result<()> {
    let sink = Sink::start(&postfix()?)?;
    if !has("swaks") {
        bail!("swaks is not installed");
    }
    let port = sink.port.to_string();
    let url = format!("smtp://127.0.0.1:{port}");
    let ours = |more: &[&str]| {
        let mut command = Command::new(ehlo);
        command.args([
            "send",
            &url,
            "--from",
            "x@example.org",
            "--to",
            "y@example.org",
            "--helo",
            "x.example",
        ]);
        command.args(["--quiet"]).args(more);
        command
    };
    let theirs = || {
        let mut command = Command::new("swaks");
        command.args(["--server", "127.0.0.1", "--port", &port, "--from", "x@example.org"]);
        command.args(["--to", "y@example.org", "--helo", "x.example", "--hide-all"]);
        command
    };
    println!("\n{:44}{:>12}{:>10}", "to smtp-sink", "wall time", "peak MiB");
    let (a, b) = (measure(|| ours(&[]))?, measure(theirs)?);
    println!("{:44}{:>9.1} ms{:>10}", "ehlo send, one message", a.ms(), a.memory());
    println!("{:44}{:>9.1} ms{:>10}", "swaks, one message", b.ms(), b.memory());

    let count = MESSAGES.to_string();
    let many = || ours(&["--count", &count]);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(timed(many())?);
    }
    let many_ours = median(&mut times);
    let start = Instant::now();
    for _ in 0..MESSAGES {
        timed(theirs())?;
    }
    let many_theirs = start.elapsed();
    let memory =
        |kib: Option<i64>| kib.map_or_else(|| "?".into(), |kib| format!("{:.1}", kib as f64 / 1024.0));
    let peak_many = peak(many())?;
    let line = |name: String, time: Duration, memory: String| {
        println!("{name:44}{:>9.1} ms{memory:>10}", time.as_secs_f64() * 1000.0);
    };
    line(format!("ehlo send --count {MESSAGES}"), many_ours, memory(peak_many));
    line(format!("swaks, {MESSAGES} times"), many_theirs, b.memory());

    let file = folder.join("large.bin");
    std::fs::File::create(&file)?.set_len(LARGE << 20)?;
    let attached = file.display().to_string();
    let large = || ours(&["--attach", &attached, "--force"]);
    let time = timed(large())?;
    line(format!("ehlo send --attach, {LARGE} MiB"), time, memory(peak(large())?));
    println!();
    println!(
        "one message: ehlo send is {:.1} times as fast as swaks",
        b.wall.as_secs_f64() / a.wall.as_secs_f64()
    );
    println!(
        "{MESSAGES} messages: ehlo send is {:.1} times as fast as swaks",
        many_theirs.as_secs_f64() / many_ours.as_secs_f64()
    );
    Ok(())
}

fn timed(mut command: Command) -> Result<Duration> {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        bail!("{:?} failed ({status})", command.get_program());
    }
    Ok(start.elapsed())
}
