//! The steps of the how-to that log in.

use super::{ready, say, secure};
use crate::common::Site;
use ehlo_core::facts::{Answered, LoginFacts, LoginResult, Moment};
use ehlo_core::{Scheme, Stage};
use ehlo_dialogue::{Dialogue, LoginOptions, Offered};
use ehlo_wire::sasl::{Credentials, Needs, mechanism};
use ehlo_wire::{Command, Reply, imap, pop3};

/// Mechanisms that the lab and Dovecot 2.3 have and that want a password.
const BY_PASSWORD: [&str; 7] =
    ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM"];

/// Where one logs in.
const SCHEMES: [Scheme; 4] = [Scheme::Submissions, Scheme::Pop3s, Scheme::Imaps, Scheme::Sieve];

pub(super) async fn step_14_apop(site: &Site) {
    for (password, answered) in [("passwort", Answered::Accepted), ("falsch", Answered::Refused)] {
        let mut d = site.dial(Scheme::Pop3).await;
        let turn = d.greeting().await.unwrap();
        let Some(Reply::Pop3(response)) = turn.last() else { panic!("{turn:?}") };
        let stamp = pop3::apop_stamp(&response.text).unwrap().0.to_vec();
        let digest = ehlo_wire::sasl::apop_digest(&stamp, &password.into());
        let command = pop3::command(&format!("apop benutzername {digest}")).unwrap();
        let turn = say(&mut d, command).await;
        assert_eq!(turn.answered(), answered, "{password}: {}", turn.shown());
        d.finish().await;
    }
}

pub(super) async fn step_15_auth_login(site: &Site) {
    let mut d = ready(site, Scheme::Pop3).await;
    secure(&mut d).await;
    let turn = say(&mut d, Command::line(Stage::Auth, "auth login").unwrap()).await;
    assert_eq!(turn.shown(), "+ VXNlcm5hbWU6");
    let turn = say(&mut d, Command::line(Stage::Auth, "YmVudXR6ZXJuYW1l").unwrap()).await;
    assert_eq!(turn.shown(), "+ UGFzc3dvcmQ6");
    let turn = say(&mut d, Command::line(Stage::Auth, "cGFzc3dvcnQ=").unwrap()).await;
    assert_eq!(turn.answered(), Answered::Accepted, "{}", turn.shown());
    let (transcript, _) = d.finish().await;
    assert!(!serde_json::to_string(&transcript).unwrap().contains("cGFzc3dvcnQ="));
}

pub(super) async fn step_22_authenticate_login(site: &Site) {
    let mut d = ready(site, Scheme::Imap).await;
    secure(&mut d).await;
    let turn = say(&mut d, imap::command("dd", "authenticate login").unwrap()).await;
    assert_eq!(turn.shown(), "+ VXNlcm5hbWU6");
    let turn = say(&mut d, Command::line(Stage::Auth, "YmVudXR6ZXJuYW1l").unwrap()).await;
    assert_eq!(turn.shown(), "+ UGFzc3dvcmQ6");
    let turn = say(&mut d, Command::line(Stage::Auth, "cGFzc3dvcnQ=").unwrap()).await;
    assert!(turn.shown().starts_with("dd OK"), "{}", turn.shown());
    d.finish().await;
}

pub(super) async fn step_23_authenticate_plain(site: &Site) {
    let message = "AGJlbnV0emVybmFtZQBwYXNzd29ydA==";
    let mut d = ready(site, Scheme::Imap).await;
    secure(&mut d).await;
    let turn = say(&mut d, imap::command("ee", "authenticate plain").unwrap()).await;
    assert_eq!(turn.answered(), Answered::Continue, "{}", turn.shown());
    let turn = say(&mut d, Command::line(Stage::Auth, message).unwrap()).await;
    assert!(turn.shown().starts_with("ee OK"), "{}", turn.shown());
    d.finish().await;
    // In one line, which SASL-IR allows.
    let mut d = ready(site, Scheme::Imap).await;
    secure(&mut d).await;
    let listed = d.ask_capabilities(Moment::Tls, None).await.unwrap();
    assert!(listed.facts.has("SASL-IR"));
    let turn = say(&mut d, imap::command("ee", &format!("authenticate plain {message}")).unwrap()).await;
    assert!(turn.shown().starts_with("ee OK"), "{}", turn.shown());
    d.finish().await;
}

/// CRAM-MD5, DIGEST-MD5, NTLM, and what came after them.
pub(super) async fn step_24_too_hard_by_hand(site: &Site) {
    for scheme in SCHEMES {
        for way in BY_PASSWORD {
            let login = log_in(site, scheme, way, "alice", "wonderland").await;
            assert_eq!(login.result, LoginResult::Accepted, "{scheme} {way}: {login:?}");
            let login = log_in(site, scheme, way, "alice", "looking-glass").await;
            assert_eq!(login.result, LoginResult::Refused, "{scheme} {way}: {login:?}");
        }
    }
}

/// An administrator gets the mailbox of a user, without that one's password.
pub(super) async fn step_25_a_master_user(site: &Site) {
    for (user, password, result) in [
        ("meister", "generalschluessel", LoginResult::Accepted),
        ("meister", "falsch", LoginResult::Refused),
        // Nobody else may.
        ("benutzername", "passwort", LoginResult::Refused),
    ] {
        for scheme in SCHEMES {
            let (mut d, offered) = inside(site, scheme).await;
            let who = Credentials { user: user.into(), password: password.into(), authzid: "alice".into() };
            let options = LoginOptions { mechanism: Some("PLAIN".into()), ..LoginOptions::default() };
            let login = d.login(&who, &offered, &options).await;
            assert_eq!(login.result, result, "{scheme} {user}: {login:?}");
            d.finish().await;
        }
    }
}

/// Tokens in place of a password, and a certificate.
pub(super) async fn every_other_way(site: &Site) {
    let (token, alice) = (site.token(), site.with_certificate());
    for scheme in SCHEMES {
        for way in ["OAUTHBEARER", "XOAUTH2"] {
            assert_eq!(mechanism(way).unwrap().meta().needs, Needs::Token);
            let login = log_in(site, scheme, way, "alice", &token).await;
            assert_eq!(login.result, LoginResult::Accepted, "{scheme} {way}: {login:?}");
            let login = log_in(site, scheme, way, "alice", "no-such-token").await;
            assert_eq!(login.result, LoginResult::Refused, "{scheme} {way}: {login:?}");
        }
        // Postfix does not tell Dovecot of the client's certificate.
        if site.is_lab() || scheme != Scheme::Submissions {
            let login = log_in(&alice, scheme, "EXTERNAL", "alice", "").await;
            assert_eq!(login.result, LoginResult::Accepted, "{scheme}: {login:?}");
        }
    }
}

/// Logs in in a connection of its own, by a way that the server must offer.
async fn log_in(site: &Site, scheme: Scheme, way: &str, user: &str, password: &str) -> LoginFacts {
    let (mut d, offered) = inside(site, scheme).await;
    let who = Credentials { user: user.into(), password: password.into(), authzid: String::new() };
    let options = LoginOptions { mechanism: Some(way.into()), ..LoginOptions::default() };
    let login = d.login(&who, &offered, &options).await;
    d.finish().await;
    login
}

/// A dialogue inside TLS, and what is offered there.
async fn inside(site: &Site, scheme: Scheme) -> (Dialogue, Offered) {
    let mut d = site.dial(scheme).await;
    if scheme == Scheme::Sieve {
        d.greeting().await.unwrap();
        let command = d.starttls_command();
        say(&mut d, command).await;
        d.upgrade().await.unwrap();
        d.capabilities_after_tls(std::time::Duration::from_secs(5)).await.unwrap();
    } else {
        d.upgrade().await.unwrap();
        d.greeting().await.unwrap();
    }
    let listed = d.ask_capabilities(Moment::Tls, Some("client.example.test")).await.unwrap();
    let offered = Offered::from_capabilities(scheme.protocol(), Some(&listed.facts), None);
    (d, offered)
}
