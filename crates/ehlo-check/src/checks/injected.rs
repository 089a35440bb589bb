//! What the two checks share that look whether commands from before TLS are carried out inside it.

use crate::{Judging, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeId};
use ehlo_core::{Evidence, Why};

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
    let Some(connection) = facts.service.of(question.purpose()).next() else {
        return vec![Verdict::inconclusive(Why::Failure)];
    };
    let at = |probe: &ehlo_core::facts::ProbeFacts| probe.at.clone();
    if let Some(clear) = connection.probe(ProbeId::InjectedCommandInClear) {
        let reply = clear.reply.clone().unwrap_or_default();
        return vec![Verdict::warn("in-clear").with("reply", reply).at(at(clear))];
    }
    if let Some(injected) = connection.probe(ProbeId::InjectedCommand) {
        let after = connection.probe(ProbeId::CommandAfterInjection);
        return vec![match (injected.answer, after.map(|a| a.answer)) {
            (Answered::Accepted, _) => {
                let reply = injected.reply.clone().unwrap_or_default();
                Verdict::fail("carried-out").with("reply", reply).at(at(injected))
            }
            (Answered::Silence, Some(Answered::Accepted)) => {
                Verdict::pass("forgotten").at(after.into_iter().flat_map(at))
            }
            (Answered::Silence, Some(_)) => Verdict::warn("hangs").at(after.into_iter().flat_map(at)),
            (_, _) => Verdict::pass("no-handshake").at(at(injected)),
        }];
    }
    match &connection.starttls {
        Some(starttls) => {
            let reply = starttls.reply.clone().unwrap_or_default();
            vec![
                match starttls.answer {
                    Answered::Refused | Answered::Later => Verdict::pass("refused").with("reply", reply),
                    Answered::Closed | Answered::Silence => Verdict::pass("not-answered"),
                    _ => Verdict::inconclusive(Why::Unclear),
                }
                .at([starttls.at]),
            ]
        }
        None => {
            let limited = connection.greeting.as_ref().is_some_and(|g| g.code == Some(421));
            let why = if limited { Why::RateLimited } else { Why::Failure };
            let at = connection.failure.as_ref().and_then(|f| f.at);
            let at = at.map(|anchor| Evidence { transcript: connection.transcript, anchor });
            vec![Verdict::inconclusive(why).at(at)]
        }
    }
}
