//! Trips through the lab in memory, on a virtual clock: what happens on the way is reported for what it is.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_action::Target;
use ehlo_action::mailbox::{MailboxOptions, Trouble};
use ehlo_action::send::{Composition, Message, SendOptions, mailbox};
use ehlo_action::trip::{TripContent, TripLetter, TripOptions, TripReport, TripWords, run};
use ehlo_core::trip::{BodyChange, HopOddity, Trip, TripEvent, TripVerdict};
use ehlo_core::{Address, Endpoint, Family, Limits, Scheme};
use ehlo_dialogue::{ConnectionOptions, Connector, Dialer, LoginOptions, Transport, Trust};
use ehlo_lab::{ActiveFault, Lab, LabConfig, Service};
use ehlo_wire::sasl::Credentials;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_800_000_000;

struct LabInMemory(Arc<Lab>, tokio::time::Instant);

impl Dialer for LabInMemory {
    fn dial(&self, address: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)> {
        let Address::Ip(address) = address else { return Err(io::ErrorKind::Unsupported.into()) };
        let scheme = Scheme::ALL.iter().copied().find(|s| s.port() == address.port()).unwrap();
        let service = Service { scheme, family: Family::V4 };
        if !self.0.settings(service).listening {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (lab, start) = (Arc::clone(&self.0), self.1);
        tokio::spawn(async move { lab.serve_stream_since(service, theirs, start).await });
        Ok((Box::new(ours), SocketAddr::from(([192, 0, 2, 1], 40_000))))
    }
}

fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

fn target(scheme: Scheme) -> Target {
    Target {
        endpoint: Endpoint::new(scheme, "lab.test", None),
        url: format!("{scheme}://lab"),
        addresses: Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], scheme.port())))]),
    }
}

fn options(lab: &Arc<Lab>) -> TripOptions {
    let mut trust = Trust::only_given();
    trust.give(lab.authority().root_der().clone());
    let limits = Limits { total: Duration::from_secs(7200), ..Limits::default() };
    let dialer = LabInMemory(Arc::clone(lab), tokio::time::Instant::now());
    let connection = ConnectionOptions {
        limits,
        family: None,
        connect: None,
        connector: Connector { source: None, dialer: Some(Arc::new(dialer)) },
        trust: Arc::new(trust),
        identity: None,
        sni: None,
        helo: Some("client.example".into()),
        now: NOW,
        seed: 11,
    };
    let credentials =
        Credentials { user: "alice".into(), password: "wonderland".into(), authzid: String::new() };
    let send = SendOptions {
        ..SendOptions::new(connection.clone(), "joe@example.test".into(), vec!["alice@lab.test".into()])
    };
    TripOptions {
        send: Arc::new(send),
        mailbox: MailboxOptions {
            connection,
            credentials,
            login: LoginOptions::default(),
            folder: None,
            write: true,
        },
        content: TripContent::Composed(Box::new(TripLetter {
            composition: Composition {
                from: Some(mailbox("joe@example.test").unwrap()),
                to: vec![mailbox("alice@lab.test").unwrap()],
                subject: "Prüfung ({token})".into(),
                text: Some("words".into()),
                host: "client.example".into(),
                mailer: "ehlo".into(),
                ..Composition::default()
            },
            words: TripWords { file: "file.bin".into(), long: "long:".into(), ..TripWords::default() },
        })),
        token: "0123456789abcdef".into(),
        count: 1,
        rate: None,
        timeout: Duration::from_secs(120),
        interval: Duration::from_secs(10),
        patience: None,
        keep: false,
        longest: Duration::from_secs(3600),
    }
}

async fn trip(lab: &Arc<Lab>, to: Scheme, change: impl FnOnce(&mut TripOptions)) -> TripReport {
    let mut options = options(lab);
    change(&mut options);
    let (events, _kept) = tokio::sync::mpsc::unbounded_channel();
    run(&target(Scheme::Smtp), &target(to), &options, events).await
}

/// One message, by IMAP, with these faults.
async fn one(faults: &[&str]) -> Trip {
    let mut report = trip(&lab(faults), Scheme::Imaps, |_| {}).await;
    assert!(report.trouble.is_none(), "{faults:?}: {:?}", report.trouble);
    assert_eq!(report.trips.len(), 1);
    report.trips.remove(0)
}

/// How many messages the account holds, in all folders.
async fn left(lab: &Arc<Lab>) -> usize {
    let options = options(lab);
    let target = target(Scheme::Imaps);
    let mut lookout =
        ehlo_action::mailbox::Lookout::open(&target, &options.mailbox).await.map_err(|(t, _)| t).unwrap();
    let found = lookout.look("Subject", "").await.unwrap().len();
    lookout.close().await;
    found
}

#[tokio::test(start_paused = true)]
async fn a_message_arrives_as_it_was_sent_and_is_removed() {
    for scheme in [Scheme::Imaps, Scheme::Pop3s] {
        let lab = lab(&[]);
        let report = trip(&lab, scheme, |_| {}).await;
        let by = if scheme == Scheme::Imaps { "idle" } else { "polling" };
        assert_eq!(report.watched_by, Some(by));
        assert!(report.is_good(), "{scheme}: {report:?}");
        let only = &report.trips[0];
        assert_eq!(only.verdict, TripVerdict::Arrived);
        assert!(only.queue_id.is_some() && only.accepted_us <= only.took_us);
        let stages: Vec<&str> = only.stages.iter().map(|s| s.stage.as_str()).collect();
        assert_eq!(stages, ["connect", "tls", "transaction"]);
        let copy = &only.copies[0];
        assert_eq!(copy.folder.text, "INBOX");
        assert!(copy.changes.is_faithful() && copy.changes.first.is_none(), "{:?}", copy.changes);
        let added: Vec<&str> = copy.changes.added.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(added, ["Return-Path", "Received"]);
        assert_eq!(copy.hops.len(), 1);
        assert_eq!((copy.hops[0].delay_s, copy.hops[0].oddity), (Some(0), None));
        assert_eq!(report.removed, 1);
        assert_eq!(left(&lab).await, 0, "{scheme}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_test_message_is_removed_and_nothing_if_it_is_to_stay() {
    let lab = lab(&[]);
    let first = trip(&lab, Scheme::Imaps, |options| options.keep = true).await;
    assert_eq!((first.removed, left(&lab).await), (0, 1));
    let second = trip(&lab, Scheme::Pop3s, |options| options.token = "fedcba9876543210".into()).await;
    assert!(second.is_good());
    assert_eq!((second.removed, left(&lab).await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_late_one_is_waited_for() {
    for scheme in [Scheme::Imaps, Scheme::Pop3s] {
        let report = trip(&lab(&["mail-late=50"]), scheme, |_| {}).await;
        assert!(report.is_good(), "{scheme}");
        let seconds = report.trips[0].arrival_us.unwrap() / 1_000_000;
        // What asks sees it at the next look, which is at most ten seconds later.
        assert!((49..=61).contains(&seconds), "{scheme}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_one_is_lost_when_the_time_is_over() {
    for scheme in [Scheme::Imaps, Scheme::Pop3s] {
        let begun = tokio::time::Instant::now();
        let report = trip(&lab(&["mail-lost"]), scheme, |_| {}).await;
        assert_eq!(report.trips[0].verdict, TripVerdict::Lost);
        assert!(report.trips[0].accepted_us.is_some() && report.trips[0].took_us.is_none());
        assert!((120..=130).contains(&begun.elapsed().as_secs()), "{scheme}: {:?}", begun.elapsed());
        assert!(!report.is_good());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_twice_is_seen_twice_and_both_are_removed() {
    let lab = lab(&["mail-doubled"]);
    let report = trip(&lab, Scheme::Imaps, |_| {}).await;
    assert_eq!(report.trips[0].copies.len(), 2);
    assert!(!report.is_good());
    assert_eq!((report.removed, left(&lab).await), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn junk_and_other_folders_are_told() {
    let junk = one(&["mail-misfiled=Junk"]).await;
    assert!(junk.copies[0].is_junk() && !junk.is_sound());
    let archive = one(&["mail-misfiled=Archive"]).await;
    assert!(!archive.copies[0].is_junk() && archive.is_sound());
    assert_eq!(archive.copies[0].folder.text, "Archive");
    // POP3 sees the inbox only.
    let pop3 = trip(&lab(&["mail-misfiled=Junk"]), Scheme::Pop3s, |_| {}).await;
    assert_eq!(pop3.trips[0].verdict, TripVerdict::Lost);
}

#[tokio::test(start_paused = true)]
async fn what_changes_on_the_way_is_called_by_its_name() {
    for (fault, kinds, damaged) in [
        ("mail-altered", vec![BodyChange::Content], true),
        ("mail-cut", vec![BodyChange::Cut], true),
        ("mail-line-ends", vec![BodyChange::LineEndings], false),
        ("mail-recoded", vec![BodyChange::Encoding], false),
        ("mail-charset=iso-8859-1", vec![BodyChange::Content], true),
        ("mail-field-lost=Subject", vec![], true),
        ("mail-field-added=X-Spam-Flag: YES", vec![], false),
    ] {
        let found = one(&[fault]).await;
        let changes = &found.copies[0].changes;
        assert_eq!(changes.body, kinds, "{fault}: {changes:?}");
        assert_eq!(changes.is_damaged(), damaged, "{fault}");
        assert_eq!(changes.first.is_some(), !kinds.is_empty(), "{fault}");
    }
    let lost = one(&["mail-field-lost=Subject"]).await;
    assert_eq!(lost.copies[0].changes.removed[0].name, "Subject");
    let added = one(&["mail-field-added=X-Spam-Flag: YES"]).await;
    assert!(added.copies[0].changes.added.iter().any(|f| f.name == "X-Spam-Flag" && f.value == "YES"));
    let charset = one(&["mail-charset=iso-8859-1"]).await;
    let parts: Vec<&str> = charset.copies[0].changes.parts.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(parts, ["changed", "charset"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_about_the_sender_is_told_as_it_stands() {
    let found = one(&[
        "mail-field-added=Authentication-Results: mx.test; spf=fail smtp.mailfrom=joe@example.test@all",
    ])
    .await;
    assert_eq!(found.copies[0].authentication_results, ["mx.test; spf=fail smtp.mailfrom=joe@example.test"]);
}

#[tokio::test(start_paused = true)]
async fn dates_that_cannot_be_are_told() {
    for (fault, oddity) in [
        ("mail-field-added=Received: from x by y; once upon a time", HopOddity::BadDate),
        ("mail-field-added=Received: from x by y; Thu, 1 Jan 1970 00:00:00 +0000", HopOddity::ClockBehind),
        ("mail-field-added=Received: from x by y; Fri, 1 Jan 2100 00:00:00 +0000", HopOddity::ClockAhead),
        ("mail-field-added=Received: from x by y", HopOddity::NoDate),
    ] {
        let found = one(&[fault]).await;
        assert_eq!(found.copies[0].hops.iter().find_map(|hop| hop.oddity), Some(oddity), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_token_it_is_found_by_its_message_id() {
    let lab = lab(&["mail-field-lost=X-Ehlo-Test"]);
    let report = trip(&lab, Scheme::Imaps, |_| {}).await;
    let found = &report.trips[0];
    assert_eq!(found.verdict, TripVerdict::Arrived);
    // When it came nobody knows.
    assert!(found.copies[0].found_late && found.took_us.is_none());
    assert_eq!((report.removed, left(&lab).await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn greylisting_is_recognised_and_waited_for_on_request() {
    let at_once = one(&["greylisted=30"]).await;
    assert_eq!(at_once.verdict, TripVerdict::Deferred);
    assert!(at_once.greylisted && at_once.tries == 1);
    let patient = |faults: &'static [&'static str]| async move {
        trip(&lab(faults), Scheme::Imaps, |options| options.patience = Some(Duration::from_secs(900))).await
    };
    let report = patient(&["greylisted=30"]).await;
    let waited = &report.trips[0];
    assert!(report.is_good() && waited.greylisted, "{waited:?}");
    assert!(waited.tries > 1 && waited.put_off_us >= 30_000_000 && waited.took_us > Some(30_000_000));
    // What is put off for ever is given up.
    let begun = tokio::time::Instant::now();
    let never = patient(&["reply=RCPT:451 4.7.1 Greylisted, come back in 100 seconds"]).await;
    assert_eq!(never.trips[0].verdict, TripVerdict::Deferred);
    assert!((8..=10).contains(&never.trips[0].tries), "{:?}", never.trips[0].tries);
    assert!(begun.elapsed() <= Duration::from_secs(901));
    // A full disk is no greylisting.
    let full = one(&["mail-store-full"]).await;
    assert_eq!((full.verdict, full.greylisted), (TripVerdict::Deferred, false));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_cannot_be_sent_is_not_waited_for() {
    let begun = tokio::time::Instant::now();
    let refused = one(&["reply=RCPT:550 5.1.1 no such user"]).await;
    assert_eq!(refused.verdict, TripVerdict::Refused);
    assert_eq!(refused.answer.as_ref().unwrap().enhanced.as_deref(), Some("5.1.1"));
    let report = trip(&lab(&["connection-refused@smtp"]), Scheme::Imaps, |options| options.count = 3).await;
    assert!(report.trips.iter().all(|t| t.verdict == TripVerdict::Unsent), "{:?}", report.trips);
    assert_eq!(report.trips.len(), 3);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_if_the_mailbox_cannot_be_opened() {
    let lab = lab(&["auth-refused@imaps"]);
    let report = trip(&lab, Scheme::Imaps, |_| {}).await;
    assert!(matches!(report.trouble, Some(Trouble::Login(_))), "{:?}", report.trouble);
    assert!(report.trips.is_empty() && report.sending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_of_seven_bits_gets_seven() {
    let found = one(&["capability-hidden=8BITMIME"]).await;
    assert!(found.is_sound(), "{found:?}");
    assert_eq!(found.tries, 1);
}

#[tokio::test(start_paused = true)]
async fn many_are_told_apart_and_paced() {
    let begun = tokio::time::Instant::now();
    let lab = lab(&["mail-lost@every:4"]);
    let mut options = options(&lab);
    (options.count, options.rate) = (12, Some(0.5));
    let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
    let report = run(&target(Scheme::Smtp), &target(Scheme::Imaps), &options, events).await;
    let lost: Vec<u64> =
        report.trips.iter().filter(|t| t.verdict == TripVerdict::Lost).map(|t| t.number).collect();
    assert_eq!(lost, [4, 8, 12]);
    assert_eq!(report.removed, 9);
    assert!(report.trips.iter().filter(|t| t.verdict == TripVerdict::Arrived).all(|t| t.copies.len() == 1));
    // Two seconds between them, and the last one is waited for.
    assert!((142..=155).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let mut sent = 0;
    while let Ok(event) = told.try_recv() {
        sent += u64::from(matches!(event, TripEvent::Sending { .. }));
    }
    assert_eq!(sent, 12);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_or_tells_nothing_is_no_reason_to_miss_it() {
    for fault in ["idle-bye=2", "idle-silent"] {
        let report = trip(&lab(&["mail-late=30", fault]), Scheme::Imaps, |_| {}).await;
        assert!(report.is_good(), "{fault}: {:?} {:?}", report.trouble, report.trips);
        assert!(report.trips[0].arrival_us < Some(45_000_000), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_given_is_compared_with_itself() {
    let given = Message {
        header: b"From: joe@example.test\r\nReceived: by old.example; Thu, 1 Jan 1970 00:00:00 +0000\r\nSubject: x\r\n\r\n".to_vec(),
        ..Message::default()
    };
    let report = trip(&lab(&[]), Scheme::Imaps, |options| options.content = TripContent::Given(given)).await;
    assert!(report.is_good(), "{:?}", report.trips);
    // What was in it before is no hop of this trip.
    assert_eq!(report.trips[0].copies[0].hops.len(), 1);
}
