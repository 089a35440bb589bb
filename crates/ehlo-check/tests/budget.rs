//! The checks beside those of TLS make no more connections than they say.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

use common::Setup;
use ehlo_check::{Extra, Question, Selection};

/// The dialogue, the text behind STARTTLS, and a hello where a server stays silent.
const OF_THE_DIALOGUE: u32 = 3;

async fn counted(faults: &[&'static str], login: bool, extra: Extra) {
    let mut setup = Setup::with(faults);
    setup.login = login;
    setup.tls_probe = None;
    setup.extra = extra.clone();
    let (run, dialed) = setup.examine_and_count().await;
    let wanted = Question::wanted(&Selection::default(), &extra, setup.login);
    for service in &run.facts.services {
        let scheme = service.endpoint.scheme;
        let made = dialed.get(&scheme.port()).copied().unwrap_or(0);
        assert_eq!(usize::try_from(made).unwrap(), service.connections.len(), "{scheme}: all are told");
        let declared: u32 =
            wanted.iter().filter(|q| q.is_for(&service.endpoint)).map(|q| q.connections()).sum();
        assert!(made <= declared + OF_THE_DIALOGUE, "{scheme}: {made} of {declared}");
        for question in Question::ALL {
            let of = service.of(question.purpose()).count();
            assert!(of <= usize::try_from(question.connections()).unwrap(), "{scheme} {question:?}: {of}");
            assert!(of == 0 || wanted.contains(question), "{scheme} {question:?} was not asked for");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn connections_are_as_many_as_declared() {
    let allowed = Extra {
        allow: vec!["opt-in".into()],
        relay_to: Some("me@outside.example".into()),
        outside: None,
        own_mailbox: Some("alice@lab.test".into()),
    };
    counted(&[], false, Extra::default()).await;
    let broken = &["open-relay@smtp", "fake-end=LF.LF@smtp", "starttls-text-kept"];
    counted(broken, false, allowed.clone()).await;
    counted(&["starttls-no-handshake", "silence=greeting@imap"], false, Extra::default()).await;
    // Logins beyond the main dialogue.
    counted(&[], true, Extra::default()).await;
    counted(&["binding-only=tls-server-end-point", "auth-user-told"], true, allowed).await;
}
