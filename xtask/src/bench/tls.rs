//! What a server takes in TLS: `ehlo check` beside the scanners that people use, on the same SMTP service with STARTTLS, with
//! and without a delay in front of each of its answers. Connections are counted by who stands in between.

use super::{Free, Lab};
use crate::programs::sslyze;
use crate::steps::has;
use anyhow::{Context as _, Result};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// In front of each answer of the server.
const DELAYS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(20)];

pub(super) fn run(ehlo: &Path, folder: &Path) -> Result<()> {
    let lab = Lab::start(ehlo, &folder.join("ca.pem"))?;
    let proxies = [Proxy::start(lab.smtp, DELAYS[0])?, Proxy::start(lab.smtp, DELAYS[1])?];
    println!(
        "\n{:44}{:>13}{:>12}{:>15}",
        "TLS of an SMTP service with STARTTLS", "connections", "no delay", "20 ms a reply"
    );
    let ca = lab.ca.to_string_lossy().into_owned();
    let check = |more: &'static [&'static str]| {
        let (ehlo, ca) = (ehlo.to_path_buf(), ca.clone());
        move |port: u16| {
            let mut command = Command::new(&ehlo);
            command
                .args(["check", &format!("smtp://127.0.0.1:{port}"), "--ca", &ca, "--only", "tls"])
                .args(more);
            command
        }
    };
    row("ehlo check --only tls", &proxies, check(&[]))?;
    row("ehlo check --only tls --tls-list", &proxies, check(&["--tls-list"]))?;
    other("sslscan", "sslscan --starttls-smtp", &proxies, |port| {
        let mut command = Command::new("sslscan");
        command.args(["--starttls-smtp", &format!("127.0.0.1:{port}")]);
        command
    })?;
    // Without the network it may be there all the same.
    let sslyze = sslyze().unwrap_or_else(|_| PathBuf::from("sslyze")).to_string_lossy().into_owned();
    other(&sslyze, "sslyze --starttls=smtp", &proxies, |port| {
        let mut command = Command::new(&sslyze);
        command.args(["--starttls=smtp", &format!("127.0.0.1:{port}")]);
        command
    })?;
    other("nmap", "nmap -sV --script ssl-enum-ciphers", &proxies, |port| {
        let mut command = Command::new("nmap");
        command.args(["-Pn", "-sV", "--script", "ssl-enum-ciphers", "-p", &port.to_string(), "127.0.0.1"]);
        command
    })?;
    other("testssl", "testssl -t smtp", &proxies, |port| {
        let mut command = Command::new("testssl");
        command.args([
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "-t",
            "smtp",
            &format!("127.0.0.1:{port}"),
        ]);
        command
    })
}

/// A program of somebody else, if it is there.
fn other(program: &str, name: &str, proxies: &[Proxy; 2], command: impl Fn(u16) -> Command) -> Result<()> {
    if !has(program) && !Path::new(program).exists() {
        println!("{name:44}{:>13}", "not installed");
        return Ok(());
    }
    row(name, proxies, command)
}

fn row(name: &str, proxies: &[Proxy; 2], command: impl Fn(u16) -> Command) -> Result<()> {
    let mut times = Vec::new();
    let mut connections = Vec::new();
    for proxy in proxies {
        let before = proxy.connections.load(Ordering::SeqCst);
        let start = Instant::now();
        let mut command = command(proxy.port);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().with_context(|| name.to_owned())?;
        times.push(start.elapsed());
        connections.push(proxy.connections.load(Ordering::SeqCst) - before);
    }
    let counted = match connections.as_slice() {
        [a, b] if a == b => a.to_string(),
        all => all.iter().map(u32::to_string).collect::<Vec<_>>().join("/"),
    };
    let seconds = |at: usize| times.get(at).map_or(0.0, Duration::as_secs_f64);
    println!("{name:44}{counted:>13}{:>10.2} s{:>13.2} s", seconds(0), seconds(1));
    Ok(())
}

/// Stands in front of a server, counts connections, and holds back what the server says.
struct Proxy {
    port: u16,
    connections: Arc<AtomicU32>,
}

impl Proxy {
    /// It listens as long as the process lives.
    fn start(to: u16, delay: Duration) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let connections = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&connections);
        Free::wait_for(to)?;
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || carry(client, to, delay));
            }
        });
        Ok(Proxy { port, connections })
    }
}

/// Carries bytes both ways until both sides have ended.
fn carry(client: TcpStream, to: u16, delay: Duration) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let other_way = std::thread::spawn(move || copy(from_client, to_server, Duration::ZERO));
    let result = copy(server, client, delay);
    let _ = other_way.join();
    result
}

fn copy(mut from: TcpStream, mut to: TcpStream, delay: Duration) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        if read > 0 || !delay.is_zero() {
            std::thread::sleep(delay);
        }
        let written = read > 0 && to.write_all(&buffer[..read]).is_ok();
        if !written {
            let _ = to.shutdown(Shutdown::Write);
            return Ok(());
        }
    }
}
