use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// By how much the answers must differ in time, in microseconds, so that it means something whatever the server: those that
/// hold back failed logins do it in steps. Dovecot looks every half second whether whole seconds have passed, so the same
/// answer takes one second at one time and two and a half at another.
const CLEAR: u64 = 2_000_000;

/// How late the quicker answer may come, in microseconds, if nothing is held back: then a smaller difference counts as well.
const AT_ONCE: u64 = 500_000;

/// By how much the answers must differ then, in microseconds: more than a busy server takes longer at one time than at
/// another, and less than a password hash that is made to be slow.
const CLEAR_AT_ONCE: u64 = 500_000;

/// So many times the longest answer to a command without thinking must fit into the difference: else the way there explains it.
const ROUND_TRIPS: u64 = 4;

/// Whether a refused login tells strangers who has an account.
pub(super) struct AuthErrorOracle;

impl Check for AuthErrorOracle {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-error-oracle",
            group: "auth",
            severity: Severity::Medium,
            references: &["RFC 9051 §11.7", "RFC 4954 §6"],
            exploitable: true,
            manner: Manner::OptIn,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let tried: Vec<_> = facts.service.of(Question::Oracle.purpose()).collect();
        if tried.is_empty() {
            return Vec::new();
        }
        let asked = |id| tried.iter().find_map(|c| c.probe(id));
        let (known, unknown) = (asked(ProbeId::KnownUser), asked(ProbeId::UnknownUser));
        let both = [known, unknown].into_iter().flatten();
        if let Some(taken) = both.clone().find(|p| p.answer == Answered::Accepted) {
            let user = taken.detail.clone().unwrap_or_default();
            return vec![Verdict::fail("lets-in").with("user", user).at(taken.at.iter().copied())];
        }
        let at = both.flat_map(|p| &p.at).copied();
        let (Some(known), Some(unknown)) = (known, unknown) else {
            let failed = tried.iter().rev().find_map(|c| Some((c.transcript, c.failure.as_ref()?.at?)));
            let failed = failed.map(|(transcript, anchor)| Evidence { transcript, anchor });
            return vec![Verdict::inconclusive(Why::Failure).at(at).at(failed)];
        };
        // What comes later, or not at all, may have any reason.
        if known.answer != Answered::Refused || unknown.answer != Answered::Refused {
            return vec![Verdict::inconclusive(Why::Unclear).at(at)];
        }
        let round_trip =
            tried.iter().filter_map(|c| c.probe(ProbeId::BeforeOracle)).map(|p| p.took_us).max().unwrap_or(0);
        let verdict = if words(known) != words(unknown) {
            Verdict::warn("text").with("known", reply(known)).with("unknown", reply(unknown))
        } else if known.at.len() != unknown.at.len() {
            Verdict::warn("step").with("known", known.at.len() / 2).with("unknown", unknown.at.len() / 2)
        } else if is_slower(known.took_us, unknown.took_us, round_trip) {
            Verdict::warn("time")
        } else {
            Verdict::pass("same").with("reply", reply(unknown))
        };
        let millis = |p: &ProbeFacts| p.took_us / 1000;
        vec![verdict.with("known-ms", millis(known)).with("unknown-ms", millis(unknown)).at(at)]
    }
}

/// Whether it clearly takes longer to refuse the account than a name that nobody has. The other way round says nothing: the
/// name that nobody has is asked for last, and servers take more time for each further failure.
fn is_slower(known: u64, unknown: u64, round_trip: u64) -> bool {
    let more = known.saturating_sub(unknown);
    let clear = more >= CLEAR || (more >= CLEAR_AT_ONCE && unknown <= AT_ONCE);
    clear && more >= round_trip.saturating_mul(ROUND_TRIPS)
}

fn reply(probe: &ProbeFacts) -> String {
    probe.reply.clone().unwrap_or_default()
}

/// The words of an answer, without what differs each time: the name that was asked for, tags, numbers of sessions, times. Codes
/// of status are words.
fn words(probe: &ProbeFacts) -> Vec<String> {
    let user = probe.detail.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut text = reply(probe).to_ascii_lowercase();
    for name in [user.as_str(), user.split('@').next().unwrap_or_default()] {
        if !name.is_empty() {
            text = text.replace(name, "\u{2026}");
        }
    }
    let plain = |word: &str| match word.bytes().any(|b| b.is_ascii_digit()) && !is_code(word) {
        true => "#".to_owned(),
        false => word.to_owned(),
    };
    text.split_whitespace().map(plain).collect()
}

/// Whether a word is a code of three digits, an enhanced one (RFC 3463 §2), or both with a hyphen (RFC 5321 §4.2.1).
fn is_code(word: &str) -> bool {
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    word.split('-').all(|part| match part.split('.').collect::<Vec<_>>()[..] {
        [code] => code.len() == 3 && number(code),
        [class, subject, detail] => class.len() == 1 && number(class) && number(subject) && number(detail),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(user: &str, reply: &str) -> Vec<String> {
        words(&ProbeFacts {
            id: ProbeId::KnownUser,
            answer: Answered::Refused,
            reply: Some(reply.into()),
            detail: Some(user.into()),
            at: Vec::new(),
            took_us: 0,
        })
    }

    #[test]
    fn answers_that_differ_each_time_are_the_same() {
        for (known, unknown) in [
            ("535 5.7.8 no", "535 5.7.8 no"),
            ("e1a2b1 NO [AUTHENTICATIONFAILED] no", "e1a2b2 NO [AUTHENTICATIONFAILED] no"),
            ("535 5.7.8 <Me@a.example> is wrong", "535 5.7.8 <nobody-1@a.example> is wrong"),
            ("535 5.7.8 user me: no", "535 5.7.8 user nobody-1: no"),
            ("535-5.7.8 no / 535 5.7.8 a12b34.7 - gsmtp", "535-5.7.8 no / 535 5.7.8 c98d76.5 - gsmtp"),
            (
                "535 5.7.3 no [FR2P281.X 2026-11-25T01:06:20Z]",
                "535 5.7.3 no [DU0P190.Y 2026-11-25T01:06:22Z]",
            ),
            ("-ERR no, 2 left", "-ERR no, 1 left"),
        ] {
            assert_eq!(said("me@a.example", known), said("nobody-1@a.example", unknown), "{known}");
        }
        for (known, unknown) in [
            ("535 5.7.8 no", "550 5.7.8 no"),
            ("535 5.7.8 no", "535 5.7.9 no"),
            ("535-5.7.8 no / 535 5.7.8 no", "535-5.7.9 no / 535 5.7.9 no"),
            ("e1 NO [AUTHENTICATIONFAILED] no", "e2 NO [AUTHORIZATIONFAILED] no"),
            ("535 5.7.8 wrong password", "535 5.7.8 wrong user"),
            ("535 5.7.8 no, 2 left", "535 5.7.8 no"),
        ] {
            assert_ne!(said("me", known), said("nobody-1", unknown), "{known}");
        }
    }

    #[test]
    fn only_a_clear_difference_in_time_counts() {
        const MS: u64 = 1000;
        for (known, unknown, round_trip, slower) in [
            (600, 10, 1, true),
            (509, 10, 1, false),
            // One side waits for its failures, the other does not.
            (2_010, 10, 1, true),
            // Both are held back, in steps.
            (2_500, 1_010, 1, false),
            (4_100, 2_000, 1, true),
            // A way that takes long explains it.
            (600, 10, 200, false),
            // Who comes second is held back longer.
            (10, 4_000, 1, false),
        ] {
            assert_eq!(is_slower(known * MS, unknown * MS, round_trip * MS), slower, "{known} {unknown}");
        }
    }
}
