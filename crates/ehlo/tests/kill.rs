//! Nothing that was acknowledged is lost when the lab is killed (SIGKILL) at any moment: clients deliver by SMTP and
//! append, flag and expunge by IMAP until it happens; then the same directory is looked at again.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[path = "cli/common.rs"]
#[allow(dead_code, reason = "what the other tests need")]
mod common;

use common::{RunningLab, folder};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// So often it is killed.
const ROUNDS: u64 = 20;
/// So many messages each client would bring in a round if it were left alone.
const EACH: usize = 500;

/// What clients were told before the end.
#[derive(Default)]
struct Acknowledged {
    /// Messages that are there.
    there: BTreeSet<String>,
    /// Their UIDs, where that was told (APPENDUID).
    uids: BTreeMap<String, u32>,
    /// Those that were flagged.
    flagged: BTreeSet<String>,
    /// Those that were expunged.
    gone: BTreeSet<String>,
    /// Those whose flagging or expunging was under way: either is right.
    open: BTreeSet<String>,
    validity: Option<u32>,
}

impl Acknowledged {
    fn take(&mut self, other: Acknowledged) {
        self.there.extend(other.there);
        self.uids.extend(other.uids);
        self.flagged.extend(other.flagged);
        self.gone.extend(other.gone);
        self.open.extend(other.open);
        if let (Some(one), Some(other)) = (self.validity, other.validity) {
            assert_eq!(one, other, "UIDVALIDITY");
        }
        self.validity = self.validity.or(other.validity);
    }
}

/// A message that shows whether it is whole.
fn mail(token: &str) -> String {
    let line = format!("{token} goes on and on, so that it takes more than one block of the disk\r\n");
    let lines = 1 + token.bytes().map(usize::from).sum::<usize>() % 200;
    format!(
        "Subject: {token}\r\nMessage-ID: <{token}@kill.test>\r\n\r\n{}end of {token}\r\n",
        line.repeat(lines)
    )
}

struct Client {
    input: BufReader<TcpStream>,
    tags: u32,
}

impl Client {
    fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Client { input: BufReader::new(stream), tags: 0 })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    /// An SMTP reply.
    fn reply(&mut self) -> io::Result<String> {
        loop {
            let line = self.line()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.input.get_mut().write_all(text.as_bytes())
    }

    /// An IMAP command; the tagged answer, and what came in front of it.
    fn command(&mut self, text: &str) -> io::Result<(String, Vec<String>)> {
        self.tags += 1;
        let tag = format!("k{} ", self.tags);
        self.say(&format!("{tag}{text}\r\n"))?;
        let mut untagged = Vec::new();
        loop {
            let line = self.line()?;
            if line.starts_with(&tag) {
                return Ok((line[tag.len()..].to_owned(), untagged));
            }
            untagged.push(line);
        }
    }

    fn login(port: u16) -> io::Result<Client> {
        let mut client = Client::connect(port)?;
        client.line()?;
        assert!(client.command("LOGIN alice wonderland")?.0.starts_with("OK"));
        assert!(client.command("SELECT INBOX")?.0.starts_with("OK"));
        Ok(client)
    }
}

/// Delivers until it ends.
fn deliver(port: u16, name: &str, done: &mut Acknowledged) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    client.reply()?;
    client.say("EHLO client.test\r\n")?;
    client.reply()?;
    for n in 0..EACH {
        let token = format!("{name}-{n}");
        client.say("MAIL FROM:<a@kill.test>\r\nRCPT TO:<alice@lab.test>\r\nDATA\r\n")?;
        for wanted in ["250", "250", "354"] {
            let reply = client.reply()?;
            assert!(reply.starts_with(wanted), "{reply}");
        }
        client.say(&format!("{}.\r\n", mail(&token)))?;
        let reply = client.reply()?;
        assert!(reply.starts_with("250"), "{reply}");
        done.there.insert(token);
    }
    Ok(())
}

/// Appends until it ends, and flags or expunges some of it.
fn append(port: u16, name: &str, done: &mut Acknowledged) -> io::Result<()> {
    let mut client = Client::login(port)?;
    for n in 0..EACH {
        let token = format!("{name}-{n}");
        let mail = mail(&token);
        let (answer, _) = client.command(&format!("APPEND INBOX {{{}+}}\r\n{mail}", mail.len()))?;
        assert!(answer.starts_with("OK [APPENDUID "), "{answer}");
        let mut words = answer["OK [APPENDUID ".len()..].split([' ', ']']);
        done.validity = Some(words.next().unwrap().parse().unwrap());
        let uid: u32 = words.next().unwrap().parse().unwrap();
        done.there.insert(token.clone());
        done.uids.insert(token.clone(), uid);
        if n % 5 == 0 {
            done.open.insert(token.clone());
            let (answer, _) = client.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Flagged killed)"))?;
            assert!(answer.starts_with("OK"), "{answer}");
            done.open.remove(&token);
            done.flagged.insert(token.clone());
        }
        if n % 7 == 0 {
            let (answer, _) = client.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?;
            assert!(answer.starts_with("OK"), "{answer}");
            done.open.insert(token.clone());
            let (answer, _) = client.command(&format!("UID EXPUNGE {uid}"))?;
            assert!(answer.starts_with("OK"), "{answer}");
            done.open.remove(&token);
            done.gone.insert(token);
        }
    }
    Ok(())
}

struct Seen {
    uid: u32,
    flags: String,
    size: usize,
}

/// What IMAP shows: subjects, UIDs, flags and sizes; none is there twice.
fn by_imap(port: u16) -> (u32, BTreeMap<String, Seen>) {
    let mut client = Client::login(port).unwrap();
    let (_, untagged) = client.command("STATUS INBOX (UIDVALIDITY)").unwrap();
    let status = untagged.iter().find(|line| line.contains("UIDVALIDITY ")).unwrap();
    let validity = status.split("UIDVALIDITY ").nth(1).unwrap().trim_end_matches([')', '\r', '\n']);
    let (answer, lines) =
        client.command("UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])").unwrap();
    assert!(answer.starts_with("OK"), "{answer}");
    let mut found = BTreeMap::new();
    let mut current = String::new();
    for line in lines {
        if line.contains(" FETCH (") {
            current = line;
        } else if let Some(token) = line.strip_prefix("Subject: ") {
            let after = |key: &str| current.split(key).nth(1).unwrap_or_default();
            let number = |key: &str| after(key).split([' ', ')']).next().unwrap().parse::<usize>().unwrap();
            let seen = Seen {
                uid: u32::try_from(number("UID ")).unwrap(),
                flags: after("FLAGS (").split(')').next().unwrap().to_owned(),
                size: number("RFC822.SIZE "),
            };
            assert!(found.insert(token.trim_end().to_owned(), seen).is_none(), "twice: {token}");
        }
    }
    (validity.parse().unwrap(), found)
}

/// What the files hold: every one is whole, and nothing waits any more.
fn on_disk(account: &Path, whole: &mut BTreeSet<String>) -> BTreeMap<String, usize> {
    assert_eq!(std::fs::read_dir(account.join("tmp")).unwrap().count(), 0, "something is left in tmp");
    let mut found = BTreeMap::new();
    for part in ["new", "cur"] {
        for entry in std::fs::read_dir(account.join(part)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let base = name.split(':').next().unwrap().to_owned();
            let mut file = std::fs::File::open(entry.path()).unwrap();
            let size = usize::try_from(file.metadata().unwrap().len()).unwrap();
            // What was whole once stays so: nobody writes to it.
            let mut text = vec![0; if whole.contains(&base) { size.min(400) } else { size }];
            file.read_exact(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
            if whole.insert(base) {
                assert!(text.ends_with(&mail(subject)), "torn: {name}");
            }
            assert!(found.insert(subject.to_owned(), size).is_none(), "twice on the disk: {subject}");
        }
    }
    found
}

/// The finaliser of SplitMix64.
fn random(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let store = folder("kill-store");
    let arguments = ["--store", store.to_str().unwrap(), "--fault", "auth-clear-accepted"];
    let mut all = Acknowledged::default();
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    let mut whole = BTreeSet::new();
    let mut lab = RunningLab::start("kill", &arguments);
    for round in 0..ROUNDS {
        let (smtp, imap) = (lab.port("smtp"), lab.port("imap"));
        let clients: Vec<_> = (0..4)
            .map(|client| {
                std::thread::spawn(move || {
                    let mut done = Acknowledged::default();
                    let name = format!("r{round}c{client}");
                    // The end of the lab is the end of the client; what it was told counts.
                    let _ = match client % 2 {
                        0 => deliver(smtp, &name, &mut done),
                        _ => append(imap, &name, &mut done),
                    };
                    done
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(30 + random(round) % 1200));
        // Ends by SIGKILL.
        drop(lab);
        for client in clients {
            all.take(client.join().unwrap());
        }
        let start = Instant::now();
        lab = RunningLab::start("kill", &arguments);
        let (validity, found) = by_imap(lab.port("imap"));
        let disk = on_disk(&store.join("alice"), &mut whole);
        assert_eq!(validity, all.validity.unwrap_or(validity));
        all.validity = Some(validity);
        for token in &all.there {
            match found.get(token) {
                None => assert!(all.gone.contains(token) || all.open.contains(token), "lost: {token}"),
                Some(_) => assert!(!all.gone.contains(token), "came back: {token}"),
            }
        }
        let mut uids = BTreeSet::new();
        for (token, seen) in &found {
            assert_eq!(disk.get(token), Some(&seen.size), "{token}");
            assert!(uids.insert(seen.uid), "UID {} twice", seen.uid);
            let known = told.insert(token.clone(), seen.uid).or(all.uids.get(token).copied());
            assert_eq!(known.unwrap_or(seen.uid), seen.uid, "another UID: {token}");
            if all.flagged.contains(token) {
                assert!(
                    seen.flags.contains("\\Flagged") && seen.flags.contains("killed"),
                    "{token}: {}",
                    seen.flags
                );
            }
        }
        assert_eq!(disk.len(), found.len());
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
    // No UID was ever given to two messages, also not to one that is gone.
    let mut given: BTreeMap<u32, &String> = BTreeMap::new();
    for (token, uid) in told.iter().chain(&all.uids) {
        let other = given.insert(*uid, token);
        assert!(other.is_none_or(|other| other == token), "UID {uid}: {token} and {other:?}");
    }
    assert!(all.there.len() > 100 && all.gone.len() > 2 && all.flagged.len() > 2, "{}", all.there.len());
}
