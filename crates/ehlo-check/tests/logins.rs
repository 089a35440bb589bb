//! What the checks of logins say of whatever login came about, or did not.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

use common::Setup;
use ehlo_check::Extra;
use ehlo_core::facts::{LoginResult, Purpose};
use ehlo_core::{RunReport, Scheme};

/// The checks that need a login.
const CHECKS: &[&str] = &[
    "auth-scram-server-proof",
    "auth-scram-iterations",
    "auth-channel-binding",
    "auth-login",
    "auth-error-oracle",
];

/// A situation, and what each of [`CHECKS`] says there; `-` for nothing.
struct Row {
    what: &'static str,
    login: bool,
    right_password: bool,
    mechanism: Option<&'static str>,
    allowed: bool,
    faults: &'static [&'static str],
    says: [&'static str; 5],
}

const ROW: Row = Row {
    what: "",
    login: true,
    right_password: true,
    mechanism: None,
    allowed: false,
    faults: &[],
    says: ["-"; 5],
};

fn setup(row: &Row, scheme: Scheme) -> Setup {
    let mut setup = Setup::with(row.faults);
    setup.schemes = vec![scheme];
    setup.login = row.login;
    setup.right_password = row.right_password;
    setup.mechanism = row.mechanism;
    setup.tls_probe = None;
    if row.allowed {
        setup.extra = Extra { allow: vec!["opt-in".into()], ..Extra::default() };
    }
    setup
}

fn rows() -> Vec<Row> {
    let scram = Some("SCRAM-SHA-256");
    let plain = Some("PLAIN");
    vec![
        Row { what: "nobody logs in", login: false, ..ROW },
        // Allowed, but there is nobody.
        Row { what: "nobody logs in, all allowed", login: false, allowed: true, ..ROW },
        Row { what: "PLAIN", mechanism: plain, says: ["-", "-", "-", "pass", "-"], ..ROW },
        Row {
            what: "PLAIN, all allowed",
            mechanism: plain,
            allowed: true,
            // Proved by further logins.
            says: ["pass", "pass", "pass", "pass", "pass"],
            ..ROW
        },
        Row {
            what: "PLAIN, wrong password",
            mechanism: plain,
            right_password: false,
            says: ["-", "-", "-", "fail", "-"],
            ..ROW
        },
        // Who is not let in is asked no further: each login would be one more failure.
        Row {
            what: "PLAIN, wrong password, all allowed",
            mechanism: plain,
            right_password: false,
            allowed: true,
            says: ["-", "-", "-", "fail", "-"],
            ..ROW
        },
        Row { what: "SCRAM", mechanism: scram, says: ["pass", "pass", "-", "pass", "-"], ..ROW },
        // The count is said before anybody is refused; a proof is owed to nobody.
        Row {
            what: "SCRAM, wrong password",
            mechanism: scram,
            right_password: false,
            allowed: true,
            says: ["-", "pass", "-", "fail", "-"],
            ..ROW
        },
        Row {
            what: "SCRAM that is refused at once",
            mechanism: scram,
            allowed: true,
            faults: &["reply=AUTHENTICATE:% NO no", "reply=AUTH:535 5.7.8 no"],
            says: ["-", "inconclusive", "-", "fail", "-"],
            ..ROW
        },
        // Given up by ourselves: the login is refused, and no proof is missing.
        Row {
            what: "SCRAM with too many iterations",
            mechanism: scram,
            allowed: true,
            faults: &["scram-iterations=1000001"],
            says: ["-", "fail", "-", "fail", "-"],
            ..ROW
        },
        Row {
            what: "SCRAM without proof",
            mechanism: scram,
            allowed: true,
            faults: &["scram-proof-missing"],
            says: ["fail", "pass", "-", "fail", "-"],
            ..ROW
        },
        Row {
            what: "PLAIN, and SCRAM without proof behind it",
            mechanism: plain,
            allowed: true,
            faults: &["scram-proof-missing"],
            says: ["fail", "pass", "inconclusive", "pass", "pass"],
            ..ROW
        },
        Row {
            what: "no SCRAM is offered",
            mechanism: plain,
            allowed: true,
            faults: &["auth-mechanisms=PLAIN"],
            says: ["-", "-", "-", "pass", "pass"],
            ..ROW
        },
        Row {
            what: "SCRAM is offered without -PLUS",
            mechanism: plain,
            allowed: true,
            faults: &["auth-mechanisms=PLAIN,SCRAM-SHA-256"],
            says: ["pass", "pass", "-", "pass", "pass"],
            ..ROW
        },
        // Neither yes nor no.
        Row {
            what: "every further login is refused for now",
            mechanism: plain,
            allowed: true,
            faults: &["auth-unavailable@after:1"],
            says: ["-", "inconclusive", "inconclusive", "pass", "inconclusive"],
            ..ROW
        },
        Row {
            what: "every password is right",
            mechanism: plain,
            allowed: true,
            faults: &["auth-any-password"],
            says: ["pass", "pass", "pass", "pass", "fail"],
            ..ROW
        },
    ]
}

fn outcomes(run: &RunReport) -> Vec<String> {
    let said = |check: &&str| -> String {
        let of: Vec<&str> =
            run.findings.iter().filter(|f| f.check == **check).map(|f| f.outcome.id()).collect();
        if of.is_empty() { "-".into() } else { of.join(" ") }
    };
    CHECKS.iter().map(said).collect()
}

#[tokio::test(start_paused = true)]
async fn no_login_is_taken_for_another() {
    let mut wrong = Vec::new();
    for row in rows() {
        for scheme in [Scheme::Imaps, Scheme::Submissions] {
            let run = setup(&row, scheme).examine().await;
            let said = outcomes(&run);
            if said != row.says {
                wrong.push(format!("{} by {scheme}: wanted {:?}, got {said:?}", row.what, row.says));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The logins that failed, and how often somebody tried the account.
fn failures(run: &RunReport) -> (usize, usize) {
    let connections = || run.facts.services.iter().flat_map(|s| &s.connections);
    let logins = || connections().filter_map(|c| c.login.as_ref());
    let failed = logins().filter(|l| l.result != LoginResult::Accepted).count();
    let tried = connections().filter(|c| c.purpose == Purpose::AuthOracle).filter_map(|c| c.login.as_ref());
    (failed, tried.filter(|l| l.user == "benutzername").count())
}

#[tokio::test(start_paused = true)]
async fn no_account_is_locked_out() {
    let mut setup = setup(&Row { allowed: true, ..ROW }, Scheme::Imaps);
    setup.schemes = vec![Scheme::Smtp, Scheme::Submissions, Scheme::Imaps, Scheme::Pop3s, Scheme::Sieve];
    // Where it is the lab, every service is asked.
    let run = setup.examine().await;
    assert_eq!(failures(&run), (12, 4));
    setup.lab = false;
    let run = setup.examine().await;
    assert_eq!(failures(&run), (3, 1));
    // The first one that takes logins is the one, each time.
    let asked = |purpose| {
        let of = |s: &&ehlo_core::facts::ServiceFacts| s.of(purpose).count() > 0;
        run.facts.services.iter().filter(of).map(|s| s.endpoint.scheme).collect::<Vec<_>>()
    };
    assert_eq!(asked(Purpose::AuthOracle), [Scheme::Submissions]);
    assert_eq!(asked(Purpose::AuthBinding), [Scheme::Submissions]);
    // What is not to fail may go on.
    assert_eq!(asked(Purpose::AuthScram), [Scheme::Imaps, Scheme::Pop3s, Scheme::Sieve]);
}
