//! What the checks share that judge the answers to hand-made hellos.

use crate::{Judging, Verdict};
use ehlo_core::Why;
use ehlo_core::facts::{ChosenFacts, HelloAnswer, HelloFacts, HelloQuestion, TlsProbeFacts};
use ehlo_wire::tls::{Suite, SuiteClass, Version};

/// The answers, if anything was asked.
pub(super) fn answers<'a>(facts: &Judging<'a>) -> Option<&'a TlsProbeFacts> {
    facts.service.tls_probe.as_ref()
}

/// What was chosen of what was offered. A choice that was not offered proves nothing.
pub(super) fn chosen(probe: &TlsProbeFacts) -> impl Iterator<Item = (&HelloFacts, &ChosenFacts)> {
    probe.hellos.iter().filter_map(|h| Some((h, h.chosen().filter(|c| c.offered)?)))
}

/// The hellos of a question.
pub(super) fn of(probe: &TlsProbeFacts, question: HelloQuestion) -> impl Iterator<Item = &HelloFacts> {
    probe.hellos.iter().filter(move |h| h.question == question)
}

/// The alert of a refusal; nothing if the server hung up instead.
pub(super) fn alert(hello: &HelloFacts) -> &str {
    match &hello.answer {
        HelloAnswer::Refused { alert } => alert,
        _ => "",
    }
}

/// Nothing follows: the server has had enough, or gave no answer that counts.
pub(super) fn open(probe: &TlsProbeFacts) -> Verdict {
    let limited = |h: &&HelloFacts| matches!(h.answer, HelloAnswer::None { rate_limited: true, .. });
    let unanswered = |h: &&HelloFacts| matches!(h.answer, HelloAnswer::None { .. });
    let why = match probe.hellos.iter().any(|h| limited(&h)) {
        true => Why::RateLimited,
        false if probe.truncated => Why::Budget,
        false => Why::Failure,
    };
    let at = probe.hellos.iter().filter(unanswered).flat_map(|h| h.at.iter().copied());
    Verdict::inconclusive(why).at(at)
}

/// Whether the server speaks nothing below TLS 1.3: it answers with its highest version up to the one offered, and it
/// refused TLS 1.2 as well as TLS 1.1.
pub(super) fn only_newest(probe: &TlsProbeFacts) -> bool {
    let by_version = |h: &HelloFacts| h.version == Version::TLS12.0 && alert(h) == "protocol_version";
    probe.hellos.iter().any(by_version)
        && of(probe, HelloQuestion::OldVersion).any(HelloFacts::is_refused)
        && chosen(probe).all(|(_, c)| c.version > Version::TLS12.0)
}

/// The hellos that prove that no suite of `class` is taken in TLS 1.2: each of the usual ones was offered in one that
/// was refused.
pub(super) fn refused_class(probe: &TlsProbeFacts, class: SuiteClass) -> Option<Vec<&HelloFacts>> {
    let refused: Vec<&HelloFacts> = probe
        .hellos
        .iter()
        .filter(|h| h.version == Version::TLS12.0 && !h.asks_for_more_than_suites() && h.is_refused())
        .filter(|h| h.suites.iter().any(|s| Suite(*s).is(class)))
        .collect();
    let all = crate::acquire::suites_of(&[class]);
    let covered = all.iter().all(|suite| refused.iter().any(|h| h.suites.contains(&suite.0)));
    covered.then_some(refused)
}

/// The hellos that show that nobody gets a session in `version`, though the server does not say so, and the alert: it
/// stumbles in the same way over TLS 1.1, over each kind of key exchange there, and over the older version as well (suites
/// and signatures are the same in all of them), and answered other hellos afterwards.
pub(super) fn stumbles(probe: &TlsProbeFacts, version: Version) -> Option<(&str, Vec<&HelloFacts>)> {
    let newest = of(probe, HelloQuestion::OldVersion).find(|h| h.version == Version::TLS11.0)?;
    let alert = newest.stumbled()?;
    let same = |h: &HelloFacts| h.stumbled() == Some(alert) || h.is_refused();
    let mut proof = vec![newest];
    proof.extend(of(probe, HelloQuestion::OldKind).filter(|h| same(h)));
    let no_anonymous = refused_class(probe, SuiteClass::Anonymous).is_some();
    let excluded = |suite: &u16| {
        (no_anonymous && Suite(*suite).is(SuiteClass::Anonymous))
            || proof[1..].iter().any(|h| h.suites.contains(suite))
    };
    if !newest.suites.iter().all(excluded) {
        return None;
    }
    if version < Version::TLS11 {
        let mut older = of(probe, HelloQuestion::OldVersion);
        proof.push(older.find(|h| h.version == version.0 && same(h))?);
    }
    let last = proof.iter().map(|h| h.transcript).max()?;
    let answers = chosen(probe).any(|(h, _)| h.transcript > last);
    answers.then_some((alert, proof))
}

/// Names without doubles, in the order in which they were seen.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen.join(", ")
}
