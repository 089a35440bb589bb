//! Many clients at once against the built lab: a thousand that wait in IDLE and two hundred that work. None costs much,
//! none is forgotten, none starves.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by failing")]
#![allow(clippy::print_stdout, reason = "what was measured is told with --nocapture")]

#[path = "cli/common.rs"]
#[allow(dead_code, reason = "shared with other tests; here only the lab is needed")]
mod common;

use common::{RunningLab, folder};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections that wait, each with an account of its own.
const ALONE: usize = 900;
/// Connections that wait on one and the same account.
const TOGETHER: usize = 100;
/// Connections that work, two on an account.
const BUSY: usize = 200;
/// What one waiting connection may cost the server.
const MOST_MEMORY: u64 = 64 * 1024;
/// Answers in the work of one connection before it counts as having had its turn.
const FAIR_SHARE: usize = 10;
/// Everything must have happened by then. Only what hangs comes near.
const DEADLINE: Duration = Duration::from_secs(55);

/// A client that speaks in lines.
struct Client {
    stream: BufReader<TcpStream>,
    number: usize,
}

impl Client {
    /// Connects, logs in and opens INBOX.
    async fn new(port: u16, account: &str) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        // Small, since there are more than a thousand.
        let mut client = Client { stream: BufReader::with_capacity(1024, stream), number: 0 };
        client.line().await;
        client.say(&format!("LOGIN {account} secret")).await;
        client.say("SELECT INBOX").await;
        client
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        assert!(self.stream.read_until(b'\n', &mut line).await.unwrap() > 0, "the lab hung up");
        String::from_utf8(line).unwrap()
    }

    async fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a command and yields the tagged line. It must say OK, or that another connection removed messages that are
    /// named (RFC 5530).
    async fn say(&mut self, command: &str) -> String {
        self.number += 1;
        let tag = format!("c{}", self.number);
        self.send(&format!("{tag} {command}\r\n")).await;
        loop {
            let line = self.line().await;
            if let Some(status) = line.strip_prefix(&format!("{tag} ")) {
                let good = status.starts_with("OK") || status.starts_with("NO [EXPUNGEISSUED]");
                assert!(good, "{command}: {line}");
                return line;
            }
        }
    }

    /// Begins to wait.
    async fn idle(&mut self) {
        self.send("i IDLE\r\n").await;
        while !self.line().await.starts_with('+') {}
    }

    /// Waits until it is told of a message.
    async fn told(&mut self) {
        while self.line().await.trim_end() != "* 1 EXISTS" {}
    }

    /// One round of work; `answered` counts each answer and how long it took.
    async fn work(&mut self, answered: &mut Vec<Duration>) {
        let message = "Subject: work\r\n\r\nA short message.\r\n";
        let mut commands =
            VecDeque::from(["NOOP".to_owned(), format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())]);
        while let Some(command) = commands.pop_front() {
            let start = Instant::now();
            let answer = self.say(&command).await;
            answered.push(start.elapsed());
            // UIDPLUS: `[APPENDUID validity uid]`.
            if let Some((_, rest)) = answer.split_once("[APPENDUID ") {
                let uid = rest.split([' ', ']']).nth(1).unwrap();
                commands.extend([
                    format!("UID FETCH {uid} (FLAGS ENVELOPE BODY.PEEK[])"),
                    "FETCH 1:* (UID FLAGS)".to_owned(),
                    format!("UID STORE {uid} +FLAGS (\\Seen \\Deleted)"),
                    format!("UID EXPUNGE {uid}"),
                ]);
            }
        }
    }
}

/// The resident memory of a process in bytes.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Raises the number of files that this process and those that it starts may open. False where that is forbidden.
fn many_files() -> bool {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let wanted = (ALONE + TOGETHER + BUSY + 200) as u64;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    soft >= wanted || (hard >= wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok())
}

/// Delivers a message to each of these accounts, by LMTP.
async fn deliver(port: u16, accounts: &[String]) {
    for some in accounts.chunks(50) {
        let mut text = String::from("LHLO test\r\nMAIL FROM:<>\r\n");
        for account in some {
            text.push_str(&format!("RCPT TO:<{account}@lab.test>\r\n"));
        }
        text.push_str("DATA\r\nSubject: news\r\n\r\nx\r\n.\r\nQUIT\r\n");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said.matches("250 2.0.0 <").count(), some.len(), "{said}");
    }
}

/// What the crowd came to.
struct Outcome {
    /// Memory of the server for each waiting connection, in bytes.
    each: u64,
    /// For each working connection: its answers and the slowest of them.
    busy: Vec<(usize, Duration)>,
    /// From the first delivery until the last waiting connection knew.
    told_after: Duration,
}

async fn crowd(lab: &RunningLab, alone: Vec<String>) -> Outcome {
    let (imap, lmtp, pid) = (lab.port("imap"), lab.port("lmtp"), lab.pid());
    // What the server needs once is there before it is measured.
    let mut first = Client::new(imap, "warm").await;
    let mut ignored = Vec::new();
    first.work(&mut ignored).await;
    let before = memory(pid);

    let mut connecting = JoinSet::new();
    for account in alone.iter().cloned().chain((0..TOGETHER).map(|_| "together".to_owned())) {
        connecting.spawn(async move {
            let mut client = Client::new(imap, &account).await;
            client.idle().await;
            client
        });
    }
    let waiting = connecting.join_all().await;
    let each = memory(pid).saturating_sub(before) / (ALONE + TOGETHER) as u64;

    let stop = Arc::new(AtomicBool::new(false));
    // Those that have not had their turn yet.
    let hungry = Arc::new(AtomicUsize::new(BUSY));
    let mut working = JoinSet::new();
    for number in 0..BUSY {
        let (stop, hungry) = (Arc::clone(&stop), Arc::clone(&hungry));
        working.spawn(async move {
            let mut client = Client::new(imap, &format!("busy{}", number / 2)).await;
            let mut answered = Vec::new();
            let mut fed = false;
            while !stop.load(Ordering::Relaxed) {
                client.work(&mut answered).await;
                if !fed && answered.len() >= FAIR_SHARE {
                    fed = true;
                    hungry.fetch_sub(1, Ordering::Relaxed);
                }
            }
            (answered.len(), answered.into_iter().max().unwrap())
        });
    }

    let start = Instant::now();
    let mut hearing = JoinSet::new();
    for mut client in waiting {
        hearing.spawn(async move {
            client.told().await;
            client
        });
    }
    let mut accounts = alone;
    accounts.push("together".into());
    deliver(lmtp, &accounts).await;
    let waiting = hearing.join_all().await;
    let told_after = start.elapsed();
    assert_eq!(waiting.len(), ALONE + TOGETHER);
    // Those that work go on until each had its turn: how many answers the quickest has by then is what is compared.
    while hungry.load(Ordering::Relaxed) > 0 {
        assert!(working.try_join_next().is_none(), "one that works has ended");
        first.work(&mut ignored).await;
    }
    stop.store(true, Ordering::Relaxed);
    let busy = working.join_all().await;
    println!("all have worked; {} wait", waiting.len());
    // Whoever waited can still speak.
    for mut client in waiting {
        client.send("DONE\r\n").await;
        let mut line = client.line().await;
        while !line.starts_with("i ") {
            line = client.line().await;
        }
        assert!(line.starts_with("i OK"), "{line}");
    }
    Outcome { each, busy, told_after }
}

#[test]
fn a_crowd_is_served() {
    if !many_files() {
        assert!(std::env::var_os("EHLO_ALL_CLIENTS").is_none(), "not enough files may be open");
        return;
    }
    let alone: Vec<String> = (0..ALONE).map(|n| format!("alone{n}")).collect();
    let mut accounts: Vec<String> = alone.clone();
    accounts.extend((0..BUSY / 2).map(|n| format!("busy{n}")));
    accounts.extend(["together".to_owned(), "warm".to_owned()]);
    let file = folder("crowd-accounts").join("accounts");
    std::fs::write(&file, accounts.iter().map(|a| format!("{a}:secret\n")).collect::<String>()).unwrap();
    // In the clear: what is measured is the lab, not TLS.
    let lab =
        RunningLab::start("crowd", &["--accounts", file.to_str().unwrap(), "--fault", "auth-clear-accepted"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        tokio::time::timeout(DEADLINE, crowd(&lab, alone)).await.expect("the crowd is not served in time")
    });

    let mut counts: Vec<usize> = outcome.busy.iter().map(|(count, _)| *count).collect();
    counts.sort_unstable();
    let (least, median) = (counts[0], counts[counts.len() / 2]);
    let slowest = outcome.busy.iter().map(|(_, slowest)| *slowest).max().unwrap();
    println!(
        "{} KiB for each that waits; the last was told after {:?}; answers: least {least}, median {median}, most {}, \
         slowest {slowest:?}",
        outcome.each / 1024,
        outcome.told_after,
        counts[counts.len() - 1]
    );
    assert!(outcome.each < MOST_MEMORY, "a waiting connection costs {} bytes", outcome.each);
    assert!(least * 10 >= median, "starved: {least} answers where the median is {median}");
    // Not a matter of speed: whoever waits as long as this was passed over.
    assert!(slowest < Duration::from_secs(20), "one answer took {slowest:?}");
}
