//! What the two checks share that look whether commands from before TLS are carried out inside it.

use crate::{Judging, Question, Verdict};
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeId};
use ehlo_core::{Evidence, Outcome, Why};

/// What became of a command behind STARTTLS.
pub(super) fn judge(facts: &Judging<'_>, question: Question) -> Vec<Verdict> {
    if !question.is_for(&facts.service.endpoint) {
        return Vec::new();
    }
    let Some(main) = facts.main() else { return Vec::new() };
    if main.tls.is_none() {
        // Nothing follows from a handshake that fails where the usual one fails as well.
        let offered = main.starttls.as_ref().is_some_and(|s| s.offered);
        return if offered { vec![facts.not_reached()] } else { Vec::new() };
    }
    // Each connection has tried another way, and the worst of them counts.
    let tried = facts.service.of(question.purpose()).map(on_one);
    vec![tried.min_by_key(rank).unwrap_or_else(|| Verdict::inconclusive(Why::Failure))]
}

/// How bad it is, the worst first.
fn rank(verdict: &Verdict) -> u8 {
    match verdict.outcome {
        Outcome::Fail => 0,
        Outcome::Warn => 1,
        Outcome::Inconclusive(_) | Outcome::Skipped(_) => 2,
        Outcome::Info | Outcome::Pass => 3,
    }
}

fn on_one(connection: &ConnectionFacts) -> Verdict {
    let at = |probe: &ehlo_core::facts::ProbeFacts| probe.at.clone();
    if let Some(clear) = connection.probe(ProbeId::InjectedCommandInClear) {
        let reply = clear.reply.clone().unwrap_or_default();
        return Verdict::warn("in-clear").with("reply", reply).at(at(clear));
    }
    if let Some(injected) = connection.probe(ProbeId::InjectedCommand) {
        let after = connection.probe(ProbeId::CommandAfterInjection);
        return match (injected.answer, after.map(|a| a.answer)) {
            (Answered::Accepted, _) => {
                let reply = injected.reply.clone().unwrap_or_default();
                Verdict::fail("carried-out").with("reply", reply).at(at(injected))
            }
            (Answered::Silence, Some(Answered::Accepted)) => {
                Verdict::pass("forgotten").at(after.into_iter().flat_map(at))
            }
            (Answered::Silence, Some(_)) => Verdict::warn("hangs").at(after.into_iter().flat_map(at)),
            (_, _) => Verdict::pass("no-handshake").at(at(injected)),
        };
    }
    match &connection.starttls {
        Some(starttls) => {
            let reply = starttls.reply.clone().unwrap_or_default();
            let verdict = match starttls.answer {
                Answered::Refused | Answered::Later => Verdict::pass("refused").with("reply", reply),
                Answered::Closed | Answered::Silence => Verdict::pass("not-answered"),
                _ => Verdict::inconclusive(Why::Unclear),
            };
            verdict.at([starttls.at])
        }
        None => {
            let limited = connection.greeting.as_ref().is_some_and(|g| g.code == Some(421));
            let why = if limited { Why::RateLimited } else { Why::Failure };
            let at = connection.failure.as_ref().and_then(|f| f.at);
            let at = at.map(|anchor| Evidence { transcript: connection.transcript, anchor });
            Verdict::inconclusive(why).at(at)
        }
    }
}
