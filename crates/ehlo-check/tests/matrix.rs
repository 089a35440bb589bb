//! Every check fires where the lab is broken in its way, and stays silent at a near miss.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;
#[path = "matrix/tls.rs"]
mod tls;

use common::{Setup, told};
use ehlo_check::{Arriving, CHECKS, Extra, Outside};
use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Family, Scheme};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A fault, a check, and what it must say of a service; `None`: it must find nothing wrong there.
struct Row {
    check: &'static str,
    faults: &'static [&'static str],
    service: Scheme,
    says: Option<&'static str>,
    families: &'static [Family],
    login: bool,
    single: bool,
    mode: TlsProbeMode,
    extra: Extra,
    mailboxes: (Option<&'static str>, Option<&'static str>),
}

const V4: &[Family] = &[Family::V4];
const BOTH: &[Family] = &[Family::V4, Family::V6];

fn fires(check: &'static str, faults: &'static [&'static str], service: Scheme, says: &'static str) -> Row {
    Row { check, faults, service, says: Some(says), ..silent(check, faults, service) }
}

fn silent(check: &'static str, faults: &'static [&'static str], service: Scheme) -> Row {
    let extra = Extra::default();
    let (login, single, mode, mailboxes) = (false, false, TlsProbeMode::Proof, (None, None));
    Row { check, faults, service, says: None, families: V4, login, single, mode, extra, mailboxes }
}

/// What comes with LF alone is kept where only that is.
fn for_bare_lf(service: Scheme) -> Row {
    fires("starttls-injection-split", &["starttls-text-kept-if-bare-lf"], service, "fail carried-out")
}

impl Row {
    fn on_both_families(self) -> Row {
        Row { families: BOTH, ..self }
    }

    fn by_url(self) -> Row {
        Row { single: true, ..self }
    }

    fn listed(self) -> Row {
        Row { mode: TlsProbeMode::List, ..self }
    }

    fn deep(self) -> Row {
        Row { mode: TlsProbeMode::Deep, ..self }
    }

    /// The user has allowed everything, and has a mailbox here and one elsewhere.
    fn allowed(self) -> Row {
        let extra = Extra {
            allow: vec!["opt-in".into()],
            relay_to: Some("me@outside.example".into()),
            outside: None,
            own_mailbox: Some("alice@lab.test".into()),
            inbox: None,
        };
        Row { extra, ..self }
    }

    /// The same, and the own mailbox is looked into.
    fn looked_at(self) -> Row {
        Row { mailboxes: (None, Some("alice")), ..self.allowed() }
    }

    /// The same, and the mailbox elsewhere is one of the lab, of this account.
    fn relayed_to(self, account: &'static str) -> Row {
        let mut row = self.allowed();
        row.extra.relay_to = Some(format!("{account}@outside.example"));
        Row { mailboxes: (Some(account), None), ..row }
    }

    /// What was relayed arrives, or does not.
    fn arrives(self, arrives: bool) -> Row {
        let row = self.allowed();
        Row { extra: Extra { outside: Some(Arc::new(Elsewhere(arrives))), ..row.extra }, ..row }
    }

    /// The user has allowed this check.
    fn may(self, check: &str) -> Row {
        let extra = Extra { allow: vec![check.into()], ..Extra::default() };
        Row { extra, ..self }
    }

    /// An account is given, and it may be tried whether its logins are tied to the connection.
    fn bound(self) -> Row {
        self.logged_in().may("auth-channel-binding")
    }

    /// An account is given, and it may be tried what refused logins tell.
    fn probed(self) -> Row {
        self.logged_in().may("auth-error-oracle")
    }

    fn logged_in(self) -> Row {
        Row { login: true, ..self }
    }
}

/// A mailbox elsewhere, in which mail arrives or does not.
struct Elsewhere(bool);

impl Outside for Elsewhere {
    fn arrived<'a>(&'a self, token: &'a str, _: Duration) -> Arriving<'a> {
        assert!(token.starts_with("ehlo-") && !token.contains(['\r', '\n', ' ']));
        Box::pin(async { Ok(self.0.then(Vec::new)) })
    }
}

fn rows() -> Vec<Row> {
    let mut rows = other_rows();
    rows.extend(tls::rows());
    rows
}

/// The rows of what has nothing to do with hellos.
fn other_rows() -> Vec<Row> {
    use Scheme::*;
    vec![
        fires("conn-reachable", &["connection-refused@smtp"], Smtp, "fail refused").by_url(),
        // A port of a bare host that is closed is not offered, and no fault.
        silent("conn-reachable", &["connection-refused@smtp"], Smtp),
        fires("conn-reachable", &["connection-reset@smtp"], Smtp, "fail reset"),
        fires("tls-handshake", &["close=accept@imaps"], Imaps, "fail closed"),
        fires("tls-handshake", &["silence=accept@pop3s"], Pop3s, "fail silence"),
        silent("tls-handshake", &["cert-expired@imaps"], Imaps),
        silent("tls-handshake", &["close=greeting@imaps"], Imaps),
        silent("conn-reachable", &["greeting-refused@smtp"], Smtp),
        // Whoever goes away instead of telling his capabilities was not asked whether he has TLS.
        fires("starttls-offered", &["farewell=CAPA@pop3"], Pop3, "inconclusive inconclusive"),
        fires("cleartext-port-no-tls", &["farewell=CAPA@pop3"], Pop3, "inconclusive inconclusive"),
        fires("conn-lost", &["farewell=CAPA@pop3"], Pop3, "fail farewell"),
        fires("starttls-offered", &["farewell=EHLO@submission"], Submission, "inconclusive inconclusive"),
        fires(
            "auth-not-offered-after-tls",
            &["farewell=EHLO@submissions"],
            Submissions,
            "inconclusive inconclusive",
        ),
        fires("conn-lost", &["farewell=EHLO@submissions"], Submissions, "fail farewell"),
        fires("conn-family-parity", &["connection-refused@smtp+v6"], Smtp, "warn one-dead")
            .on_both_families(),
        fires("conn-family-parity", &["silence=greeting@imap+v6"], Imap, "warn one-fails").on_both_families(),
        fires("conn-family-parity", &["banner-text=another@pop3+v6"], Pop3, "warn greeting-differs")
            .on_both_families(),
        fires("conn-family-parity", &["starttls-hidden@smtp+v6"], Smtp, "warn capabilities-differ")
            .on_both_families(),
        fires("conn-family-parity", &["cert-expiring=900@imaps+v6"], Imaps, "warn certificate-differs")
            .on_both_families(),
        // The timestamp of APOP differs each time, and means nothing.
        silent("conn-family-parity", &[], Pop3).on_both_families(),
        fires("conn-client-address", &["echo-address=172.17.0.1@smtp"], Smtp, "warn hidden"),
        fires("conn-client-address", &["echo-address=198.51.100.9@smtp"], Smtp, "info translated"),
        silent("conn-client-address", &[], Smtp),
        fires("conn-lost", &["hostile-literal@sieve"], Sieve, "fail too-large"),
        fires("conn-lost", &["hostile-endless-reply@sieve"], Sieve, "fail too-large"),
        fires("conn-lost", &["close=capabilities@sieve"], Sieve, "fail closed"),
        fires("conn-lost", &["greeting-drip@imap"], Imap, "fail greeting-unfinished"),
        fires("conn-lost", &["silence=capabilities@pop3"], Pop3, "fail silence"),
        fires("conn-lost", &["close=capabilities@smtp"], Smtp, "fail closed"),
        fires("conn-lost", &["close=greeting@submissions"], Submissions, "fail closed"),
        fires("conn-lost", &["hostile-endless-reply@smtp"], Smtp, "fail too-large"),
        fires("conn-lost", &["hostile-endless-line@smtp"], Smtp, "fail too-large"),
        // Hanging up on whoever tries to send without login is a way of refusing.
        silent("conn-lost", &["close=MAIL@submission"], Submission),
        silent("conn-lost", &["starttls-silent@imap"], Imap),
        fires("conn-lost", &["drip=capabilities@smtp"], Smtp, "fail silence"),
        fires("conn-rate-limited", &["connection-limit=1@smtp"], Smtp, "info limited"),
        silent("conn-rate-limited", &["connection-limit=2@smtp"], Smtp),
        fires("greeting-latency", &["greeting-delay=8@smtp"], Smtp, "info delayed"),
        fires("greeting-latency", &["greeting-delay=20@imap"], Imap, "warn slow"),
        silent("greeting-latency", &["greeting-delay=5@smtp"], Smtp),
        fires("greeting-syntax", &["greeting-text=hello there@smtp"], Smtp, "fail not-a-greeting"),
        fires("greeting-syntax", &["greeting-refused@smtp"], Smtp, "fail refused"),
        fires("greeting-syntax", &["greeting-twice@pop3"], Pop3, "fail more-followed"),
        fires("greeting-syntax", &["greeting-bare-lf@imap"], Imap, "fail deviates"),
        fires("greeting-syntax", &["greeting-refused@sieve"], Sieve, "fail refused"),
        fires(
            "greeting-syntax",
            &["greeting-text=\"IMPLEMENTATION\" {3+}@sieve"],
            Sieve,
            "inconclusive inconclusive",
        ),
        silent("greeting-syntax", &["greeting-multi-line@smtp"], Smtp),
        fires("port-speaks-other", &["speaks-other=ssh@imap"], Imap, "fail other-protocol"),
        fires("port-speaks-other", &["speaks-other=pop3@smtp"], Smtp, "fail other-protocol"),
        fires("port-speaks-other", &["tls-swapped@imaps"], Imaps, "fail text-on-tls-port"),
        fires("port-speaks-other", &["tls-swapped@pop3"], Pop3, "fail tls-on-text-port"),
        fires("port-speaks-other", &["silence=greeting@smtp"], Smtp, "fail silence"),
        fires("port-speaks-other", &["speaks-other=sieve@imap"], Imap, "fail other-protocol"),
        fires("port-speaks-other", &["speaks-other=imap@sieve"], Sieve, "fail other-protocol"),
        // A greeting that never ends is late, but not silent.
        silent("port-speaks-other", &["greeting-drip@imap"], Imap),
        // Another protocol's name in the text is no other protocol.
        silent("port-speaks-other", &["banner-text=POP3 and IMAP too@smtp"], Smtp),
        fires("implicit-tls-missing", &["connection-refused@imaps"], Imap, "warn missing"),
        silent("implicit-tls-missing", &["cert-expired@imaps"], Imap),
        fires("cleartext-port-no-tls", &["starttls-hidden@pop3"], Pop3, "fail no-tls"),
        fires("cleartext-port-no-tls", &["starttls-hidden@sieve"], Sieve, "fail no-tls"),
        // STARTTLS is offered; that it does not work is another matter.
        silent("cleartext-port-no-tls", &["starttls-refused@pop3"], Pop3),
        fires("banner-discloses", &["banner-text=Exim 4.96@smtp"], Smtp, "warn version"),
        fires("banner-discloses", &["banner-text=timsieved 3.6.1@sieve"], Sieve, "warn version"),
        fires("banner-discloses", &["banner-text=Postfix (Debian/GNU)@smtp"], Smtp, "info product"),
        silent("banner-discloses", &["banner-text=ready at 2027-01-15 08:00:00@smtp"], Smtp),
        fires("banner-name", &["banner-name=localhost@smtp"], Smtp, "warn not-qualified"),
        silent("banner-name", &["banner-name=LAB.test@smtp"], Smtp),
        fires("starttls-offered", &["starttls-hidden@smtp"], Smtp, "fail missing"),
        fires("starttls-offered", &["firewall-masked@smtp"], Smtp, "fail masked"),
        fires("starttls-offered", &["starttls-hidden@sieve"], Sieve, "fail missing"),
        silent("starttls-offered", &["starttls-refused@smtp"], Smtp),
        fires("starttls-works", &["starttls-refused@smtp"], Smtp, "fail later"),
        fires("starttls-works", &["starttls-refused@imap"], Imap, "fail refused"),
        fires("starttls-works", &["starttls-refused=250 what@smtp"], Smtp, "fail nonsense"),
        fires("starttls-works", &["starttls-refused=354 go on@smtp"], Smtp, "fail nonsense"),
        fires("starttls-works", &["starttls-silent@pop3"], Pop3, "fail silence"),
        fires("starttls-works", &["starttls-no-handshake@imap"], Imap, "fail handshake-alert"),
        fires("starttls-works", &["starttls-then-silence@smtp"], Smtp, "fail handshake-silence"),
        fires("starttls-works", &["starttls-injected@imap"], Imap, "fail injected"),
        fires("starttls-works", &["starttls-refused@sieve"], Sieve, "fail refused"),
        fires("starttls-works", &["starttls-injected@sieve"], Sieve, "fail injected"),
        silent("starttls-works", &["starttls-no-capabilities@sieve"], Sieve),
        silent("starttls-works", &["cert-expired@smtp"], Smtp),
        fires("starttls-accepts-unadvertised", &["starttls-unadvertised@smtp"], Smtp, "warn accepted"),
        fires("starttls-accepts-unadvertised", &["starttls-unadvertised@sieve"], Sieve, "warn accepted"),
        silent("starttls-accepts-unadvertised", &["starttls-hidden@smtp"], Smtp),
        fires("starttls-cleartext-after", &["starttls-cleartext-goes-on@smtp"], Smtp, "fail answered"),
        fires("starttls-cleartext-after", &["starttls-cleartext-goes-on@imap"], Imap, "fail answered"),
        fires("starttls-cleartext-after", &["starttls-cleartext-goes-on@pop3"], Pop3, "fail answered"),
        fires("starttls-cleartext-after", &["starttls-cleartext-goes-on@sieve"], Sieve, "fail answered"),
        silent("starttls-cleartext-after", &["starttls-cleartext-error@sieve"], Sieve),
        silent("starttls-cleartext-after", &["starttls-cleartext-error@smtp"], Smtp),
        silent("starttls-cleartext-after", &["starttls-cleartext-error@imap"], Imap),
        silent("starttls-cleartext-after", &["starttls-then-silence@pop3"], Pop3),
        fires("starttls-cleartext-after", &["starttls-injected@smtp"], Smtp, "inconclusive inconclusive"),
        silent("starttls-cleartext-after", &["starttls-no-handshake@pop3"], Pop3),
        fires("starttls-injection", &["starttls-text-kept@smtp"], Smtp, "fail carried-out"),
        fires("starttls-injection", &["starttls-text-kept@submission"], Submission, "fail carried-out"),
        fires("starttls-injection", &["starttls-text-kept@lmtp"], Lmtp, "fail carried-out"),
        fires("starttls-injection", &["starttls-text-kept@pop3"], Pop3, "fail carried-out"),
        fires("starttls-injection", &["starttls-text-kept@imap"], Imap, "fail carried-out"),
        fires("starttls-injection", &["starttls-text-kept@sieve"], Sieve, "fail carried-out"),
        fires(
            "starttls-injection",
            &["starttls-text-kept@sieve", "starttls-no-capabilities@sieve"],
            Sieve,
            "fail carried-out",
        ),
        // A handshake that fails over it is a way of refusing.
        silent("starttls-injection", &["starttls-text-taken-for-tls@smtp"], Smtp),
        silent("starttls-injection", &["starttls-text-taken-for-tls@imap"], Imap),
        silent("starttls-injection", &["starttls-text-taken-for-tls@pop3"], Pop3),
        silent("starttls-injection", &["starttls-text-kept-if-apart@smtp"], Smtp),
        // Where no handshake ever comes about nothing is proved.
        fires("starttls-injection", &["starttls-no-handshake@imap"], Imap, "inconclusive inconclusive"),
        fires("starttls-injection-split", &["starttls-text-kept-if-apart@smtp"], Smtp, "fail carried-out"),
        fires("starttls-injection-split", &["starttls-text-kept-if-apart@lmtp"], Lmtp, "fail carried-out"),
        fires("starttls-injection-split", &["starttls-text-kept-if-apart@pop3"], Pop3, "fail carried-out"),
        fires("starttls-injection-split", &["starttls-text-kept-if-apart@imap"], Imap, "fail carried-out"),
        fires("starttls-injection-split", &["starttls-text-kept-if-apart@sieve"], Sieve, "fail carried-out"),
        silent("starttls-injection-split", &["starttls-text-kept@smtp"], Smtp),
        for_bare_lf(Smtp),
        for_bare_lf(Lmtp),
        for_bare_lf(Pop3),
        for_bare_lf(Imap),
        for_bare_lf(Sieve),
        silent("starttls-injection", &["starttls-text-kept-if-bare-lf@smtp"], Smtp),
        fires("starttls-state-leak", &["starttls-state-kept@smtp"], Smtp, "fail goes-on"),
        fires("starttls-state-leak", &["starttls-state-kept@lmtp"], Lmtp, "fail goes-on"),
        // Who refuses every recipient, with or without MAIL, has not remembered it.
        silent("starttls-state-leak", &["reply=RCPT:550 5.7.1 no relay@smtp"], Smtp),
        silent("starttls-state-leak", &["starttls-state-kept@submission"], Submission),
        fires(
            "starttls-state-leak",
            &["starttls-state-kept@pop3", "auth-clear-accepted@pop3"],
            Pop3,
            "fail login-goes-on",
        ),
        fires("starttls-state-leak", &["starttls-state-kept@imap"], Imap, "fail login-goes-on"),
        fires("starttls-state-leak", &["starttls-state-kept@sieve"], Sieve, "fail login-goes-on"),
        // USER is taken in the clear, and forgotten.
        silent("starttls-state-leak", &["auth-clear-accepted@pop3"], Pop3),
        silent("starttls-state-leak", &["starttls-state-kept@pop3"], Pop3),
        silent("starttls-state-leak", &["auth-clear-accepted@imap"], Imap),
        silent("starttls-state-leak", &["auth-mechanisms=PLAIN@sieve", "starttls-state-kept@sieve"], Sieve),
        fires(
            "starttls-state-leak",
            &["reply=PASS:OK@pop3", "auth-clear-accepted@pop3"],
            Pop3,
            "inconclusive inconclusive",
        ),
        fires("starttls-twice", &["starttls-twice@smtp"], Smtp, "warn accepted"),
        fires("starttls-twice", &["starttls-twice@imaps"], Imaps, "warn accepted"),
        fires("starttls-twice", &["starttls-twice@pop3"], Pop3, "warn accepted"),
        fires("starttls-twice", &["starttls-twice@sieve"], Sieve, "warn accepted"),
        // Listed again, but refused.
        silent("starttls-twice", &["starttls-readvertised@smtp"], Smtp),
        silent("starttls-twice", &["close=STARTTLS@imaps"], Imaps),
        fires("starttls-readvertised", &["starttls-readvertised@smtp"], Smtp, "fail again"),
        fires("starttls-readvertised", &["starttls-readvertised@imap"], Imap, "warn again"),
        fires("starttls-readvertised", &["starttls-readvertised@sieve"], Sieve, "warn again"),
        silent("starttls-readvertised", &["starttls-unadvertised@smtp"], Smtp),
        fires("sieve-caps-after-tls", &["starttls-no-capabilities@sieve"], Sieve, "fail not-said"),
        silent("sieve-caps-after-tls", &["reply=CAPABILITY:NO \"later\"@sieve"], Sieve),
        fires("caps-tls-diff", &["capabilities-frozen@sieve"], Sieve, "warn same-logins"),
        fires("caps-tls-diff", &["capabilities-frozen@submission"], Submission, "warn same-logins"),
        silent("caps-tls-diff", &["starttls-readvertised@submission"], Submission),
        // SSL 2.0 is asked for only where something old is taken.
        fires("cert-expired", &["cert-expired@imaps"], Imaps, "fail expired"),
        fires("cert-expired", &["cert-expired@smtp"], Smtp, "warn expired"),
        silent("cert-expired", &["cert-expiring=1@imaps"], Imaps),
        fires("cert-not-yet-valid", &["cert-not-yet-valid@imaps"], Imaps, "fail not-yet"),
        silent("cert-not-yet-valid", &["cert-expired@imaps"], Imaps),
        fires("cert-expiring", &["cert-expiring=240@imaps"], Imaps, "warn soon"),
        fires("cert-expiring", &["cert-expiring=24@imaps"], Imaps, "fail within-hours"),
        silent("cert-expiring", &["cert-expiring=400@imaps"], Imaps),
        fires("cert-key-proof", &["cert-wrong-key@imaps"], Imaps, "fail not-proven"),
        silent("cert-key-proof", &["cert-unknown-ca@imaps"], Imaps),
        fires("cert-self-signed", &["cert-self-signed@imaps"], Imaps, "fail self-signed"),
        fires("cert-self-signed", &["cert-self-signed@smtp"], Smtp, "info self-signed"),
        silent("cert-self-signed", &["cert-unknown-ca@imaps"], Imaps),
        fires("cert-unknown-ca", &["cert-unknown-ca@pop3s"], Pop3s, "fail unknown"),
        silent("cert-unknown-ca", &["cert-wrong-name@pop3s"], Pop3s),
        // The missing intermediate is known, because the other services send it.
        fires("cert-chain-incomplete", &["cert-chain-incomplete@imaps"], Imaps, "fail known-from-service"),
        silent("cert-chain-incomplete", &["cert-unknown-ca@imaps"], Imaps),
        fires("cert-name-mismatch", &["cert-wrong-name@submissions"], Submissions, "fail mismatch"),
        fires("cert-name-mismatch", &["cert-names=*.*.test@imaps"], Imaps, "fail mismatch"),
        fires("cert-name-mismatch", &["cert-names=l*b.test@imaps"], Imaps, "fail mismatch"),
        fires("cert-name-mismatch", &["cert-wrong-name@smtp"], Smtp, "warn mismatch"),
        silent("cert-name-mismatch", &["cert-names=other.test,LAB.TEST@imaps"], Imaps),
        fires("cert-cn-only", &["cert-cn-only@imaps"], Imaps, "fail only-cn"),
        silent("cert-cn-only", &["cert-wrong-name@imaps"], Imaps),
        fires("plaintext-auth-offered", &["auth-clear-offered@submission"], Submission, "fail offered"),
        fires("plaintext-auth-offered", &["auth-clear-offered@pop3"], Pop3, "fail offered"),
        fires("plaintext-auth-offered", &["auth-clear-offered@imap"], Imap, "fail offered"),
        fires("plaintext-auth-offered", &["auth-clear-offered@sieve"], Sieve, "fail offered"),
        silent("plaintext-auth-offered", &[], Sieve),
        // CRAM-MD5 before TLS does not send the password.
        silent("plaintext-auth-offered", &[], Submission),
        fires("plaintext-auth-accepted", &["auth-clear-accepted@submission"], Submission, "fail taken"),
        fires("plaintext-auth-accepted", &["auth-clear-accepted@pop3"], Pop3, "fail taken"),
        fires("plaintext-auth-accepted", &["auth-clear-accepted@imap"], Imap, "fail taken"),
        fires("plaintext-auth-accepted", &["auth-clear-accepted@sieve"], Sieve, "fail taken"),
        silent("plaintext-auth-accepted", &["auth-clear-offered@sieve"], Sieve),
        silent("plaintext-auth-accepted", &["auth-clear-offered@pop3"], Pop3),
        fires("auth-not-offered-after-tls", &["auth-missing@submission"], Submission, "warn missing"),
        fires("auth-not-offered-after-tls", &["auth-missing@submissions"], Submissions, "fail missing")
            .logged_in(),
        fires("auth-not-offered-after-tls", &["auth-missing@sieve"], Sieve, "warn missing"),
        silent("auth-not-offered-after-tls", &["auth-missing@imap"], Submission),
        fires("auth-on-mx", &["auth-on-mx@smtp"], Smtp, "warn offered"),
        silent("auth-on-mx", &[], Smtp),
        fires("submission-no-auth", &["submission-open@submission"], Submission, "fail accepted"),
        fires("submission-no-auth", &["submission-open@submissions"], Submissions, "fail accepted"),
        // MAIL is accepted, RCPT is refused: late, but refused.
        silent("submission-no-auth", &["reply=MAIL:250 2.1.0 OK@submission"], Submission),
        fires("mx-requires-tls", &["reply=MAIL:530 5.7.0 STARTTLS first@smtp"], Smtp, "warn required"),
        silent("mx-requires-tls", &["reply=MAIL:530 5.7.0 STARTTLS first@submission"], Submission),
        silent("mx-requires-tls", &["reply=MAIL:550 5.7.1 not you@smtp"], Smtp),
        fires("smtp-open-relay", &["open-relay@smtp"], Smtp, "warn suspected").allowed(),
        fires("smtp-open-relay", &["open-relay=routes@smtp"], Smtp, "warn suspected").allowed(),
        fires("smtp-open-relay", &["open-relay@smtp"], Smtp, "fail proven").arrives(true),
        // Taken and thrown away.
        fires("smtp-open-relay", &["open-relay=routes@smtp"], Smtp, "warn not-arrived").arrives(false),
        fires("smtp-open-relay", &["reply=MAIL:450 4.7.1 later@smtp"], Smtp, "inconclusive inconclusive")
            .allowed(),
        silent("smtp-open-relay", &[], Smtp).arrives(true),
        // A real mailbox, in which it arrives, or not.
        fires("smtp-open-relay", &["open-relay=arrives@smtp"], Smtp, "fail proven").relayed_to("alice"),
        fires("smtp-open-relay", &["open-relay@smtp"], Smtp, "warn not-arrived").relayed_to("alice"),
        fires("smtp-open-relay", &["open-relay=arrives@smtp", "mail-lost@smtp"], Smtp, "warn not-arrived")
            .relayed_to("alice"),
        silent("smtp-open-relay", &["open-relay=arrives@submission"], Smtp).relayed_to("alice"),
        fires("submission-sender-forge", &[], Submission, "warn taken").allowed().logged_in(),
        fires("submission-sender-forge", &[], Submissions, "warn taken").allowed().logged_in(),
        silent("submission-sender-forge", &["own-sender-only"], Submission).allowed().logged_in(),
        silent("submission-sender-forge", &["own-sender-only"], Submissions).allowed().logged_in(),
        // Whoever takes nothing at all has said nothing about others.
        fires(
            "submission-sender-forge",
            &["reply=RCPT:550 5.7.1 no@submission"],
            Submission,
            "inconclusive inconclusive",
        )
        .allowed()
        .logged_in(),
        // Nobody has allowed it, or there is no account.
        silent("submission-sender-forge", &[], Submission).logged_in(),
        silent("submission-sender-forge", &[], Submission).allowed(),
        fires("smtp-unauth-pipelining", &["pipelining-lax@smtp"], Smtp, "warn taken"),
        fires(
            "smtp-unauth-pipelining",
            &["pipelining-lax@smtp", "capability-hidden=PIPELINING@smtp"],
            Smtp,
            "warn taken",
        ),
        silent("smtp-unauth-pipelining", &[], Smtp),
        silent("smtp-unauth-pipelining", &["pipelining-lax@submission"], Smtp),
        silent("smtp-unauth-pipelining", &["pipelining-lax@smtp", "close=NOOP@smtp"], Smtp),
        silent("smtp-unauth-pipelining", &["pipelining-lax@smtp", "reply=NOOP:503 5.5.0 wait@smtp"], Smtp),
        fires("smtp-bare-lf", &["bare-line-ends-taken@smtp"], Smtp, "warn passed-on").looked_at(),
        fires("smtp-bare-lf", &["bare-line-ends-taken=normalised@smtp"], Smtp, "info normalised").looked_at(),
        fires("smtp-bare-lf", &["bare-line-ends-taken@smtp"], Smtp, "inconclusive taken").allowed(),
        fires(
            "smtp-bare-lf",
            &["bare-line-ends-taken@smtp", "mail-lost@smtp"],
            Smtp,
            "inconclusive not-arrived",
        )
        .looked_at(),
        // The lab is lenient with commands, and strict with messages.
        fires("smtp-bare-lf", &[], Smtp, "info command-taken").looked_at(),
        silent("smtp-bare-lf", &["reply=NOOP:500 5.5.2 CR LF@smtp"], Smtp).looked_at(),
        silent("smtp-bare-lf", &["close=NOOP@smtp"], Smtp).looked_at(),
        silent("smtp-bare-lf", &["silence=NOOP@smtp"], Smtp).looked_at(),
        silent("smtp-bare-lf", &["bare-line-ends-taken@smtp"], Smtp),
        silent("smtp-open-relay", &["submission-open@submission"], Smtp).allowed(),
        silent("smtp-open-relay", &[], Submission).allowed(),
        // Nobody has allowed it.
        silent("smtp-open-relay", &["open-relay@smtp"], Smtp),
        fires("smtp-vrfy-expn", &["addresses-told@smtp"], Smtp, "warn vrfy-tells"),
        fires("smtp-vrfy-expn", &["addresses-told@submission"], Submission, "warn vrfy-tells"),
        fires("smtp-vrfy-expn", &["reply=EXPN:250 2.1.5 <bob@lab.test>@smtp"], Smtp, "warn expn-tells"),
        silent("smtp-vrfy-expn", &["reply=VRFY:502 5.5.1 no@smtp"], Smtp),
        // The same to everybody tells nothing.
        silent("smtp-vrfy-expn", &["reply=VRFY:250 2.5.0 OK@smtp"], Smtp),
        fires("smtp-postmaster", &["reply=RCPT:550 5.1.1 nobody here@smtp"], Smtp, "warn refused"),
        fires("smtp-postmaster", &["greylisted@smtp"], Smtp, "inconclusive inconclusive"),
        silent("smtp-postmaster", &["addresses-told@smtp"], Smtp).allowed(),
        fires("smtp-null-sender", &["reply=MAIL:550 5.7.1 who are you@smtp"], Smtp, "warn refused"),
        fires("smtp-null-sender", &["reply=MAIL:550 5.7.1 who are you@lmtp"], Lmtp, "warn refused"),
        silent("smtp-null-sender", &["reply=RCPT:550 5.1.1 nobody here@smtp"], Smtp),
        fires("smtp-rcpt-unknown", &["reply=RCPT:250 2.1.5 OK@smtp"], Smtp, "warn taken").allowed(),
        fires("smtp-rcpt-unknown", &["greylisted@smtp"], Smtp, "info later").allowed(),
        silent("smtp-rcpt-unknown", &["open-relay=routes@smtp"], Smtp).allowed(),
        fires("smtp-smuggling-in", &["fake-end=LF.LF@smtp"], Smtp, "fail ends").allowed(),
        fires("smtp-smuggling-in", &["fake-end=LF.CRLF@smtp"], Smtp, "fail ends").allowed(),
        fires("smtp-smuggling-in", &["fake-end=CRLF NUL.CRLF@smtp"], Smtp, "fail ends").allowed(),
        silent("smtp-smuggling-in", &[], Smtp).allowed(),
        silent("smtp-smuggling-in", &["fake-end=LF.LF@smtp"], Smtp),
        // What is none of the ten is not asked for.
        silent("smtp-smuggling-in", &["fake-end=LF..LF@smtp"], Smtp).allowed(),
        fires("smtp-xclient", &["capability-invented=XCLIENT NAME ADDR@smtp"], Smtp, "fail offered"),
        fires("smtp-xclient", &["capability-invented=XFORWARD NAME@submission"], Submission, "warn more"),
        fires("smtp-xclient", &["capability-invented=ETRN@smtp"], Smtp, "info etrn"),
        silent("smtp-xclient", &["capability-invented=XCLIENTELE@smtp"], Smtp),
        fires("smtp-requiretls", &["capability-invented=REQUIRETLS@smtp"], Smtp, "warn in-clear"),
        silent("smtp-requiretls", &["capability-invented=REQUIRETLS@submissions"], Submissions),
        fires("cert-key-weak", &["cert-rsa=1024@imaps"], Imaps, "fail weak"),
        fires("cert-key-weak", &["cert-rsa=1024@smtp"], Smtp, "warn weak"),
        fires("cert-key-weak", &["cert-rsa=2048@imaps"], Imaps, "info short"),
        silent("cert-key-weak", &["cert-rsa=3072@imaps"], Imaps),
        fires("cert-sig-weak", &["cert-sha1@imaps"], Imaps, "fail weak"),
        fires("cert-sig-weak", &["cert-sha1@smtp"], Smtp, "warn weak"),
        silent("cert-sig-weak", &["cert-self-signed@imaps"], Imaps),
        fires("auth-weak-mech", &["auth-mechanisms=PLAIN,CRAM-MD5@imaps"], Imaps, "warn weak"),
        fires("auth-weak-mech", &["auth-mechanisms=PLAIN,LOGIN@submission"], Submission, "info login"),
        silent("auth-weak-mech", &["auth-mechanisms=PLAIN,SCRAM-SHA-256@imaps"], Imaps),
        fires("auth-scram", &["auth-mechanisms=PLAIN@imaps"], Imaps, "info none"),
        fires("auth-scram", &["auth-mechanisms=SCRAM-SHA-256@pop3"], Pop3, "info not-bound"),
        silent("auth-scram", &[], Imaps),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-wrong@imaps", "auth-mechanisms=SCRAM-SHA-256@imaps"],
            Imaps,
            "fail wrong",
        )
        .logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-wrong@submission", "auth-mechanisms=SCRAM-SHA-256@submission"],
            Submission,
            "fail wrong",
        )
        .logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-wrong@sieve", "auth-mechanisms=SCRAM-SHA-256@sieve"],
            Sieve,
            "fail wrong",
        )
        .logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-wrong@pop3", "auth-mechanisms=SCRAM-SHA-256@pop3"],
            Pop3,
            "fail wrong",
        )
        .logged_in(),
        silent("auth-scram-server-proof", &["auth-mechanisms=SCRAM-SHA-256@imaps"], Imaps).logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-missing@imaps", "auth-mechanisms=SCRAM-SHA-256@imaps"],
            Imaps,
            "fail missing",
        )
        .logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-missing@submission", "auth-mechanisms=SCRAM-SHA-256@submission"],
            Submission,
            "fail missing",
        )
        .logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-missing@pop3s", "auth-mechanisms=SCRAM-SHA-256@pop3s"],
            Pop3s,
            "fail missing",
        )
        .logged_in(),
        fires(
            "auth-scram-server-proof",
            &["scram-proof-missing@sieve", "auth-mechanisms=SCRAM-SHA-256@sieve"],
            Sieve,
            "fail missing",
        )
        .logged_in(),
        // Who does not log in by SCRAM is owed no proof.
        silent("auth-scram-server-proof", &["scram-proof-missing@imaps"], Imaps).logged_in(),
        // A further login is believed no more than the first one.
        fires("auth-scram-server-proof", &["scram-proof-missing@imaps"], Imaps, "fail missing")
            .logged_in()
            .may("auth-channel-binding"),
        fires(
            "auth-scram-iterations",
            &["scram-iterations=1@imaps", "auth-mechanisms=SCRAM-SHA-256@imaps"],
            Imaps,
            "warn few",
        )
        .logged_in(),
        fires(
            "auth-scram-iterations",
            &["scram-iterations=2147483648@submission", "auth-mechanisms=SCRAM-SHA-1@submission"],
            Submission,
            "fail too-many",
        )
        .logged_in(),
        // By a login of its own.
        fires("auth-scram-iterations", &["scram-iterations=4095@pop3"], Pop3, "warn few")
            .logged_in()
            .may("auth-scram-iterations"),
        fires("auth-scram-iterations", &["scram-iterations=2147483648@sieve"], Sieve, "fail too-many")
            .logged_in()
            .may("auth-scram-iterations"),
        // By the login of another question.
        fires("auth-scram-iterations", &["scram-iterations=1@imaps"], Imaps, "warn few")
            .logged_in()
            .may("auth-channel-binding"),
        silent("auth-scram-iterations", &["scram-iterations=4096@imaps"], Imaps)
            .logged_in()
            .may("auth-scram-iterations"),
        silent("auth-scram-iterations", &["scram-iterations=1@imaps"], Imaps).logged_in(),
        fires("auth-channel-binding", &["binding-ignored@imaps"], Imaps, "fail any").bound(),
        fires("auth-channel-binding", &["binding-ignored@submission"], Submission, "fail any").bound(),
        fires("auth-channel-binding", &["binding-ignored@pop3"], Pop3, "fail any").bound(),
        fires("auth-channel-binding", &["binding-ignored@sieve"], Sieve, "fail any").bound(),
        fires("auth-channel-binding", &["binding-altered@imaps"], Imaps, "fail mismatch").bound(),
        fires(
            "auth-channel-binding",
            &["binding-only=tls-server-end-point@imaps"],
            Imaps,
            "warn certificate-only",
        )
        .bound(),
        fires("auth-channel-binding", &["auth-refused@imaps+after:1"], Imaps, "warn refused").bound(),
        silent("auth-channel-binding", &[], Imaps).bound(),
        silent("auth-channel-binding", &[], Submission).bound(),
        silent("auth-channel-binding", &["binding-only=tls-exporter@pop3s"], Pop3s).bound(),
        silent("auth-channel-binding", &["auth-mechanisms=PLAIN,SCRAM-SHA-1-PLUS@sieve"], Sieve).bound(),
        // In TLS 1.2 it is the certificate.
        silent("auth-channel-binding", &["tls-13-refused@imaps"], Imaps).bound(),
        // Nothing is offered that could be tied.
        silent("auth-channel-binding", &["binding-ignored@imaps", "auth-mechanisms=PLAIN@imaps"], Imaps)
            .bound(),
        // Nobody has allowed it.
        silent("auth-channel-binding", &["binding-ignored@imaps"], Imaps).logged_in(),
        fires("auth-error-oracle", &["auth-user-told@imaps"], Imaps, "warn text").probed(),
        fires("auth-error-oracle", &["auth-user-told@submission"], Submission, "warn text").probed(),
        fires("auth-error-oracle", &["auth-user-told@pop3"], Pop3, "warn text").probed(),
        fires("auth-error-oracle", &["auth-user-told@sieve"], Sieve, "warn text").probed(),
        fires("auth-error-oracle", &["auth-user-delay=0.6@imaps"], Imaps, "warn time").probed(),
        fires("auth-error-oracle", &["auth-user-delay=3@submissions"], Submissions, "warn time").probed(),
        fires("auth-error-oracle", &["auth-user-delay=2.1@imaps", "auth-delay=2@imaps"], Imaps, "warn time")
            .probed(),
        silent("auth-error-oracle", &[], Imaps).probed(),
        silent("auth-error-oracle", &[], Pop3).probed(),
        silent("auth-error-oracle", &["auth-user-delay=0.4@imaps"], Imaps).probed(),
        // Where all failures are held back, half a second means nothing.
        silent("auth-error-oracle", &["auth-user-delay=1.5@imaps", "auth-delay=2@imaps"], Imaps).probed(),
        silent("auth-error-oracle", &["auth-delay=3@submission"], Submission).probed(),
        // Each failure takes longer than the one before.
        silent("auth-error-oracle", &["tarpit=1@imaps"], Imaps).probed(),
        silent("auth-error-oracle", &["auth-user-told@imaps"], Imaps).logged_in(),
        fires("auth-ntlm-leak", &["ntlm-host=exch01.corp.internal@imaps"], Imaps, "warn tells"),
        fires("auth-ntlm-leak", &["ntlm-host=exch01.corp.internal@submission"], Submission, "warn tells"),
        fires("auth-ntlm-leak", &["ntlm-host=exch01.corp.internal@pop3"], Pop3, "warn tells"),
        fires("auth-ntlm-leak", &["ntlm-host=exch01.corp.internal@sieve"], Sieve, "warn tells"),
        silent("auth-ntlm-leak", &["ntlm-host=LAB.test@imaps"], Imaps),
        fires("auth-login", &["auth-refused@imaps"], Imaps, "fail refused").logged_in(),
        silent("auth-login", &["auth-refused@imaps"], Pop3s).logged_in(),
        fires("imap-untagged-early", &["early-data@imap"], Imap, "fail data"),
        fires("imap-untagged-early", &["inject=CAPABILITY:* LIST () \"/\" INBOX@imaps"], Imaps, "fail data"),
        fires("imap-untagged-early", &["inject=CAPABILITY:* OK [ALERT] call us@imap"], Imap, "warn alert"),
        silent("imap-untagged-early", &["inject=CAPABILITY:* OK still here@imap"], Imap),
        fires("imap-tag-confusion", &["inject=CAPABILITY:zz9 OK done@imap"], Imap, "fail unknown"),
        silent("imap-tag-confusion", &["inject=CAPABILITY:* OK done@imap"], Imap),
        fires(
            "imap-referral",
            &["greeting-text=* OK [REFERRAL imap://;AUTH=*@evil.example/] go there@imap"],
            Imap,
            "warn refers",
        ),
        silent("imap-referral", &["inject=CAPABILITY:* OK REFERRAL is a word@imap"], Imap),
        fires("imap-preauth-clear", &["preauth@imap"], Imap, "fail preauth"),
        silent("imap-preauth-clear", &["banner-text=PREAUTH is a word@imap"], Imap),
        fires("imap-logindisabled", &["logindisabled-missing@imap"], Imap, "fail missing"),
        fires("imap-logindisabled", &["logindisabled-ignored@imap"], Imap, "warn processed"),
        silent("imap-logindisabled", &["reply=LOGIN:% BAD say STARTTLS first@imap"], Imap),
        fires("pop3-apop", &[], Pop3, "warn offered"),
        silent("pop3-apop", &["apop-missing@pop3"], Pop3),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_check_fires_and_stays_silent() {
    let mut wrong = Vec::new();
    for row in rows() {
        let mut setup = Setup::with(row.faults);
        setup.families = row.families.to_vec();
        setup.login = row.login;
        setup.single = row.single;
        let about_tls = CHECKS.iter().any(|c| c.meta().id == row.check && c.meta().group == "tls");
        // Seven handshakes for each of nine services take their time, and say nothing about the others.
        setup.tls_probe = about_tls.then_some(row.mode);
        // Logins take turns, and those at other services say nothing about this one.
        if about_tls || row.extra.allow.iter().any(|check| check.starts_with("auth-")) {
            setup.schemes = vec![row.service];
        }
        setup.extra = row.extra.clone();
        setup.mailboxes = row.mailboxes;
        let run = setup.examine().await;
        let prefix = format!("{} {} ", row.service, row.check);
        let said: Vec<String> =
            told(&run).iter().filter_map(|t| t.strip_prefix(&prefix).map(str::to_owned)).collect();
        let good = match row.says {
            Some(says) => said.iter().any(|s| s == says),
            // Something to know is no complaint, and neither is "not looked at".
            None => said.iter().all(|s| s.starts_with("info ")),
        };
        if !good {
            wrong.push(format!("{prefix}with {:?}: wanted {:?}, got {said:?}", row.faults, row.says));
        }
        for finding in &run.findings {
            assert!(!finding.evidence.is_empty(), "{} without evidence", finding.check);
            for place in &finding.evidence {
                let transcript = run.transcripts.iter().find(|t| t.id == place.transcript);
                let transcript =
                    transcript.unwrap_or_else(|| panic!("{}: no transcript {place:?}", finding.check));
                assert!(
                    !transcript.entries_at(place.anchor).is_empty(),
                    "{}: {place:?} is nowhere",
                    finding.check
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_row_where_it_fires_and_one_where_it_does_not() {
    let rows = rows();
    let firing: BTreeSet<&str> = rows.iter().filter(|r| r.says.is_some()).map(|r| r.check).collect();
    let quiet: BTreeSet<&str> = rows.iter().filter(|r| r.says.is_none()).map(|r| r.check).collect();
    let all: BTreeSet<&str> = CHECKS.iter().map(|c| c.meta().id).collect();
    assert_eq!(firing, all);
    assert_eq!(quiet, all);
}

#[tokio::test(start_paused = true)]
async fn what_else_a_fault_brings_to_light() {
    let mut lines = Vec::new();
    for fault in ehlo_lab::FAULTS {
        let meta = fault.meta();
        let text = match meta.example {
            Some(example) => format!("{}={example}", meta.id),
            None => meta.id.to_owned(),
        };
        let mut setup = Setup::with(&[Box::leak(text.clone().into_boxed_str())]);
        setup.login = true;
        if !["tls", "connection"].contains(&fault.meta().family) {
            setup.tls_probe = None;
        }
        lines.push(text);
        let run = setup.examine().await;
        let usual = [
            "cleartext-port-no-tls info",
            "pop3-apop warn",
            "auth-weak-mech warn",
            "tls-sni-strict skipped not-asked",
        ];
        let told = told(&run);
        let open = told.iter().filter(|t| t.ends_with(" inconclusive inconclusive")).count();
        let rest = told.iter().filter(|t| !t.ends_with(" inconclusive inconclusive"));
        lines.extend(rest.filter(|t| !usual.iter().any(|u| t.contains(u))).map(|t| format!("    {t}")));
        if open > 0 {
            lines.push(format!("    and {open} without result"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}
