use crate::Texts;
use ehlo_core::facts::{LoginFacts, LoginResult, is_masked_keyword};
use ehlo_core::{Cause, Failure, Finding, Outcome};
use ehlo_knowledge::references;

/// The sentences about a finding.
pub(crate) struct Sentences {
    /// What the check looks at.
    pub(crate) title: String,
    /// What was seen.
    pub(crate) message: String,
    /// What that means.
    pub(crate) explanation: String,
    /// What to do.
    pub(crate) advice: Option<String>,
}

/// Looks up the sentences of a finding.
pub(crate) fn sentences(texts: Texts, finding: &Finding) -> Sentences {
    let check = format!("check/{}", finding.check);
    let message = match finding.message.as_str() {
        "vantage" => {
            let mut params = finding.params.clone();
            for name in ["vantage", "would-be"] {
                let prefix = if name == "vantage" { "vantage" } else { "outcome" };
                if let Some(id) = params.get_mut(name) {
                    *id = texts.ui(&format!("{prefix}-{id}"));
                }
            }
            texts.with("check/vantage", &params)
        }
        "inconclusive" => match &finding.outcome {
            Outcome::Inconclusive(why) | Outcome::Skipped(why) => {
                texts.say("no-result", &[("why", &texts.get(&format!("why/{}", why.id())))])
            }
            _ => texts.get("check/inconclusive"),
        },
        id => {
            let mut params = finding.params.clone();
            // A rule that was broken is told in words.
            if let Some(rule) = params.get_mut("rule") {
                *rule = texts.get(&format!("deviation/{rule}"));
            }
            // So is what was being done.
            if let Some(stage) = params.get_mut("stage") {
                *stage = texts.get(&format!("stage/{stage}"));
            }
            texts.with(&format!("{check}/{id}"), &params)
        }
    };
    let mut advice = match finding.outcome {
        Outcome::Fail | Outcome::Warn | Outcome::Info => {
            texts.find(&format!("{check}/{}/advice", finding.message)).map(str::to_owned)
        }
        _ => None,
    };
    if finding.params.contains_key("elsewhere") {
        let elsewhere = texts.with(&format!("{check}/elsewhere"), &finding.params);
        advice = Some(advice.map_or(elsewhere.clone(), |a| format!("{elsewhere} {a}")));
    }
    Sentences { title: texts.get(&check), message, explanation: texts.get(&format!("{check}/about")), advice }
}

/// Why a dialogue could not go on, in one clause.
pub(crate) fn failure(texts: Texts, failure: &Failure) -> String {
    let stage = texts.get(&format!("stage/{}", failure.stage.id()));
    texts.say("failed", &[("stage", &stage), ("cause", &cause(texts, &failure.cause))])
}

/// A cause in one clause.
pub(crate) fn cause(texts: Texts, cause: &Cause) -> String {
    let key = format!("cause/{}", cause.id());
    let seconds = |ms: u64| texts.say("seconds", &[("count", &((ms as f64 / 100.0).round() / 10.0))]);
    match cause {
        Cause::NoAddress { detail }
        | Cause::Unreachable { detail }
        | Cause::TlsFailed { detail }
        | Cause::Io { detail } => texts.fill(&key, &[("detail", detail)]),
        Cause::TimedOut { waited_ms } => texts.fill(&key, &[("waited", &seconds(*waited_ms))]),
        Cause::Deadline { after_ms } => texts.fill(&key, &[("after", &seconds(*after_ms))]),
        Cause::TlsAlert { alert } => texts.fill(&key, &[("alert", alert)]),
        Cause::NotTls { first } => texts.fill(&key, &[("first", first)]),
        Cause::OtherProtocol { spoken } => texts.fill(&key, &[("spoken", spoken)]),
        Cause::TooLarge { what, limit } => {
            let what = texts.ui(&format!("too-large-{what}"));
            texts.fill(&key, &[("what", &what), ("limit", limit)])
        }
        Cause::Rejected { code } => texts.fill(&key, &[("code", code)]),
        Cause::UnsafeForSecret { why } => {
            let why = texts.ui(&format!("unsafe-{why}"));
            texts.fill(&key, &[("why", &why)])
        }
        Cause::NotOffered { what } => texts.fill(&key, &[("what", what)]),
        Cause::Refused | Cause::Reset | Cause::Closed | Cause::InjectedBeforeTls { .. } => texts.get(&key),
    }
}

/// How a login went, in one clause.
pub(crate) fn login(texts: Texts, login: &LoginFacts) -> String {
    let places: [(&str, &dyn std::fmt::Display); 2] =
        [("user", &login.user), ("mechanism", &login.mechanism)];
    let reply = login.reply.clone().unwrap_or_default();
    match &login.result {
        LoginResult::Accepted => texts.say("login-accepted", &places),
        LoginResult::Refused => texts.say("login-refused", &[places[0], places[1], ("reply", &reply)]),
        LoginResult::NotSent { failure } => {
            texts.say("login-not-sent", &[("user", &login.user), ("cause", &cause(texts, &failure.cause))])
        }
        LoginResult::Failed { failure: why } => {
            texts.say("login-failed", &[("user", &login.user), ("cause", &failure(texts, why))])
        }
    }
}

/// What a capability means; the general entry for one of the form `NAME=VALUE`.
pub(crate) fn capability(texts: Texts, protocol: &str, name: &str, args: &[String]) -> Option<String> {
    let table = if protocol == "lmtp" { "smtp" } else { protocol };
    if protocol == "imap"
        && let Some(mechanism) = name.strip_prefix("AUTH=")
    {
        let what = texts.find(&format!("mechanism/{mechanism}"));
        return Some(match what {
            Some(what) => texts.say("login-with-explained", &[("mechanism", &mechanism), ("what", &what)]),
            None => texts.say("login-with", &[("mechanism", &mechanism)]),
        });
    }
    let masked = is_masked_keyword(name);
    let name =
        if masked && texts.find(&format!("capability-{table}/{name}")).is_none() { "XXXXXXXA" } else { name };
    let key = format!("capability-{table}/{name}");
    if !args.is_empty()
        && args != ["0"]
        && let Some(template) = texts.find(&format!("{key}/arg"))
    {
        return Some(template.replace("{arg}", &args.join(" ")));
    }
    if let Some(text) = texts.find(&key) {
        return Some(text.to_owned());
    }
    let (general, value) = name.split_once('=')?;
    let key = format!("capability-{table}/{general}=");
    match texts.find(&format!("{key}/arg")) {
        Some(template) => Some(template.replace("{arg}", value)),
        None => texts.find(&key).map(str::to_owned),
    }
}

/// Where a capability is defined.
pub(crate) fn capability_references(protocol: &str, name: &str) -> &'static [&'static str] {
    let table = if protocol == "lmtp" { "smtp" } else { protocol };
    let of = |name: &str| references(&format!("capability-{table}/{name}"));
    match (of(name), name.split_once('=')) {
        ([], Some(("AUTH", mechanism))) => references(&format!("mechanism/{mechanism}")),
        ([], Some((general, _))) => of(&format!("{general}=")),
        (found, _) => found,
    }
}

/// Why a dialogue could not go on, in one clause, for messages of the program.
pub fn failure_text(texts: Texts, why: &Failure) -> String {
    failure(texts, why)
}
