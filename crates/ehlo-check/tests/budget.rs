//! The checks beside those of TLS make no more connections than they say.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

use common::Setup;
use ehlo_check::{Extra, Pace, Question, Selection};
use ehlo_core::{Family, Scheme, TlsMode};
use std::num::NonZeroUsize;
use std::time::Duration;

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
        // One for the dialogue; with STARTTLS one for the text behind it, or for a hello where a server stays silent.
        let dialogue = if scheme.tls_mode() == TlsMode::StartTls { 2 } else { 1 };
        assert_eq!(service.most_connections, Some(declared + dialogue), "{scheme}");
        assert_eq!(service.made_connections(), made, "{scheme}");
        assert!(made <= declared + dialogue, "{scheme}: {made} of {declared}");
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
        inbox: None,
    };
    counted(&[], false, Extra::default()).await;
    let broken = &["open-relay@smtp", "fake-end=LF.LF@smtp", "starttls-text-kept"];
    counted(broken, false, allowed.clone()).await;
    counted(&["starttls-no-handshake", "silence=greeting@imap"], false, Extra::default()).await;
    // Logins beyond the main dialogue.
    counted(&[], true, Extra::default()).await;
    counted(&["bare-line-ends-taken@smtp", "pipelining-lax@smtp"], true, allowed.clone()).await;
    counted(&["binding-only=tls-server-end-point", "auth-user-told"], true, allowed).await;
}

/// Connections to one address wait for each other, whatever the port; those to another address do not.
#[tokio::test(start_paused = true)]
async fn the_pace_is_that_of_an_address() {
    let examined = async |schemes: &[Scheme], families: &[Family], pace: Pace| {
        let mut setup = Setup::with(&[]);
        setup.schemes = schemes.to_vec();
        setup.families = families.to_vec();
        setup.selection.only = vec!["implicit-tls-missing".into(), "conn-family-parity".into()];
        setup.pace = pace;
        let (run, times) = setup.examine_and_time().await;
        assert!(run.facts.services.iter().all(|s| s.addresses.iter().all(|a| a.failure.is_none())));
        times
    };
    let gap = Duration::from_secs(3);
    let paced = Pace { gap, ..Pace::default() };
    // Two ports of one machine, as implicit-tls-missing looks at them.
    let ports = [Scheme::Imap, Scheme::Imaps, Scheme::Pop3, Scheme::Pop3s];
    let times = examined(&ports, &[Family::V4], paced).await;
    assert_eq!(times.len(), 4, "{times:?}");
    for pair in times.windows(2) {
        assert!(pair[1].0 >= pair[0].0 + gap, "{times:?}");
    }
    // Two addresses, as conn-family-parity looks at them: each has a pace of its own.
    let both = examined(&ports[..2], &[Family::V4, Family::V6], paced).await;
    assert_eq!(both.len(), 4, "{both:?}");
    for family in [true, false] {
        let own: Vec<_> = both.iter().filter(|(_, address)| address.is_ipv4() == family).collect();
        assert!(own.len() == 2 && own[1].0 >= own[0].0 + gap, "{both:?}");
    }
    assert!(both[3].0 < both[0].0 + 2 * gap, "{both:?}");
    // As many at once as are wanted, and nobody waits for somebody who waits for him.
    let one = Pace { max_conn: NonZeroUsize::new(1), ..Pace::default() };
    assert_eq!(examined(Scheme::OF_A_HOST, &[Family::V4, Family::V6], one).await.len(), 16);
}
