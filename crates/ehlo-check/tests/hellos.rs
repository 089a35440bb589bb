//! Hand-made hellos are counted: few where all is well, no more than the bound where lists are wanted, and no more at all
//! once the server has had enough.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;

use common::{Setup, told};
use ehlo_check::Pace;
use ehlo_core::facts::{HelloAnswer, HelloQuestion, Purpose, TlsProbeFacts, TlsProbeMode};
use ehlo_core::{Role, RunReport, Scheme};
use ehlo_wire::tls::Version;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

fn probe(run: &RunReport, scheme: Scheme) -> &TlsProbeFacts {
    let service = run.facts.services.iter().find(|s| s.endpoint.scheme == scheme).unwrap();
    service.tls_probe.as_ref().unwrap_or_else(|| panic!("{scheme}: no hello was sent"))
}

#[tokio::test(start_paused = true)]
async fn six_handshakes_prove_that_a_service_is_clean_and_seven_an_mx() {
    let setup = Setup::with(&[]);
    let run = setup.examine().await;
    for scheme in setup.schemes {
        let probe = probe(&run, scheme);
        let most = if scheme.role() == Role::Mx { 7 } else { 6 };
        assert_eq!(probe.handshakes, most, "{scheme}: {:#?}", probe.hellos);
        assert!(
            probe.hellos.iter().all(|h| h.attempts == 1 && !matches!(h.answer, HelloAnswer::None { .. }))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_to_know_of_tls_alone_makes_no_other_connections() {
    let mut setup = Setup::with(&[]);
    setup.selection.only = vec!["tls".into()];
    let (_, dialed) = setup.examine_and_count().await;
    for scheme in setup.schemes {
        let most = if scheme.role() == Role::Mx { 7 } else { 6 };
        assert_eq!(dialed[&scheme.port()], most, "{scheme}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_refuses_by_hanging_up_is_believed_as_long_as_he_answers_afterwards() {
    let mut setup = Setup::with(&["tls-no-alerts"]);
    setup.selection.only = vec!["tls".into()];
    let (run, dialed) = setup.examine_and_count().await;
    for scheme in setup.schemes {
        let probe = probe(&run, scheme);
        // He does not say what he stumbled over, so suites are in other hellos, but in as many; on an MX those without a
        // certificate need none of their own.
        assert_eq!(probe.handshakes, 6, "{scheme}: {:#?}", probe.hellos);
        assert_eq!(dialed[&scheme.port()], 6, "{scheme}");
        assert_eq!(probe.hellos.iter().filter(|h| h.answer == HelloAnswer::HungUp).count(), 4);
    }
    assert!(told(&run).iter().all(|t| !t.contains("inconclusive")), "{:#?}", told(&run));
    // Where the last hello is refused it is asked once more whether the server still answers.
    let mut setup =
        Setup::with(&["tls-no-alerts", "tls-oldest=1.0", "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA"]);
    setup.schemes = vec![Scheme::Imaps];
    let run = setup.examine().await;
    let told = told(&run);
    assert!(told.contains(&"imaps tls-10 fail taken".to_owned()), "{told:#?}");
    assert!(told.iter().all(|t| !t.contains("inconclusive")), "{told:#?}");
    let hellos = &probe(&run, Scheme::Imaps).hellos;
    assert_eq!(hellos.iter().filter(|h| h.question == HelloQuestion::Control).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_hides_behind_what_was_chosen() {
    // On an MX the suites without certificate have a hello of their own.
    for scheme in [Scheme::Smtp, Scheme::Imaps] {
        let mut setup = Setup::with(&[
            "tls-suite=TLS_RSA_WITH_NULL_MD5",
            "tls-suite=TLS_DH_anon_WITH_AES_128_CBC_SHA",
            "tls-suite=TLS_DH_anon_WITH_3DES_EDE_CBC_SHA",
            "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA",
            "tls-suite=TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
        ]);
        setup.schemes = vec![scheme];
        let run = setup.examine().await;
        let told = told(&run);
        assert!(told.iter().all(|t| !t.contains("inconclusive")), "{told:#?}");
        for check in ["suite-null", "suite-anon", "suite-64bit-block", "suite-static-rsa", "suite-ffdhe12"] {
            assert!(told.iter().any(|t| t.starts_with(&format!("{scheme} {check} "))), "{check}: {told:#?}");
        }
        assert!(!told.iter().any(|t| t.contains("suite-rc4") || t.contains("suite-export")), "{told:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_hides_behind_what_a_server_stumbles_over() {
    for (faults, handshakes) in [(&["tls-dh-fails"][..], 7), (&["tls-dh-fails", "tls-no-alerts"], 6)] {
        for scheme in [Scheme::Smtp, Scheme::Imaps] {
            let mut setup = Setup::with(faults);
            setup.schemes = vec![scheme];
            let clean = setup.examine().await;
            assert_eq!(probe(&clean, scheme).handshakes, handshakes, "{:#?}", probe(&clean, scheme).hellos);
            assert!(told(&clean).iter().all(|t| !t.contains("suite-")), "{:#?}", told(&clean));
            for suite in ["tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA", "tls-suite=TLS_RSA_WITH_RC4_128_SHA"] {
                setup.faults.push(suite);
            }
            let told = told(&setup.examine().await);
            for check in ["suite-static-rsa", "suite-rc4"] {
                assert!(
                    told.iter().any(|t| t.starts_with(&format!("{scheme} {check} "))),
                    "{check}: {told:#?}"
                );
            }
            assert!(told.iter().all(|t| !t.contains("suite-ffdhe12")), "{told:#?}");
            assert!(told.iter().all(|t| !t.contains("inconclusive")), "{told:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn old_versions_over_which_a_server_stumbles_are_asked_about_by_kinds() {
    for scheme in [Scheme::Smtp, Scheme::Imaps] {
        let mut setup = Setup::with(&["tls-old-fails"]);
        setup.schemes = vec![scheme];
        let run = setup.examine().await;
        let told_by = told(&run);
        let open = |t: &String| t.contains(" tls-") && !t.ends_with(" skipped not-asked");
        assert!(!told_by.iter().any(open), "{told_by:#?}");
        let probe = probe(&run, scheme);
        let of = |question| probe.hellos.iter().filter(|h| h.question == question).count();
        assert_eq!((of(HelloQuestion::OldVersion), of(HelloQuestion::OldKind)), (3, 3));
        // Five more than of who refuses: three kinds and two versions; and SSL 2.0, because nothing says that it is not there.
        let usual = if scheme.role() == Role::Mx { 7 } else { 6 };
        assert_eq!(probe.handshakes, usual + 6, "{scheme}: {:#?}", probe.hellos);
        // One kind is taken, though another fails; and nothing is taken for refused where the server answers nothing else.
        for fault in ["tls-oldest=1.1", "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA"] {
            setup.faults.push(fault);
        }
        let told_by = told(&setup.examine().await);
        assert!(told_by.contains(&format!("{scheme} tls-11 fail taken")), "{told_by:#?}");
        assert!(!told_by.iter().any(|t| t.contains("tls-10") || t.contains("tls-ssl3")), "{told_by:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_keep_to_the_pace_that_is_wanted() {
    let mut setup = Setup::with(&[]);
    setup.schemes = vec![Scheme::Imaps];
    setup.selection.only = vec!["tls".into()];
    let start = tokio::time::Instant::now();
    setup.examine().await;
    let usual = start.elapsed();
    setup.pace.gap = Duration::from_secs(2);
    setup.pace.max_conn = NonZeroUsize::new(1);
    let start = tokio::time::Instant::now();
    let (run, dialed) = setup.examine_and_count().await;
    assert_eq!(dialed[&993], 6);
    assert!(start.elapsed() >= usual + Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(told(&run).iter().all(|t| !t.contains("inconclusive")), "{:#?}", told(&run));
    // What does not fit into the budget is not called good.
    setup.pace = Pace { budget: 3, ..Pace::default() };
    let (run, dialed) = setup.examine_and_count().await;
    assert_eq!(dialed[&993], 3);
    let probe = probe(&run, Scheme::Imaps);
    assert!(probe.truncated && probe.handshakes == 3);
    assert!(
        told(&run).contains(&"imaps suite-null inconclusive inconclusive".to_owned()),
        "{:#?}",
        told(&run)
    );
}

#[tokio::test(start_paused = true)]
async fn who_minds_a_foreign_protocol_is_asked_once_more_without_it() {
    for faults in [&["tls-alpn-refused"][..], &["tls-alpn-refused", "tls-no-alerts"]] {
        let setup = Setup::with(faults);
        let run = setup.examine().await;
        for scheme in setup.schemes {
            let probe = probe(&run, scheme);
            let silent = faults.contains(&"tls-no-alerts");
            let most = if scheme.role() == Role::Mx && !silent { 8 } else { 7 };
            assert_eq!(probe.handshakes, most, "{scheme}: {:#?}", probe.hellos);
            let with: Vec<_> = probe.hellos.iter().filter(|h| h.alpn.is_some()).collect();
            assert_eq!(with.len(), 1);
            assert!(with[0].chosen().is_none() && !with[0].is_refused());
        }
        assert!(told(&run).iter().all(|t| !t.contains("inconclusive")), "{:#?}", told(&run));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_anything_old_is_known_after_three() {
    let run = Setup::with(&["tls-12-refused"]).examine().await;
    assert_eq!(probe(&run, Scheme::Imaps).handshakes, 3);
}

#[tokio::test(start_paused = true)]
async fn lists_are_exact_and_stay_within_the_bound() {
    let mut setup = Setup::with(&[
        "tls-oldest=1.0@imaps",
        "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA@imaps",
        "tls-suite=TLS_RSA_WITH_RC4_128_SHA@imaps",
    ]);
    setup.schemes = vec![Scheme::Imaps, Scheme::Smtp];
    setup.tls_probe = Some(TlsProbeMode::List);
    let run = setup.examine().await;
    for (scheme, old) in [(Scheme::Imaps, 2), (Scheme::Smtp, 0)] {
        let probe = probe(&run, scheme);
        let of = |version: Version| -> BTreeSet<&str> {
            let chosen = probe.hellos.iter().filter_map(|h| h.chosen());
            chosen.filter(|c| c.version == version.0).map(|c| c.suite_name.as_str()).collect()
        };
        let mut suites = BTreeSet::from([
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ]);
        if old > 0 {
            suites.extend(["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA"]);
        }
        assert_eq!(of(Version::TLS12), suites, "{scheme}");
        assert_eq!(of(Version::TLS13).len(), 3, "{scheme}");
        let groups: BTreeSet<&str> = probe
            .hellos
            .iter()
            .filter_map(|h| h.chosen())
            .filter(|c| c.version == Version::TLS13.0)
            .filter_map(|c| c.group.as_deref())
            .collect();
        assert_eq!(groups, BTreeSet::from(["secp256r1", "secp384r1", "x25519"]), "{scheme}");
        let bound = suites.len() + 3 + old + groups.len() + 12;
        assert!(probe.handshakes as usize <= bound, "{scheme}: {} of {bound}", probe.handshakes);
        assert!(!probe.truncated);
    }
}

#[tokio::test(start_paused = true)]
async fn groups_are_listed_in_their_order_and_stay_within_the_bound() {
    let mut setup = Setup::with(&["tls-group=X25519MLKEM768", "tls-group=ffdhe2048", "tls-group=secp192k1"]);
    setup.schemes = vec![Scheme::Imaps, Scheme::Smtp];
    setup.tls_probe = Some(TlsProbeMode::List);
    let run = setup.examine().await;
    for scheme in [Scheme::Imaps, Scheme::Smtp] {
        let probe = probe(&run, scheme);
        let said = |check: &str, parameter: &str| {
            let found = run
                .findings
                .iter()
                .find(|f| f.check == check && f.service.starts_with(&format!("{scheme}:")));
            found.unwrap_or_else(|| panic!("{scheme} {check}")).params[parameter].clone()
        };
        assert_eq!(
            said("kex-groups", "groups"),
            "X25519MLKEM768, ffdhe2048, x25519, secp256r1, secp384r1",
            "{scheme}"
        );
        assert_eq!(said("kex-pq-hybrid", "groups"), "X25519MLKEM768");
        assert_eq!(said("kex-ec-weak", "curves"), "secp192k1");
        // Three suites in each version, five groups in TLS 1.3 and one curve before it.
        let bound = 3 + 3 + 6 + 12;
        assert!(probe.handshakes <= bound, "{scheme}: {} of {bound}", probe.handshakes);
        assert!(!probe.truncated);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_had_enough_is_left_alone_and_not_called_good() {
    let mut setup = Setup::with(&["connection-limit=4@smtp"]);
    setup.schemes = vec![Scheme::Smtp];
    setup.selection.only = vec!["tls".into(), "conn-rate-limited".into()];
    let (run, dialed) = setup.examine_and_count().await;
    let told = told(&run);
    let open = |check: &str| told.contains(&format!("smtp {check} inconclusive inconclusive"));
    assert!(open("suite-rc4") && open("suite-null"), "{told:#?}");
    assert!(told.iter().any(|t| t.starts_with("smtp conn-rate-limited ")), "{told:#?}");
    // The main dialogue, three hellos; then a refusal, and another.
    assert_eq!(dialed[&25], 6);
    let service = &run.facts.services[0];
    let limited = service.tls_probe.as_ref().unwrap().hellos.iter();
    let limited =
        limited.filter(|h| matches!(h.answer, HelloAnswer::None { rate_limited: true, .. })).count();
    assert_eq!(limited, 1);
    assert!(service.of(Purpose::TlsHello).count() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_an_alert_is_no_refusal() {
    let mut setup = Setup::with(&["handshake-closed@imaps+after:1"]);
    setup.schemes = vec![Scheme::Imaps];
    let run = setup.examine().await;
    let told = told(&run);
    assert!(told.contains(&"imaps tls-10 inconclusive inconclusive".to_owned()), "{told:#?}");
    // Nothing was answered afterwards, and nobody asks for ever.
    let hellos = &probe(&run, Scheme::Imaps).hellos;
    assert!(hellos.iter().all(|h| h.attempts == 1 && h.is_wordless()), "{hellos:#?}");
    assert_eq!(hellos.len(), 7, "{hellos:#?}");
}
