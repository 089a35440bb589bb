//! Every way to log in, client against lab, over TLS in memory.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::facts::{LoginFacts, LoginResult, Moment};
use ehlo_core::{EntryKind, Family, Limits, Masker, Scheme, Transcript, TranscriptId};
use ehlo_dialogue::{
    ClientIdentity, Clock, Dialogue, DialogueOptions, LoginOptions, Offered, TlsSettings, Trust,
    describe_certificate,
};
use ehlo_lab::{ActiveFault, Lab, LabConfig, MECHANISMS, Service};
use ehlo_wire::sasl::{Credentials, Needs, mechanism};
use ehlo_wire::{Reply, pop3};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const NOW: i64 = 1_800_000_000;

/// Where one can log in inside TLS. ManageSieve begins without it.
const INSIDE: [Scheme; 4] = [Scheme::Submissions, Scheme::Pop3s, Scheme::Imaps, Scheme::Sieve];

fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.mechanisms.push("ANONYMOUS");
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

/// A client that connects to a lab.
struct Client {
    lab: Arc<Lab>,
    identity: Option<ClientIdentity>,
    newest: Option<&'static str>,
}

impl Client {
    fn of(lab: &Arc<Lab>) -> Client {
        Client { lab: Arc::clone(lab), identity: None, newest: None }
    }

    /// A dialogue inside TLS, and what the server offers there.
    async fn dial(&self, scheme: Scheme) -> (Dialogue, Offered) {
        let mut d = self.open(scheme);
        let mut stamp = None;
        if scheme == Scheme::Sieve {
            d.greeting().await.unwrap();
            let command = d.starttls_command();
            d.say(command).await.unwrap();
        }
        assert!(d.upgrade().await.unwrap().is_verified());
        if scheme == Scheme::Sieve {
            d.capabilities_after_tls(Duration::from_secs(5)).await.unwrap();
        } else if let Some(Reply::Pop3(response)) = d.greeting().await.unwrap().last() {
            let found = pop3::apop_stamp(&response.text).unwrap().0;
            stamp = Some(String::from_utf8(found.to_vec()).unwrap());
        }
        let listed = d.ask_capabilities(Moment::Tls, Some("client.example")).await.unwrap();
        let mut offered = Offered::from_capabilities(scheme.protocol(), Some(&listed.facts), None);
        offered.apop_stamp = stamp.map(String::into_bytes);
        (d, offered)
    }

    fn open(&self, scheme: Scheme) -> Dialogue {
        let mut trust = Trust::only_given();
        trust.give(self.lab.authority().root_der().clone());
        let options = DialogueOptions {
            protocol: scheme.protocol(),
            host: "lab.test".into(),
            limits: Limits::default(),
            deadline: Instant::now() + Duration::from_secs(90),
            tls: TlsSettings {
                trust: Arc::new(trust),
                sni: None,
                also_named: Vec::new(),
                identity: self.identity.clone(),
                now: NOW,
                oldest: None,
                newest: self.newest.map(str::to_owned),
                alpn: Vec::new(),
            },
            masker: Masker::new(),
            seed: 11,
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let lab = Arc::clone(&self.lab);
        let service = Service { scheme, family: Family::V4 };
        tokio::spawn(async move { lab.serve_stream(service, theirs).await });
        let transcript = Transcript::new(TranscriptId(0), "test", 1 << 20);
        Dialogue::over(Box::new(ours), None, options, Clock::start(), transcript)
    }

    /// Logs in by one way, in a connection of its own; also what was noted.
    async fn login(&self, scheme: Scheme, way: &str, password: &str) -> (LoginFacts, Vec<String>) {
        let (mut d, offered) = self.dial(scheme).await;
        let options = LoginOptions { mechanism: Some(way.into()), ..LoginOptions::default() };
        let user = if way == "EXTERNAL" { String::new() } else { "alice".into() };
        let who = Credentials { user, password: password.into(), authzid: String::new() };
        let login = d.login(&who, &offered, &options).await;
        let (transcript, _) = d.finish().await;
        let notes = transcript.entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Note { id, params } if id == "sasl-bound" => Some(format!("{id} {}", params["kind"])),
            EntryKind::Note { id, .. } if id.starts_with("sasl-") => Some(id.clone()),
            _ => None,
        });
        (login, notes.collect())
    }
}

/// The certificate of an account, as the lab's authority writes it.
fn identity(lab: &Lab, account: &str) -> ClientIdentity {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let name = format!("{account}-{}", std::process::id());
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let (chain, secret) = lab.authority().issue_for_client(account, lab.host_name()).unwrap();
    std::fs::write(&certificate, chain).unwrap();
    std::fs::write(&key, secret).unwrap();
    ClientIdentity::read(&certificate, &key).unwrap()
}

fn accepted(login: &LoginFacts) -> bool {
    login.result == LoginResult::Accepted
}

fn binds(name: &str) -> bool {
    mechanism(name).is_some_and(|m| m.meta().binds)
}

#[tokio::test(start_paused = true)]
async fn every_mechanism_of_the_lab_logs_in_and_refuses_a_wrong_password() {
    let lab = lab(&[]);
    let client = Client::of(&lab);
    for scheme in INSIDE {
        let ways =
            MECHANISMS.iter().filter(|&&name| mechanism(name).unwrap().meta().needs != Needs::Certificate);
        for way in ways {
            let (login, notes) = client.login(scheme, way, "wonderland").await;
            assert!(accepted(&login), "{scheme} {way}: {login:?} {notes:?}");
            let (login, _) = client.login(scheme, way, "looking-glass").await;
            assert_eq!(login.result, LoginResult::Refused, "{scheme} {way}: {login:?}");
        }
    }
    for (scheme, way) in [(Scheme::Pop3s, "USER"), (Scheme::Pop3s, "APOP"), (Scheme::Imaps, "LOGIN command")]
    {
        assert!(accepted(&client.login(scheme, way, "wonderland").await.0), "{scheme} {way}");
        assert!(!accepted(&client.login(scheme, way, "looking-glass").await.0), "{scheme} {way}");
    }
}

#[tokio::test(start_paused = true)]
async fn logins_are_tied_to_tls_of_either_version() {
    let lab = lab(&[]);
    for (newest, kind) in [(None, "tls-exporter"), (Some("1.2"), "tls-server-end-point")] {
        let client = Client { newest, ..Client::of(&lab) };
        for scheme in INSIDE {
            for way in MECHANISMS.iter().filter(|name| binds(name)) {
                let (login, notes) = client.login(scheme, way, "wonderland").await;
                assert!(accepted(&login), "{scheme} {newest:?} {way}: {login:?}");
                assert_eq!(notes, [format!("sasl-bound {kind}")], "{scheme} {newest:?} {way}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_in_between_is_reported_as_such() {
    let lab = lab(&["binding-altered"]);
    for newest in [None, Some("1.2")] {
        let client = Client { newest, ..Client::of(&lab) };
        for scheme in INSIDE {
            for way in MECHANISMS.iter().filter(|name| binds(name)) {
                let (login, notes) = client.login(scheme, way, "wonderland").await;
                assert_eq!(login.result, LoginResult::Refused, "{scheme} {way}: {login:?}");
                assert_eq!(notes, ["sasl-binding-mismatch"], "{scheme} {way}");
                // With a wrong password there is no telling.
                let (login, notes) = client.login(scheme, way, "looking-glass").await;
                assert_eq!((login.result, notes.len()), (LoginResult::Refused, 0), "{scheme} {way}");
            }
            // Without binding, nobody notices.
            assert!(accepted(&client.login(scheme, "SCRAM-SHA-256", "wonderland").await.0), "{scheme}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_the_lab_logs_in_without_a_password() {
    let lab = lab(&[]);
    for newest in [None, Some("1.2")] {
        for scheme in INSIDE {
            let alice = Client { identity: Some(identity(&lab, "alice")), newest, ..Client::of(&lab) };
            let (login, _) = alice.login(scheme, "EXTERNAL", "").await;
            assert!(accepted(&login), "{scheme} {newest:?}: {login:?}");
        }
    }
    // Neither is it offered without one, nor with one that names no account here or that somebody else signed.
    let stranger = Lab::new(LabConfig::new(8, NOW)).unwrap();
    for (identity, offers) in [
        (Some(identity(&lab, "name")), true),
        (Some(identity(&lab, "nobody")), false),
        (Some(identity(&stranger, "alice")), false),
        (None, false),
    ] {
        let client = Client { identity, ..Client::of(&lab) };
        for scheme in INSIDE {
            let (_, offered) = client.dial(scheme).await;
            assert_eq!(offered.mechanisms.iter().any(|name| name == "EXTERNAL"), offers, "{scheme}");
        }
    }
    // Who he is, the certificate says; whom he acts as must be himself.
    let client = Client { identity: Some(identity(&lab, "name")), ..Client::of(&lab) };
    let options = LoginOptions { mechanism: Some("EXTERNAL".into()), ..LoginOptions::default() };
    for (authzid, result) in [
        ("name", LoginResult::Accepted),
        ("name@lab.test", LoginResult::Accepted),
        ("alice", LoginResult::Refused),
    ] {
        let (mut d, offered) = client.dial(Scheme::Imaps).await;
        let who = Credentials { user: String::new(), password: "".into(), authzid: authzid.into() };
        assert_eq!(d.login(&who, &offered, &options).await.result, result, "{authzid}");
    }
}

#[tokio::test(start_paused = true)]
async fn guests_come_in_where_that_is_wanted() {
    let client = Client::of(&lab(&[]));
    for scheme in INSIDE {
        let (login, _) = client.login(scheme, "ANONYMOUS", "").await;
        assert!(accepted(&login), "{scheme}: {login:?}");
    }
    let usual = Client::of(&Lab::new(LabConfig::new(7, NOW)).unwrap());
    let (_, offered) = usual.dial(Scheme::Imaps).await;
    assert!(!offered.mechanisms.iter().any(|name| name == "ANONYMOUS"));
}

#[tokio::test(start_paused = true)]
async fn without_tls_nothing_is_offered_that_needs_it() {
    let lab = lab(&[]);
    for scheme in [Scheme::Submission, Scheme::Pop3, Scheme::Imap, Scheme::Sieve] {
        let mut d = Client::of(&lab).open(scheme);
        d.greeting().await.unwrap();
        let listed = d.ask_capabilities(Moment::Plain, Some("client.example")).await.unwrap();
        let offered = Offered::from_capabilities(scheme.protocol(), Some(&listed.facts), None);
        let expected: Vec<&str> = MECHANISMS
            .iter()
            .copied()
            .filter(|name| {
                let meta = mechanism(name).unwrap().meta();
                !meta.binds && !meta.password_equivalent && meta.needs == Needs::Password
            })
            .chain(["ANONYMOUS"])
            .collect();
        assert_eq!(offered.mechanisms, expected, "{scheme}");
    }
}

#[test]
fn both_sides_make_the_same_digest_of_a_certificate() {
    // Apart from each other, client and lab would agree on a wrong one: here it is compared with what the report says.
    let lab = lab(&[]);
    let flight = lab.authority().issue(&ehlo_lab::CertificateKind::Good).unwrap();
    let leaf = describe_certificate(&flight.cert[0]);
    assert_eq!(leaf.signature, "ecdsa-with-SHA256");
    let digest = ehlo_wire::sasl::server_end_point(&flight.cert[0], "1.2.840.10045.4.3.2", None).unwrap();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, leaf.sha256);
}
