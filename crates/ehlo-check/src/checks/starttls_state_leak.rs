use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// Whether a mail transaction, or a login, from before TLS goes on inside it.
pub(super) struct StarttlsStateLeak;

impl Check for StarttlsStateLeak {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-state-leak",
            group: "starttls",
            severity: Severity::High,
            references: &["RFC 3207 §4.2", "RFC 9051 §6.2.1", "RFC 2595 §4", "RFC 5804 §2.2"],
            exploitable: true,
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !Question::State.is_for(&facts.service.endpoint) {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        if main.tls.is_none() {
            let offered = main.starttls.as_ref().is_some_and(|s| s.offered);
            return if offered { vec![facts.not_reached()] } else { Vec::new() };
        }
        let Some(connection) = facts.service.of(Question::State.purpose()).next() else {
            return vec![Verdict::inconclusive(Why::Failure)];
        };
        let failed = connection.failure.as_ref().and_then(|f| f.at);
        let failed = failed.map(|anchor| Evidence { transcript: connection.transcript, anchor });
        let unclear = |why| vec![Verdict::inconclusive(why).at(failed)];
        if let Some(begun) = connection.probe(ProbeId::LoginBeforeTls) {
            return vec![of_login(connection, begun, failed)];
        }
        let Some(mail) = connection.probe(ProbeId::MailBeforeTls) else {
            let limited = connection.greeting.as_ref().is_some_and(|g| g.code == Some(421));
            return unclear(if limited { Why::RateLimited } else { Why::Failure });
        };
        let reply = |reply: &Option<String>| reply.clone().unwrap_or_default();
        if mail.answer != Answered::Accepted {
            return vec![Verdict::pass("not-begun").with("reply", reply(&mail.reply)).at(mail.at.clone())];
        }
        // Within a transaction STARTTLS may be refused; then nothing is carried over either.
        if let Some(starttls) = connection.starttls.as_ref().filter(|s| s.answer != Answered::Accepted) {
            return vec![
                Verdict::pass("not-switched").with("reply", reply(&starttls.reply)).at([starttls.at]),
            ];
        }
        let Some(rcpt) = connection.probe(ProbeId::RcptFromBeforeTls) else {
            return unclear(Why::Failure);
        };
        let code = |text: &Option<String>| text.as_deref().unwrap_or_default().get(..3).map(str::to_owned);
        let control = connection.probe(ProbeId::RcptWithoutMail);
        let at = mail.at.iter().chain(&rcpt.at).chain(control.iter().flat_map(|c| &c.at)).copied();
        let verdict = match (rcpt.answer, control) {
            (Answered::Accepted, Some(control)) if control.answer == Answered::Accepted => {
                // It takes recipients without any sender, and says nothing about TLS by that.
                Verdict::inconclusive(Why::Unclear)
            }
            (Answered::Accepted, _) => Verdict::fail("goes-on"),
            // "This recipient is refused" is an answer about a transaction; "MAIL first" is none.
            (_, Some(control))
                if code(&control.reply).as_deref() == Some("503")
                    && code(&rcpt.reply) != code(&control.reply) =>
            {
                Verdict::fail("goes-on")
            }
            (Answered::Refused | Answered::Later, Some(_)) => Verdict::pass("forgotten"),
            _ => Verdict::inconclusive(Why::Unclear),
        };
        vec![verdict.with("reply", reply(&rcpt.reply)).at(at)]
    }
}

/// What became of a login that was begun before TLS (POP3, IMAP, ManageSieve).
fn of_login(connection: &ConnectionFacts, begun: &ProbeFacts, failed: Option<Evidence>) -> Verdict {
    let reply = |p: &ProbeFacts| p.reply.clone().unwrap_or_default();
    let command = begun.detail.clone().unwrap_or_default();
    if !matches!(begun.answer, Answered::Accepted | Answered::Continue) {
        let verdict = Verdict::pass("login-not-begun").with("command", command).with("reply", reply(begun));
        return verdict.at(begun.at.clone());
    }
    if let Some(starttls) = connection.starttls.as_ref().filter(|s| s.answer != Answered::Accepted) {
        let text = starttls.reply.clone().unwrap_or_default();
        return Verdict::pass("login-not-switched").with("reply", text).at([starttls.at]);
    }
    let asked = || connection.probes.iter().filter(|p| p.id == ProbeId::LoginFromBeforeTls);
    let control: Vec<_> = connection.probes.iter().filter(|p| p.id == ProbeId::PassWithoutUser).collect();
    let at = asked().chain(control.iter().copied()).flat_map(|p| &p.at).copied();
    let at: Vec<_> = begun.at.iter().copied().chain(at).collect();
    let goes_on = |p: &ProbeFacts| {
        let verdict = Verdict::fail("login-goes-on").with("command", p.detail.clone().unwrap_or_default());
        verdict.with("reply", reply(p)).at(at.clone())
    };
    if let Some(taken) = asked().find(|p| p.answer == Answered::Accepted) {
        return goes_on(taken);
    }
    let Some(first) = asked().next() else { return Verdict::inconclusive(Why::Failure).at(failed) };
    let forgotten = || Verdict::pass("login-forgotten").with("reply", reply(first)).at(at.clone());
    let refused = |p: &ProbeFacts| p.answer == Answered::Refused;
    match control.as_slice() {
        // "Wrong password" is an answer to somebody who has said USER.
        [second, third] if same(second, third) && refused(first) && refused(second) => {
            match same(first, second) {
                true => forgotten(),
                false => goes_on(first),
            }
        }
        [] if asked().all(|p| p.answer == Answered::Refused) => forgotten(),
        _ => Verdict::inconclusive(Why::Unclear).at(at.clone()),
    }
}

/// Whether two answers say the same, but for numbers.
fn same(one: &ProbeFacts, other: &ProbeFacts) -> bool {
    let words = |p: &ProbeFacts| -> String {
        p.reply.as_deref().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    one.answer == other.answer && words(one) == words(other)
}
