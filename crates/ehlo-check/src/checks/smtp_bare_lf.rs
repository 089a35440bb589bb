use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// What becomes of LF without CR.
pub(super) struct SmtpBareLf;

impl Check for SmtpBareLf {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-bare-lf",
            group: "smtp",
            severity: Severity::Medium,
            references: &["RFC 5321 §2.3.8", "RFC 3030 §2"],
            manner: Manner::OptIn,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        facts.service.of(Question::BareLf.purpose()).map(verdict).collect()
    }
}

/// What is to be said of one connection: each has asked one thing.
fn verdict(connection: &ConnectionFacts) -> Verdict {
    let reply = |p: &ProbeFacts| p.reply.clone().unwrap_or_default();
    if let Some(command) = connection.probe(ProbeId::BareLfCommand) {
        let verdict = match command.answer {
            Answered::Accepted => Verdict::info("command-taken"),
            Answered::Refused | Answered::Later => Verdict::pass("command-refused"),
            Answered::Closed => Verdict::pass("command-closed"),
            Answered::Silence => Verdict::pass("command-not-taken"),
            _ => Verdict::inconclusive(Why::Unclear),
        };
        return verdict.with("reply", reply(command)).at(command.at.clone());
    }
    let Some(sent) = connection.probe(ProbeId::BareLfMessage) else { return not_sent(connection) };
    let arrived = connection.probe(ProbeId::BareLfArrived);
    let at = sent.at.iter().chain(arrived.iter().flat_map(|p| &p.at)).copied();
    let verdict = match (sent.answer, arrived.map(|p| p.answer)) {
        (Answered::Refused, _) => Verdict::pass("refused"),
        (Answered::Closed, _) => Verdict::pass("closed"),
        (Answered::Accepted, Some(Answered::Accepted)) => Verdict::warn("passed-on"),
        (Answered::Accepted, Some(Answered::Refused)) => Verdict::info("normalised"),
        (Answered::Accepted, Some(Answered::Silence)) => {
            Verdict::inconclusive(Why::Unclear).saying("not-arrived")
        }
        // Taken; but nobody has seen what was made of it.
        (Answered::Accepted, None) => Verdict::inconclusive(Why::NotAsked).saying("taken"),
        (Answered::Accepted, Some(_)) => Verdict::inconclusive(Why::Unclear).saying("not-seen"),
        _ => Verdict::inconclusive(Why::Unclear),
    };
    let way = sent.detail.clone().unwrap_or_default();
    verdict.with("way", way).with("reply", reply(sent)).at(at)
}

/// Nothing could be sent: the mailbox is refused, or the connection did not come so far.
fn not_sent(connection: &ConnectionFacts) -> Verdict {
    if let Some(refused) = connection.probe(ProbeId::RcptUnknown) {
        return Verdict::inconclusive(Why::Unclear).at(refused.at.clone());
    }
    let limited = connection.greeting.as_ref().is_some_and(|g| g.code == Some(421));
    let why = if limited { Why::RateLimited } else { Why::Failure };
    let at = connection.failure.as_ref().and_then(|f| f.at);
    Verdict::inconclusive(why).at(at.map(|anchor| Evidence { transcript: connection.transcript, anchor }))
}
