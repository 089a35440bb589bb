//! Client and lab in memory, on a virtual clock: no socket, no sleep.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::facts::{Answered, LoginResult};
use ehlo_core::{
    Cause, EntryKind, Family, Limits, Masker, Protocol, Scheme, Side, Span, Stage, Transcript, TranscriptId,
};
use ehlo_dialogue::{
    ClientIdentity, Clock, Dialogue, DialogueOptions, LoginOptions, Offered, TlsSettings, Trust,
};
use ehlo_lab::{ActiveFault, Lab, LabConfig, Service};
use ehlo_wire::sasl::Credentials;
use ehlo_wire::{imap, pop3, smtp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const NOW: i64 = 1_800_000_000;

fn credentials() -> Credentials {
    Credentials { user: "benutzername".into(), password: "passwort".into(), authzid: String::new() }
}

/// A dialogue with a lab that has these faults.
fn dial(scheme: Scheme, faults: &[&str]) -> Dialogue {
    dial_lab(scheme, &lab_with(faults), None, None)
}

fn lab_with(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.mechanisms.push("ANONYMOUS");
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

/// A dialogue with this lab, with a certificate of our own and up to a version of TLS.
fn dial_lab(
    scheme: Scheme,
    lab: &Arc<Lab>,
    identity: Option<ClientIdentity>,
    newest: Option<&str>,
) -> Dialogue {
    let lab = Arc::clone(lab);
    let mut trust = Trust::only_given();
    trust.give(lab.authority().root_der().clone());
    let mut masker = Masker::new();
    masker.learn(b"passwort");
    let options = DialogueOptions {
        protocol: scheme.protocol(),
        host: "lab.test".into(),
        limits: Limits::default(),
        deadline: Instant::now() + Duration::from_secs(90),
        tls: TlsSettings {
            trust: Arc::new(trust),
            sni: None,
            also_named: Vec::new(),
            identity,
            now: NOW,
            oldest: None,
            newest: newest.map(str::to_owned),
            alpn: Vec::new(),
        },
        masker,
        seed: 11,
    };
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { lab.serve_stream(Service { scheme, family: Family::V4 }, theirs).await });
    let transcript = Transcript::new(TranscriptId(0), "test", 1 << 20);
    Dialogue::over(Box::new(ours), None, options, Clock::start(), transcript)
}

#[tokio::test(start_paused = true)]
async fn smtp_with_starttls_and_login() {
    let mut d = dial(Scheme::Submission, &[]);
    assert_eq!(d.greeting().await.unwrap().answered(), Answered::Accepted);
    let ehlo = d.say(smtp::ehlo_command("client.example").unwrap()).await.unwrap();
    assert!(ehlo.shown().contains("STARTTLS"));
    let starttls = d.say(smtp::simple("STARTTLS").unwrap()).await.unwrap();
    assert_eq!(starttls.answered(), Answered::Accepted);
    let tls = d.upgrade().await.unwrap();
    assert!(tls.is_verified(), "{tls:#?}");
    assert_eq!((tls.version.as_str(), tls.chain.len(), tls.path.trusted_by.len()), ("TLSv1.3", 2, 1));
    assert_eq!(tls.names.matched.as_deref(), Some("lab.test"));
    let ehlo = d.say(smtp::ehlo_command("client.example").unwrap()).await.unwrap();
    assert!(!ehlo.shown().contains("STARTTLS") && ehlo.shown().contains("AUTH PLAIN"));
    let offered = Offered { mechanisms: vec!["PLAIN".into()], ..Offered::default() };
    let login = d.login(&credentials(), &offered, &LoginOptions::default()).await;
    assert_eq!((login.result, login.mechanism.as_str()), (LoginResult::Accepted, "PLAIN"));
    let (transcript, deviations) = d.finish().await;
    assert!(deviations.is_empty());
    let json = serde_json::to_string(&transcript).unwrap();
    assert!(!json.contains("AGJlbnV0emVybmFtZQBwYXNzd29ydA==") && json.contains("AUTH PLAIN ****"));
    assert!(json.contains("QUIT") && json.contains("221 2.0.0 bye"));
    let back: Transcript = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_leaves_without_verified_tls() {
    let mut d = dial(Scheme::Imap, &["auth-clear-accepted"]);
    d.greeting().await.unwrap();
    let offered = Offered { mechanisms: vec!["PLAIN".into()], own_command: true, ..Offered::default() };
    let login = d.login(&credentials(), &offered, &LoginOptions::default()).await;
    assert!(matches!(login.result, LoginResult::NotSent { .. }));
    assert_eq!(d.transcript().sent_by(Side::Client), 0);

    let mut d = dial(Scheme::Imaps, &["cert-wrong-name"]);
    d.upgrade().await.unwrap();
    d.greeting().await.unwrap();
    let sent = d.transcript().sent_by(Side::Client);
    let insecure = LoginOptions { insecure_auth: true, ..LoginOptions::default() };
    let login = d.login(&credentials(), &offered, &insecure).await;
    assert!(matches!(login.result, LoginResult::NotSent { .. }));
    assert_eq!(d.transcript().sent_by(Side::Client), sent);
}

#[tokio::test(start_paused = true)]
async fn what_stands_before_the_handshake_is_hostile() {
    for (scheme, command) in [
        (Scheme::Smtp, smtp::simple("STARTTLS").unwrap()),
        (Scheme::Pop3, pop3::command("STLS").unwrap()),
        (Scheme::Imap, imap::command("t1", "STARTTLS").unwrap()),
    ] {
        let mut d = dial(scheme, &["starttls-injected"]);
        d.greeting().await.unwrap();
        d.say(command).await.unwrap();
        let failure = d.upgrade().await.unwrap_err();
        let Cause::InjectedBeforeTls { span } = failure.cause else { panic!("{failure:?}") };
        let injected = d.transcript().visible(span);
        assert!(String::from_utf8(injected).unwrap().contains(if scheme == Scheme::Imap {
            "CAPABILITY"
        } else {
            "injected"
        }));
        assert!(d.say(smtp::simple("NOOP").unwrap()).await.is_err(), "nothing can be said any more");
    }
}

#[tokio::test(start_paused = true)]
async fn every_wait_ends_at_its_deadline() {
    for (faults, waited, stage) in [
        (&["silence=greeting"][..], 30_000, Stage::Greeting),
        (&["drip=capabilities"], 30_000, Stage::Capabilities),
        (&["silence=capabilities"], 30_000, Stage::Capabilities),
        (&["starttls-silent"], 30_000, Stage::StartTls),
        (&["starttls-then-silence"], 15_000, Stage::Handshake),
    ] {
        let start = Instant::now();
        let mut d = dial(Scheme::Smtp, faults);
        let failure = talk(&mut d).await.unwrap_err();
        assert_eq!(failure.stage, stage, "{faults:?}: {failure:?}");
        assert_eq!(failure.cause, Cause::TimedOut { waited_ms: waited }, "{faults:?}");
        assert_eq!(start.elapsed().as_millis(), u128::from(waited), "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_deadline_beats_all_others() {
    let mut d = dial(Scheme::Smtp, &["greeting-delay=80", "silence=capabilities"]);
    let start = Instant::now();
    // The greeting is given up after 30 s; with a longer patience for it the service's 90 s count.
    assert!(matches!(d.greeting().await.unwrap_err().cause, Cause::TimedOut { waited_ms: 30_000 }));
    assert_eq!(start.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn hostile_peers_are_cut_off() {
    for (scheme, faults, expected) in [
        (Scheme::Smtp, &["hostile-endless-line"][..], "line"),
        (Scheme::Pop3, &["hostile-endless-line"], "line"),
        (Scheme::Imap, &["hostile-endless-line"], "line"),
        (Scheme::Smtp, &["hostile-endless-reply"], "lines"),
        (Scheme::Pop3, &["hostile-endless-reply"], "lines"),
        (Scheme::Imap, &["hostile-endless-reply"], "lines"),
        (Scheme::Imap, &["hostile-literal"], "literal"),
    ] {
        let mut d = dial(scheme, faults);
        let failure = talk(&mut d).await.unwrap_err();
        let Cause::TooLarge { what, .. } = &failure.cause else { panic!("{scheme} {faults:?}: {failure:?}") };
        assert_eq!(what, expected, "{scheme} {faults:?}");
        d.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_words_before_a_close_are_kept() {
    for (scheme, fault, code) in [
        (Scheme::Smtp, "greeting-refused", "554"),
        (Scheme::Imap, "greeting-refused", "BYE"),
        (Scheme::Smtp, "connection-limit=0", "421"),
    ] {
        let mut d = dial(scheme, &[fault]);
        let failure = talk(&mut d).await.unwrap_err();
        assert_eq!(failure.cause, Cause::Rejected { code: code.into() }, "{scheme} {fault}");
    }
    let mut d = dial(Scheme::Smtp, &["close=capabilities"]);
    assert_eq!(talk(&mut d).await.unwrap_err().cause, Cause::Closed);
}

#[tokio::test(start_paused = true)]
async fn text_where_tls_was_due_is_shown() {
    let mut d = dial(Scheme::Imaps, &["tls-swapped"]);
    let failure = d.upgrade().await.unwrap_err();
    let Cause::NotTls { first } = &failure.cause else { panic!("{failure:?}") };
    assert!(first.starts_with("* OK [CAPABILITY"));
    let Some(ehlo_core::Anchor::Bytes(span)) = failure.at else { panic!() };
    assert!(d.transcript().visible(span).starts_with(b"* OK"));
}

#[tokio::test(start_paused = true)]
async fn a_tls_alert_is_named() {
    let mut d = dial(Scheme::Smtp, &["starttls-no-handshake"]);
    let failure = talk(&mut d).await.unwrap_err();
    assert_eq!(failure.cause, Cause::TlsAlert { alert: "unexpected_message".into() });
}

#[tokio::test(start_paused = true)]
async fn a_second_greeting_is_noticed() {
    let mut d = dial(Scheme::Smtp, &["greeting-twice"]);
    d.greeting().await.unwrap();
    assert_eq!(d.take_unasked().len(), 1);
    // And what follows still belongs to what was asked.
    let ehlo = d.say(smtp::ehlo_command("x").unwrap()).await.unwrap();
    assert!(ehlo.shown().starts_with("250 lab.test greets"));
}

#[tokio::test(start_paused = true)]
async fn bytes_are_recorded_as_they_came() {
    let mut d = dial(Scheme::Smtp, &["hostile-escapes"]);
    d.greeting().await.unwrap();
    let (transcript, deviations) = d.finish().await;
    let raw = transcript.visible(Span::new(Side::Server, 0, 200));
    assert!(raw.windows(4).any(|w| w == b"\x1b[2J"));
    let json = serde_json::to_string(&transcript).unwrap();
    assert!(!json.contains('\u{1b}') && !json.contains("\\u001b") && json.contains(r"\\x1b[2J"));
    assert!(!deviations.is_empty());
    assert!(transcript.entries.iter().any(|e| matches!(e.kind, EntryKind::Deviation { .. })));
}

/// Greeting, capabilities, STARTTLS, handshake.
async fn talk(d: &mut Dialogue) -> Result<(), ehlo_core::Failure> {
    d.greeting().await?;
    let (capabilities, starttls) = match d.protocol() {
        Protocol::Pop3 => (pop3::command("CAPA"), pop3::command("STLS")),
        Protocol::Imap => (imap::command("c1", "CAPABILITY"), imap::command("c2", "STARTTLS")),
        _ => (smtp::ehlo_command("x"), smtp::simple("STARTTLS")),
    };
    d.say(capabilities.unwrap()).await?;
    d.say(starttls.unwrap()).await?;
    d.upgrade().await?;
    Ok(())
}
