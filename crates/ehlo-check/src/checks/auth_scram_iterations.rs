use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId, Purpose};
use ehlo_core::{Severity, Why};
use ehlo_wire::sasl::ITERATION_CAP;

/// The least that a server should ask for (RFC 7677 §4).
const LEAST: u64 = 4096;

/// How often SCRAM hashes the password: too seldom helps whoever steals the hashes, too often harms clients.
pub(super) struct AuthScramIterations;

impl Check for AuthScramIterations {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-scram-iterations",
            group: "auth",
            severity: Severity::Medium,
            references: &["RFC 7677 §4", "RFC 5802 §5.1"],
            manner: Manner::OptIn,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        // The login of the main dialogue tells it, too, if it is one by SCRAM.
        let purposes = [Purpose::Main, Question::Scram.purpose(), Question::Binding.purpose()];
        let connections = || purposes.iter().flat_map(|&purpose| facts.service.of(purpose));
        let told: Vec<_> = connections().filter_map(|c| c.probe(ProbeId::ScramIterations)).collect();
        let Some(least) = told.iter().copied().min_by_key(|p| number(p)) else {
            // Somebody tried, and the server did not come so far.
            let tried = connections().filter_map(|c| c.login.as_ref()).find(|l| {
                l.mechanism.starts_with("SCRAM-")
                    && !matches!(l.result, ehlo_core::facts::LoginResult::NotSent { .. })
            });
            let unknown = tried.map(|l| Verdict::inconclusive(Why::Unclear).at(l.at.iter().copied()));
            return unknown.into_iter().collect();
        };
        let too_many = told.iter().copied().find(|p| p.answer == Answered::Refused);
        let shown = too_many.unwrap_or(least);
        let verdict = match (too_many, number(least)) {
            (Some(_), _) => Verdict::fail("too-many").with("cap", ITERATION_CAP),
            (None, few) if few < LEAST => Verdict::warn("few").with("least", LEAST),
            (None, _) => Verdict::pass("enough"),
        };
        let iterations = shown.detail.clone().unwrap_or_default();
        vec![verdict.with("iterations", iterations).at(shown.at.iter().copied())]
    }
}

/// One that does not fit is merely enormous.
fn number(probe: &ProbeFacts) -> u64 {
    probe.detail.as_deref().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}
