//! The attacks of the NO-STARTTLS work (USENIX Security 2021) and their kin, against our own client: whatever a server, or
//! somebody in front of it, says around STARTTLS, no secret goes out in the clear or to a stranger, nothing that was said
//! before TLS is believed inside it, and nobody else is connected to. Each line of a table is an attack; each is made against
//! every engine that speaks the protocol.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[path = "attacks/actions.rs"]
mod actions;
#[path = "attacks/imap.rs"]
mod imap;
#[path = "attacks/peer.rs"]
mod peer;
#[path = "attacks/pop3.rs"]
mod pop3;
#[path = "attacks/smtp.rs"]
mod smtp;

use actions::{Action, Done, done};
use ehlo_core::{Protocol, Scheme};
use ehlo_lab::CertificateKind;
use peer::Script;

/// What must hold, besides what always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    /// No engine gets anywhere, and the password stays here.
    End,
    /// No engine gets anywhere, though one may have logged in.
    Fail,
    /// Every engine does its work, as if nothing had been said.
    GoOn,
    /// Either.
    Live,
}

/// An attack.
struct Attack {
    name: &'static str,
    script: Script,
    must: Must,
    /// These may get on: they begin TLS unasked, as `check` does to find out, or because a script says so, and what is said
    /// in front of it is all the same to them.
    but: &'static [Action],
    /// A check that says what is wrong.
    finding: Option<&'static str>,
}

impl Attack {
    fn new(name: &'static str, scheme: Scheme, greeting: &str) -> Attack {
        let script = Script {
            scheme,
            greeting: greeting.to_owned(),
            plain: Vec::new(),
            inside: Vec::new(),
            certificate: CertificateKind::Good,
        };
        Attack { name, script, must: Must::Live, but: &[], finding: None }
    }

    /// What is said in front of TLS.
    fn plain(mut self, verb: &str, answer: &str) -> Attack {
        self.script.plain.push((verb.to_owned(), answer.to_owned()));
        self
    }

    /// What is said inside TLS.
    fn inside(mut self, verb: &str, answer: &str) -> Attack {
        self.script.inside.push((verb.to_owned(), answer.to_owned()));
        self
    }

    fn certificate(mut self, kind: CertificateKind) -> Attack {
        self.script.certificate = kind;
        self
    }

    fn must(mut self, must: Must) -> Attack {
        self.must = must;
        self
    }

    fn but(mut self, actions: &'static [Action]) -> Attack {
        self.but = actions;
        self
    }

    fn finds(mut self, check: &'static str) -> Attack {
        self.finding = Some(check);
        self
    }

    /// Why it has done harm, if so.
    fn harm(&self, action: Action, done: &Done) -> Result<(), String> {
        done.is_unharmed()?;
        match self.must {
            _ if self.but.contains(&action) => {}
            Must::End | Must::Fail if done.succeeded => return Err("it got somewhere".into()),
            Must::End if done.gave_the_password() => return Err("the password was given away".into()),
            Must::GoOn if !done.succeeded => return Err("it got nowhere".into()),
            _ => {}
        }
        match self.finding {
            Some(check) if action == Action::Check && !done.findings.iter().any(|f| f == check) => {
                Err(format!("{check} is not among {:?}", done.findings))
            }
            _ => Ok(()),
        }
    }
}

/// Makes the attacks; each that does harm is named.
async fn survive(attacks: Vec<Attack>) {
    let mut harmed = Vec::new();
    for attack in &attacks {
        for action in Action::of(attack.script.scheme.protocol()) {
            let begun = tokio::time::Instant::now();
            let done = done(action, &attack.script).await;
            if let Err(harm) = attack.harm(action, &done) {
                harmed.push(format!("{} against {action:?}: {harm}", attack.name));
            }
            if begun.elapsed().as_secs() > 300 {
                harmed.push(format!("{} against {action:?}: it took {:?}", attack.name, begun.elapsed()));
            }
        }
    }
    assert!(harmed.is_empty(), "{}", harmed.join("\n"));
}

/// The certificates that prove nothing.
fn worthless() -> [(&'static str, CertificateKind); 7] {
    [
        ("T_1: a certificate that signed itself", CertificateKind::SelfSigned),
        ("T_2: a certificate of an unknown authority", CertificateKind::UnknownAuthority),
        ("T_3: a certificate for another name", CertificateKind::WrongName),
        ("T_4: a certificate that has expired", CertificateKind::Expired),
        ("a certificate that is not valid yet", CertificateKind::NotYetValid),
        ("a certificate whose key somebody else has", CertificateKind::WrongKey),
        ("a certificate with its name in the subject only", CertificateKind::CommonNameOnly),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_sound_server_is_used() {
    survive(vec![
        smtp::sound("smtp").must(Must::GoOn),
        pop3::sound("pop3").must(Must::GoOn),
        imap::sound("imap").must(Must::GoOn),
    ])
    .await;
    // And what is looked for in an attack would be found.
    for attack in [smtp::sound("smtp"), pop3::sound("pop3"), imap::sound("imap")] {
        let done = done(Action::Auth, &attack.script).await;
        assert!(done.gave_the_password() && !done.believed.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_enough_attacks() {
    let lists = [smtp::all(), pop3::all(), imap::all()];
    let count: usize = lists.iter().map(Vec::len).sum();
    assert!(count >= 62, "{count}");
    for attacks in &lists {
        assert!(attacks.iter().all(|a| a.script.scheme.protocol() == attacks[0].script.scheme.protocol()));
        let mut names: Vec<&str> = attacks.iter().map(|a| a.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), attacks.len());
    }
    assert_eq!(lists[0][0].script.scheme.protocol(), Protocol::Smtp);
}
