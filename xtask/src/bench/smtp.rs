//! Messages a second: the lab, which keeps them, beside Postfix's `smtp-sink`, which throws them away. Both are fed by
//! the same `smtp-source`, in turn.

use super::{Free, Lab, median, row};
use crate::programs::{of_postfix, postfix};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Messages of one run; enough that starting does not count.
const MESSAGES: u32 = 20_000;
/// Runs of each; the median counts.
const ROUNDS: usize = 3;

pub(super) fn run(ehlo: &Path, folder: &Path) -> Result<()> {
    let tree = postfix()?;
    let sink = Sink::start(&tree)?;
    println!("\n{MESSAGES} messages of 4 KiB over 8 connections (smtp-source -s 8 -l 4096)");
    println!("{:44}{:>12}{:>12}", "", "ehlo lab", "smtp-sink");
    for (name, switch) in
        [("a connection for each message", None), ("many messages over one (-d)", Some("-d"))]
    {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            // A fresh one, so that none has more mail in memory than another.
            let lab = Lab::start(ehlo, &folder.join("ca.pem"))?;
            ours.push(feed(&tree, lab.smtp, switch)?);
            drop(lab);
            theirs.push(feed(&tree, sink.port, switch)?);
        }
        let rate = |times: &mut Vec<Duration>| f64::from(MESSAGES) / median(times).as_secs_f64();
        row(name, rate(&mut ours), rate(&mut theirs), "/s", "smtp-sink");
    }
    Ok(())
}

/// Sends all messages and yields how long it took.
fn feed(tree: &Path, port: u16, switch: Option<&str>) -> Result<Duration> {
    let mut command = of_postfix(tree, "smtp-source")?;
    command.args(switch).args(["-s", "8", "-l", "4096", "-m", &MESSAGES.to_string()]);
    command.args(["-f", "x@example.org", "-t", "alice@lab.test", &format!("127.0.0.1:{port}")]);
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).status()?;
    let time = start.elapsed();
    if !status.success() {
        bail!("smtp-source failed ({status})");
    }
    Ok(time)
}

/// `smtp-sink`, ended when it goes out of scope.
pub(super) struct Sink {
    child: Child,
    /// Where it listens.
    pub(super) port: u16,
}

impl Sink {
    pub(super) fn start(tree: &Path) -> Result<Sink> {
        let port = Free::port()?;
        let mut command = of_postfix(tree, "smtp-sink")?;
        if crate::steps::output(Command::new("id").arg("-u"))?.trim() == "0" {
            // It will not run as root.
            command.args(["-u", "nobody"]);
        }
        let child = command.args([&format!("127.0.0.1:{port}"), "200"]).stdin(Stdio::null()).spawn()?;
        let sink = Sink { child, port };
        Free::wait_for(port).context("smtp-sink does not listen")?;
        Ok(sink)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
