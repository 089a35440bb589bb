//! The ways to log in, tried at the lab in memory on a virtual clock.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_action::Target;
use ehlo_action::auth::{AuthOptions, run};
use ehlo_core::auth::{AuthAttempt, AuthReport, AuthResult, NotTried};
use ehlo_core::{Address, Endpoint, Event, Family, Limits, Scheme, Side, Span};
use ehlo_dialogue::{ConnectionOptions, Connector, Dialer, LoginOptions, Transport, Trust};
use ehlo_lab::{ActiveFault, Lab, LabConfig, Service};
use ehlo_wire::sasl::{Credentials, MECHANISMS};
use std::io;
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

/// What is tried, and where.
#[derive(Clone)]
struct Setup {
    faults: &'static [&'static str],
    schemes: &'static [Scheme],
    password: &'static str,
    only: &'static [&'static str],
    login: LoginOptions,
    trusted: bool,
    all: bool,
    wrong: bool,
}

impl Setup {
    fn at(schemes: &'static [Scheme], faults: &'static [&'static str]) -> Setup {
        Setup {
            faults,
            schemes,
            password: "passwort",
            only: &[],
            login: LoginOptions::default(),
            trusted: true,
            all: false,
            wrong: false,
        }
    }

    async fn run(&self) -> AuthReport {
        let mut config = LabConfig::new(7, NOW);
        config.faults = self.faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
        let lab = Lab::new(config).unwrap();
        let mut trust = Trust::only_given();
        if self.trusted {
            trust.give(lab.authority().root_der().clone());
        }
        let options = AuthOptions {
            connection: ConnectionOptions {
                limits: Limits::default(),
                family: None,
                connect: None,
                connector: Connector { source: None, dialer: Some(Arc::new(LabInMemory(lab))) },
                trust: Arc::new(trust),
                identity: None,
                sni: None,
                helo: Some("client.example".into()),
                now: NOW,
                seed: 11,
            },
            credentials: Credentials {
                user: "benutzername".into(),
                password: self.password.into(),
                authzid: String::new(),
            },
            token: None,
            login: self.login.clone(),
            only: self.only.iter().map(|m| (*m).to_owned()).collect(),
            all: self.all,
            wrong: self.wrong,
        };
        let targets = self.schemes.iter().map(|&scheme| Target {
            endpoint: Endpoint::new(scheme, "lab.test", None),
            url: format!("{scheme}://lab"),
            addresses: Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], scheme.port())))]),
        });
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        let report = run(targets.collect(), Arc::new(options), events).await;
        let mut done = 0;
        while let Ok(event) = told.try_recv() {
            done += usize::from(matches!(event, Event::ServiceAcquired { .. }));
        }
        assert_eq!(done, self.schemes.len());
        report
    }
}

fn line(attempt: &AuthAttempt) -> String {
    let initial = attempt.initial_response.map_or("", |on| if on { " with" } else { " without" });
    let why = match &attempt.result {
        AuthResult::NotTried { why } => format!(": {}", why.id()),
        AuthResult::Broken { failure } => format!(": {} {}", failure.stage.id(), failure.cause.id()),
        _ => String::new(),
    };
    format!("{}{initial} {}{why}", attempt.way, attempt.result.id())
}

fn lines(report: &AuthReport, service: usize) -> Vec<String> {
    report.services[service].attempts.iter().map(line).collect()
}

fn tried(report: &AuthReport) -> Vec<&AuthAttempt> {
    let all = report.services.iter().flat_map(|s| &s.attempts);
    all.filter(|a| !matches!(a.result, AuthResult::NotTried { .. })).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sound_server_takes_every_way() {
    let schemes = &[
        Scheme::Submission,
        Scheme::Submissions,
        Scheme::Pop3,
        Scheme::Pop3s,
        Scheme::Imap,
        Scheme::Imaps,
        Scheme::Sieve,
    ];
    let report = Setup::at(schemes, &[]).run().await;
    for (index, service) in report.services.iter().enumerate() {
        let lines = lines(&report, index);
        for way in ["PLAIN with accepted", "PLAIN without accepted"] {
            assert!(lines.contains(&way.to_owned()), "{}: {lines:#?}", service.url);
        }
        assert_eq!(
            service.before_tls.is_some(),
            !service.url.starts_with(&schemes[1].to_string()) && !service.url.contains("s://"),
            "{}",
            service.url
        );
        assert!(service.inside_tls.is_some() && service.failure.is_none(), "{}", service.url);
    }
    assert!(lines(&report, 2).contains(&"USER accepted".to_owned()));
    assert!(lines(&report, 2).contains(&"APOP accepted".to_owned()));
    assert!(lines(&report, 4).contains(&"LOGIN command accepted".to_owned()));
    for attempt in tried(&report) {
        assert_eq!(attempt.result, AuthResult::Accepted, "{}", line(attempt));
        assert!(!attempt.at.is_empty() && attempt.reply.is_some());
        assert!(report.transcripts.iter().any(|t| Some(t.id) == attempt.transcript));
    }
    assert!(!report.stopped);
    // Each connection has a transcript of its own number.
    let mut ids: Vec<u32> = report.transcripts.iter().map(|t| t.id.0).collect();
    ids.dedup();
    assert_eq!(ids.len(), tried(&report).len() + schemes.len());
}

#[tokio::test(start_paused = true)]
async fn after_three_failures_nothing_more_is_tried() {
    let report = Setup::at(&[Scheme::Submissions, Scheme::Imaps], &["auth-refused"]).run().await;
    assert_eq!(tried(&report).len(), 3);
    assert!(tried(&report).iter().all(|a| a.result == AuthResult::Refused && a.reply.is_some()));
    assert!(report.stopped);
    let rest = report.services[1].attempts.iter();
    let stopped = AuthResult::NotTried { why: NotTried::Stopped };
    assert!(rest.clone().count() > 0);
    // Tokens are another matter: there is none to try.
    let tried_at_all =
        |a: &&AuthAttempt| !matches!(a.result, AuthResult::NotTried { why: NotTried::Wants { .. } });
    assert!(rest.clone().filter(tried_at_all).all(|a| a.result == stopped), "{:#?}", lines(&report, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_of_the_user_is_not_sent_a_fourth_time() {
    let setup = Setup { password: "not-the-one", ..Setup::at(&[Scheme::Pop3s, Scheme::Pop3], &[]) };
    let report = Setup { wrong: true, ..setup }.run().await;
    assert_eq!(tried(&report).len(), 3);
    let wrong = report.services[0].wrong.as_ref().unwrap();
    assert_eq!(wrong.result, AuthResult::NotTried { why: NotTried::Stopped });
}

#[tokio::test(start_paused = true)]
async fn what_is_temporary_does_not_count() {
    for scheme in [&[Scheme::Submissions], &[Scheme::Imaps], &[Scheme::Pop3s], &[Scheme::Sieve]] {
        let report = Setup::at(scheme, &["auth-unavailable"]).run().await;
        let lines = lines(&report, 0);
        assert!(!report.stopped && lines.len() > 1, "{lines:#?}");
        let tried = lines.iter().filter(|l| !l.ends_with(" not-tried: wants"));
        assert!(tried.clone().all(|l| l.ends_with(" unavailable")), "{lines:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_mechanism_is_told_from_the_others() {
    let report = Setup::at(&[Scheme::Submissions], &["auth-bad-challenge"]).run().await;
    let lines = lines(&report, 0);
    assert!(lines.contains(&"PLAIN with accepted".to_owned()), "{lines:#?}");
    assert!(lines.iter().any(|l| l.starts_with("CRAM-MD5") && !l.ends_with("accepted")), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn servers_that_do_not_let_us_come_so_far_are_told_as_such() {
    let report = Setup::at(&[Scheme::Imaps, Scheme::Pop3s], &["greeting-refused@imaps"]).run().await;
    let failure = report.services[0].failure.as_ref().unwrap();
    assert_eq!((failure.stage.id(), failure.cause.id()), ("greeting", "rejected"));
    assert!(!report.services[0].is_reachable() && report.services[0].attempts.is_empty());
    assert!(lines(&report, 1).contains(&"PLAIN with accepted".to_owned()));
    let report = Setup::at(&[Scheme::Imaps], &["connection-refused"]).run().await;
    assert_eq!(report.services[0].failure.as_ref().unwrap().cause.id(), "refused");
    let report = Setup::at(&[Scheme::Imaps], &["silence=AUTHENTICATE"]).run().await;
    assert!(report.took_us <= 190_000_000, "{}", report.took_us);
    assert!(tried(&report).len() <= 3, "{:#?}", lines(&report, 0));
    assert!(lines(&report, 0)[0].ends_with("broken: auth timed-out"), "{:#?}", lines(&report, 0));
}

#[tokio::test(start_paused = true)]
async fn passwords_stay_where_they_are_safe() {
    let unsafe_everywhere = |report: &AuthReport, why: &str| {
        for attempt in &report.services[0].attempts {
            match &attempt.result {
                AuthResult::NotTried { why: NotTried::Unsafe { why: told } } => assert_eq!(told, why),
                AuthResult::NotTried { .. } => {}
                _ => panic!("{}", line(attempt)),
            }
        }
    };
    let untrusted = Setup { trusted: false, ..Setup::at(&[Scheme::Imaps], &[]) };
    let report = untrusted.run().await;
    assert!(tried(&report).is_empty());
    unsafe_everywhere(&report, "unverified");
    // Without TLS, only what does not give the password away.
    let clear = Setup::at(&[Scheme::Pop3], &["starttls-hidden", "auth-clear-offered", "auth-clear-accepted"]);
    let report = clear.run().await;
    let ways: Vec<String> = lines(&report, 0);
    assert!(ways.contains(&"USER not-tried: unsafe".to_owned()), "{ways:#?}");
    assert!(ways.contains(&"APOP accepted".to_owned()), "{ways:#?}");
    let insecure = LoginOptions { insecure_auth: true, ..LoginOptions::default() };
    let report = Setup { login: insecure, ..clear }.run().await;
    assert!(lines(&report, 0).contains(&"USER accepted".to_owned()), "{:#?}", lines(&report, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_and_told_apart() {
    let setup = Setup { wrong: true, ..Setup::at(&[Scheme::Imaps], &[]) };
    let report = setup.run().await;
    let wrong = report.services[0].wrong.as_ref().unwrap();
    assert_eq!(wrong.result, AuthResult::Refused);
    let equivalent =
        |way: &str| MECHANISMS.iter().any(|m| m.meta().name == way && m.meta().password_equivalent);
    assert!(!equivalent(&wrong.way), "{}", wrong.way);
    assert!(tried(&report).iter().all(|a| a.result == AuthResult::Accepted));
    // A server that lets everybody in cannot prove that it knows the password: SCRAM would notice.
    let report = Setup { faults: &["auth-any-password"], only: &["CRAM-MD5"], ..setup }.run().await;
    assert_eq!(report.services[0].wrong.as_ref().unwrap().result, AuthResult::Accepted);
}

#[tokio::test(start_paused = true)]
async fn what_is_named_is_tried_and_what_is_not_offered_on_request() {
    let report = Setup { only: &["cram-md5"], ..Setup::at(&[Scheme::Imaps], &[]) }.run().await;
    assert_eq!(lines(&report, 0), ["CRAM-MD5 accepted"]);
    let missing = Setup { only: &["PLAIN"], ..Setup::at(&[Scheme::Imaps], &["auth-missing"]) };
    let report = missing.run().await;
    assert_eq!(lines(&report, 0), ["PLAIN not-tried: not-offered"]);
    let report = Setup { all: true, ..missing }.run().await;
    assert!(!tried(&report).is_empty());
    assert_eq!(report.services[0].attempts[0].offered_inside_tls, Some(false));
}

#[tokio::test(start_paused = true)]
async fn no_transcript_holds_the_password() {
    let schemes = &[Scheme::Submissions, Scheme::Pop3s, Scheme::Imaps, Scheme::Sieve];
    let report = Setup { wrong: true, ..Setup::at(schemes, &[]) }.run().await;
    let mut seen = 0;
    for transcript in &report.transcripts {
        for side in [Side::Client, Side::Server] {
            let all = transcript.visible(Span::new(side, 0, transcript.sent_by(side)));
            let text = String::from_utf8_lossy(&all);
            seen += text.len();
            for form in ["passwort", "cGFzc3dvcnQ", "AHBhc3N3b3J0", "Bhc3N3b3J0", "wrong-"] {
                assert!(!text.contains(form), "{}: {form}: {text}", transcript.label);
            }
        }
    }
    assert!(seen > 10_000, "{seen}");
}
