//! Scripts against the lab, in memory and on a virtual clock.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::run::{RunEvent, ScriptReport, Verdict};
use ehlo_core::{Address, Endpoint, Family, Limits, Scheme, Secret};
use ehlo_dialogue::{Connector, Dialer, Transport, Trust};
use ehlo_lab::{ActiveFault, Lab, LabConfig};
use ehlo_runner::{Account, Loaded, Maildrops, RunOptions, Service, Site, run_all};
use ehlo_script::{Loader, Risk, parse};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const NOW: i64 = 1_800_000_000;

struct InMemory(Arc<Lab>);

impl Dialer for InMemory {
    fn dial(&self, address: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)> {
        let Address::Ip(address) = address else { return Err(io::ErrorKind::Unsupported.into()) };
        let scheme = Scheme::ALL.iter().copied().find(|s| s.port() == address.port()).unwrap();
        let service = ehlo_lab::Service { scheme, family: Family::V4 };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let lab = Arc::clone(&self.0);
        tokio::spawn(async move { lab.serve_stream(service, theirs).await });
        Ok((Box::new(ours), SocketAddr::from(([192, 0, 2, 1], 40_000))))
    }
}

/// One mail for POP3.
struct OneMail;

impl Loader for OneMail {
    fn load(&self, _: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        Ok((path.to_owned(), b"From a@b Thu\nSubject: one\n\nbody\n".to_vec()))
    }
}

struct Bench {
    lab: Arc<Lab>,
    options: RunOptions,
}

impl Bench {
    fn new(faults: &[&str]) -> Bench {
        let mut config = LabConfig::new(7, NOW);
        config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
        config.accounts.add("probe:probe-password").unwrap();
        let lab = Lab::new(config).unwrap();
        let mut trust = Trust::only_given();
        trust.give(lab.authority().root_der().clone());
        let services = [Scheme::Smtp, Scheme::Pop3, Scheme::Imap]
            .into_iter()
            .map(|scheme| Service {
                endpoint: Endpoint::new(scheme, "lab.test", None),
                addresses: Some(vec![Address::Ip(([127, 0, 0, 1], scheme.port()).into())]),
            })
            .collect();
        let account = |user: &str, password: &str| Account {
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
        };
        let options = RunOptions {
            site: Site { name: "lab".into(), services },
            limits: Limits { total: Duration::from_secs(3600), ..Limits::default() },
            family: None,
            connect: None,
            connector: Connector { source: None, dialer: Some(Arc::new(InMemory(Arc::clone(&lab)))) },
            trust: Arc::new(trust),
            identity: None,
            insecure_auth: false,
            no_secrets: false,
            account: Some(account("alice", "wonderland")),
            account2: None,
            maildrops: Maildrops::new(vec![account("probe", "probe-password")], false),
            variables: BTreeMap::from([
                ("helo".to_owned(), "client.test".to_owned()),
                ("domain".to_owned(), "lab.test".to_owned()),
            ]),
            secrets: Vec::new(),
            resources: Vec::new(),
            known: Vec::new(),
            left_out: Vec::new(),
            risk: Risk::Disruptive,
            tags: Vec::new(),
            skip_tags: Vec::new(),
            strict: false,
            jobs: 2,
            until: None,
            now: NOW,
            seed: 11,
        };
        Bench { lab, options }
    }

    async fn run(&self, text: &str) -> ScriptReport {
        self.run_until(text, None).await
    }

    /// Runs a script, and stops it after a time.
    async fn run_until(&self, text: &str, stop_after: Option<Duration>) -> ScriptReport {
        let script = parse("test.ehlo", text, &OneMail).unwrap_or_else(|(_, e)| panic!("{e:?}"));
        let loaded = Loaded { id: "test".into(), file: "test.ehlo".into(), script: Arc::new(script) };
        let (events, mut receiver) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        if let Some(time) = stop_after {
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                let _ = stop.send(true);
                std::future::pending::<()>().await;
            });
        } else {
            std::mem::forget(stop);
        }
        run_all(vec![loaded], Arc::new(self.options.clone()), events, stopped).await;
        while let Some(event) = receiver.recv().await {
            if let RunEvent::Script(report) = event {
                return *report;
            }
        }
        panic!("no report");
    }
}

/// The id of the first problem.
fn problem(report: &ScriptReport) -> &str {
    report.steps.iter().find_map(|s| s.problem.as_ref()).map_or("", |p| &p.id)
}

/// What was said on all connections.
fn said(report: &ScriptReport) -> String {
    let described: Vec<ehlo_script::Described<'_>> = report
        .dialogues
        .iter()
        .map(|d| ehlo_script::Described { transcript: &d.transcript, url: &d.url, protocol: d.protocol })
        .collect();
    ehlo_script::write_transcripts("x", &described)
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end() {
    let bench = Bench::new(&["greeting-delay=60@smtp"]);
    let begin = tokio::time::Instant::now();
    let report = bench.run("protocol: smtp\ntimeout: 20s\nS: 220\n").await;
    assert_eq!((report.verdict, problem(&report)), (Verdict::Fail, "timed-out"));
    assert!((20..21).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    let report = bench.run("protocol: smtp\ntimeout: 90s\nS: 220\nS silent 3s\n").await;
    assert_eq!(report.verdict, Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn only_transient_trouble_is_tried_again() {
    let bench = Bench::new(&["reply=NOOP:451 4.3.0 later@smtp"]);
    let report = bench.run("protocol: smtp\nretry: transient 2\nS: 220\nC: NOOP\nS: 250\n").await;
    assert_eq!((report.verdict, report.attempts), (Verdict::Fail, 3));
    let bench = Bench::new(&["reply=NOOP:551 5.3.0 never@smtp"]);
    let report = bench.run("protocol: smtp\nretry: transient 2\nS: 220\nC: NOOP\nS: 250\n").await;
    assert_eq!((report.verdict, report.attempts), (Verdict::Fail, 1));
}

#[tokio::test(start_paused = true)]
async fn an_exchange_is_polled_until_its_time_is_over() {
    let bench = Bench::new(&[]);
    let begin = tokio::time::Instant::now();
    let text = "protocol: imap\nstate: mailbox\npoll 5s every 1s\nC: % STATUS {{mailbox}} (MESSAGES)\n\
                S: * STATUS {{mailbox}} (MESSAGES 7)\nS: % OK\n";
    let report = bench.run(text).await;
    assert_eq!(report.verdict, Verdict::Fail);
    let times = said(&report).matches(" STATUS ").count() / 2;
    assert!((4..=6).contains(&times), "{times}");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn cleanup_is_done_after_a_failure_and_after_an_interrupt() {
    let bench = Bench::new(&[]);
    let text = "protocol: smtp\nS: 220\nC: NOOP\nS: 999\n== cleanup\nC: RSET\nS: 250\n";
    let report = bench.run(text).await;
    assert_eq!(report.verdict, Verdict::Fail);
    assert!(said(&report).contains("C: RSET"), "{}", said(&report));
    assert_eq!(report.steps.last().unwrap().verdict, Verdict::Pass);

    let text = "protocol: imap\nstate: selected\nC: % NOOP\nS: % OK\nwait 60s\nC: % NOOP\nS: % OK\n\
                == cleanup\nC: % CHECK\nS: % OK\n";
    let begin = tokio::time::Instant::now();
    let report = bench.run_until(text, Some(Duration::from_secs(5))).await;
    assert_eq!(report.verdict, Verdict::Skip);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let said = said(&report);
    assert!(said.contains("CHECK") && said.contains("DELETE"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_behind() {
    let bench = Bench::new(&[]);
    let text = "protocol: imap\nstate: mailbox\nC: % CREATE {{mailbox}}{{sep}}a{{sep}}b\nS: % OK\n\
                C: % CREATE \"{{mailbox}}-x y\"\nS: % OK\nC: % NOOP\nS: % BAD\n";
    assert_eq!(bench.run(text).await.verdict, Verdict::Fail);
    let text = "protocol: imap\nstate: authenticated\nC: % LIST \"\" ehlo*\nS!: * LIST (...) {{:any}} {{:any}}\nS: % OK\n";
    let report = bench.run(text).await;
    assert_eq!(report.verdict, Verdict::Pass, "{}", said(&report));
}

#[tokio::test(start_paused = true)]
async fn foreign_mail_is_not_touched() {
    let bench = Bench::new(&[]);
    let text = "protocol: pop3\nmessages: one.mbox\nS: +OK\nC login {{user}} {{password}}\nS: +OK\nC: STAT\nS: +OK 1\n";
    let report = bench.run(text).await;
    assert_eq!(report.verdict, Verdict::Pass, "{}", said(&report));
    // Emptied afterwards, so it works again.
    assert_eq!(bench.run(text).await.verdict, Verdict::Pass);
    // Somebody gets mail: now it is not ours any more.
    let mail = "protocol: smtp\nS: 220\nC: EHLO {{helo}}\nS: 250\nC: MAIL FROM:<a@lab.test>\nS: 250\n\
                C: RCPT TO:<probe@lab.test>\nS: 250\nC: DATA\nS: 354\nC data <<M\nSubject: private\n\nM\nS: 250\n";
    assert_eq!(bench.run(mail).await.verdict, Verdict::Pass);
    let report = bench.run(text).await;
    assert_eq!(report.verdict, Verdict::Skip, "{}", said(&report));
    let said = said(&report);
    let touches =
        |line: &str| line.starts_with("C: ") && (line.contains("EXPUNGE") || line.contains("APPEND"));
    assert!(!said.lines().any(touches), "{said}");
    let _ = bench.lab.host_name();
}

#[tokio::test(start_paused = true)]
async fn passwords_do_not_travel_in_the_clear_and_show_nowhere() {
    let bench = Bench::new(&["starttls-hidden@imap", "auth-clear-accepted@imap"]);
    let text = "protocol: imap\nS: * OK\nC: % LOGIN {{user}} {{password}}\nS: % OK\n";
    let report = bench.run(text).await;
    assert_eq!((report.verdict, problem(&report)), (Verdict::Error, "secret-unsafe"));
    let text = "protocol: imap\nS: * OK\nC: % NOOP {{b64(password)}}\nS: % BAD\n";
    assert_eq!(problem(&bench.run(text).await), "secret-unsafe");
    let mut lax = Bench::new(&["starttls-hidden@imap", "auth-clear-accepted@imap"]);
    lax.options.insecure_auth = true;
    let report = lax.run("protocol: imap\nS: * OK\nC: % LOGIN {{user}} {{password}}\nS: % OK\n").await;
    assert_eq!(report.verdict, Verdict::Pass);
    assert!(!said(&report).contains("wonderland"), "{}", said(&report));
}

#[tokio::test(start_paused = true)]
async fn the_proof_of_a_server_shows_nowhere() {
    // What is said in base64 before the end: the challenge, which is no secret, and the proof, which is one.
    let words = |report: &ScriptReport, begins: &str| {
        let text = said(report);
        text.split([' ', '\n', '"']).filter(|word| word.starts_with(begins)).count()
    };
    let (challenge, proof) = ("cj", "dj");
    for (protocol, first, last) in [("imap", "S: * OK", "S: % OK"), ("pop3", "S: +OK", "S: +OK")] {
        let text = format!(
            "protocol: {protocol}\n{first}\nC auth SCRAM-SHA-256 {{{{user}}}} {{{{password}}}}\n{last}\n"
        );
        let report = Bench::new(&[]).run(&text).await;
        assert_eq!(report.verdict, Verdict::Pass, "{}", said(&report));
        assert_eq!(words(&report, challenge), 1, "{}", said(&report));
        assert_eq!(words(&report, proof), 0, "{}", said(&report));
        // A wrong proof as well: it may be the right one of somebody else.
        let report = Bench::new(&["scram-proof-wrong"]).run(&text).await;
        assert_eq!(words(&report, proof), 0, "{}", said(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn known_deviations_are_expected() {
    let mut bench = Bench::new(&[]);
    let wrong = "protocol: smtp\nS: 220\n== a\nC: NOOP\nS: 999\n";
    let right = "protocol: smtp\nS: 220\n== a\nC: NOOP\nS: 250\n";
    for step in [None, Some("a".to_owned())] {
        bench.options.known =
            vec![ehlo_runner::Known { script: "te*".into(), step, reason: "it is so".into() }];
        let report = bench.run(wrong).await;
        assert_eq!((report.verdict, report.counts), (Verdict::XFail, false));
        assert_eq!(bench.run(right).await.verdict, Verdict::XPass);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_needed_is_asked_of_the_first_connection() {
    let bench = Bench::new(&[]);
    // The other connection begins before the first one says anything.
    let text = "protocol: imap\nstate: authenticated\nneeds: UIDPLUS\nC2 connect smtp\nS2: 220\nC: % NOOP\nS: % OK\n";
    assert_eq!(bench.run(text).await.verdict, Verdict::Pass);
    let text = "protocol: imap\nneeds: X-NOT-THERE\nS: * OK\n";
    assert_eq!(bench.run(text).await.verdict, Verdict::Skip);
}

#[tokio::test(start_paused = true)]
async fn what_the_user_allows_holds_for_no_server_that_only_a_script_names() {
    let mut bench = Bench::new(&["starttls-hidden@imap", "auth-clear-accepted@imap"]);
    bench.options.insecure_auth = true;
    bench.options.no_secrets = true;
    // The same server by another name, and in memory without a look at DNS.
    let login = "S: * OK\nC: % LOGIN {{user}} {{password}}\nS: % OK\n";
    let foreign = format!("protocol: imap\nC connect imap://127.0.0.1\n{login}");
    let report = bench.run(&foreign).await;
    assert_eq!((report.verdict, problem(&report)), (Verdict::Error, "secret-unsafe"));
    assert!(!said(&report).contains("LOGIN alice"), "{}", said(&report));
    let own = format!("protocol: imap\nC connect imap://lab.test\n{login}");
    assert_eq!(bench.run(&own).await.verdict, Verdict::Pass);
}
