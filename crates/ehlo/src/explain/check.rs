//! What there is to tell of a check beside its explanation: what it sends, how bad it is, and what to do about each
//! thing that it can find.

use crate::output;
use ehlo_check::{CHECKS, CheckMeta};
use ehlo_core::Severity;
use ehlo_knowledge::explain::{Explanation, Kind};
use ehlo_knowledge::keys;
use ehlo_report::{Texts, wrapped};
use serde_json::{Value, json};

/// The check that an explanation is about, if it is about one.
pub(super) fn of(explanation: &Explanation) -> Option<&'static CheckMeta> {
    if explanation.kind != Kind::Check {
        return None;
    }
    let id = explanation.key.strip_prefix("check/")?.strip_suffix("/about")?;
    CHECKS.iter().map(|check| check.meta()).find(|meta| meta.id == id)
}

/// The same for people.
pub(super) fn in_full(out: &mut String, meta: &CheckMeta, texts: Texts) {
    let columns = output::columns();
    out.push_str(&wrapped(&sends(meta, texts), 4, columns));
    out.push_str(&wrapped(&format!("{}.", traits(meta, texts).join(", ")), 4, columns));
    if meta.vantage {
        out.push_str(&wrapped(&texts.ui("explain-check-vantage"), 4, columns));
    }
    let findings = findings(meta, texts);
    if !findings.is_empty() {
        out.push_str(&wrapped(&texts.ui("explain-check-findings"), 4, columns));
    }
    for (_, said, advice) in findings {
        out.push_str(&wrapped(&said, 4, columns));
        let advice = wrapped(&advice, 6, columns);
        out.push_str(&format!("    → {}", advice.trim_start()));
    }
}

/// The same for programs.
pub(super) fn json(meta: &CheckMeta, texts: Texts) -> Value {
    let finding = |(id, said, advice)| json!({ "id": id, "text": said, "advice": advice });
    json!({
        "id": meta.id,
        "group": meta.group,
        "severity": meta.severity.id(),
        "severity_mx": meta.severity_mx.unwrap_or(meta.severity).id(),
        "manner": meta.manner.id(),
        "vantage": meta.vantage,
        "sends": texts.get(&format!("check/{}/sends", meta.id)),
        "findings": findings(meta, texts).into_iter().map(finding).collect::<Vec<_>>(),
    })
}

/// What the server gets to read for it, as a sentence.
fn sends(meta: &CheckMeta, texts: Texts) -> String {
    texts.fill("cli/check-sends", &[("what", &texts.get(&format!("check/{}/sends", meta.id)))])
}

/// Its group, how bad it is, and what it takes to look.
pub(crate) fn traits(meta: &CheckMeta, texts: Texts) -> Vec<String> {
    let severity = |s: Severity| texts.ui(&format!("severity-{}", s.id()));
    let on_mx = meta.severity_mx.filter(|mx| *mx != meta.severity);
    let mut words = vec![meta.group.to_owned(), severity(meta.severity)];
    words.push(texts.get(&format!("cli/manner-{}", meta.manner.id())));
    words.extend(on_mx.map(|mx| texts.fill("cli/check-on-mx", &[("severity", &severity(mx))])));
    words
}

/// The messages that come with advice: their id, what they say, and the advice.
fn findings(meta: &CheckMeta, texts: Texts) -> Vec<(&'static str, String, String)> {
    let beginning = format!("check/{}/", meta.id);
    let message = |key: &'static str| {
        let id = key.strip_prefix(&beginning)?.strip_suffix("/advice")?;
        Some((id, without_places(&texts.get(&format!("{beginning}{id}"))), texts.get(key)))
    };
    keys(&beginning).filter_map(message).collect()
}

/// A sentence whose places are not filled.
fn without_places(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((_, after)) = behind.split_once('}') else { break };
        out.push_str(before);
        out.push('…');
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::without_places;

    #[test]
    fn places_become_dots() {
        assert_eq!(without_places("in {days|day|days}: \"{reply}\""), "in …: \"…\"");
        assert_eq!(without_places("listener { port = 0"), "listener { port = 0");
    }
}
