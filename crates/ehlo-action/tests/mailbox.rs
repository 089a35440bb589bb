//! Mailboxes of the lab in memory, looked into by IMAP and POP3 on a virtual clock.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_action::Target;
use ehlo_action::mailbox::{
    Item, Lookout, MailboxOptions, MailboxReport, Page, Query, Shown, Sink, Trouble, Verb, WatchFor, Which,
    run,
};
use ehlo_action::send;
use ehlo_core::mailbox::{Change, ChangeState, Folder, Happening, MessageLine, Quota, Reading, Rights};
use ehlo_core::{Address, Cause, Endpoint, Family, Limits, Scheme, is_escaped};
use ehlo_dialogue::{ConnectionOptions, Connector, Dialer, LoginOptions, Transport, Trust};
use ehlo_lab::{ActiveFault, Acts, FAULTS, Lab, LabConfig, Message, Service};
use ehlo_wire::sasl::Credentials;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const NOW: i64 = 1_800_000_000;
const USER: &str = "benutzername";
const BOTH: [Scheme; 2] = [Scheme::Imaps, Scheme::Pop3s];

struct LabInMemory(Arc<Lab>);

impl Dialer for LabInMemory {
    fn dial(&self, address: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)> {
        let Address::Ip(address) = address else { return Err(io::ErrorKind::Unsupported.into()) };
        let scheme = Scheme::ALL.iter().copied().find(|s| s.port() == address.port()).unwrap();
        let service = Service { scheme, family: Family::V4 };
        if !self.0.settings(service).listening {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let lab = Arc::clone(&self.0);
        tokio::spawn(async move { lab.serve_stream(service, theirs).await });
        Ok((Box::new(ours), SocketAddr::from(([192, 0, 2, 1], 40_000))))
    }
}

/// What was found.
#[derive(Default)]
struct Found {
    folders: Vec<Folder>,
    messages: Vec<MessageLine>,
    readings: Vec<Reading>,
    bytes: Vec<u8>,
    largest: usize,
    quotas: Vec<Quota>,
    rights: Vec<Rights>,
    changes: Vec<Change>,
    events: Vec<Happening>,
    /// Told when the watch has begun.
    watching: Option<Arc<Notify>>,
}

impl Sink for Found {
    fn take(&mut self, item: Item<'_>) -> io::Result<()> {
        match item {
            Item::Folder(folder) => self.folders.push(folder.clone()),
            Item::Message(line) => self.messages.push(line.clone()),
            Item::Reading(reading) => self.readings.push(reading.clone()),
            Item::Bytes(bytes) => {
                self.largest = self.largest.max(bytes.len());
                self.bytes.extend_from_slice(bytes);
            }
            Item::Quota(quota) => self.quotas.push(quota.clone()),
            Item::Rights(rights) => self.rights.push(rights.clone()),
            Item::Change(change) => self.changes.push(change.clone()),
            Item::Happening(happening) => {
                if let (Happening::Watching { .. }, Some(notify)) = (happening, &self.watching) {
                    notify.notify_one();
                }
                self.events.push(happening.clone());
            }
        }
        Ok(())
    }
}

fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

fn put(lab: &Lab, mailbox: &str, text: &str) {
    let message = Message::new(text.replace('\n', "\r\n").into_bytes(), NOW);
    lab.store().add(USER, mailbox, message).unwrap();
}

/// `count` messages with numbers for subjects.
fn fill(lab: &Lab, count: usize) {
    for n in 1..=count {
        put(
            lab,
            "INBOX",
            &format!(
                "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nTo: {USER}@lab.test\nSubject: no. {n}\nDate: Tue, 24 Nov 2026 18:00:00 +0000\n\ntext {n}\n"
            ),
        );
    }
}

fn options(lab: &Arc<Lab>, folder: Option<&str>, write: bool) -> MailboxOptions {
    let mut trust = Trust::only_given();
    trust.give(lab.authority().root_der().clone());
    MailboxOptions {
        connection: ConnectionOptions {
            limits: Limits { total: Duration::from_secs(100_000), ..Limits::default() },
            family: None,
            connect: None,
            connector: Connector { source: None, dialer: Some(Arc::new(LabInMemory(Arc::clone(lab)))) },
            trust: Arc::new(trust),
            identity: None,
            sni: None,
            helo: None,
            now: NOW,
            seed: 11,
        },
        credentials: Credentials { user: USER.into(), password: "passwort".into(), authzid: String::new() },
        login: LoginOptions::default(),
        folder: folder.map(str::to_owned),
        write,
    }
}

fn target(scheme: Scheme) -> Target {
    Target {
        endpoint: Endpoint::new(scheme, "lab.test", None),
        url: format!("{scheme}://lab"),
        addresses: Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], scheme.port())))]),
    }
}

async fn done(lab: &Arc<Lab>, scheme: Scheme, folder: Option<&str>, verb: Verb) -> (Found, MailboxReport) {
    let mut found = Found::default();
    let options = options(lab, folder, true);
    let (target, stop) = (target(scheme), Notify::new());
    let report = Box::pin(run(&target, &options, &verb, &mut found, &stop)).await;
    (found, report)
}

async fn good(lab: &Arc<Lab>, scheme: Scheme, folder: Option<&str>, verb: Verb) -> Found {
    let (found, report) = done(lab, scheme, folder, verb).await;
    assert!(report.trouble.is_none(), "{scheme}: {:?}", report.trouble);
    found
}

fn which(set: &str) -> Which {
    Which { set: set.into(), by_uid: false }
}

fn show(set: &str, what: Shown) -> Verb {
    Verb::Show { which: which(set), what }
}

#[tokio::test(start_paused = true)]
async fn both_protocols_list_the_same_messages() {
    let lab = lab(&[]);
    fill(&lab, 730);
    for scheme in BOTH {
        let found = good(&lab, scheme, None, Verb::Ls(Page::All)).await;
        assert_eq!(found.messages.len(), 730);
        for (n, line) in (1..).zip(&found.messages) {
            assert_eq!(line.number, n);
            assert_eq!(line.subject.as_ref().unwrap().text, format!("no. {n}"));
            let from = line.from.as_ref().unwrap();
            assert_eq!(from.text, "Jürgen <j@example.org>");
            assert_eq!(from.wire.as_deref(), Some("=?utf-8?q?J=C3=BCrgen?= <j@example.org>"));
            assert_eq!(line.date.as_deref(), Some("2026-11-24T18:00:00Z"));
            assert!(line.uid.is_some() && line.size.unwrap() > 100);
        }
        let newest = good(&lab, scheme, None, Verb::Ls(Page::Newest(20))).await;
        let numbers: Vec<u64> = newest.messages.iter().map(|m| m.number).collect();
        assert_eq!(numbers, (711..=730).collect::<Vec<_>>());
        let set = good(&lab, scheme, None, Verb::Ls(Page::Set(which("3,700:*,9999")))).await;
        let numbers: Vec<u64> = set.messages.iter().map(|m| m.number).collect();
        assert_eq!(numbers, std::iter::once(3).chain(700..=730).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_mailbox_is_no_trouble() {
    let lab = lab(&[]);
    for scheme in BOTH {
        assert!(good(&lab, scheme, None, Verb::Ls(Page::All)).await.messages.is_empty());
        assert!(good(&lab, scheme, None, Verb::Ls(Page::Newest(50))).await.messages.is_empty());
        let (_, report) = done(&lab, scheme, None, show("1", Shown::Raw)).await;
        assert!(matches!(report.trouble, Some(Trouble::NoMessage(_))), "{:?}", report.trouble);
    }
}

#[tokio::test(start_paused = true)]
async fn folders_have_decoded_names_and_counts() {
    let lab = lab(&[]);
    put(&lab, "Entwürfe & mehr", "Subject: x\n\ny\n");
    let found = good(&lab, Scheme::Imaps, None, Verb::List).await;
    let folder = found.folders.iter().find(|f| f.name.text == "Entwürfe & mehr").unwrap();
    assert_eq!(folder.name.wire.as_deref(), Some("Entw&APw-rfe &- mehr"));
    assert_eq!((folder.messages, folder.unseen), (Some(1), Some(1)));
    assert!(folder.size.is_some() && folder.uid_validity.is_some());
    let special: Vec<&str> = found.folders.iter().filter_map(|f| f.special_use.as_deref()).collect();
    assert!(special.contains(&"inbox") && special.contains(&"junk"), "{special:?}");
    let pop3 = good(&lab, Scheme::Pop3s, None, Verb::List).await;
    assert_eq!(pop3.folders.len(), 1);
    // What is in another folder is found under its readable name.
    let there = good(&lab, Scheme::Imaps, Some("Entwürfe & mehr"), Verb::Ls(Page::All)).await;
    assert_eq!(there.messages.len(), 1);
    let (_, report) = done(&lab, Scheme::Pop3s, Some("Entwürfe & mehr"), Verb::Ls(Page::All)).await;
    assert!(matches!(report.trouble, Some(Trouble::Unsupported("folders"))));
    let (_, report) = done(&lab, Scheme::Imaps, Some("nowhere"), Verb::Ls(Page::All)).await;
    match report.trouble {
        Some(Trouble::Refused { command, reply }) => {
            assert!(command == "EXAMINE nowhere" && reply.starts_with("NO "), "{command}: {reply}");
        }
        other => panic!("{other:?}"),
    }
}

/// A message that is larger than one piece, with lines that begin with dots and one that is long.
fn large() -> Vec<u8> {
    let mut text = b"Subject: large\r\nContent-Type: text/plain\r\n\r\n".to_vec();
    for n in 0..40_000 {
        text.extend_from_slice(
            format!("{}{n} and so on, and so on\r\n", if n % 7 == 0 { "." } else { "" }).as_bytes(),
        );
    }
    text.extend_from_slice(b".\r\n..\r\n\r\n");
    text.extend(vec![b'x'; 100_000]);
    text.extend_from_slice(b"\r\n");
    text
}

#[tokio::test(start_paused = true)]
async fn a_large_message_comes_out_byte_by_byte_and_in_pieces() {
    let lab = lab(&[]);
    let text = large();
    assert!(text.len() > 1_200_000);
    lab.store().add(USER, "INBOX", Message::new(text.clone(), NOW)).unwrap();
    for scheme in BOTH {
        let (found, report) = done(&lab, scheme, None, show("1", Shown::Raw)).await;
        assert!(report.trouble.is_none(), "{:?}", report.trouble);
        assert!(found.bytes == text, "{scheme}: {} of {}", found.bytes.len(), text.len());
        assert!(found.largest < text.len() / 2);
        // The dialogue is kept up to a cap.
        let kept = serde_json::to_string(&report.transcripts).unwrap();
        assert!(kept.len() < 2_000_000, "{}", kept.len());
        let header = good(&lab, scheme, None, show("1", Shown::Header)).await;
        assert_eq!(header.bytes, b"Subject: large\r\nContent-Type: text/plain\r\n\r\n");
        let reading = good(&lab, scheme, None, show("1", Shown::Reading)).await;
        assert!(reading.readings[0].cut && reading.readings[0].text.as_ref().unwrap().len() < 400_000);
    }
}

const PARTS: &str = "From: a@example.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.bin\nContent-Transfer-Encoding: base64\n\nAAECAwQ=\n--b--\n";

#[tokio::test(start_paused = true)]
async fn messages_are_readable_and_stay_unseen() {
    let lab = lab(&[]);
    put(&lab, "INBOX", PARTS);
    for scheme in BOTH {
        let found = good(&lab, scheme, None, show("1", Shown::Reading)).await;
        let reading = &found.readings[0];
        assert_eq!(reading.text.as_deref(), Some("Grüße"), "{scheme}");
        assert_eq!(reading.text_part.as_deref(), Some("1"));
        let subject = reading.header.iter().find(|f| f.name == "Subject").unwrap();
        assert_eq!(subject.value.text, "Grüße");
        assert_eq!(reading.line.attachments.as_deref(), Some(&["Grüße.bin".to_owned()][..]), "{scheme}");
        let structure = good(&lab, scheme, None, show("1", Shown::Structure)).await;
        let parts = &structure.readings[0].parts;
        let ids: Vec<&str> = parts.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["", "1", "2"]);
        assert_eq!(parts[2].disposition.as_deref(), Some("attachment"));
        let part = |raw| show("1", Shown::Part { id: "2".into(), raw });
        assert_eq!(good(&lab, scheme, None, part(false)).await.bytes, [0, 1, 2, 3, 4]);
        assert_eq!(good(&lab, scheme, None, part(true)).await.bytes.trim_ascii(), b"AAECAwQ=");
        let (_, report) =
            done(&lab, scheme, None, show("1", Shown::Part { id: "7".into(), raw: false })).await;
        assert!(matches!(report.trouble, Some(Trouble::NoPart(_))));
    }
    let line = &good(&lab, Scheme::Imaps, None, Verb::Ls(Page::All)).await.messages[0];
    assert!(!line.flags.as_ref().unwrap().contains(&"\\Seen".to_owned()), "{:?}", line.flags);
}

#[tokio::test(start_paused = true)]
async fn searching_finds_the_same_by_both_protocols() {
    let lab = lab(&[]);
    fill(&lab, 120);
    put(&lab, "INBOX", "From: bob@example.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\na needle\n");
    for scheme in BOTH {
        for (query, wanted) in [
            ("subject:Grüße", vec![121]),
            ("needle", vec![121]),
            ("from:j@example subject:\"no. 12\"", vec![12, 120]),
            ("not:from:example", vec![]),
            ("smaller:100", vec![121]),
        ] {
            let found = good(&lab, scheme, None, Verb::Search(Query::parse(query).unwrap())).await;
            let numbers: Vec<u64> = found.messages.iter().map(|m| m.number).collect();
            assert_eq!(numbers, wanted, "{scheme} {query}");
        }
    }
    let unseen = Query::parse("unseen").unwrap();
    assert_eq!(good(&lab, Scheme::Imaps, None, Verb::Search(unseen.clone())).await.messages.len(), 121);
    let (_, report) = done(&lab, Scheme::Pop3s, None, Verb::Search(unseen)).await;
    assert!(matches!(report.trouble, Some(Trouble::Unsupported("flags"))));
}

#[tokio::test(start_paused = true)]
async fn nothing_changes_without_leave() {
    let lab = lab(&[]);
    fill(&lab, 1);
    for scheme in BOTH {
        let mut found = Found::default();
        let verb = Verb::Delete { set: which("1") };
        let report =
            run(&target(scheme), &options(&lab, None, false), &verb, &mut found, &Notify::new()).await;
        assert!(matches!(report.trouble, Some(Trouble::ReadOnly)) && report.transcripts.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn imap_changes_what_it_is_told_to() {
    let lab = lab(&[]);
    fill(&lab, 4);
    let imap = Scheme::Imaps;
    let flag = Verb::Flag { set: which("2"), add: vec!["\\Seen".into(), "$Work".into()], remove: vec![] };
    let changes = good(&lab, imap, None, flag).await.changes;
    let flags = changes[0].flags.clone().unwrap();
    assert!(flags.contains(&"\\Seen".to_owned()) && flags.contains(&"$Work".to_owned()), "{flags:?}");
    let unflag = Verb::Flag { set: which("2"), add: vec!["\\Flagged".into()], remove: vec!["\\Seen".into()] };
    let flags = good(&lab, imap, None, unflag).await.changes[0].flags.clone().unwrap();
    assert!(!flags.contains(&"\\Seen".to_owned()) && flags.contains(&"\\Flagged".to_owned()), "{flags:?}");

    good(&lab, imap, None, Verb::Mkdir { name: "Prüfung".into() }).await;
    let copy = good(&lab, imap, None, Verb::Copy { set: which("1:2"), to: "Prüfung".into() }).await;
    assert!(copy.changes[0].new_uids.is_some());
    let moved = good(&lab, imap, None, Verb::Move { set: which("4"), to: "Prüfung".into() }).await;
    assert_eq!((moved.changes[0].state, moved.changes[0].new_uids.is_some()), (ChangeState::Done, true));
    let rename = Verb::Rename { from: "Prüfung".into(), to: "Ablage".into() };
    good(&lab, imap, None, rename).await;
    assert_eq!(good(&lab, imap, Some("Ablage"), Verb::Ls(Page::All)).await.messages.len(), 3);
    good(&lab, imap, Some("Ablage"), Verb::Delete { set: which("1,3") }).await;
    let left = good(&lab, imap, Some("Ablage"), Verb::Ls(Page::All)).await.messages;
    assert_eq!(left.iter().map(|m| m.subject.clone().unwrap().text).collect::<Vec<_>>(), ["no. 2"]);

    let message = b"Subject: put in\r\n\r\nhello\r\n".to_vec();
    let append =
        Verb::Append { message: send::Message::stored(Arc::new(message.clone())), name: "x.eml".into() };
    let put = good(&lab, imap, Some("Ablage"), append).await;
    assert!(put.changes[0].new_uids.is_some());
    let raw = good(&lab, imap, Some("Ablage"), show("2", Shown::Raw)).await;
    assert_eq!(raw.bytes, message);
    let (_, report) = done(&lab, imap, None, Verb::Delete { set: which("99") }).await;
    assert!(matches!(report.trouble, Some(Trouble::NoMessage(_))));
    let (_, report) = done(&lab, imap, None, Verb::Delete { set: which("x\r\na NOOP") }).await;
    assert!(matches!(report.trouble, Some(Trouble::BadArgument(_))));
}

#[tokio::test(start_paused = true)]
async fn what_pop3_deletes_is_pending_until_quit() {
    let lab = lab(&[]);
    fill(&lab, 3);
    let found = good(&lab, Scheme::Pop3s, None, Verb::Delete { set: which("1,3") }).await;
    let states: Vec<(&str, ChangeState)> = found.changes.iter().map(|c| (c.what.as_str(), c.state)).collect();
    use ChangeState::{Done, Lost, Pending};
    assert_eq!(states, [("1", Pending), ("3", Pending), ("1", Done), ("3", Done)]);
    assert_eq!(good(&lab, Scheme::Pop3s, None, Verb::Ls(Page::All)).await.messages.len(), 1);
    // QUIT is not answered: nothing is deleted, and it is said so.
    lab.add_fault(ActiveFault::parse("silence=QUIT@pop3s").unwrap()).unwrap();
    let (found, report) = done(&lab, Scheme::Pop3s, None, Verb::Delete { set: which("1") }).await;
    let states: Vec<ChangeState> = found.changes.iter().map(|c| c.state).collect();
    assert_eq!(states, [Pending, Lost]);
    assert!(matches!(report.trouble, Some(Trouble::Failed(_))), "{:?}", report.trouble);
}

fn watching(count: u64) -> Verb {
    Verb::Watch(WatchFor { interval: Duration::from_secs(10), time: None, count: Some(count) })
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_seen_by_idle_and_by_polling() {
    for (scheme, by) in [(Scheme::Imaps, "idle"), (Scheme::Pop3s, "polling")] {
        let lab = lab(&[]);
        fill(&lab, 2);
        let begun = Arc::new(Notify::new());
        let mut found = Found { watching: Some(Arc::clone(&begun)), ..Found::default() };
        let (options, target, verb, stop) =
            (options(&lab, None, false), target(scheme), watching(2), Notify::new());
        let watched = run(&target, &options, &verb, &mut found, &stop);
        let sender = async {
            begun.notified().await;
            for n in ["one", "two"] {
                put(&lab, "INBOX", &format!("Subject: {n}\n\nx\n"));
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        };
        let (report, ()) = tokio::join!(watched, sender);
        assert!(report.trouble.is_none(), "{scheme}: {:?}", report.trouble);
        assert_eq!(found.events[0], Happening::Watching { by: by.into(), messages: 2 });
        let came: Vec<String> = found.events[1..]
            .iter()
            .map(|e| match e {
                Happening::Arrived { message } => message.subject.clone().unwrap().text,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(came, ["one", "two"], "{scheme}");
    }
}

#[tokio::test(start_paused = true)]
async fn watching_ends_when_told_to() {
    let lab = lab(&[]);
    for scheme in BOTH {
        let verb = Verb::Watch(WatchFor {
            interval: Duration::from_secs(10),
            time: Some(Duration::from_secs(3600)),
            count: None,
        });
        let found = good(&lab, scheme, None, verb).await;
        assert_eq!(found.events.len(), 1, "{scheme}");
        let (options, target, stop) = (options(&lab, None, false), target(scheme), Notify::new());
        let mut found = Found::default();
        stop.notify_one();
        let report = run(&target, &options, &watching(1), &mut found, &stop).await;
        assert!(report.trouble.is_none(), "{scheme}: {:?}", report.trouble);
    }
}

#[tokio::test(start_paused = true)]
async fn quotas_and_rights() {
    let lab = lab(&[]);
    fill(&lab, 1);
    let rights = good(&lab, Scheme::Imaps, None, Verb::Rights).await.rights;
    assert!(rights[0].who.is_none() && rights[0].rights.contains('r'), "{rights:?}");
    assert!(rights.iter().any(|r| r.who.as_deref() == Some(USER)), "{rights:?}");
    good(&lab, Scheme::Imaps, None, Verb::Quota).await;
    for verb in [Verb::Quota, Verb::Rights] {
        let (_, report) = done(&lab, Scheme::Pop3s, None, verb).await;
        assert!(matches!(report.trouble, Some(Trouble::Unsupported(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn broken_servers_neither_hang_nor_harm() {
    let replies = FAULTS.iter().map(|fault| fault.meta()).filter(|meta| meta.acts == Acts::Replies);
    for meta in replies {
        let fault = meta.example.map_or(meta.id.to_owned(), |example| format!("{}={example}", meta.id));
        for scheme in BOTH {
            let lab = lab(&[&fault]);
            fill(&lab, 3);
            for verb in [Verb::Ls(Page::All), show("1", Shown::Reading)] {
                let (found, report) = done(&lab, scheme, None, verb.clone()).await;
                // Whatever it is, it is told as something that the server did.
                assert!(
                    !matches!(
                        report.trouble,
                        Some(Trouble::Sink(_) | Trouble::BadArgument(_) | Trouble::ReadOnly)
                    ),
                    "{fault} {scheme} {verb:?}: {:?}",
                    report.trouble
                );
                assert!(
                    found.messages.iter().all(|m| m.subject.as_ref().is_none_or(|s| is_escaped(&s.text)))
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_and_a_closed_port_are_told_apart() {
    let refused = lab(&["auth-refused"]);
    let closed = lab(&["connection-refused"]);
    for scheme in BOTH {
        let (_, report) = done(&refused, scheme, None, Verb::List).await;
        assert!(matches!(report.trouble, Some(Trouble::Login(_))), "{:?}", report.trouble);
        let (_, report) = done(&closed, scheme, None, Verb::List).await;
        match report.trouble {
            Some(Trouble::Failed(failure)) => assert_eq!(failure.cause, Cause::Refused),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_message_is_looked_out_for_and_removed() {
    for scheme in BOTH {
        let lab = lab(&[]);
        fill(&lab, 3);
        let (target, options) = (target(scheme), options(&lab, None, true));
        let mut lookout = Lookout::open(&target, &options).await.map_err(|(trouble, _)| trouble).unwrap();
        let (field, token) = ("X-Token", "a1b2c3");
        assert_eq!(lookout.look(field, token).await.unwrap(), []);
        let text = format!("X-Token: {token}\nSubject: here\n\nx\n");
        // POP3 sees the inbox only; IMAP finds it wherever it was filed.
        let folder = if scheme == Scheme::Imaps { "Junk" } else { "INBOX" };
        let send = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            put(&lab, folder, &text);
        };
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        let waited = lookout.wait(field, token, Duration::from_secs(5), end);
        let (found, ()) = tokio::join!(waited, send);
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "{scheme}");
        assert_eq!(found[0].folder.text, folder);
        assert_eq!(found[0].message, text.replace('\n', "\r\n").into_bytes());
        let removed = lookout.remove(field, token).await.unwrap();
        assert_eq!(removed, (1, ChangeState::Done), "{scheme}");
        assert_eq!(lookout.look(field, token).await.unwrap(), []);
        assert!(!lookout.close().await.is_empty());
        // Nothing else is gone.
        assert_eq!(good(&lab, scheme, None, Verb::Ls(Page::All)).await.messages.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_sees_what_comes_into_the_inbox_at_once() {
    let lab = lab(&[]);
    let (target, options) = (target(Scheme::Imaps), options(&lab, None, false));
    let mut lookout = Lookout::open(&target, &options).await.map_err(|(trouble, _)| trouble).unwrap();
    let begun = tokio::time::Instant::now();
    let send = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        put(&lab, "INBOX", "X-Token: t\n\nx\n");
    };
    let waited = lookout.wait("X-Token", "t", Duration::from_secs(3000), begun + Duration::from_secs(9000));
    let (found, ()) = tokio::join!(waited, send);
    assert_eq!(found.unwrap().len(), 1);
    assert_eq!(begun.elapsed().as_secs(), 20);
}
