//! Messages, sent to the lab in memory on a virtual clock, and looked at where they arrive.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_action::Target;
use ehlo_action::send::{
    BodyKind, Composition, Message, Messages, Parameters, Proxy, SendOptions, SizeWish, Source, TlsWish,
    Wish, eml, mailbox, run,
};
use ehlo_core::send::{SendPoint, SendReport, SendStop, SendTransaction, SendVerdict, StopHow};
use ehlo_core::{Address, Endpoint, Family, Limits, Scheme, Side, Span};
use ehlo_dialogue::{ConnectionOptions, Connector, Dialer, Transport, Trust};

use ehlo_lab::{ActiveFault, Lab, LabConfig, Service, Wanted};
use ehlo_wire::sasl::Credentials;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

const NOW: i64 = 1_800_000_000;

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

struct Composed(Composition);

impl Messages for Composed {
    fn message(&self, number: u64) -> io::Result<Message> {
        Ok(self.0.compose(NOW, "token", number))
    }
}

struct Fixed(Message);

impl Messages for Fixed {
    fn message(&self, _: u64) -> io::Result<Message> {
        Ok(self.0.clone())
    }
}

fn lab(faults: &[&str]) -> Arc<Lab> {
    lab_with(faults, |_| {})
}

fn lab_with(faults: &[&str], change: impl FnOnce(&mut LabConfig)) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    change(&mut config);
    Lab::new(config).unwrap()
}

fn options(lab: &Arc<Lab>, to: &[&str]) -> SendOptions {
    let mut trust = Trust::only_given();
    trust.give(lab.authority().root_der().clone());
    let connection = ConnectionOptions {
        limits: Limits::default(),
        family: None,
        connect: None,
        connector: Connector { source: None, dialer: Some(Arc::new(LabInMemory(Arc::clone(lab)))) },
        trust: Arc::new(trust),
        identity: None,
        sni: None,
        helo: Some("client.example".into()),
        now: NOW,
        seed: 11,
    };
    let recipients = to.iter().map(|t| (*t).to_owned()).collect();
    SendOptions {
        per_connection: 1000,
        ..SendOptions::new(connection, "joe@example.test".into(), recipients)
    }
}

fn composition() -> Composition {
    Composition {
        from: Some(mailbox("joe@example.test").unwrap()),
        to: vec![mailbox("alice@lab.test").unwrap()],
        subject: "Grüße".into(),
        text: Some("one\n.\n..two\n".into()),
        host: "client.example".into(),
        mailer: "ehlo".into(),
        ..Composition::default()
    }
}

async fn sent(scheme: Scheme, options: SendOptions) -> SendReport {
    sent_as(scheme, options, Arc::new(Composed(composition()))).await
}

async fn sent_as(scheme: Scheme, options: SendOptions, messages: Arc<dyn Messages>) -> SendReport {
    let target = Target {
        endpoint: Endpoint::new(scheme, "lab.test", None),
        url: format!("{scheme}://lab"),
        addresses: Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], scheme.port())))]),
    };
    let (events, _told) = tokio::sync::mpsc::unbounded_channel();
    run(target, messages, Arc::new(options), events).await
}

/// What we said, line by line.
fn said(report: &SendReport) -> Vec<String> {
    let transcript = report.transcripts.last().unwrap();
    let all = transcript.visible(Span::new(Side::Client, 0, transcript.sent_by(Side::Client)));
    String::from_utf8_lossy(&all).lines().map(str::to_owned).collect()
}

fn verdicts(transaction: &SendTransaction) -> Vec<&'static str> {
    transaction.recipients.iter().map(|r| r.verdict.id()).collect()
}

/// The messages of an account, as they arrived.
fn inbox(lab: &Lab, account: &str) -> Vec<String> {
    let wanted = Wanted { account: Some(account.to_owned()), ..Wanted::default() };
    let found = lab.store().find(&wanted);
    found.iter().map(|mail| String::from_utf8_lossy(&mail.raw().unwrap()).into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_arrives_as_it_was_sent_by_each_protocol() {
    for scheme in [Scheme::Smtp, Scheme::Lmtp] {
        for chunk in [None, Some(7), Some(100_000)] {
            let lab = lab(&[]);
            let report =
                sent(scheme, SendOptions { chunk, ..options(&lab, &["alice@lab.test", "name@lab.test"]) })
                    .await;
            assert!(report.is_good(), "{scheme} {chunk:?}: {report:#?}");
            assert_eq!((report.totals.accepted, report.totals.complete), (2, 1));
            assert!(report.tls.as_ref().unwrap().is_verified());
            let got = inbox(&lab, "alice");
            let text = &got[0];
            assert!(text.ends_with("\r\none\r\n.\r\n..two\r\n"), "{scheme} {chunk:?}: {text}");
            assert!(report.transactions[0].queue_id.is_some());
            assert_eq!(
                report.transcripts[0]
                    .entries
                    .iter()
                    .filter(|e| format!("{e:?}").contains("Deviation"))
                    .count(),
                0
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_recipient_has_a_verdict_of_its_own() {
    let to = ["alice@lab.test", "nobody@lab.test", "name@lab.test"];
    for (scheme, pipelining) in
        [(Scheme::Smtp, Wish::Auto), (Scheme::Smtp, Wish::Off), (Scheme::Lmtp, Wish::Auto)]
    {
        let lab = lab(&[]);
        let report = sent(scheme, SendOptions { pipelining, ..options(&lab, &to) }).await;
        assert_eq!(verdicts(&report.transactions[0]), ["accepted", "refused", "accepted"], "{scheme}");
        let refused = report.transactions[0].recipients[1].answer.as_ref().unwrap();
        assert_eq!((refused.to.as_str(), refused.code), ("RCPT", Some(550)));
        assert!(!report.is_good() && report.is_reached());
    }
    // All refused, and the data not sent.
    let lab = lab(&[]);
    let report = sent(Scheme::Smtp, options(&lab, &["nobody@lab.test"])).await;
    assert_eq!(verdicts(&report.transactions[0]), ["refused"]);
    assert!(!said(&report).iter().any(|l| l.starts_with("Subject")), "{:#?}", said(&report));
}

#[tokio::test(start_paused = true)]
async fn parameters_are_said_as_they_are_wanted() {
    let parameters = Parameters {
        ret: Some("HDRS".into()),
        envelope_id: Some("a+b".into()),
        notify: Some("SUCCESS,FAILURE".into()),
        original: Some(("rfc822".into(), "old@example.test".into())),
        require_tls: true,
        deliver_by: Some("120;R".into()),
        priority: Some(3),
        hold_for: None,
        reply_each: true,
        body: BodyKind::EightBit,
        ..Parameters::default()
    };
    let lab = lab(&[]);
    let to = ["alice@lab.test", "name@lab.test"];
    let report = sent(Scheme::Smtp, SendOptions { parameters, ..options(&lab, &to) }).await;
    let lines = said(&report);
    let mail = lines.iter().find(|l| l.starts_with("MAIL")).unwrap();
    for word in [
        "SIZE=",
        "BODY=8BITMIME",
        "RET=HDRS",
        "ENVID=a+2Bb",
        "REQUIRETLS",
        "BY=120;R",
        "MT-PRIORITY=3",
        "PRDR",
    ] {
        assert!(mail.contains(word), "{word}: {mail}");
    }
    assert!(
        lines.contains(
            &"RCPT TO:<name@lab.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old@example.test".to_owned()
        ),
        "{lines:#?}"
    );
    assert!(report.is_good(), "{report:#?}");
    // PRDR answers for each, and for all.
    assert!(report.transactions[0].recipients.iter().all(|r| r.answer.as_ref().unwrap().to == "end-of-data"));
    assert!(report.transactions[0].data.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_offered_is_not_sent_unless_forced() {
    let lab = lab(&[]);
    let held = Parameters { require_tls: true, ..Parameters::default() };
    let without =
        SendOptions { tls: TlsWish::Never, parameters: held.clone(), ..options(&lab, &["alice@lab.test"]) };
    let report = sent(Scheme::Smtp, without).await;
    let problem = report.transactions[0].problem.as_ref().unwrap();
    assert_eq!((problem.id.as_str(), problem.params["what"].as_str()), ("not-offered", "REQUIRETLS"));
    assert_eq!(verdicts(&report.transactions[0]), ["unsent"]);
    let forced = SendOptions {
        tls: TlsWish::Never,
        parameters: held,
        force: true,
        ..options(&lab, &["alice@lab.test"])
    };
    let report = sent(Scheme::Smtp, forced).await;
    assert!(said(&report).iter().any(|l| l.starts_with("MAIL") && l.contains("REQUIRETLS")));
    let always = lab_with(&["starttls-hidden"], |_| {});
    let report =
        sent(Scheme::Smtp, SendOptions { tls: TlsWish::Always, ..options(&always, &["alice@lab.test"]) })
            .await;
    assert_eq!(report.failure.unwrap().cause.id(), "not-offered");
}

#[tokio::test(start_paused = true)]
async fn raw_data_go_out_as_they_are() {
    let lab = lab(&[]);
    let data = b"Subject: x\n\n.bare\r\nend".to_vec();
    let message = eml::raw(Arc::new(data)).unwrap();
    let raw = SendOptions { raw: true, ..options(&lab, &["alice@lab.test"]) };
    let report = sent_as(Scheme::Smtp, raw, Arc::new(Fixed(message))).await;
    let transcript = &report.transcripts[0];
    let all = transcript.visible(Span::new(Side::Client, 0, transcript.sent_by(Side::Client)));
    assert!(
        all.windows(27).any(|w| w == b"Subject: x\n\n.bare\r\nend\r\n.\r\n".get(..27).unwrap()),
        "{all:?}"
    );
    // The lab takes no bare line ends.
    assert_eq!(verdicts(&report.transactions[0]), ["refused"]);
    assert!(report.remarks.iter().any(|r| r.id == "bare-line-ends"));
}

#[tokio::test(start_paused = true)]
async fn many_messages_share_connections_and_limits_are_obeyed() {
    let lab = lab(&[]);
    let many = SendOptions { count: 25, per_connection: 10, ..options(&lab, &["alice@lab.test"]) };
    let report = sent(Scheme::Smtp, many).await;
    assert_eq!((report.totals.complete, report.totals.connections), (25, 3));
    assert_eq!(inbox(&lab, "alice").len(), 25);
    let paced = SendOptions { count: 11, rate: Some(2.0), ..options(&lab, &["name@lab.test"]) };
    let report = sent(Scheme::Smtp, paced).await;
    assert!((5_000_000..5_500_000).contains(&report.took_us), "{}", report.took_us);
}

#[tokio::test(start_paused = true)]
async fn it_stops_where_it_is_told_to() {
    for point in SendPoint::ALL {
        for how in [StopHow::Quit, StopHow::Drop, StopHow::DropAfterSend] {
            let lab = lab_with(&[], |config| config.xclient = true);
            let stop = Some(SendStop { point: *point, how });
            let xclient = vec![("NAME".to_owned(), "outside.example".to_owned())];
            let credentials = Some(Credentials {
                user: "benutzername".into(),
                password: "passwort".into(),
                authzid: String::new(),
            });
            let report = sent(
                Scheme::Submission,
                SendOptions { stop, xclient, credentials, ..options(&lab, &["alice@lab.test"]) },
            )
            .await;
            assert_eq!(report.stopped, stop, "{point:?} {how:?}: {report:#?}");
            assert!(report.is_good(), "{point:?} {how:?}: {report:#?}");
            let lines = said(&report);
            let quits = how == StopHow::Quit && *point != SendPoint::Data;
            assert_eq!(lines.contains(&"QUIT".to_owned()), quits, "{point:?} {how:?}: {lines:?}");
            let arrived = *point == SendPoint::End && how != StopHow::DropAfterSend;
            assert!(!arrived || !inbox(&lab, "alice").is_empty(), "{point:?} {how:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_in_the_data_leaves_the_state_unknown() {
    let lab = lab(&["close=."]);
    let report = sent(Scheme::Smtp, options(&lab, &["alice@lab.test", "nobody@lab.test"])).await;
    let transaction = &report.transactions[0];
    assert_eq!(verdicts(transaction), ["unknown", "refused"], "{report:#?}");
    assert!(transaction.end_sent && transaction.failure.is_some());
    assert_eq!((report.totals.unknown, report.totals.connections), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn proxies_and_clients_behind_them_are_named() {
    for binary in [false, true] {
        let lab = lab_with(&[], |config| config.proxy_protocol = true);
        let between = Some(("203.0.113.7:4000".parse().unwrap(), "198.51.100.2:25".parse().unwrap()));
        let proxy = Some(Proxy { binary, between });
        let report = sent(Scheme::Smtp, SendOptions { proxy, ..options(&lab, &["alice@lab.test"]) }).await;
        assert!(report.is_good(), "{report:#?}");
        assert!(inbox(&lab, "alice")[0].contains("[203.0.113.7]"));
    }
    let lab = lab_with(&[], |config| config.xclient = true);
    let named = vec![("ADDR".to_owned(), "203.0.113.9".to_owned())];
    let report = sent(
        Scheme::Smtp,
        SendOptions { xclient: named.clone(), xforward: named, ..options(&lab, &["alice@lab.test"]) },
    )
    .await;
    assert!(report.is_good(), "{report:#?}");
    assert!(inbox(&lab, "alice")[0].contains("203.0.113.9"));
}

/// A source that is as large as is said, and made while it is read.
#[derive(Debug)]
struct Large(u64);

struct LargeReader(u64);

impl Source for Large {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(LargeReader(self.0)))
    }
}

impl Read for LargeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.0).unwrap().min(buffer.len());
        buffer[..count].fill(b'x');
        for at in (0..count).filter(|at| (self.0 - *at as u64).is_multiple_of(64)) {
            buffer[at] = b'\n';
        }
        self.0 -= count as u64;
        Ok(count)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_the_server_takes_is_not_sent() {
    let lab = lab(&[]);
    let eml = eml::read(Arc::new(Large((30 << 20) + 1)), &[]);
    // It has no header that ends.
    assert_eq!(eml.unwrap_err().kind(), io::ErrorKind::InvalidData);
    let message = Message {
        header: b"Subject: large\r\n\r\n".to_vec(),
        body: vec![ehlo_action::send::Piece::Read {
            source: Arc::new(Large(30 << 20)),
            skip: 0,
            encoding: ehlo_action::send::Encoding::LineEnds,
        }],
        ..Message::default()
    };
    let report =
        sent_as(Scheme::Smtp, options(&lab, &["alice@lab.test"]), Arc::new(Fixed(message.clone()))).await;
    assert_eq!(report.transactions[0].problem.as_ref().unwrap().id, "too-large");
    assert!(!said(&report).iter().any(|l| l.starts_with("MAIL")));
    // Forced, it is the server that says no.
    let forced = SendOptions {
        force: true,
        parameters: Parameters { size: SizeWish::Off, ..Parameters::default() },
        ..options(&lab, &["alice@lab.test"])
    };
    let report = sent_as(Scheme::Smtp, forced, Arc::new(Fixed(message))).await;
    assert_eq!(report.transactions[0].recipients[0].verdict, SendVerdict::Refused);
    assert_eq!(report.transactions[0].data.as_ref().unwrap().code, Some(552));
    // A transcript keeps no message of that size, and has one entry for its parts.
    assert!(report.transcripts[0].entries.len() < 60, "{}", report.transcripts[0].entries.len());
}
